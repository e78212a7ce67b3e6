"""Convolution, transposed convolution, and their spectral normalization."""

import math
from typing import TYPE_CHECKING
from typing import Any

import keras

from tfcolor.networks import strided
from tfcolor.types import Shape
from tfcolor.types import Tensor
from tfcolor.types import Variable

# Pixels of a map on which a matrix product beats a transposed convolution: in
# training with its gradients, and where sizes are known at run time only, in
# inference.
TINY_MAP, SMALL_MAP = 4, 64
# Before the first use; a random kernel's norm is then within a few per cent.
POWER_ITERATIONS = 15
_SAME = [[0, 0], [0, 0], [0, 0]]


@keras.saving.register_keras_serializable("tfcolor")
class Conv(keras.layers.Conv2D):
    """Keras' convolution, on a CPU with faster gradients on small maps: `strided`."""

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return _completed(self, self.convolution_op(x, self.kernel, training))

    def convolution_op(
        self, x: Tensor, kernel: Tensor, training: bool | None = None
    ) -> Tensor:
        """Without the bias; `kernel` [k, k, C, filters]."""
        fitting = training and _is_4x4_stride_2(self) and self.groups == 1
        if fitting and strided.takes(x, kernel, shrinks=True):
            return strided.convolve(x, kernel)
        return super().convolution_op(x, kernel)


@keras.saving.register_keras_serializable("tfcolor")
class ConvTranspose(keras.layers.Conv2DTranspose):
    """Keras' transposed convolution, a matrix product on the tiniest maps.

    On the innermost maps of a U-Net, of a few pixels and many channels, the
    kernels for convolutions on the CPU take twice as long. Gradients as of `Conv`.
    """

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return _completed(self, self.convolution_op(x, self.kernel, training))

    def convolution_op(
        self, x: Tensor, kernel: Tensor, training: bool | None = None
    ) -> Tensor:
        """Without the bias; `kernel` [k, k, filters, C]."""
        ops = keras.ops

        def convolved():
            return ops.conv_transpose(
                x, kernel, self.strides, self.padding, dilation_rate=self.dilation_rate
            )

        def multiplied():
            return self._product(x, kernel)

        if not _is_4x4_stride_2(self):
            return convolved()
        if None not in x.shape[1:3]:
            if math.prod(x.shape[1:3]) <= TINY_MAP:
                return multiplied()
            if training and strided.takes(x, kernel, shrinks=False):
                return strided.convolve_transpose(x, kernel)
            return convolved()
        h, w = ops.shape(x)[1:3]
        if isinstance(x, keras.KerasTensor):
            return convolved()
        return ops.cond(h * w <= SMALL_MAP, multiplied, convolved)

    def _product(self, x, kernel):
        ops = keras.ops
        batch, h, w, channels = ops.shape(x)
        # The kernel is the large factor, so it is the one not transposed.
        kernel = ops.reshape(kernel, (-1, channels))
        columns = ops.matmul(kernel, ops.transpose(ops.reshape(x, (-1, channels))))
        # Pixel i adds to the rows 2 (i + a) + p - 1 with a and p of 0, 1.
        split = (-1, h, w, 2, 2, 2, 2, self.filters)
        parts = ops.reshape(ops.transpose(columns), split)
        # Not indexed: the gradient of an index is as large as all parts.
        y = sum(
            ops.pad(part, [[0, 0], [a, 1 - a], [c, 1 - c], *_SAME])
            for a, rows in enumerate(ops.unstack(parts, 2, axis=3))
            for c, part in enumerate(ops.unstack(rows, 2, axis=4))
        )
        y = ops.transpose(y, (0, 1, 3, 2, 4, 5))
        y = ops.reshape(y, (-1, 2 * h + 2, 2 * w + 2, self.filters))
        return ops.slice(y, (0, 1, 1, 0), (batch, 2 * h, 2 * w, self.filters))


def _completed(layer, y):
    """With the bias and activation of a layer."""
    if layer.use_bias:
        y = y + keras.ops.cast(layer.bias, y.dtype)
    return layer.activation(y)


def _is_4x4_stride_2(layer):
    common = (layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    return common == ((4, 4), (2, 2), "same", (1, 1))


if TYPE_CHECKING:
    _Convolution = Conv
else:
    _Convolution = object


class SpectralNormalization(_Convolution):
    """Mixin for a convolution: its kernel divided by its spectral norm.

    The norm is sigma = u^T W v (Miyato et al. 2018, section 2.1) of the kernel
    as a matrix W [filters, k * k * C], for a transposed convolution also. The
    stored unit vectors `u` [filters] and `v` [k * k * C] change in `advance`
    only, once after each update of the kernel, so that all passes of a
    training step see the same network. Computed in float32.
    """

    filters_axis = -1  # of the kernel

    def add_weight(
        self, *args: Any, name: str | None = None, **kwargs: Any
    ) -> Variable:
        if name == "kernel":  # under mixed precision cast after the division
            kwargs["autocast"] = False
        return super().add_weight(*args, name=name, **kwargs)

    def build(self, shape: Shape) -> None:
        super().build(shape)
        normal = keras.initializers.RandomNormal()

        def left(shape, dtype=None):
            u, w = _unit(normal(shape, dtype)), self.matrix(self.kernel)
            for _ in range(POWER_ITERATIONS):
                u, _ = _power_iteration(u, w)
            return u

        def right(shape, dtype=None):
            return _unit(keras.ops.matmul(self.u, self.matrix(self.kernel)))

        size = math.prod(self.kernel.shape) // self.filters
        self.u = self._vector("u", self.filters, left)
        self.v = self._vector("v", size, right)

    def _vector(self, name, size, initializer):
        return self.add_weight(
            shape=(size,),
            initializer=initializer,
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name=name,
        )

    def matrix(self, kernel: Tensor) -> Tensor:
        """W [filters, k * k * C], float32."""
        ops = keras.ops
        kernel = ops.moveaxis(ops.cast(kernel, "float32"), self.filters_axis, 0)
        return ops.reshape(kernel, (self.filters, -1))

    def sigma(self) -> Tensor:
        """The spectral norm, as far as `u` and `v` have converged: a scalar."""
        ops = keras.ops
        u, v = (ops.stop_gradient(ops.convert_to_tensor(x)) for x in (self.u, self.v))
        return ops.matmul(u, ops.matmul(self.matrix(self.kernel), v))

    def convolution_op(
        self, x: Tensor, kernel: Tensor, training: bool | None = None
    ) -> Tensor:
        ops = keras.ops
        kernel = ops.cast(kernel, "float32") / self.sigma()
        return super().convolution_op(x, ops.cast(kernel, x.dtype), training)

    def save_own_variables(self, store: Any) -> None:
        # That of Conv2D saves the kernel and the bias only.
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)

    def advance(self) -> None:
        """One power iteration, from the present kernel."""
        u, v = _power_iteration(self.u, self.matrix(self.kernel))
        self.u.assign(u)
        self.v.assign(v)


def _power_iteration(u, w):
    """One step of the power method from u [filters]: (u, v), unit vectors [filters]
    and [k * k * C]."""
    v = _unit(keras.ops.matmul(u, w))
    return _unit(keras.ops.matmul(w, v)), v


def _unit(x):
    return x / (keras.ops.norm(x) + 1e-12)


@keras.saving.register_keras_serializable("tfcolor")
class SpectralConv(SpectralNormalization, Conv):
    """A convolution with spectral normalization."""


@keras.saving.register_keras_serializable("tfcolor")
class SpectralConvTranspose(SpectralNormalization, ConvTranspose):
    """A transposed convolution with spectral normalization."""

    filters_axis = -2
