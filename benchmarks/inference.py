"""Coloring with a trained network: start, many small pictures, a large one, exports.

pip install 'tfcolor[bench]' && python benchmarks/inference.py [--only=start,large]

networks: the U-Net-256 of pix2pix (depth 8, width 64) on 256x256 pixels, batch 1 and
  16: the exported SavedModel's network, Keras' predict, the same layers in PyTorch.
start: bin/colorize photo.jpg from the shell, with the graph that ships and with
  TensorFlow's Python modules; and the parts of the former.
large: a JPEG file of 12 megapixels to a written PNG file, by parts, beside decoding and
  encoding alone; and the peak memory of bin/colorize.
small: pictures of 384x288 pixels, beside the network alone.
precision: exports of `photo` in float32, bfloat16 and int8: size, difference, speed.

Sides take turns, each in a process of its own; each figure is a median. Times are of
the clock, and in brackets of all cores together. `taskset -c 0` before it: one core.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import inference_sides as sides
from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_TURNS = flags.DEFINE_integer("turns", 3, "turns of each side")
_MEGAPIXELS = flags.DEFINE_float("megapixels", 12.0, "of the large file")
_ONLY = flags.DEFINE_list("only", None, "of the parts named above")
_SIDE = flags.DEFINE_string("side", None, "run only this side (used by itself)")

ROOT = pathlib.Path(__file__).resolve().parent.parent


PRECISIONS = ("float32", "bfloat16", "int8")

# As bin/colorize does where no graph ships.
USUAL = """
import sys
from tfcolor.inference import quick
quick.available = lambda model: False
from tfcolor.cli import colorize
sys.argv = ["colorize", *sys.argv[1:]]
colorize.main()
"""


def make_pictures(folder):
    """photo.jpg, large.jpg and small/."""
    import numpy as np
    from PIL import Image
    from skimage import data

    photographs = [data.astronaut(), data.coffee(), data.rocket()]
    Image.fromarray(data.chelsea()).save(folder / "photo.jpg", quality=92)
    (folder / "small").mkdir()
    rng = np.random.default_rng(0)
    for number in range(sides.PICTURES.value):
        image = photographs[number % 3]
        y = rng.integers(0, image.shape[0] - 288)
        x = rng.integers(0, image.shape[1] - 384)
        part = Image.fromarray(image[y : y + 288, x : x + 384])
        part.save(folder / "small" / f"{number:04d}.jpg", quality=90)
    make_large(folder / "large.jpg")


def make_large(path):
    from PIL import Image
    from skimage import data

    height = round((_MEGAPIXELS.value * 1e6 * 3 / 4) ** 0.5)
    image = Image.fromarray(data.chelsea())
    image = image.resize((height * 4 // 3, height), Image.Resampling.BICUBIC)
    image.save(path, quality=92)


def run_apart(name, folder, *more):
    command = [sys.executable, *sys.argv, f"--side={name}", f"--folder={folder}", *more]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return [line.split() for line in done.stdout.splitlines()]


def show_networks(folder):
    sides.make_export(folder)
    times = {(name, batch): [] for name in sides.NETWORKS for batch in sides.BATCHES}
    for _ in range(_TURNS.value):
        for name in sides.NETWORKS:
            for line in run_apart(name, folder):
                if line[0] == "ms":
                    times[name, int(line[1])].append(float(line[2]))
    medians = {key: statistics.median(found) for key, found in times.items()}
    print(f"U-Net-256, {sides.SIZE}x{sides.SIZE}, {_TURNS.value} turns")
    header = "".join(f"{f'batch {n}, ms':>16s}{'speed-up':>10s}" for n in sides.BATCHES)
    print(f"{'':22s}{header}")
    for name in sides.NETWORKS:
        row = f"{name:22s}"
        for batch in sides.BATCHES:
            base = medians["pytorch eager", batch]
            row += f"{medians[name, batch]:16.0f}{base / medians[name, batch]:10.2f}"
        print(row)


def run_python(*arguments):
    """[s of the clock, s of all cores, peak MiB] of a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{arguments} failed")
    passed = time.perf_counter() - began
    return [passed, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10]


def medians(name, folder, *more):
    """{part: [ms of the clock, of all cores]}, medians over the turns."""
    found = {}
    for _ in range(_TURNS.value):
        for line in run_apart(name, folder, *more):
            if line[0] == "part":
                found.setdefault(line[1], []).append([float(x) for x in line[2:]])
    return {key: middle(values) for key, values in found.items()}


def middle(rows):
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def show_parts(parts):
    for name, (passed, used) in parts.items():
        print(f"{name:32s}{passed:10.0f} ms ({used:.0f})")


def show_start(folder):
    command = ["--overwrite", folder / "photo.jpg"]
    commands = {
        "bin/colorize photo.jpg": [ROOT / "bin" / "colorize"],
        "the same, importing TensorFlow": ["-c", USUAL],
    }
    rows = {name: [] for name in commands}
    for _ in range(_TURNS.value + 1):
        for name, side in commands.items():
            rows[name].append(run_python(*side, *command))
    for name, found in rows.items():  # the first reads the disk
        passed, used, peak = middle(found[1:])
        print(f"{name:32s}{1e3 * passed:10.0f} ms ({1e3 * used:.0f}), {peak:.0f} MiB")
    show_parts(medians("start", folder))


def show_large(folder):
    parts = medians("large", folder)
    print(f"{_MEGAPIXELS.value:g} megapixels, JPEG file to PNG file")
    show_parts(parts)
    all_of_it, coding = (
        [sum(parts[name][i] for name in names) for i in (0, 1)]
        for names in (parts, ("decode", "encode"))
    )
    shares = [a / b for a, b in zip(all_of_it, coding, strict=True)]
    print(f"all, of decode and encode: {shares[0]:.2f} (of all cores {shares[1]:.2f})")
    command = ROOT / "bin" / "colorize", "--overwrite", folder / "large.jpg"
    peak = middle([run_python(*command) for _ in range(_TURNS.value)])[2]
    print(f"peak memory of bin/colorize {peak:.0f} MiB")


def show_small(folder):
    found = {}
    for name, values in medians("small", folder).items():
        what, _, count = name.partition(":")
        found[what] = [1e3 * int(count) / value for value in values]
        print(f"{what:32s}{found[what][0]:10.1f} pictures/s ({found[what][1]:.1f})")
    shares = [found["files"][i] / found["network"][i] for i in (0, 1)]
    print(f"share of the network's rate {shares[0]:.2f} (of all cores {shares[1]:.2f})")


def show_precision(folder):
    for kind in PRECISIONS:
        command = ROOT / "bin" / "export", "--model=photo", f"--precision={kind}"
        run_python(*command, f"--output={folder / kind}")
        (path,) = (folder / kind).glob("*/assets.extra/tfcolor.json")
        files = path.parent.parent.rglob("*")
        size = sum(x.stat().st_size for x in files if x.is_file()) / 1e6
        info = json.loads(path.read_text())
        differs = info.get("ab_difference", 0.0)
        print(f"{kind:12s}{size:6.1f} MB, mean ab difference {differs:.3f}")
    rows = {kind: medians("precision", folder, f"--kind={kind}") for kind in PRECISIONS}
    for kind, parts in rows.items():
        for name, (passed, used) in parts.items():
            print(f"{kind:12s}{name:12s}{passed:8.0f} ms ({used:.0f})")


PARTS = {
    "networks": show_networks,
    "start": show_start,
    "large": show_large,
    "small": show_small,
    "precision": show_precision,
}


def main(_):
    if _SIDE.value in sides.APART:
        sides.APART[_SIDE.value]()
    elif _SIDE.value:
        sides.time_network(sides.NETWORKS[_SIDE.value])
    else:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            make_pictures(folder)
            for name in _ONLY.value or PARTS:
                print(f"\n{name}", flush=True)
                PARTS[name](folder)


if __name__ == "__main__":
    app.run(main)
