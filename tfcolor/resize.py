"""Pictures of another size, as products with matrices of weights.

Each axis is resized by its own matrix, so that a band of rows of a large
picture can be made without the rest of it, and any size may be known at run
time only. Plain TensorFlow operations, differentiable.
"""

import tensorflow as tf


def weights(size, target, kernel, first=0, count=None):
    """Weights that bring an axis of `size` samples to `target` samples.

    Samples lie at the centres of their pixels, a kernel is stretched by the
    factor of a reduction, and its part beyond the edges is left out.

    Args:
      size, target: int or scalar int tensor.
      kernel: "linear" (on reduction an area-like mean) or "cubic" (Keys 1981,
        a = -1/2).
      first, count: the rows wanted of the matrix; None: to the last.

    Returns:
      [count, size] float32, each row of sum 1.
    """
    count = target - first if count is None else count
    scale = tf.cast(size, tf.float32) / tf.cast(target, tf.float32)
    centre = (tf.cast(tf.range(first, first + count), tf.float32) + 0.5) * scale - 0.5
    distance = tf.cast(tf.range(size), tf.float32) - centre[:, None]
    found = _KERNELS[kernel](tf.abs(distance) / tf.maximum(scale, 1.0))
    return found / tf.reduce_sum(found, -1, keepdims=True)


def apply(x, rows, columns):
    """Resize planes [..., h, w] by matrices [H, h] and [W, w] to [..., H, W]."""
    return tf.matmul(tf.matmul(rows, x), columns, transpose_b=True)


def reflected(count, before, after):
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
