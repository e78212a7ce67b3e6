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
import pathlib

import numpy as np
import photo_squares
from PIL import Image

import tfcolor
from tfcolor.demo import coloring
from tfcolor.images import compose
from tfcolor.images import pictures

GAP = 5  # pixels between groups of rows


def grey(rgb):
    """The lightness alone, all channels alike."""
    return compose.as_rgb(coloring.grey(rgb)[..., 1])


def square(rgb, side):
    lanczos = Image.Resampling.LANCZOS
    return np.asarray(photo_squares.central(Image.fromarray(rgb), side, lanczos))


def fitted(rgb, side):
    """The whole picture at the top of a white [1.25 side, side, 3]."""
    sheet = Image.new("RGB", (side, side * 5 // 4), "white")
    image = Image.fromarray(rgb)
    image.thumbnail(sheet.size, Image.Resampling.LANCZOS)
    sheet.paste(image)
    return np.asarray(sheet)


def read(path):
    """uint8 [H, W, 3]."""
    return compose.as_rgb(pictures.read(path).pixels)


def columns(given, paths):
    """For each picture the cells of its column, or pair."""
    color = tfcolor.load(given.model)
    inputs = {path.stem: path for path in files(given.inputs)} if given.inputs else {}
    for path in paths:
        rgb = read(path)
        if given.pairs:
            yield np.concatenate([fitted(x, given.cell) for x in (rgb, color(rgb))], 1)
            continue
        seen = read(inputs[path.stem]) if inputs else grey(rgb)
        yield np.concatenate([square(x, given.cell) for x in (seen, color(seen), rgb)])


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sheet(cells, across):
    """Columns side by side, `across` in a group, the groups below each other."""
    blank = np.full_like(cells[0], 255)
    cells = cells + [blank] * (-len(cells) % across)
    starts = range(0, len(cells), across)
    rows = [np.concatenate(cells[i : i + across], 1) for i in starts]
    gap = ((0, GAP), (0, 0), (0, 0))
    padded = [np.pad(row, gap, constant_values=255) for row in rows]
    return np.concatenate(padded)[:-GAP]


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
    paths = files(given.folder)[given.first :: given.every][: given.count]
    found = sheet(list(columns(given, paths)), given.columns)
    Image.fromarray(found).save(given.out, quality=84, optimize=True)


if __name__ == "__main__":
    main()
