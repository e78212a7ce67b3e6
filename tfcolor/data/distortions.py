"""Rotation and perspective: pure functions of images and of given random numbers.

They are what the layers RandomRotation and RandomPerspective of Keras do, on its
operations. Those layers draw from a state, and fill what a perspective leaves empty
with one color only.
"""

import math

import keras
import tensorflow as tf

from tfcolor.types import Tensor

# Random numbers that an example takes: angle, whether there is a perspective,
# and (x, y) of four corners.
MATRIX_NUMBERS = 10
# Share of the images that are seen in perspective, as in Keras' layer.
PERSPECTIVE_SHARE = 0.5


def matrix(numbers: Tensor, side: int, rotation: float, perspective: float) -> Tensor:
    """Where each pixel of a distorted square comes from: first its corners show
    points up to perspective/4 of the side from those of the picture, to either
    side; then all turns about the middle.

    A strength below 1 keeps the four points convex, so that no horizon comes
    into the picture.

    Args:
      numbers: [MATRIX_NUMBERS] float32 in [0, 1).
      side: of the square, pixels, at least 2.
      rotation: degrees that it turns, at most, to either side; positive is
        counter-clockwise.
      perspective: strength, 0..1.

    Returns:
      [8] float32 a0 a1 a2 b0 b1 b2 c0 c1: output (x, y) shows the input's ((a0 x +
      a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
    """
    signed = 2.0 * numbers - 1.0
    last, middle = side - 1.0, (side - 1.0) / 2.0
    chosen = tf.cast(numbers[1] < PERSPECTIVE_SHARE, tf.float32)
    shifts = chosen * (perspective / 4.0 * last) * tf.reshape(signed[2:], [4, 2])
    (x_x, x_y, x_1), (y_x, y_y, y_1), (k_x, k_y) = _quadrilateral(shifts, last)
    angle = signed[0] * (rotation * math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    right = middle - middle * cos + middle * sin
    down = middle - middle * sin - middle * cos
    return tf.stack(
        [
            cos * x_x - sin * y_x + right * k_x,
            cos * x_y - sin * y_y + right * k_y,
            cos * x_1 - sin * y_1 + right,
            sin * x_x + cos * y_x + down * k_x,
            sin * x_y + cos * y_y + down * k_y,
            sin * x_1 + cos * y_1 + down,
            k_x,
            k_y,
        ]
    )


def _quadrilateral(shifts, last):
    """Coefficients of x, y and 1 in the projective map of a square onto the
    quadrilateral whose corners are `shifts` from its own (Heckbert 1989,
    section 2.2.3): of x', of y' and of their divisor, whose last is 1.

    Args:
      shifts: [4, 2] of (x, y), clockwise from the top left.
      last: the square's far corner is (last, last).
    """
    square = tf.constant([[0, 0], [1, 0], [1, 1], [0, 1]], tf.float32) * last
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = (
        tf.unstack(corner) for corner in tf.unstack(square + shifts)
    )
    bent_x, bent_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    area = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2)
    g = (bent_x * (y3 - y2) - (x3 - x2) * bent_y) / area
    h = ((x1 - x2) * bent_y - bent_x * (y1 - y2)) / area
    return (
        ((x1 - x0 + g * x1) / last, (x3 - x0 + h * x3) / last, x0),
        ((y1 - y0 + g * y1) / last, (y3 - y0 + h * y3) / last, y0),
        (g / last, h / last),
    )


def warp(rgb: Tensor, matrices: Tensor, fill: str) -> Tensor:
    """Images seen through `matrix`, interpolated bilinearly, once.

    Args:
      rgb: uint8 [B, S, S, 3].
      matrices: [B, 8] float32.
      fill: one of validation.FILLS, what is beyond the edge: the mirrored picture,
        or white.

    Returns:
      uint8 [B, S, S, 3].
    """
    mode = {"reflect": "reflect", "white": "constant"}[fill]
    seen = keras.ops.image.affine_transform(
        tf.cast(rgb, tf.float32),
        matrices,
        fill_mode=mode,
        fill_value=255.0,
        data_format="channels_last",
    )
    return tf.cast(seen + 0.5, tf.uint8)
