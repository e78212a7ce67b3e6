"""4x4 convolutions of stride 2, and the gradient by their kernel as one product.

On small maps of many channels TensorFlow's kernel for that gradient on a CPU takes up
to five times as long as the product of the patches and the result's gradient.
"""

import math

import keras

from tfcolor.types import Tensor

# Weights a pixel of the smaller map from which the product is the faster one.
LEAST = {"bfloat16": 4096, "float32": 32768}


def takes(x: Tensor, kernel: Tensor, shrinks: bool) -> bool:
    """Whether the product is faster for a training step: on a CPU only.

    Args:
      x: the input [B, h, w, C].
      kernel: [4, 4, C, filters], or [4, 4, filters, C] unless `shrinks`.
      shrinks: for `convolve`; False: for `convolve_transpose`.
    """
    if keras.backend.backend() != "tensorflow" or None in x.shape[1:3]:
        return False
    if keras.distribution.list_devices("gpu"):
        return False
    if shrinks and any(side % 2 for side in x.shape[1:3]):
        return False
    pixels = math.prod(x.shape[1:3]) // (4 if shrinks else 1)
    least = LEAST.get(keras.backend.standardize_dtype(x.dtype), math.inf)
    return math.prod(kernel.shape) >= least * pixels


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """[B, 2h, 2w, C], kernel [4, 4, C, filters] -> [B, h, w, filters].

    Differentiable any number of times, as `convolve_transpose` is.
    """

    @keras.ops.custom_gradient
    def convolved(x, kernel):
        def gradients(upstream):
            by_data = convolve_transpose(upstream, kernel)
            return by_data, gradient_by_kernel(x, upstream)

        return keras.ops.conv(x, kernel, 2, "same"), gradients

    return convolved(x, _value(kernel, x))


def convolve_transpose(x: Tensor, kernel: Tensor) -> Tensor:
    """[B, h, w, C], kernel [4, 4, filters, C] -> [B, 2h, 2w, filters]."""

    @keras.ops.custom_gradient
    def convolved(x, kernel):
        def gradients(upstream):
            return convolve(upstream, kernel), gradient_by_kernel(upstream, x)

        return keras.ops.conv_transpose(x, kernel, 2, "same"), gradients

    return convolved(x, _value(kernel, x))


def _value(kernel, x):
    # Read before the function whose gradient is our own, which takes no variables.
    return keras.ops.cast(kernel, x.dtype)


def gradient_by_kernel(x: Tensor, gradient: Tensor) -> Tensor:
    """Of a convolution of x [B, 2h, 2w, C] by its kernel [4, 4, C, filters], from
    the gradient by its result [B, h, w, filters]."""
    ops = keras.ops
    channels, filters = x.shape[-1], gradient.shape[-1]
    columns = ops.reshape(patches(x), (-1, 16 * channels))
    rows = ops.reshape(gradient, (-1, filters))
    product = ops.matmul(ops.transpose(columns), rows)
    return ops.reshape(product, (4, 4, channels, filters))


def patches(x: Tensor) -> Tensor:
    """The pixels that a 4x4 kernel of stride 2 sees: [B, 2h, 2w, C] to
    [B, h, w, 16 C], by row, column and channel."""
    ops = keras.ops
    h, w, channels = x.shape[1] // 2, x.shape[2] // 2, x.shape[3]
    x = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    # Two copies of whole runs of memory: first all columns, then all rows.
    x = ops.reshape(x, (-1, 2 * h + 2, w + 1, 2 * channels))
    x = ops.concatenate([x[:, :, :w], x[:, :, 1:]], -1)
    x = ops.reshape(x, (-1, h + 1, 2, w, 4 * channels))
    rows = [x[:, i : i + h, parity] for i in (0, 1) for parity in (0, 1)]
    return ops.concatenate(rows, -1)
