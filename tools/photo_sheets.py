"""The pictures in docs of what the weights photo make of photographs.

  python tools/photo_sheets.py PHOTOS --every=5 --out=docs/results/photo.jpg
  python examples/age.py --sepia=0.5 --output=aged PHOTOS
  python tools/photo_sheets.py PHOTOS --inputs=aged --first=3 --every=12 --columns=10 \
    --cell=152 --out=docs/results/old_photographs.jpg
  python tools/photo_sheets.py OLD --pairs --columns=6 --cell=200 \
    --out=docs/results/real_photographs.jpg

Columns of squares: grey, or the picture of the same name in --inputs; its colours; the
truth. With --pairs there is no truth: whole pictures, and their colours beside them.
"""

import argparse
import functools
import pathlib

import numpy as np
from PIL import Image

import tfcolor
from tfcolor.color import lab

GAP = 5  # pixels between groups of rows


def grey(rgb):
    """uint8 [H, W, 3] of the lightness alone."""
    levels = np.rint(255.0 * lab.grey(lab.lightness(rgb)).numpy())
    return np.stack([levels.astype(np.uint8)] * 3, -1)


def square(pixels, side):
    """The largest central square, reduced."""
    image = Image.fromarray(pixels)
    half = min(image.size) / 2
    middle = [length / 2 for length in image.size]
    box = [place + sign * half for sign in (-1, 1) for place in middle]
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS, box=box))


def fitted(pixels, side):
    """The whole picture at the top of a white [1.25 side, side, 3]."""
    sheet = Image.new("RGB", (side, side * 5 // 4), "white")
    image = Image.fromarray(pixels)
    image.thumbnail(sheet.size, Image.Resampling.LANCZOS)
    sheet.paste(image)
    return np.asarray(sheet)


def pixels(path):
    """uint8 [H, W, 3]."""
    return np.asarray(Image.open(path).convert("RGB"))


def columns(given, paths):
    """For each picture the cells of its column, or pair."""
    color = tfcolor.load(given.model)
    for path in paths:
        rgb = pixels(path)
        if given.pairs:
            cells = [fitted(one, given.cell) for one in (rgb, color(rgb))]
            yield np.concatenate(cells, 1)
            continue
        seen = given.inputs and pixels(next(given.inputs.rglob(f"{path.stem}.*")))
        seen = grey(rgb) if seen is None else seen
        yield np.concatenate([square(x, given.cell) for x in (seen, color(seen), rgb)])


def sheet(cells, across):
    """Columns side by side, `across` in a group, the groups below each other."""
    cells = list(cells)
    groups = [cells[i : i + across] for i in range(0, len(cells), across)]
    blank = np.full_like(cells[0], 255)
    rows = [group + [blank] * (across - len(group)) for group in groups]
    rows = [np.concatenate(row, 1) for row in rows]
    gap = np.full((GAP, *rows[0].shape[1:]), 255, np.uint8)
    return functools.reduce(lambda x, y: np.concatenate([x, gap, y]), rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=pathlib.Path)
    add("--out", required=True)
    add("--model", default="photo")
    add("--inputs", type=pathlib.Path, help="folder")
    add("--pairs", action="store_true")
    add("--first", type=int, default=0)
    add("--every", type=int, default=1)
    add("--count", type=int, help="of pictures at most")
    add("--columns", type=int, default=12)
    add("--cell", type=int, default=128, help="side in pixels")
    given = parser.parse_args()
    paths = sorted(path for path in given.folder.rglob("*") if path.is_file())
    paths = paths[given.first :: given.every][: given.count]
    found = sheet(columns(given, paths), given.columns)
    Image.fromarray(found).save(given.out, quality=84, optimize=True)


if __name__ == "__main__":
    main()
