"""Photographs to Lab squares: tfcolor beside what it consists of and beside a
PyTorch DataLoader with Pillow and scikit-image.

pip install 'tfcolor[bench]' && python benchmarks/input_pipeline.py --data=PHOTOS

"tfcolor, array_record" reads the same photographs from files of bin/pack, which are
packed into a temporary folder first; "tfcolor, cached" keeps them in memory once they
are decoded (data.cache). Every side makes the same: the largest square in the middle,
at --size, and is timed after its first epoch. Each runs in a process of
its own; turns are interleaved; each figure is a median.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_DATA = flags.DEFINE_string("data", None, "folder of JPEG photographs", required=True)
_SIZE = flags.DEFINE_integer("size", 256, "side of the squares, pixels")
_BATCH = flags.DEFINE_integer("batch", 32, "images a batch")
_IMAGES = flags.DEFINE_integer("images", 960, "timed images of one turn")
_TURNS = flags.DEFINE_integer("turns", 5, "turns of each side")
_PACKED = flags.DEFINE_string("packed", None, "their packed files (used by itself)")
_SIDE = flags.DEFINE_string("side", None, "run only this side (used by itself)")


def paths():
    from tfcolor.data import sources

    source = sources.open_source(_DATA.value)
    return [os.path.join(source.root, name) for name in source.names]


def graph(resized):
    """Decoding, and perhaps resizing, by TensorFlow operations alone."""
    import tensorflow as tf

    size = [_SIZE.value, _SIZE.value]

    def load(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        if not resized:
            return tf.shape(image)
        height, width = tf.unstack(tf.shape(image)[:2])
        side = tf.minimum(height, width)
        image = tf.image.crop_to_bounding_box(
            image, (height - side) // 2, (width - side) // 2, side, side
        )
        return tf.image.resize(image, size, antialias=True)

    files = tf.data.Dataset.from_tensor_slices(paths()).repeat()
    files = files.map(load, tf.data.AUTOTUNE, deterministic=True)
    return iter(files.batch(_BATCH.value).prefetch(2))


def tfcolor(spec=None, choice="none"):
    from tfcolor import config as config_lib
    from tfcolor.data import cache
    from tfcolor.data import pipeline
    from tfcolor.data import readers
    from tfcolor.data import sources

    data = config_lib.Data(
        image_size=_SIZE.value, batch_size=_BATCH.value, crop="center"
    )
    source = sources.open_source(spec or _DATA.value)
    images = cache.of(source, readers.needed_side(data), choice)
    reader = readers.Reader(source, data, 0, lambda name, reason: None, images=images)
    return iter(pipeline.training(reader, data, 0))


def pytorch():
    import numpy as np
    import torch
    from PIL import Image
    from PIL import ImageOps
    from skimage.color import rgb2lab

    files, size = paths(), (_SIZE.value, _SIZE.value)

    class Photographs(torch.utils.data.Dataset):
        def __len__(self):
            return 10**6

        def __getitem__(self, i):
            image = Image.open(files[i % len(files)]).convert("RGB")
            image = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
            lab = rgb2lab(np.asarray(image)).astype("float32")
            lab = torch.from_numpy(lab.transpose(2, 0, 1))
            return lab[:1] / 50 - 1, lab[1:] / 110

    loader = torch.utils.data.DataLoader(
        Photographs(), batch_size=_BATCH.value, num_workers=2
    )
    return iter(loader)


SIDES = {
    "decode only": lambda: graph(resized=False),
    "decode + resize": lambda: graph(resized=True),
    "tfcolor": tfcolor,
    "tfcolor, array_record": lambda: tfcolor(f"array_record:{_PACKED.value}"),
    "tfcolor, cached": lambda: tfcolor(choice="memory"),
    "pytorch, 2 workers": pytorch,
}


def time_side(name):
    batches = SIDES[name]()
    for _ in range(-(-len(paths()) // _BATCH.value) + 2):
        next(batches)
    count = _IMAGES.value // _BATCH.value
    began = time.perf_counter()
    for _ in range(count):
        next(batches)
    print(count * _BATCH.value / (time.perf_counter() - began), flush=True)
    os._exit(0)  # worker threads are still filling the next batches


def run_apart(name, packed):
    command = [sys.executable, *sys.argv, f"--side={name}", f"--packed={packed}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.splitlines()[-1])


def turns(packed):
    rates = {name: [] for name in SIDES}
    for _ in range(_TURNS.value):
        for name in SIDES:
            rates[name].append(run_apart(name, packed))
    return rates


def _pack(output):
    from tfcolor.data import packing
    from tfcolor.data import sources

    packing.pack(sources.open_source(_DATA.value), output)
    return output


def main(_):
    if _SIDE.value:
        time_side(_SIDE.value)
        return
    with tempfile.TemporaryDirectory() as folder:
        rates = turns(_pack(f"{folder}/photos-*.arrayrecord"))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    print(f"{len(paths())} photographs to {_SIZE.value}x{_SIZE.value}")
    print(f"{'':22s}{'images/s':>10s}{'tfcolor is':>12s}")
    for name, rate in medians.items():
        print(f"{name:22s}{rate:10.0f}{medians['tfcolor'] / rate:11.2f}x")


if __name__ == "__main__":
    app.run(main)
