"""Which pixels of a marked picture are strokes."""

from collections.abc import Callable

import numpy as np
from skimage import color

from tfcolor.errors import UsageError

# Sum of the differences of the three channels, 0..1, from which on a pixel of the
# marked picture is a stroke (Levin et al.'s own threshold).
THRESHOLD = 0.01

# Of strokes on a transparent ground.
_OPAQUE = 128

# Strokes without |a*| or |b*| above this are grey.
_LEAST_COLOR = 1.0

# Rows that are converted at a time, in pixels.
_BAND = 1 << 20


def known(
    image: np.ndarray, marked: np.ndarray, alpha: np.ndarray | None = None
) -> np.ndarray:
    """The pixels with a stroke.

    Args:
      image: uint8 [H, W] or [H, W, 3].
      marked: uint8 [H, W] or [H, W, 3]: the picture with strokes in color; or
        nothing but strokes, where there is an alpha.
      alpha: uint8 [H, W]; None: opaque.

    Returns:
      bool [H, W].

    Raises:
      UsageError: another size, no stroke, or none with color.
    """
    if marked.shape[:2] != image.shape[:2]:
        sizes = ["{1} x {0}".format(*x.shape[:2]) for x in (marked, image)]
        raise UsageError(f"{sizes[0]} pixels, where the picture has {sizes[1]}")
    if alpha is not None:
        is_stroke = alpha >= _OPAQUE
    else:
        first, second = (as_rgb(x).astype(np.int16) for x in (marked, image))
        difference = np.abs(first - second).sum(-1)
        if not difference.any():
            raise UsageError("identical to the picture: no stroke in it")
        is_stroke = difference > 255 * THRESHOLD
    if not is_stroke.any():
        raise UsageError("no stroke in it")
    ab = color.rgb2lab(as_rgb(marked)[is_stroke])[..., 1:]
    if np.abs(ab).max() <= _LEAST_COLOR:
        raise UsageError("no stroke with a colour in it")
    return is_stroke


def as_rgb(image: np.ndarray) -> np.ndarray:
    """An image [H, W] or [H, W, 3] as [H, W, 3], of the same dtype."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)


def converted(
    image: np.ndarray, convert: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """A conversion of skimage.color, uint8 [H, W] or [H, W, 3] -> float32
    [H, W, 3], a band of rows at a time, as it needs much memory."""
    result = np.empty((*image.shape[:2], 3), np.float32)
    count = max(1, _BAND // image.shape[1])
    for first in range(0, len(image), count):
        rows = slice(first, first + count)
        result[rows] = convert(as_rgb(image[rows]))
    return result
