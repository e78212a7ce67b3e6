"""Squares of photographs as one array on disk, quick to read in any order.

python tools/photo_squares.py --out=photos144.npy --side=144 FOLDER...

The largest central square of each picture, uint8 [N, side, side, 3].
"""

import argparse
import concurrent.futures
import functools
import os
import pathlib

import numpy as np
from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def square(path, side):
    """uint8 [side, side, 3] of a path or an open file; as of `central`."""
    return np.asarray(central(Image.open(path).convert("RGB"), side))


def central(image, side, reduced=Image.Resampling.BILINEAR):
    """The largest central square of a picture as one of that side, by the filter
    `reduced`, antialiased, where the picture is larger."""
    width, height = image.size
    half = min(image.size) / 2
    box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    smaller = min(image.size) > side
    kernel = reduced if smaller else Image.Resampling.BICUBIC
    return image.resize((side, side), kernel, box=box)


def files(folders):
    """Paths of all pictures below folders, in a fixed random order."""
    found = sorted(
        str(path)
        for folder in folders
        for path in pathlib.Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES
    )
    np.random.default_rng(0).shuffle(found)
    return found


def pack(folders, out, side):
    """Write the squares of all pictures below folders, in the order of `files`."""
    paths = files(folders)
    part = f"{out}.part"
    shape = (len(paths), side, side, 3)
    squares = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        read = functools.partial(square, side=side)
        for number, pixels in enumerate(pool.map(read, paths, chunksize=64)):
            squares[number] = pixels
    squares.flush()
    os.replace(part, out)
    return len(paths)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--side", type=int, default=144)
    given = parser.parse_args()
    count = pack(given.folders, given.out, given.side)
    print(f"{given.out}: {count} squares")


if __name__ == "__main__":
    main()
