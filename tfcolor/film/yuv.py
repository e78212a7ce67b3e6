"""Chroma for a film's own luma.

A film keeps its luma to the bit, so colors are joined to luma, not to lightness: of
the colors with the predicted a* and b* the one is taken that has the pixel's luma Y'.
At the same luma a saturated color is lighter or darker in L* than the grey was. Colors
that sRGB cannot show at that luma lose chroma at their hue.

The chroma follows from three numbers: the code of luma, the hue and the share of the
most chroma that sRGB has at both. It is tabulated once, and looked up by bilinear
interpolation. The transfer curve is taken as
sRGB's, as for pictures.
"""

import functools

import cv2
import numpy as np
import tensorflow as tf

from tfcolor.color import lab
from tfcolor.color.cie import AB_MAX
from tfcolor.images import resize
from tfcolor.types import Size
from tfcolor.types import Tensor

# K_R and K_B by the number of the matrix in ITU-T H.273.
MATRICES = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
BT709, BT601 = 1, 6
LIMITED, FULL = 1, 2  # color ranges, as FFmpeg numbers them

# Of the tables: levels of luma, those of the codes lie between; hues of a circle;
# steps from grey to the most chroma that there is.
LEVELS = 65
HUES = 120
STEPS = 17

_HALVINGS = 13
_TILES = 16  # the tables of 256 luma codes lie in a square of tiles
_ROWS, _COLUMNS = np.divmod(np.arange(256, dtype=np.float32), np.float32(_TILES))

# Linear light beyond 0..1 that rounding to 8 bits hides, as in color.gamut.
_SLACK = 1e-5


def luma_of_codes(color_range: int) -> np.ndarray:
    """Y' in 0..1 [256] float32 of the 8-bit codes of luma."""
    codes = np.arange(256, dtype=np.float32)
    if color_range == FULL:
        return codes / 255.0
    return np.clip((codes - 16.0) / 219.0, 0.0, 1.0)


def rgb_of_planes(
    planes: list[np.ndarray], matrix: int, color_range: int
) -> np.ndarray:
    """8-bit codes of Y', Cb and Cr, or of Y' alone, to sRGB.

    Args:
      planes: one or three uint8 [h, w] of one size.

    Returns:
      float32 [h, w, 3], clipped to 0..1.
    """
    luma = luma_of_codes(color_range)[planes[0]]
    if len(planes) == 1:
        return np.repeat(luma[..., None], 3, -1)
    red, blue = MATRICES[matrix]
    reach = 255.0 if color_range == FULL else 224.0
    cb, cr = ((plane.astype(np.float32) - 128.0) / reach for plane in planes[1:])
    r = luma + 2.0 * (1.0 - red) * cr
    b = luma + 2.0 * (1.0 - blue) * cb
    g = (luma - red * r - blue * b) / (1.0 - red - blue)
    return np.clip(np.stack([r, g, b], -1), 0.0, 1.0)


def color_at_luma(
    luma: np.ndarray, a: np.ndarray, b: np.ndarray, matrix: int
) -> Tensor:
    """The colors that have a luma, a* and b*, by bisection over L*.

    Args:
      luma: float32 [n], Y' in 0..1.
      a, b: float32 [n].

    Returns:
      float32 [3, n], linear light of red, green and blue; beyond 0..1 where sRGB
      does not have the color.
    """
    low, high = tf.zeros_like(luma), 100.0 * tf.ones_like(luma)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        dark = _luma(lab.linear(middle, a, b), matrix) < luma
        low, high = tf.where(dark, middle, low), tf.where(dark, high, middle)
    return tf.stack(lab.linear(0.5 * (low + high), a, b))


def _luma(light, matrix):
    red, blue = MATRICES[matrix]
    r, g, b = (lab.gamma(channel) for channel in light)
    return red * r + (1.0 - red - blue) * g + blue * b


def most_chroma(luma: np.ndarray, hue: np.ndarray, matrix: int) -> np.ndarray:
    """The chroma, hypot(a*, b*), up to which sRGB has colors of a luma and hue.

    Args:
      luma: float32 [n], Y' in 0..1.
      hue: float32 [n], radians.
    """
    low, high = tf.zeros_like(luma), 200.0 * tf.ones_like(luma)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        a, b = middle * tf.cos(hue), middle * tf.sin(hue)
        light = color_at_luma(luma, a, b, matrix)
        inside = tf.reduce_all((light >= -_SLACK) & (light <= 1.0 + _SLACK), 0)
        low, high = tf.where(inside, middle, low), tf.where(inside, high, middle)
    return low.numpy()


def chroma_at_luma(
    luma: np.ndarray, a: np.ndarray, b: np.ndarray, matrix: int
) -> np.ndarray:
    """Cb and Cr, -0.5..0.5, of the colors with a luma, a* and b*, at the edge of sRGB
    where it does not have them.

    Args:
      luma: float32 [n], Y' in 0..1.
      a, b: float32 [n].

    Returns:
      float32 [2, n].
    """
    most = most_chroma(luma, np.arctan2(b, a), matrix)
    factor = np.minimum(1.0, most / np.maximum(np.hypot(a, b), 1e-6))
    return _chroma(luma, factor * a, factor * b, matrix)


def _chroma(luma, a, b, matrix):
    light = color_at_luma(luma, a, b, matrix)
    red, blue = MATRICES[matrix]
    r, _, blues = (lab.gamma(channel) for channel in light)
    cb = (blues - luma) / (2.0 * (1.0 - blue))
    cr = (r - luma) / (2.0 * (1.0 - red))
    return np.stack([cb, cr])


@functools.cache
def tables(matrix: int, color_range: int) -> tuple[np.ndarray, np.ndarray]:
    """What `look_up` takes.

    Returns:
      `most_chroma` float32 [256, HUES + 1] of every 8-bit code of luma and of hues
      around the circle; Cb and Cr, -0.5..0.5, float32 [16 (HUES + 1), 16 STEPS, 2], a
      square of 16 x 16 tiles, one of each code, of hues and shares of that chroma.
    """
    levels = np.linspace(0.0, 1.0, LEVELS, dtype=np.float32)
    hues = np.linspace(0.0, 2.0 * np.pi, HUES + 1, dtype=np.float32)
    luma, hue = np.meshgrid(levels, hues, indexing="ij")
    most = most_chroma(luma.ravel(), hue.ravel(), matrix).reshape(luma.shape)
    share = np.linspace(0.0, 1.0, STEPS, dtype=np.float32)
    chroma = (most[..., None] * share).ravel()
    hue, luma = (np.repeat(x.ravel(), STEPS) for x in (hue, luma))
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    tiles = np.moveaxis(_chroma(luma, a, b, matrix), 0, -1)
    most, tiles = (
        _of_codes(x, color_range) for x in (most, tiles.reshape(*most.shape, STEPS, 2))
    )
    square = tiles.reshape(_TILES, _TILES, HUES + 1, STEPS, 2).transpose(0, 2, 1, 3, 4)
    square = square.reshape(_TILES * (HUES + 1), _TILES * STEPS, 2)
    return most, np.ascontiguousarray(square)


def _of_codes(values, color_range):
    """Values [LEVELS, ...] of levels of luma as those [256, ...] of its codes."""
    place = luma_of_codes(color_range) * (LEVELS - 1)
    first = np.minimum(place.astype(int), LEVELS - 2)
    part = (place - first).reshape(-1, *[1] * (values.ndim - 1))
    return ((1.0 - part) * values[first] + part * values[first + 1]).astype(np.float32)


class Joiner:
    """Makes chroma planes of one size for luma planes.

    Args:
      shape: (height, width) of the chroma planes.
      working: (height, width) of the colors.
      matrix: a number of MATRICES.
      color_range: LIMITED or FULL.
      depth: bits of a sample, 8 to 16.
    """

    def __init__(
        self, shape: Size, working: Size, matrix: int, color_range: int, depth: int
    ) -> None:
        self.shape, self.depth = shape, depth
        self.rows, self.columns = (
            resize.weights(size, target, "cubic").numpy()
            for size, target in zip(working, shape, strict=True)
        )
        self.tables = tables(matrix, color_range)
        self.reach = 255.0 if color_range == FULL else 224.0

    def __call__(
        self, luma: np.ndarray, ab: np.ndarray, hints: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Cb and Cr for a picture.

        Args:
          luma: uint8, or uint16 of more than 8 bits, [H, W].
          ab: float32 [2, h, w], a* and b*.
          hints: float32 of the chroma planes' size, [., ., 3]: (a*, b*)/110 and 1
            where the color is given.

        Returns:
          Two arrays of luma's dtype and of the chroma planes' size.
        """
        ab = np.matmul(np.matmul(self.rows, ab), self.columns.T)
        if hints is not None:
            ab = obeyed(ab, hints)
        chroma = look_up(self.tables, self._codes(luma), ab)
        scale = 1 << (self.depth - 8)
        # Within the range of the codes, which both edges of sRGB keep to.
        chroma *= self.reach * scale
        chroma += 128.0 * scale + 0.5
        codes = np.minimum(chroma, (1 << self.depth) - 1).astype(luma.dtype)
        return [codes[..., 0], codes[..., 1]]

    def _codes(self, luma):
        """Luma at the size of the chroma, in 8-bit codes."""
        height, width = self.shape
        if luma.shape != self.shape:
            luma = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        if self.depth == 8:
            return luma
        scale = 1.0 / (1 << (self.depth - 8))
        return cv2.convertScaleAbs(luma, alpha=scale)


def obeyed(ab: np.ndarray, hints: np.ndarray) -> np.ndarray:
    """a* and b* [2, h, w] with those of hints float32 [h, w, 3], (a*, b*)/110 and 1,
    where there are such."""
    colors = np.moveaxis(hints[..., :2] * np.float32(AB_MAX), -1, 0)
    return np.where(hints[..., 2] > 0, colors, ab)


def look_up(
    tables: tuple[np.ndarray, np.ndarray], codes: np.ndarray, ab: np.ndarray
) -> np.ndarray:
    """`chroma_at_luma` from tables: Cb and Cr.

    Args:
      tables: of `tables`.
      codes: uint8 [h, w], luma.
      ab: float32 [2, h, w].

    Returns:
      float32 [h, w, 2], -0.5..0.5.
    """
    most, square = tables
    chroma, hue = cv2.cartToPolar(*ab)
    hue *= HUES / (2.0 * np.pi)
    limit = cv2.remap(most, hue, codes.astype(np.float32), cv2.INTER_LINEAR)
    share = np.minimum(chroma / np.maximum(limit, 1e-3), 1.0)
    x = np.take(_COLUMNS * STEPS, codes) + share * (STEPS - 1)
    y = np.take(_ROWS * (HUES + 1), codes) + hue
    edge = cv2.BORDER_REPLICATE
    return cv2.remap(square, x, y, cv2.INTER_LINEAR, borderMode=edge)
