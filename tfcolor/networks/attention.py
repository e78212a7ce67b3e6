"""Self-attention layers: each pixel of a map sees all others."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import convolution
from tfcolor.registry import SUMMED
from tfcolor.types import Network
from tfcolor.types import Shape
from tfcolor.types import Tensor

ATTENTIONS = ("none", "sagan", "simple")

# Side of the map that attention is put on unless told (Zhang et al. 2019).
ATTENTION_SIDE = 32


def attention(name: str, spectral_norm: bool = False) -> Network | None:
    """A new attention layer, or None for "none".

    Args:
      name: one of ATTENTIONS: "sagan" is `SelfAttention`, "simple" is
        `SimpleSelfAttention`.
      spectral_norm: of the convolutions of "sagan"; "simple" always has it.
    """
    check_choice("attention", name, ATTENTIONS)
    if name == "none":
        return None
    return SelfAttention(spectral_norm) if name == "sagan" else SimpleSelfAttention()


class ResidualAttention(keras.layers.Layer):
    """gamma * o(x) + x with a trained scalar gamma that starts at 0.

    The product is float32: sums over all pixels are large, gamma is small.
    """

    def build_attention(self, shape: Shape) -> None:
        """Make the layers of `attend` for an input [B, H, W, C]."""
        raise NotImplementedError

    def attend(self, x: Tensor) -> Tensor:
        """o(x): [B, H, W, C] of [B, H, W, C]."""
        raise NotImplementedError

    def build(self, shape: Shape) -> None:
        self.build_attention(shape)
        self.gamma = self.add_weight(
            shape=(), initializer="zeros", name="gamma", autocast=False
        )

    def compute_output_shape(self, shape: Shape) -> Shape:
        return shape

    def call(self, x: Tensor) -> Tensor:
        o = keras.ops.cast(self.attend(x), "float32")
        return x + keras.ops.cast(self.gamma * o, x.dtype)


@keras.saving.register_keras_serializable("tfcolor")
class SelfAttention(ResidualAttention):
    """Self-attention of SAGAN (Zhang et al. 2019, section 3).

    Queries theta(x) and keys phi(x) of C/8 channels, at least one, and values
    g(x) of C/2; keys and values are max-pooled by 2, so that N pixels attend
    to N/4. Each pixel gets the mean of the values weighted by the softmax of
    its products with the keys, then a convolution back to C channels. All
    four convolutions are 1x1 without bias. The softmax, in float32, takes N^2
    bytes an image.

    Args:
      spectral_norm: of the four convolutions.

    Input and output: [B, H, W, C] float, H and W at least 2; where odd, the last row or
    column is dropped by the key pooling. With the initial gamma the output
    equals the input.

    Raises:
      ValueError: a side below 2.
    """

    def __init__(self, spectral_norm: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spectral_norm = spectral_norm

    def build_attention(self, shape: Shape) -> None:
        for size in shape[1:3]:
            if size is not None and size < 2:
                raise ValueError(
                    f"attention: a map of {shape[1]}x{shape[2]} is below 2x2"
                )
        channels = shape[-1]
        self.theta = self.pointwise(max(channels // 8, 1), shape, "theta")
        self.phi = self.pointwise(max(channels // 8, 1), shape, "phi")
        self.g = self.pointwise(max(channels // 2, 1), shape, "g")
        inner = (*shape[:-1], max(channels // 2, 1))
        self.back = self.pointwise(channels, inner, "back")
        self.pool = keras.layers.MaxPooling2D(2)

    def pointwise(self, filters: int, shape: Shape, name: str) -> Network:
        """A built 1x1 convolution without bias, of the layer's own kind."""
        return _pointwise(filters, shape, self.spectral_norm, name)

    def attend(self, x: Tensor) -> Tensor:
        ops = keras.ops
        keys = _pixels(self.pool(self.phi(x)))
        products = ops.matmul(_pixels(self.theta(x)), ops.transpose(keys, (0, 2, 1)))
        share = ops.softmax(ops.cast(products, "float32"), -1)
        means = ops.matmul(ops.cast(share, x.dtype), _pixels(self.pool(self.g(x))))
        b, h, w, _ = ops.shape(x)
        return self.back(ops.reshape(means, (b, h, w, means.shape[-1])))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "spectral_norm": self.spectral_norm}


@keras.saving.register_keras_serializable("tfcolor")
class SimpleSelfAttention(ResidualAttention):
    """Attention between channels: gamma * (X X^T / N) conv(X) + X, X [C, N].

    The simplified layer of fast.ai, used by OnePunchGAN: without softmax, and
    of cost C^2 N instead of N^2 C. The convolution is 1x1 without bias and
    with spectral normalization. X X^T is divided by the number of pixels N,
    which as published it is not: the gain would grow with the map, and a
    network would be another at every size.

    Input and output: [B, H, W, C] float. With the initial gamma the output
    equals the input. The matrix products are float32: the sums would pass the
    range of float16.

    Raises:
      ValueError: at loading weights that are of the sum.
    """

    def build_attention(self, shape: Shape) -> None:
        self.convolution = _pointwise(shape[-1], shape, True, "convolution")

    def attend(self, x: Tensor) -> Tensor:
        ops = keras.ops
        pixels = ops.cast(_pixels(x), "float32")  # X^T
        products = ops.matmul(ops.transpose(pixels, (0, 2, 1)), pixels)
        products = products / ops.cast(ops.shape(pixels)[1], "float32")
        values = ops.cast(_pixels(self.convolution(x)), "float32")
        # X X^T is symmetric, so ((X X^T) V)^T = V^T (X X^T).
        return ops.reshape(ops.matmul(values, products), ops.shape(x))

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["mean"] = np.ones(())

    def load_own_variables(self, store: Any) -> None:
        weights = {name: store[name] for name in store.keys()}  # noqa: SIM118
        if weights.pop("mean", None) is None:
            raise ValueError(f"{SUMMED}; train the network again")
        super().load_own_variables(weights)


def _pointwise(filters, shape, spectral_norm, name):
    layer = convolution(
        filters, 1, spectral_norm=spectral_norm, use_bias=False, name=name
    )
    layer.build(shape)
    return layer


def _pixels(x):
    """[B, H, W, C] -> [B, H * W, C]."""
    return keras.ops.reshape(x, (keras.ops.shape(x)[0], -1, x.shape[-1]))


def check_attention(section: str, name: str, places: str | None) -> None:
    """Raise ValueError for an unknown attention, or places without one."""
    check_choice(f"{section}.attention", name, ATTENTIONS)
    if name == "none" and places is not None:
        raise ValueError(
            f"{section}.attention_at: {places} needs a {section}.attention"
        )


def attention_levels(
    section: str, name: str, places: str | None, sides: Sequence[int]
) -> list[int]:
    """Which of the maps of these sides attention comes after.

    Args:
      section: of the config, for messages.
      name: one of ATTENTIONS.
      places: sides in pixels, such as "16" or "8,32"; None: the largest map
        of at most ATTENTION_SIDE, or the smallest.
      sides: of the maps, pixels.

    Returns:
      Indices into `sides`; none with "none".

    Raises:
      ValueError: a side that no map has.
    """
    if name == "none":
        return []
    if places is None:
        fitting = [side for side in sides if side <= ATTENTION_SIDE]
        return [sides.index(max(fitting) if fitting else min(sides))]
    known = [str(side) for side in sides]
    for place in str(places).split(","):
        if place.strip() not in known:
            raise ValueError(
                f"{section}.attention_at: {place} is not one of {', '.join(known)}"
            )
    return [known.index(place.strip()) for place in str(places).split(",")]
