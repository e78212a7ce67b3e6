"""A picture from its own lightness and predicted colors: the one way there is.

The colors come at any size, are brought to the picture's own by bicubic
interpolation and joined to its untouched lightness; of line art, to its lightness as
far as the network has not changed it. The functions on tensors hold in an exported
graph too.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.images import resize
from tfcolor.types import Tensor

# Pixels that are joined at a time, so that memory hardly grows with a picture.
BAND = 1 << 20


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
    result = np.empty((*image.shape[:2], 3), np.uint8)
    height, width = image.shape[:2]
    for rows, band in enlarged_bands(planes, height, width, hints):
        result[rows] = _joined(as_rgb(image[rows]), band).numpy()
    return result


def enlarged_bands(
    planes: np.ndarray, height: int, width: int, hints: Any = None
) -> Iterator[tuple[slice, Any]]:
    """Yields (slice of rows, planes [., rows, width]) of planes brought to a
    size, with the colors of hints where there are such."""
    for rows, band in _enlarged_bands(planes, height, width):
        yield rows, band if hints is None else hints.put(band, rows.start)


def _enlarged_bands(planes, height, width):
    same = planes.shape[1:] == (height, width)
    columns = None if same else resize.weights(planes.shape[2], width, "cubic")
    count = max(1, BAND // width)
    for first in range(0, height, count):
        rows = slice(first, min(first + count, height))
        if same:
            yield rows, planes[:, rows]
            continue
        matrix = resize.weights(
            planes.shape[1], height, "cubic", first, rows.stop - first
        )
        yield rows, resize.apply(planes, matrix, columns)


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, None, None], tf.float32),
    ],
    autograph=False,
)
def _joined(rgb, planes):
    lightness = changed(lab.lightness(rgb), planes[2:])
    return gamut.to_uint8(lightness, planes[0], planes[1])


def changed(lightness: Tensor, change: Tensor) -> Tensor:
    """L* [...] plus the sum of changes [0 or 1, ...], within 0..100."""
    return tf.clip_by_value(lightness + tf.reduce_sum(change, 0), 0.0, 100.0)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """An image uint8 [H, W] or [H, W, 3] as [H, W, 3]."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)
