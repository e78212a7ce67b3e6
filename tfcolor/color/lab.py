"""sRGB <-> CIELAB, with the constants of `cie`.

Everything is float32 whatever the precision of the networks, plain TensorFlow
operations that any exported graph may hold, and differentiable both ways.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor.color import cie
from tfcolor.color.cie import AB_MAX
from tfcolor.color.cie import F_THRESHOLD
from tfcolor.color.cie import L_HALF
from tfcolor.color.cie import OFFSET
from tfcolor.color.cie import SLOPE
from tfcolor.color.cie import WHITE_FROM_RGB
from tfcolor.types import Tensor

_WHITE_FROM_RGB = WHITE_FROM_RGB.astype(np.float32)
_RGB_FROM_WHITE = np.linalg.inv(WHITE_FROM_RGB).astype(np.float32)


def _linear_levels():
    levels = np.arange(256) / 255.0
    return cie.linear(levels, np.power, np.where, np.maximum).astype(np.float32)


_LINEAR_LEVELS = _linear_levels()

# 4/3 of the bits of 1.0, up to what evens out the error: of the bits of 1/root.
_ROOT_BITS = 1419967488


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """SRGB to CIELAB.

    Args:
      rgb: [..., 3] uint8, or float in 0..1.

    Returns:
      [..., 3] float32: L* 0..100, a*, b* about -108..98.
    """
    return tf.stack(_lab_planes(rgb), -1)


def lightness(rgb: Tensor) -> Tensor:
    """L* [...] float32, 0..100, of sRGB as in `rgb_to_lab`."""
    r, g, b = tf.unstack(tf.convert_to_tensor(rgb), axis=-1)
    row = _WHITE_FROM_RGB[1]
    return 116.0 * _f(_sum(row, [_linear(c) for c in (r, g, b)])) - 16.0


def lab_to_rgb(lab: Tensor) -> Tensor:
    """CIELAB to sRGB; colors outside the gamut are clipped channel by channel,
    which changes their lightness (`gamut` makes pictures).

    Args:
      lab: [..., 3] float: L* 0..100, a*, b*.

    Returns:
      [..., 3] float32 in 0..1. Finite, with a finite gradient, for every
      finite input; a clipped channel has gradient 0.
    """
    return tf.stack([gamma(c) for c in linear(*tf.unstack(lab, axis=-1))], -1)


def linear(l: Tensor, a: Tensor | float, b: Tensor | float) -> list[Tensor]:
    """L*, a*, b*, each [...], to linear light: red, green and blue, each [...]
    float32, in 0..1 where sRGB has the color."""
    l, a, b = (tf.cast(plane, tf.float32) for plane in (l, a, b))
    y = (l + 16.0) / 116.0
    white = [_f_inverse(f) for f in (y + a / 500.0, y, y - b / 200.0)]
    return _apply(_RGB_FROM_WHITE, white)


def grey(l: Tensor) -> Tensor:
    """The level of the channels, 0..1 [...], of the grey that has the lightness L*
    [...], 0..100."""
    return gamma(linear(l, 0.0, 0.0)[1])


def gamma(light: Tensor) -> Tensor:
    """Linear light [...], clipped to 0..1, to sRGB in 0..1 [...]."""
    light = tf.clip_by_value(light, 0.0, 1.0)
    safe = tf.maximum(light, 0.0031308)
    curve = 1.055 * tf.exp(tf.math.log(safe) / 2.4) - 0.055
    return tf.where(light > 0.0031308, curve, 12.92 * light)


def encode(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """sRGB, as in `rgb_to_lab`, to what the networks see.

    Returns:
      l [..., 1] = L*/50 - 1 and ab [..., 2] = (a*, b*)/110, float32.
    """
    l, a, b = encoded_planes(rgb)
    return l[..., None], tf.stack([a, b], -1)


def encoded_planes(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What `encode` gives as three planes: l, a/110 and b/110, each [...]."""
    l, a, b = _lab_planes(rgb)
    return l * (1.0 / L_HALF) - 1.0, a * (1.0 / AB_MAX), b * (1.0 / AB_MAX)


def decode(l: Tensor, ab: Tensor) -> Tensor:
    """The inverse of `encode`: sRGB [..., 3] float32 in 0..1, clipped and with
    gradients as of `lab_to_rgb`."""
    l, ab = tf.cast(l, tf.float32), tf.cast(ab, tf.float32)
    return lab_to_rgb(tf.concat([(l + 1.0) * L_HALF, ab * AB_MAX], -1))


def _lab_planes(rgb):
    """L*, a* and b*, each [...]."""
    r, g, b = tf.unstack(tf.convert_to_tensor(rgb), axis=-1)
    white = _apply(_WHITE_FROM_RGB, [_linear(c) for c in (r, g, b)])
    return cie.planes(*(_f(c) for c in white))


def _linear(rgb):
    if rgb.dtype == tf.uint8:
        return tf.gather(_LINEAR_LEVELS, tf.cast(rgb, tf.int32))
    return cie.linear(tf.cast(rgb, tf.float32), _power, tf.where, tf.maximum)


def _power(x, exponent):
    """Of positive x: less than half the time of tf.pow."""
    return tf.exp(exponent * tf.math.log(x))


def _apply(matrix, vector):
    """Matrix [3, 3] times a vector of three [...], as three [...]."""
    return [_sum(row, vector) for row in matrix]


def _sum(row, vector):
    return row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]


def _f(t):
    return cie.f(t, cube_root, tf.where, tf.maximum)


def _f_inverse(f):
    return tf.where(f > F_THRESHOLD, f * f * f, (f - OFFSET) / SLOPE)


@tf.custom_gradient
def cube_root(t: Tensor) -> Any:
    """Cube root of positive float32 [...] to its last bits, without a division.

    A third of the exponent, read off the number's bits, is a guess at 1/root
    good to 4 %. With h = 1 - t y^3, root^-1 = y (1 - h)^(-1/3), whose series up
    to h^3 leaves 1e-6; a step of Newton's ends it. Compiled, this is several
    times as fast as a power.
    """
    bits = tf.cast(tf.bitcast(t, tf.int32), tf.float32)
    y = tf.bitcast(_ROOT_BITS - tf.cast(bits * (1.0 / 3.0), tf.int32), tf.float32)
    h = 1.0 - t * (y * y * y)
    y *= 1.0 + h * (1.0 / 3.0 + h * (2.0 / 9.0 + h * (14.0 / 81.0)))
    root = t * y * y
    root -= (root * root * root - t) * (y * y) * (1.0 / 3.0)
    return root, lambda upstream: upstream / (3.0 * root * root)
