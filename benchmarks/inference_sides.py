"""What benchmarks/inference.py times, each in a process of its own."""

import concurrent.futures
import os
import pathlib
import tempfile
import time

from absl import flags

CALLS = flags.DEFINE_integer("calls", 6, "timed calls of one turn")
PICTURES = flags.DEFINE_integer("pictures", 1000, "small ones")
FOLDER = flags.DEFINE_string("folder", None, "of what is made (used by itself)")
KIND = flags.DEFINE_string("kind", None, "of an export (used by itself)")

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

    predictor = tfcolor.load(pathlib.Path(FOLDER.value) / "unet")
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


NETWORKS = {
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
        for _ in range(CALLS.value):
            began = time.perf_counter()
            call(x)
            print("ms", batch, 1e3 * (time.perf_counter() - began))


class Clock:
    """Prints what passed since the last call, in ms: of the clock and of all cores."""

    def __init__(self):
        self.last = time.perf_counter(), time.process_time()

    def __call__(self, name=None):
        now = time.perf_counter(), time.process_time()
        if name:
            passed = [1e3 * (b - a) for a, b in zip(self.last, now, strict=True)]
            print("part", name, *passed)
        self.last = time.perf_counter(), time.process_time()


def time_start():
    """The parts of what bin/colorize does before it writes its first picture."""
    clock = Clock()
    from tfcolor.images import compose
    from tfcolor.images import pictures
    from tfcolor.inference import batch  # noqa: F401
    from tfcolor.inference import quick
    from tfcolor.inference import session

    clock("imports")
    session.load()
    clock("library")
    predictor = quick.load("photo")
    clock("weights+graph")
    picture = pictures.read(pathlib.Path(FOLDER.value) / "photo.jpg")
    clock("decode")
    planes = predictor.predict_ab([picture.pixels])
    clock("first-prediction")
    predictor.predict_ab([picture.pixels])
    clock("second-prediction")
    result = compose.join(picture.pixels, planes[0])
    clock("enlarge+join")
    pictures.encode(result, picture, "PNG")
    clock("encode")


def time_large():
    """The parts of what bin/colorize does with a large file."""
    from tfcolor.images import compose
    from tfcolor.images import pictures
    from tfcolor.inference import quick

    folder = pathlib.Path(FOLDER.value)
    predictor = quick.load("photo")
    for turn in range(3):
        clock = Clock() if turn else lambda name=None: None  # the first is slow
        picture = pictures.read(folder / "large.jpg")
        clock("decode")
        small, _ = predictor.reduced([picture.pixels], SIZE, None)
        clock("reduce")
        planes = predictor.predict_lightness(small)[0]
        clock("network")
        result = compose.join(picture.pixels, planes)
        clock("enlarge+join")
        pictures.write(folder / "large.png", result, picture, "PNG")
        clock("encode")


def time_small():
    """Pictures a second of a folder, and of its network."""
    import numpy as np

    from tfcolor.inference import batch
    from tfcolor.inference import planning
    from tfcolor.inference import quick

    folder = pathlib.Path(FOLDER.value)
    predictor = quick.load("photo", optimized=True)
    x = np.random.default_rng(0).uniform(-1, 1, (batch.BATCH, SIZE, 352, 1))
    predictor.network(x.astype("float32"))
    calls = [x.astype("float32")] * max(2, PICTURES.value // 50)
    clock = Clock()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(predictor.network, calls))  # each call keeps to one core
    clock(f"network:{len(calls) * batch.BATCH}")
    with tempfile.TemporaryDirectory(dir=folder) as output:
        tasks, _ = planning.plan([folder / "small"], output)
        clock()
        batch.run(predictor, tasks, batch.Options())
        clock(f"files:{len(tasks)}")


def time_precision(kind):
    import numpy as np
    import tensorflow as tf

    import tfcolor

    path = pathlib.Path(FOLDER.value) / kind
    network = tfcolor.load(path).network
    rng = np.random.default_rng(0)
    for batch in BATCHES:
        x = tf.constant(rng.uniform(-1, 1, (batch, SIZE, SIZE, 1)), tf.float32)
        network(x)
        clock = Clock()
        for _ in range(CALLS.value):
            np.asarray(network(x)["ab"])
            clock(f"batch:{batch}")


APART = {"start": time_start, "large": time_large, "small": time_small}
APART["precision"] = lambda: time_precision(KIND.value)
