"""The discriminator of EBGAN, whose output is an energy."""

from typing import Any

import keras

from tfcolor.networks.discriminators import Discriminator
from tfcolor.networks.layers import ConvBlock
from tfcolor.types import Shape
from tfcolor.types import Tensor


@keras.saving.register_keras_serializable("tfcolor")
class AutoencoderDiscriminator(Discriminator):
    """An autoencoder whose error is the energy of an image (EBGAN, Zhao et al.
    2017, section 2.3 and appendix C).

    4x4 convolutions of stride 2 encode (l, ab), with width * min(2^i, 8)
    channels; transposed ones decode ab from the code, in the mirrored order.

    Args:
      width: channels of the first layer.
      norm: "batch", "instance", "layer" or "none"; the first and the last
        layer have none.
      depth: halvings. Height and width must be multiples of 2^depth.

    Input: [B, H, W, 3] float, l and ab concatenated, in [-1, 1].
    Output: (energy, code). energy [B] float32 is the squared error of ab, the
    mean over the pixels and both channels, low = real; the mean, where the
    paper has the norm, so that the margin does not depend on the image size.
    code [B, d] float32 is the flattened output of the encoder, for the
    pulling-away term (section 2.4).

    Raises:
      ValueError: a setting that is not allowed, or an input size that is not
        a multiple of 2^depth.
    """

    gives = "energies"

    def __init__(
        self, width: int = 64, norm: str = "batch", depth: int = 3, **kwargs: Any
    ) -> None:
        settings = {"width": width, "norm": norm, "depth": depth}
        # No autocast: ab is the target, and stays float32.
        super().__init__(settings, autocast=False, **kwargs)
        if depth < 1:
            raise ValueError(f"discriminator.depth: {depth} must be at least 1")
        self.encoder = self.halvings(depth)
        self.decoder = [
            ConvBlock(
                width * min(2**i, 8), transpose=True, norm=norm, activation="leaky_relu"
            )
            for i in reversed(range(depth - 1))
        ]
        self.decoder.append(ConvBlock(2, transpose=True))
        self.flatten = keras.layers.Flatten(dtype="float32")

    def check_size(self, shape: Shape) -> None:
        if shape[-1] != 3:
            raise ValueError(
                "discriminator.name: 'autoencoder' judges l and ab, 3 channels, "
                f"not {shape[-1]} of drawings or scans; use patch or image"
            )
        multiple = 2 ** self.settings["depth"]
        for size in shape[1:3]:
            if size is not None and size % multiple:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]}: discriminator.depth "
                    f"{self.settings['depth']} needs multiples of {multiple}"
                )

    def call(self, x: Tensor, training: bool | None = None) -> tuple[Tensor, Tensor]:
        self.check_size(x.shape)
        ab = x[..., 1:]
        for block in self.encoder:
            x = block(x, training=training)
        code = self.flatten(x)
        for block in self.decoder:
            x = block(x, training=training)
        error = self.to_float32(x) - self.to_float32(ab)
        return keras.ops.mean(keras.ops.square(error), (1, 2, 3)), code
