"""Photographs in files small enough to be sent, and as squares again.

  python tools/photo_parts.py pack --out=parts --side=232 FOLDER...
  python tools/photo_parts.py unpack --out=squares --side=232 parts/*.bin

A part holds the largest central squares of pictures in a fixed random order, as WebP
files, or the pictures' own files, each after its length. Unpacked it is an array as of
photo_squares.py, which tools/train_device.py reads as soon as it is there.
"""

import argparse
import concurrent.futures
import functools
import io
import os
import pathlib
import struct

import numpy as np
import photo_squares
from PIL import Image

LENGTH = struct.Struct("<I")  # before each file
LIMIT = 47_500_000  # bytes of a part


def encoded(path, side, quality):
    """The square of a picture as a WebP file, no larger than the picture is; with
    quality 100 the file itself."""
    if quality == 100:
        return pathlib.Path(path).read_bytes()
    with Image.open(path) as picture:
        side = min(side, *picture.size)
    square = Image.fromarray(photo_squares.square(path, side))
    file = io.BytesIO()
    square.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()


def decoded(data, side):
    """uint8 [side, side, 3] of such a file, enlarged where it is smaller."""
    return photo_squares.square(io.BytesIO(data), side)


def pack(folders, out, side, quality=90, limit=LIMIT):
    """Write OUT/00.bin and so on, of at most `limit` bytes; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    encode = functools.partial(encoded, side=side, quality=quality)
    parts, size = [], limit
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for data in pool.map(encode, photo_squares.files(folders), chunksize=32):
            if size + LENGTH.size + len(data) > limit:
                parts.append(out / f"{len(parts):02d}.bin")
                parts[-1].write_bytes(b"")
                size = 0
            with open(parts[-1], "ab") as file:
                size += file.write(LENGTH.pack(len(data)) + data)
    return parts


def unpack(part, out, side):
    """Write OUT/<name>.npy, uint8 [N, side, side, 3], at once; returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    decode = functools.partial(decoded, side=side)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        squares = list(pool.map(decode, records(part.read_bytes()), chunksize=64))
    unfinished, path = out / f"{part.stem}.part", out / f"{part.stem}.npy"
    with open(unfinished, "wb") as file:
        np.save(file, np.stack(squares))
    os.replace(unfinished, path)
    return path


def records(data):
    """The files of a part's bytes."""
    place = 0
    while place < len(data):
        (length,) = LENGTH.unpack_from(data, place)
        place += LENGTH.size + length
        yield data[place - length : place]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("pack", "unpack"))
    parser.add_argument("inputs", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--side", type=int, default=232)
    parser.add_argument(
        "--quality", type=int, default=90, help="of WebP; 100: files as they are"
    )
    given = parser.parse_args()
    if given.action == "pack":
        for part in pack(given.inputs, given.out, given.side, given.quality):
            print(part, part.stat().st_size)
        return
    for part in given.inputs:
        print(unpack(part, given.out, given.side))


if __name__ == "__main__":
    main()
