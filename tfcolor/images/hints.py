"""Colors that somebody has given at some places of a picture."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfcolor.color.cie import AB_MAX
from tfcolor.errors import UsageError

MOST = 1_000  # hints of one picture, given as rows


@dataclasses.dataclass(frozen=True)
class Hints:
    """The pixels of a picture whose color is known.

    Attributes:
      shape: (H, W) of the picture.
      places: int64 [n], numbers of those pixels row by row, ascending.
      ab: float32 [n, 2], their a* and b*, CIE units.
    """

    shape: tuple[int, int]
    places: np.ndarray
    ab: np.ndarray

    def reduced(self, height: int, width: int) -> np.ndarray:
        """As networks see them, float32 [height, width, 3]: (a*, b*)/110 and 1 in
        each cell with a hint, its mean where there are several, 0 elsewhere."""
        y, x = np.divmod(self.places, self.shape[1])
        cells = y * height // self.shape[0] * width + x * width // self.shape[1]
        size = height * width
        count = np.bincount(cells, minlength=size)
        sums = [np.bincount(cells, plane, size) for plane in self.ab.T / AB_MAX]
        means = [plane / np.maximum(count, 1) for plane in sums]
        found = np.stack([*means, count > 0], -1)
        return found.reshape(height, width, 3).astype(np.float32)

    def put(self, planes: Any, first: int) -> np.ndarray:
        """Planes [2 or more, rows, W] of the rows from `first` on, with the colors
        given where there are such."""
        width = self.shape[1]
        bounds = first * width, (first + planes.shape[1]) * width
        start, stop = np.searchsorted(self.places, bounds)
        result = np.array(planes)
        y, x = np.divmod(self.places[start:stop] - bounds[0], width)
        result[:2, y, x] = self.ab[start:stop].T
        return result


def of_rows(rows: Iterable[Any], height: int, width: int) -> Hints:
    """Hints as discs of one color.

    Args:
      rows: (y, x, color, radius), at most MOST: a place in pixels from the upper
        left, 0 <= y < height, "#rrggbb" or (r, g, b) of 0..255, and pixels, above 0.
        A disc has the pixel at its place in any case. Later ones cover earlier ones.

    Raises:
      UsageError: a row that is none of that; it is named.
    """
    rows = list(rows)
    if len(rows) > MOST:
        raise UsageError(f"hints: {len(rows):,}; at most {MOST:,} are allowed")
    known, colors = [], []
    for number, row in enumerate(rows):
        y, x, color, radius = _checked(row, number, height, width)
        known.append(_disc(y, x, radius, height, width))
        colors.append(color)
    if not rows:
        return Hints((height, width), np.zeros(0, np.int64), np.zeros((0, 2), "f4"))
    ab = _ab(np.array(colors, np.uint8))
    # The last of those that cover a pixel.
    places = np.concatenate(known[::-1])
    colors = np.concatenate([np.full(len(k), i) for i, k in enumerate(known)][::-1])
    places, first = np.unique(places, return_index=True)
    return Hints((height, width), places, ab[colors[first]])


def of_marked(marked: np.ndarray, known: np.ndarray) -> Hints:
    """Hints as strokes on a picture.

    Args:
      marked: uint8 [H, W] or [H, W, 3], with the strokes on it.
      known: bool [H, W], which pixels have one.
    """
    colors = marked[known]
    if colors.ndim == 1:
        colors = np.repeat(colors[:, None], 3, -1)
    return Hints(known.shape, np.flatnonzero(known), _ab(colors))


def _ab(rgb):
    from tfcolor.color import lab  # which imports TensorFlow

    return lab.rgb_to_lab(rgb).numpy()[..., 1:]


def _checked(row, number, height, width):
    """(y, x, (r, g, b), radius) of a row, checked."""
    said = f"hints: {row!r}, number {number + 1}"
    try:
        y, x, color, radius = row
        y, x, radius = float(y), float(x), float(radius)
    except (TypeError, ValueError) as error:
        raise UsageError(f'{said}: not (y, x, "#rrggbb", radius)') from error
    if not all(map(math.isfinite, (y, x, radius))):
        raise UsageError(f"{said}: not a finite number")
    if not (0 <= y < height and 0 <= x < width):
        raise UsageError(f"{said}: outside the picture, {width} x {height} pixels")
    if not radius > 0:
        raise UsageError(f"{said}: the radius must be positive")
    return y, x, _color(color, said), radius


def _color(color, said):
    if isinstance(color, str):
        if not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise UsageError(f"{said}: {color!r} is not a colour as #rrggbb")
        return tuple(bytes.fromhex(color[1:]))
    try:
        found = tuple(int(level) for level in color)
    except (TypeError, ValueError):
        found = ()
    if len(found) != 3 or not all(0 <= level <= 255 for level in found):
        raise UsageError(f"{said}: {color!r} is not a colour as #rrggbb or (r, g, b)")
    return found


def _disc(y, x, radius, height, width):
    """Numbers of the pixels of a disc."""
    top, left = (max(0, math.ceil(place - radius)) for place in (y, x))
    bottom = min(height, math.floor(y + radius) + 1)
    right = min(width, math.floor(x + radius) + 1)
    rows, columns = np.ogrid[top:bottom, left:right]
    inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    found = np.argwhere(inside) @ [width, 1] + top * width + left
    return np.union1d(found, [int(y) * width + int(x)]).astype(np.int64)
