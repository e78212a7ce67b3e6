"""The weight network of robust Wasserstein GAN."""

from typing import Any

import keras

from tfcolor.networks.discriminators import Discriminator
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import convolution
from tfcolor.types import Shape
from tfcolor.types import Tensor


@keras.saving.register_keras_serializable("tfcolor")
class WeightNetwork(Discriminator):
    """Weights of the real images in robust Wasserstein GAN (Balaji et al. 2020).

    3x3 convolutions of width, 2 width and 4 width channels, each with ReLU
    and a 2x2 max-pool, then a 4x4 convolution to one channel. Published for
    32x32 pixels, of which that leaves one number; of larger images it is the
    mean of the map that is left, and smaller ones are pooled only while the
    map stays at least 4x4.

    Args:
      width: channels of the first layer.

    Input: [B, H, W, 3] float, l and ab concatenated, in [-1, 1]; H and W at
    least 4.
    Output: [B] float32 weights, at least 1e-4, that the trainer has to divide
    by their mean over the batch. They start near 1.

    Raises:
      ValueError: a setting that is not allowed, or a side below 4.
    """

    section = "weight_network"

    def __init__(self, width: int = 64, **kwargs: Any) -> None:
        super().__init__({"width": width}, **kwargs)
        self.blocks = [
            ConvBlock(width * 2**i, 3, stride=1, activation="relu") for i in range(3)
        ]
        self.pool = keras.layers.MaxPooling2D(2)
        self.score = convolution(1, 4, use_bias=False)

    def check_size(self, shape: Shape) -> None:
        if any(size is not None and size < 4 for size in shape[1:3]):
            raise ValueError(
                f"image size {shape[1]}x{shape[2]}: the weight network needs at "
                "least 4x4"
            )

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        self.check_size(x.shape)
        for block in self.blocks:
            x = block(x)
            if all(size is None or size >= 8 for size in x.shape[1:3]):
                x = self.pool(x)
        score = keras.ops.mean(self.to_float32(self.score(x)), (1, 2, 3))
        # From 1, because the ReLU passes no gradient below 0; and not from a
        # bias, which the division by the mean would leave no true gradient.
        return keras.ops.relu(1.0 + score) + 1e-4
