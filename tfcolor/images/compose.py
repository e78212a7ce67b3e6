"""A picture from its own lightness and predicted colors: the one way there is.

The colors come at any size, are brought to the picture's own by bicubic
interpolation and joined to its untouched lightness; of line art, to its lightness as
far as the network has not changed it. Nothing here imports TensorFlow; an exported
graph does the same on tensors.
"""

import concurrent.futures
import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfcolor import threads
from tfcolor.color import arrays
from tfcolor.images import axes

# Pixels that are joined at a time, so that memory hardly grows with a picture.
BAND = 1 << 18


def join(image: np.ndarray, planes: np.ndarray, hints: Any = None) -> np.ndarray:
    """A picture with other colors.

    Args:
      image: uint8 [H, W] or [H, W, 3], whose lightness is kept; colors that
        sRGB cannot show at it lose chroma.
      planes: float32 [2, h, w], a* and b* at any size; [3, h, w] with what is
        added to L*: lines finer than the planes show stay all the same.
      hints: Hints of the picture, whose pixels get their colors; or None.

    Returns:
      uint8 [H, W, 3].
    """
    height, width = image.shape[:2]
    result = np.empty((height, width, 3), np.uint8)
    bands, enlarged = _bands(planes, height, width, hints)

    def join_band(rows):
        arrays.recolored(image[rows], enlarged(rows), result[rows])

    if len(bands) == 1:
        join_band(bands[0])
        return result
    # NumPy leaves the interpreter to others while it computes.
    with (
        threads.one_in_blas(),
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        list(pool.map(join_band, bands))
    return result


def enlarged_bands(
    planes: np.ndarray, height: int, width: int, hints: Any = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields (slice of rows, planes float32 [., rows, width]) of planes brought to a
    size, with the colors of hints where there are such."""
    bands, enlarged = _bands(planes, height, width, hints)
    for rows in bands:
        yield rows, enlarged(rows)


def _bands(planes, height, width, hints):
    """Slices of rows, and a function of one to its planes [., rows, width]."""
    planes = np.asarray(planes, np.float32)
    count = max(1, BAND // width)
    bands = [slice(i, min(i + count, height)) for i in range(0, height, count)]
    same = planes.shape[1:] == (height, width)
    across = None if same else axes.blocks(planes.shape[2], width, "cubic")

    def enlarged(rows):
        band = planes[:, rows] if same else _enlarged(planes, height, rows, across)
        return band if hints is None else hints.put(band, rows.start)

    return bands, enlarged


def _enlarged(planes, height, rows, across):
    matrix = _down(planes.shape[1], height, rows.start, rows.stop - rows.start)
    return axes.columns(matrix @ planes, across)


@functools.lru_cache(4)  # many small pictures have one size
def _down(size, height, first, count):
    return axes.weights(size, height, "cubic", first, count)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """An image uint8 [H, W] or [H, W, 3] as [H, W, 3]."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)
