"""How a generator takes hints: known colors at some places of the picture."""

from typing import Any

import keras

from tfcolor.types import Shape
from tfcolor.types import Tensor

CHANNELS = 3  # a*/110 and b*/110 where there is a hint and 0 elsewhere; and whether


@keras.saving.register_keras_serializable("tfcolor")
class HintJoin(keras.layers.Layer):
    """Adds a 3x3 convolution of the hints to a map of the network.

    Its kernel begins as zero and it has no bias: a new network answers as it does
    without hints, whatever they are, and without hints that stays so (the zero
    convolution of Zhang et al. 2023, "Adding conditional control", section 3.1).

    Args:
      scale: of the picture's size to that of the map.
      gain: what the convolution is multiplied by; the unit of the map.

    Called with a map [B, h, w, C] and hints [B, scale h, scale w, 3], it returns
    [B, h, w, C].
    """

    def __init__(self, scale: int, gain: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.gain = gain
        self.convolution: Any = None

    def build(self, x_shape: Shape, hints_shape: Shape) -> None:
        self.convolution = keras.layers.Conv2D(
            x_shape[-1], 3, padding="same", use_bias=False, kernel_initializer="zeros"
        )
        self.convolution.build((*x_shape[:-1], CHANNELS))

    def compute_output_shape(self, x_shape: Shape, hints_shape: Shape) -> Shape:
        return x_shape

    def call(self, x: Tensor, hints: Tensor) -> Tensor:
        added = self.convolution(pooled(hints, self.scale))
        return x + keras.ops.cast(self.gain, x.dtype) * keras.ops.cast(added, x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "gain": self.gain}


def pooled(hints: Tensor, scale: int) -> Tensor:
    """Hints [B, H, W, 3] on cells of `scale` pixels: the mean of the colors that are
    known in a cell, and whether there is any; so a small hint is no weaker."""
    if scale == 1:
        return hints
    ops = keras.ops
    means = ops.average_pool(hints, scale, scale, padding="valid")
    share = means[..., 2:]
    known = share > 0.0
    color = means[..., :2] / ops.where(known, share, ops.ones_like(share))
    return ops.concatenate([color, ops.cast(known, hints.dtype)], -1)
