"""Colouring with an export, beside Keras and eager PyTorch; and a large file.

pip install 'tfcolor[bench]' && python benchmarks/predictor.py

First the U-Net-256 of pix2pix (depth 8, width 64) on 256x256 pixels, batch 1
and 16: the exported SavedModel's network, Keras' predict, the same layers in
eager PyTorch. Then a 12-megapixel JPEG file to a written PNG file, by parts,
beside decoding and encoding alone, and the peak memory of the process. Sides
take turns, each in a process of its own; each figure is a median.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_TURNS = flags.DEFINE_integer("turns", 3, "turns of each side")
_CALLS = flags.DEFINE_integer("calls", 6, "timed calls of one turn")
_MEGAPIXELS = flags.DEFINE_float("megapixels", 12.0, "of the large file")
_SIDE = flags.DEFINE_string("side", None, "run only this side (used by itself)")
_FOLDER = flags.DEFINE_string("folder", None, "of the export (used by itself)")

SIZE, BATCHES = 256, (1, 16)


def config():
    from tfcolor import config as config_lib

    found = config_lib.load(config_lib.CONFIGS / "l1.py")
    found.data.image_size = SIZE
    found.generator.depth, found.generator.width = 8, 64
    return config_lib.resolve(found)


def make_export(folder):
    """A run of untrained weights, and its export."""
    from tfcolor.inference import export
    from tfcolor.runs.checkpoints import Checkpoints
    from tfcolor.runs.folder import Workdir
    from tfcolor.training import build

    run = Workdir(folder / "run")
    with run.claim():
        run.write_config(config(), "none")
        Checkpoints(run.checkpoints, build.trainer(config()), 1).save()
    return export.export(run.path, folder / "unet")


def saved_model():
    import tensorflow as tf

    import tfcolor

    predictor = tfcolor.load(pathlib.Path(_FOLDER.value) / "unet")
    return lambda x: predictor.network(tf.constant(x))["ab"].numpy()


def keras_predict():
    from tfcolor.networks import factory

    generator = factory.generator_of(config())
    return lambda x: generator.predict(x, batch_size=len(x), verbose=0)


def pytorch():
    import torch
    from torch_networks import UNet

    network = UNet(64, 8).eval()

    def call(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()

    return call


SIDES = {
    "pytorch eager": pytorch,
    "keras predict": keras_predict,
    "tfcolor SavedModel": saved_model,
}


def time_network(make):
    import numpy as np

    call, rng = make(), np.random.default_rng(0)
    for batch in BATCHES:
        x = rng.uniform(-1, 1, (batch, SIZE, SIZE, 1)).astype("float32")
        call(x)
        for _ in range(_CALLS.value):
            began = time.perf_counter()
            call(x)
            print("ms", batch, 1e3 * (time.perf_counter() - began))


def time_file():
    """The parts of what bin/colorize does with a file."""
    import numpy as np

    import tfcolor
    from tfcolor.images import compose
    from tfcolor.images import pictures
    from tfcolor.images import working
    from tfcolor.inference.planes import predict_planes

    folder = pathlib.Path(_FOLDER.value)
    predictor = tfcolor.load(folder / "unet")
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for turn in range(3):
        clock = [time.perf_counter()]
        picture = pictures.read(folder / "large.jpg")
        clock.append(time.perf_counter())
        height, width = working.working_shape(*picture.pixels.shape[:2], SIZE)
        small = working.reduced_lightness(picture.pixels, height, width)
        clock.append(time.perf_counter())
        planes = predict_planes(predictor.network, small[None], 256)["ab"][0]
        planes = np.asarray(planes)
        clock.append(time.perf_counter())
        result = compose.join(picture.pixels, planes)
        clock.append(time.perf_counter())
        pictures.write(folder / "large.png", result, picture, "PNG")
        clock.append(time.perf_counter())
        if turn:  # the first traces
            for name, first, last in zip(PARTS, clock, clock[1:], strict=False):
                print("part", name, 1e3 * (last - first))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("memory", base / 2**10, peak / 2**10)


PARTS = ("decode", "reduce", "network", "enlarge+join", "encode")


def make_large(path):
    from PIL import Image
    from skimage import data

    height = round((_MEGAPIXELS.value * 1e6 * 3 / 4) ** 0.5)
    image = Image.fromarray(data.chelsea())
    image = image.resize((height * 4 // 3, height), Image.Resampling.BICUBIC)
    image.save(path, quality=92)


def run_apart(name, folder):
    command = [sys.executable, *sys.argv, f"--side={name}", f"--folder={folder}"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return [line.split() for line in done.stdout.splitlines()]


def show_networks(folder):
    times = {(name, batch): [] for name in SIDES for batch in BATCHES}
    for _ in range(_TURNS.value):
        for name in SIDES:
            for line in run_apart(name, folder):
                if line[0] == "ms":
                    times[name, int(line[1])].append(float(line[2]))
    medians = {key: statistics.median(found) for key, found in times.items()}
    print(f"U-Net-256, {SIZE}x{SIZE}, {_TURNS.value} turns")
    header = "".join(f"{f'batch {n}, ms':>16s}{'speed-up':>10s}" for n in BATCHES)
    print(f"{'':22s}{header}")
    for name in SIDES:
        row = f"{name:22s}"
        for batch in BATCHES:
            base = medians["pytorch eager", batch]
            row += f"{medians[name, batch]:16.0f}{base / medians[name, batch]:10.2f}"
        print(row)


def show_file(folder):
    parts, memory = {name: [] for name in PARTS}, []
    for _ in range(_TURNS.value):
        for line in run_apart("file", folder):
            if line[0] == "part":
                parts[line[1]].append(float(line[2]))
            elif line[0] == "memory":
                memory.append([float(value) for value in line[1:]])
    medians = {name: statistics.median(found) for name, found in parts.items()}
    print(f"\n{_MEGAPIXELS.value:g} megapixels, JPEG file to PNG file")
    for name, found in medians.items():
        print(f"{name:22s}{found:10.0f} ms")
    coding = medians["decode"] + medians["encode"]
    outside = sum(medians.values()) - medians["network"]
    print(f"{'outside the network':22s}{outside:10.0f} ms")
    print(f"{'decode and encode':22s}{coding:10.0f} ms, {outside / coding:.2f} of it")
    base, peak = (statistics.median(column) for column in zip(*memory, strict=True))
    print(f"peak memory {peak:.0f} MiB, {base:.0f} of it before the picture")


def main(_):
    if _SIDE.value == "file":
        time_file()
    elif _SIDE.value:
        time_network(SIDES[_SIDE.value])
    else:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            make_export(folder)
            make_large(folder / "large.jpg")
            show_networks(folder)
            show_file(folder)


if __name__ == "__main__":
    app.run(main)
