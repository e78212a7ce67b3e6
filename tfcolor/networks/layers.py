"""Layers shared by generators and discriminators. `keras.ops` and Keras
layers only, so that the networks run on every Keras backend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from tfcolor.networks.batch_norm import ON_TENSORFLOW
from tfcolor.networks.batch_norm import BatchNormalization
from tfcolor.networks.convolutions import Conv
from tfcolor.networks.convolutions import ConvTranspose
from tfcolor.networks.convolutions import SpectralConv
from tfcolor.networks.convolutions import SpectralConvTranspose
from tfcolor.networks.convolutions import SpectralNormalization
from tfcolor.types import Layer
from tfcolor.types import Network
from tfcolor.types import Shape
from tfcolor.types import Tensor

NORMS = ("batch", "instance", "group", "layer", "none")

# Weights start as N(0, 0.02) (Radford et al. 2016; Isola et al. 2017).
INITIALIZER_STDDEV = 0.02


def initializer() -> Any:
    """A new initializer of weights: normal, of deviation INITIALIZER_STDDEV."""
    return keras.initializers.RandomNormal(stddev=INITIALIZER_STDDEV)


def check_choice(field: str, value: object, allowed: Iterable[object]) -> None:
    """Raise ValueError, naming the field, if a value is not among those that are
    allowed."""
    if value not in allowed:
        raise ValueError(
            f"{field}: {value!r} is not one of {', '.join(map(str, allowed))}"
        )


def normalization(name: str, groups: int = 32) -> Layer | None:
    """A new normalization layer for [B, H, W, C], or None for "none".

    "batch" is synchronized over the replicas of a TensorFlow strategy;
    "instance" normalizes each channel of each image (Ulyanov et al. 2016),
    "layer" all channels of an image together (Ba et al. 2016), "group" in
    `groups` groups, or one a channel where there are fewer channels
    (Wu and He 2018).
    """
    check_choice("norm", name, NORMS)
    if name == "none":
        return None
    if name == "batch":
        # Momentum 0.9: GAN runs are short in steps, and the statistics that
        # inference uses must follow the weights.
        return BatchNormalization(
            momentum=0.9,
            epsilon=1e-5,
            synchronized=ON_TENSORFLOW,
        )
    return ImageNormalization({"instance": -1, "layer": 1, "group": groups}[name])


@keras.saving.register_keras_serializable("tfcolor")
class ImageNormalization(keras.layers.Layer):
    """Instance, layer or group normalization: statistics of one image.

    Args:
      groups: groups the channels are divided into; -1 or more than there are channels:
        each channel is a group. 1: all channels together.

    Input and output: [B, H, W, C]. Scale and offset are per channel.

    Raises:
      ValueError: the channels are not divisible by the groups.
    """

    def __init__(self, groups: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, shape: Shape) -> None:
        channels = shape[-1]
        wanted = self.groups
        self.n_groups = channels if wanted < 1 else min(wanted, channels)
        if channels % self.n_groups:
            raise ValueError(
                f"norm 'group': {channels} channels are not divisible by "
                f"{self.n_groups} groups"
            )
        self.scale = self.add_weight(
            shape=(channels,), initializer="ones", name="scale", autocast=False
        )
        self.offset = self.add_weight(
            shape=(channels,), initializer="zeros", name="offset", autocast=False
        )

    def compute_output_shape(self, shape: Shape) -> Shape:
        return shape

    def call(self, x: Tensor) -> Tensor:
        ops = keras.ops
        y = ops.cast(x, "float32")
        mean = ops.mean(y, axis=(1, 2), keepdims=True)
        square = ops.mean(ops.square(y), axis=(1, 2), keepdims=True)
        if self.n_groups != x.shape[-1]:
            mean, square = self.pool(mean), self.pool(square)
        variance = ops.maximum(square - ops.square(mean), 0.0)
        gain = self.scale * ops.rsqrt(variance + self.epsilon)
        return ops.cast(y * gain + (self.offset - mean * gain), x.dtype)

    def pool(self, statistic: Tensor) -> Tensor:
        """Means over the channels of each group: [B, 1, 1, C] both ways."""
        ops = keras.ops
        channels = statistic.shape[-1]
        split = (-1, 1, 1, self.n_groups, channels // self.n_groups)
        pooled = ops.mean(ops.reshape(statistic, split), -1, keepdims=True)
        return ops.reshape(
            ops.broadcast_to(pooled, ops.shape(ops.reshape(statistic, split))),
            (-1, 1, 1, channels),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "groups": self.groups,
            "epsilon": self.epsilon,
        }


def convolution(
    filters: int,
    kernel_size: int,
    transpose: bool = False,
    spectral_norm: bool = False,
    **settings: Any,
) -> Layer:
    """A new convolution with normal initial weights; `settings` are Keras'."""
    layer = {
        (False, False): Conv,
        (False, True): SpectralConv,
        (True, False): ConvTranspose,
        (True, True): SpectralConvTranspose,
    }[transpose, spectral_norm]
    settings = {"kernel_initializer": initializer(), **settings}
    return layer(filters, kernel_size, **settings)


def advance(network: Network) -> None:
    """`advance` of all layers with spectral normalization in a network.

    To be called once after each update of the network's weights. Does nothing
    to a network without such layers.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralNormalization):
            layer.advance()


@keras.saving.register_keras_serializable("tfcolor")
class ConvBlock(keras.layers.Layer):
    """Convolution, normalization, dropout, activation.

    Args:
      filters: output channels.
      kernel_size: side of the kernel, pixels.
      stride: 1 or more; with `transpose` the factor of enlargement.
      transpose: transposed convolution.
      norm: one of NORMS. The convolution has a bias only with "none": before
        a norm it would have no gradient but rounding noise.
      dropout: share of the values set to zero in training.
      activation: "relu", "leaky_relu" (slope 0.2) or None.
      padding: "same", "valid", or "pix2pix": one pixel on each side whatever
        the stride, so that a 4x4 kernel with stride 1 shrinks the map by one.
      spectral_norm: divide the kernel by its spectral norm; see
        `SpectralNormalization`, and `advance`, which the trainer must call.
      dilation: distance of the kernel's pixels.
      norm_last: normalize after the activation (as Zhang et al. 2016 do).
      kernel_initializer: of Keras; None: normal, of deviation 0.02.
      bias: of the convolution; without effect before a norm.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 4,
        stride: int = 2,
        transpose: bool = False,
        norm: str = "none",
        dropout: float = 0.0,
        activation: str | None = None,
        padding: str = "same",
        spectral_norm: bool = False,
        dilation: int = 1,
        norm_last: bool = False,
        kernel_initializer: str | None = None,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "filters": filters,
            "kernel_size": kernel_size,
            "stride": stride,
            "transpose": transpose,
            "norm": norm,
            "dropout": dropout,
            "activation": activation,
            "padding": padding,
            "spectral_norm": spectral_norm,
            "dilation": dilation,
            "norm_last": norm_last,
            "kernel_initializer": kernel_initializer,
            "bias": bias,
        }
        explicit = padding == "pix2pix" and kernel_size > 1 and stride == 1
        self.pad = keras.layers.ZeroPadding2D(1) if explicit else None
        self.convolution = convolution(
            filters,
            kernel_size,
            transpose,
            spectral_norm,
            strides=stride,
            padding="valid" if explicit or padding == "valid" else "same",
            use_bias=bias and (norm == "none" or norm_last),
            dilation_rate=dilation,
            **(
                {"kernel_initializer": kernel_initializer} if kernel_initializer else {}
            ),
        )
        self.norm = normalization(norm)
        self.dropout = keras.layers.Dropout(dropout) if dropout else None
        self.activation = {
            None: None,
            "relu": keras.layers.ReLU(),
            "leaky_relu": keras.layers.LeakyReLU(0.2),
        }[activation]

    def layers_in_order(self) -> list[Layer]:
        """The layers that it has, in the order in which they are called."""
        parts = [self.pad, self.convolution, self.norm, self.dropout, self.activation]
        if self.settings["norm_last"]:
            parts.append(parts.pop(2))
        return [layer for layer in parts if layer is not None]

    def build(self, shape: Shape) -> None:
        for layer in self.layers_in_order():
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, shape: Shape) -> Shape:
        for layer in self.layers_in_order():
            shape = layer.compute_output_shape(shape)
        return shape

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        for layer in self.layers_in_order():
            x = layer(x, training=training) if has_modes(layer) else layer(x)
        return x

    def fold_into(self, other: ConvBlock) -> None:
        """Set the weights of `other`, a built block without a norm, so that it
        infers what this one with a batch norm or none does."""
        kernel, *bias = self.convolution.get_weights()
        if self.norm is not None:
            norm = self.norm
            gain = norm.gamma / keras.ops.sqrt(norm.moving_variance + norm.epsilon)
            bias = [norm.beta - norm.moving_mean * gain]
            kernel = kernel * (gain[:, None] if self.settings["transpose"] else gain)
        other.convolution.set_weights([kernel, *bias])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


def has_modes(layer: Layer) -> bool:
    """Whether a layer of a ConvBlock does something else in training."""
    return isinstance(layer, keras.layers.BatchNormalization | keras.layers.Dropout)
