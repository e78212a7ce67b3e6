#!/usr/bin/env python3
"""Make photographs look old, as `--config.data.aging` does in training.

python examples/age.py --output=old photo.jpg photographs/
python examples/age.py --output=old --sepia=0.5 --seed=1 photographs/

Files and folders in, grey PNG of the same names out. What becomes of a picture
follows from --seed and its name.
"""

import argparse
import math
import pathlib
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import tensorflow as tf

from tfcolor import atomic
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.errors import UsageError
from tfcolor.images import aging
from tfcolor.images import compose
from tfcolor.images import decode
from tfcolor.images import pictures
from tfcolor.images import resize
from tfcolor.inference import planning

# Of toned prints: hue angles, degrees, red-brown to yellow, and chroma at L* = 50.
HUES = (58.0, 88.0)
CHROMA = (6.0, 28.0)


def age(rgb, seed, sepia=0.0):
    """A picture as an old photograph.

    Args:
      rgb: uint8 [H, W, 3].
      seed: two ints.
      sepia: how likely it is tinted, 0..1.

    Returns:
      uint8 [H, W, 3], of the lightness that `aging.aged` gives it.
    """
    seed, own = tf.unstack(tf.random.split(tf.constant(seed, tf.int64)))
    t = aging.aged(lab.lightness(rgb) / 100.0, seed)
    chosen, hue, chroma = tf.random.stateless_uniform([3], own).numpy()
    hue = math.radians(HUES[0] + (HUES[1] - HUES[0]) * hue)
    chroma = CHROMA[0] + (CHROMA[1] - CHROMA[0]) * chroma
    return tinted(t, hue, chroma) if chosen < sepia else grey(t)


def grey(t):
    """A plane L*/100 [H, W] as uint8 [H, W, 3], all channels alike."""
    levels = gamut.to_uint8(100.0 * t, tf.zeros_like(t), tf.zeros_like(t))[..., 1]
    return compose.as_rgb(levels.numpy())


def tinted(t, hue, chroma):
    """A plane L*/100 [H, W] as uint8 [H, W, 3] of one hue, in radians, and a
    chroma that falls to half towards black and white; the lightness stays, and
    white, which has no colour beside it, loses the tint."""
    chroma *= 0.5 + 2.0 * t * (1.0 - t)
    return gamut.to_uint8(
        100.0 * t, chroma * math.cos(hue), chroma * math.sin(hue)
    ).numpy()


def run(inputs, output, seed, sepia, size):
    """How many of the pictures could not be made."""
    if not 0 <= seed < 2**32:
        raise UsageError(f"--seed={seed}: not in 0 .. 2^32 - 1")
    if not 0 <= sepia <= 1:
        raise UsageError(f"--sepia={sepia}: not in [0, 1]")
    if size < 1:
        raise UsageError(f"--size={size}: must be at least 1")
    tasks, failed = planning.plan(inputs, output)
    for task in tasks:
        try:
            picture = pictures.read(task.source)
        except decode.Unreadable as error:
            print(f"{task.source}: {error}", file=sys.stderr)
            failed += 1
            continue
        rgb = compose.as_rgb(picture.pixels)
        share = min(1.0, size / min(rgb.shape[:2]))
        rgb = resize.picture(rgb, *(round(side * share) for side in rgb.shape[:2]))
        aged = age(rgb, (seed, zlib.crc32(str(task.place).encode())), sepia)
        atomic.make_folder(task.target.parent, "output")
        pictures.write(task.target, aged, pictures.Picture(aged), "PNG")
        print(task.target)
    return failed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--sepia", default=0.0, type=float, help="share tinted, 0..1")
    parser.add_argument(
        "--size",
        default=512,
        type=int,
        help="pictures are reduced so that the shorter side is less than twice this",
    )
    try:
        return 1 if run(**vars(parser.parse_args())) else 0
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
