"""Pictures of another size.

A picture that a network looks at is reduced in one way, in training, validation,
inference and exports: as sRGB, first by a power of two that leaves GAP to 2 GAP
times the pixels of a side that are wanted (the mean of square cells; a JPEG
decoder does it too), then by a triangle. `picture` does it on an array of 8
bits, `reducing` has its weights.

Else each axis is resized by a matrix of its own, so that a band of rows of a
large picture can be made without the rest of it, and any size may be known at
run time only: plain TensorFlow operations, differentiable.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfcolor.images.axes import POWERS
from tfcolor.images.axes import fits
from tfcolor.images.axes import reduction
from tfcolor.types import Tensor

# Pixels that are averaged at a time, so that memory hardly grows with a picture.
_BAND = 1 << 22


def picture(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture at a smaller size, or a larger one.

    Args:
      image: uint8 [H, W] or [H, W, 3].

    Returns:
      uint8 [height, width] or [height, width, 3].
    """
    full_height, full_width = image.shape[:2]
    if (full_height, full_width) == (height, width):
        return image
    factor = reduction((full_height, full_width), (height, width))
    size = full_width / factor, full_height / factor
    cells = Image.fromarray(_averaged(image, factor))
    triangle = Image.Resampling.BILINEAR
    return np.asarray(cells.resize((width, height), triangle, box=(0, 0, *size)))


def reducing(size: tuple[Any, Any], target: tuple[Any, Any]) -> tuple[Tensor, ...]:
    """The weights (rows [h, H], columns [w, W]) by which `picture` brings a
    picture of size (H, W) to a target (h, w), but for its rounding to 8 bits.
    Both may be known at run time only."""
    fitting = [tf.where(fits(size, target, factor), factor, 1) for factor in POWERS]
    factor = tf.reduce_max(fitting)
    return tuple(
        weights(*sides, "linear", factor=factor)
        for sides in zip(size, target, strict=True)
    )


def _averaged(image, factor):
    """uint8 [H, W, ...] -> the means of square cells of `factor` pixels, those
    at the lower and right edge perhaps of fewer."""
    if factor == 1:
        return image
    rows = factor * max(1, _BAND // (factor * image.shape[1]))
    bands = (image[first : first + rows] for first in range(0, len(image), rows))
    return np.concatenate(
        [np.asarray(Image.fromarray(x).reduce(factor)) for x in bands]
    )


def weights(
    size: Any,
    target: Any,
    kernel: str,
    first: int = 0,
    count: int | None = None,
    factor: Any = 1,
) -> Tensor:
    """Weights that bring an axis of `size` samples to `target` samples.

    Samples lie at the centers of their pixels, a kernel is stretched by the
    factor of a reduction, and its part beyond the edges is left out.

    Args:
      size, target: int or scalar int tensor.
      kernel: "linear" (on reduction an area-like mean) or "cubic" (Keys 1981,
        a = -1/2).
      first, count: the rows wanted of the matrix; None: to the last.
      factor: samples, of which the kernel sees the mean only.

    Returns:
      [count, size] float32, each row of sum 1.
    """
    count = target - first if count is None else count
    cells = -(-size // factor)
    scale = tf.cast(size, tf.float32) / tf.cast(factor * target, tf.float32)
    center = (tf.cast(tf.range(first, first + count), tf.float32) + 0.5) * scale - 0.5
    distance = tf.cast(tf.range(cells), tf.float32) - center[:, None]
    matrix = _KERNELS[kernel](tf.abs(distance) / tf.maximum(scale, 1.0))
    matrix /= tf.reduce_sum(matrix, -1, keepdims=True)
    if isinstance(factor, int) and factor == 1:
        return matrix
    cell = tf.range(size) // factor
    samples = tf.minimum(factor, size - cell * factor)
    return tf.gather(matrix, cell, axis=-1) / tf.cast(samples, tf.float32)


def apply(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resize planes [..., h, w] by matrices [H, h] and [W, w] to [..., H, W]."""
    return tf.matmul(tf.matmul(rows, x), columns, transpose_b=True)


def reflected(count: Tensor, before: Any, after: Any) -> Tensor:
    """Indices [before + count + after] of an axis of `count` samples continued
    by reflection at its edge samples, as often as it takes."""
    last = tf.maximum(count - 1, 1)
    index = tf.range(-before, count + after)
    index = tf.abs(tf.math.floormod(index + last, 2 * last) - last)
    return tf.minimum(index, count - 1)


def _linear(distance):
    return tf.maximum(1.0 - distance, 0.0)


def _cubic(t):
    near = (1.5 * t - 2.5) * t * t + 1.0
    far = ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    return tf.where(t < 1.0, near, tf.where(t < 2.0, far, 0.0))


_KERNELS = {"linear": _linear, "cubic": _cubic}
