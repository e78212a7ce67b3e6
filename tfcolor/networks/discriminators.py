"""Discriminators and critics of (l, ab) [B, H, W, 3], l and ab concatenated.

Their outputs are raw: logits or scores without a sigmoid, high = real; or an
energy, low = real.
"""

from typing import Any

import keras

from tfcolor.networks.attention import attention as new_attention
from tfcolor.networks.attention import attention_levels
from tfcolor.networks.attention import check_attention
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice
from tfcolor.types import Shape
from tfcolor.types import Tensor

NORMS = ("batch", "instance", "layer", "none")
DOWNSAMPLES = (1, 2, 4)

# receptive field: (kernel size, [(factor of the width, stride), ...]) of all
# layers but the last, which has one channel and stride 1.
LAYERS = {
    1: (1, [(1, 1), (2, 1)]),
    16: (4, [(1, 2), (2, 1)]),
    34: (4, [(1, 2), (2, 2), (4, 1)]),
    46: (4, [(1, 2), (2, 2), (4, 1), (8, 1)]),
    70: (4, [(1, 2), (2, 2), (4, 2), (8, 1)]),
    142: (4, [(1, 2), (2, 2), (4, 2), (8, 2), (8, 1)]),
    286: (4, [(1, 2), (2, 2), (4, 2), (8, 2), (8, 2), (8, 1)]),
}


class Discriminator(keras.Model):
    """What the discriminators share: checked settings, building, saving.

    Args:
      settings: the arguments of the subclass, by name.

    Raises:
      ValueError: a setting outside its range.
    """

    section = "discriminator"  # of the config
    gives = "logits"  # or "energies"; what a trainer's `takes` has to be

    def __init__(self, settings: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if settings["width"] < 1:
            raise ValueError(
                f"{self.section}.width: {settings['width']} must be at least 1"
            )
        check_choice("discriminator.norm", settings.get("norm", "none"), NORMS)
        self.settings = settings
        self.to_float32 = keras.layers.Activation("linear", dtype="float32")

    @property
    def per_image(self) -> bool:
        """Whether what it says of an image does not depend on the others."""
        return bool(self.settings.get("norm", "none") != "batch")

    def halvings(self, count: int, **settings: Any) -> list[ConvBlock]:
        """`count` blocks that halve the map, of width * min(2^i, 8) channels."""
        return [
            ConvBlock(
                self.settings["width"] * min(2**i, 8),
                norm=self.settings["norm"] if i else "none",
                activation="leaky_relu",
                **settings,
            )
            for i in range(count)
        ]

    def build(self, shape: Shape) -> None:
        self.check_size(shape)
        self.call(keras.KerasTensor(shape))  # builds every layer

    def check_size(self, shape: Shape) -> None:
        """Raise a ValueError for an input that the network cannot take."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("tfcolor")
class PatchDiscriminator(Discriminator):
    """PatchGAN: one logit for each patch (Isola et al. 2017, appendix 6.1.2).

    Args:
      receptive_field: side of the patch that one logit sees, pixels: 1, 16,
        34, 46, 70, 142 or 286; without attention, with which it sees all.
      width: channels of the first layer.
      norm: "batch", "instance", "layer" or "none"; the first and the last
        layer have none.
      bias: of the last layer. A critic of which only differences count, such
        as those of WGAN, needs none: its gradient is but rounding noise.
      spectral_norm: divide each kernel by its spectral norm (Miyato et al.
        2018); see `layers.advance`.
      attention: "none", "sagan" or "simple": a self-attention layer between
        two blocks; see the module `attention`.
      attention_at: heights in pixels, at the size that the network is built
        with, of the maps that attention is put on, such as "16" or "8,16".
        None: the first map of at most 32, or the smallest.
      downsample: side in pixels of the cells whose means it looks at. With 4, a
        generator whose colors are a quarter of the size is not told from the
        truth by the missing detail.

    Input: [B, H, W, 3] float, l and ab concatenated, in [-1, 1]; H and W
    multiples of `downsample`.
    Output: [B, h, w, 1] float32 raw logits, high = real; 30x30 of them for
    256x256 pixels at 70.

    Raises:
      ValueError: a setting that is not allowed, or an input so small that no
        patch is left.
    """

    def __init__(
        self,
        receptive_field: int = 70,
        width: int = 64,
        norm: str = "batch",
        spectral_norm: bool = False,
        attention: str = "none",
        attention_at: str | None = None,
        bias: bool = True,
        downsample: int = 1,
        **kwargs: Any,
    ) -> None:
        settings = {
            "receptive_field": receptive_field,
            "width": width,
            "norm": norm,
            "bias": bias,
            "spectral_norm": spectral_norm,
            "attention": attention,
            "attention_at": attention_at,
            "downsample": downsample,
        }
        super().__init__(settings, **kwargs)
        check_choice("discriminator.receptive_field", receptive_field, tuple(LAYERS))
        check_choice("discriminator.downsample", downsample, DOWNSAMPLES)
        check_attention("discriminator", attention, attention_at)
        self.means = keras.layers.AveragePooling2D(downsample)
        kernel, layers = LAYERS[receptive_field]
        common: dict[str, Any] = {"padding": "pix2pix", "spectral_norm": spectral_norm}
        self.blocks = [
            ConvBlock(
                width * factor,
                kernel,
                stride=stride,
                norm=norm if i else "none",
                activation="leaky_relu",
                **common,
            )
            for i, (factor, stride) in enumerate(layers)
        ]
        self.blocks.append(ConvBlock(1, kernel, stride=1, bias=bias, **common))

    def build(self, shape: Shape) -> None:
        self.check_size(shape)
        kind, levels = self.settings["attention"], self.find_levels(shape)
        self.attention = [
            new_attention(kind, self.settings["spectral_norm"]) if i in levels else None
            for i in range(len(self.blocks))
        ]
        super().build(shape)

    def find_levels(self, shape: Shape) -> list[int]:
        """Indices of the blocks that attention follows."""
        kind, at = self.settings["attention"], self.settings["attention_at"]
        if kind != "none" and shape[1] is None:
            raise ValueError("discriminator.attention needs a fixed image height")
        heights, shape = [], self.means.compute_output_shape(shape)
        for block in self.blocks[:-1]:
            shape = block.compute_output_shape(shape)
            heights.append(shape[1])
        return attention_levels("discriminator", kind, at, heights)

    def check_size(self, shape: Shape) -> None:
        kernel, layers = LAYERS[self.settings["receptive_field"]]
        downsample = self.settings["downsample"]
        for size in shape[1:3]:
            if size is not None and size % downsample:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]} is not a multiple of "
                    f"discriminator.downsample {downsample}"
                )
            left = None if size is None else size // downsample
            for stride in [stride for _, stride in layers] + [1]:
                if left is not None and kernel > 1:
                    left = -(-left // stride) - (stride == 1)
            if left is not None and left < 1:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]} leaves no patch for "
                    f"discriminator.receptive_field "
                    f"{self.settings['receptive_field']}"
                )

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = self.means(x)
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = block(x, training=training)
            x = x if attention is None else attention(x)
        return self.to_float32(x)


@keras.saving.register_keras_serializable("tfcolor")
class ImageDiscriminator(Discriminator):
    """One logit for an image: the discriminator of DCGAN (Radford et al. 2016).

    4x4 convolutions of stride 2 halve the map until it is 4x4, with
    width * min(2^i, 8) channels; the logit is a product with all of that map.

    Args:
      width: channels of the first layer.
      norm: "batch", "instance", "layer" or "none"; the first layer and the
        logit have none.
      spectral_norm: divide each kernel by its spectral norm (Miyato et al.
        2018); see `layers.advance`.

    Input: [B, S, S, 3] float, l and ab concatenated, in [-1, 1]; S is 8, 16,
    32, ..., and that of the first call for all others.
    Output: [B, 1] float32 raw logits, high = real.

    Raises:
      ValueError: a setting that is not allowed, or another size.
    """

    def __init__(
        self,
        width: int = 64,
        norm: str = "batch",
        spectral_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        settings = {"width": width, "norm": norm, "spectral_norm": spectral_norm}
        super().__init__(settings, **kwargs)
        self.side: int | None = None

    def build(self, shape: Shape) -> None:
        height, width = shape[1:3]
        sides = [4 * 2**n for n in range(1, 16)]
        if height != width or height not in sides:
            raise ValueError(
                f"image size {height}x{width}: discriminator 'image' needs a "
                f"square with a side of {sides[0]}, {sides[1]}, {sides[2]}, ..."
            )
        self.side = height
        spectral_norm = self.settings["spectral_norm"]
        count = sides.index(height) + 1
        self.blocks = self.halvings(count, spectral_norm=spectral_norm)
        last = ConvBlock(1, stride=1, padding="valid", spectral_norm=spectral_norm)
        self.blocks.append(last)
        super().build(shape)

    def check_size(self, shape: Shape) -> None:
        if tuple(shape[1:3]) != (self.side, self.side):
            raise ValueError(
                f"image size {shape[1]}x{shape[2]}: this discriminator was "
                f"built for {self.side}x{self.side}"
            )

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        self.check_size(x.shape)
        for block in self.blocks:
            x = block(x, training=training)
        return self.to_float32(keras.ops.squeeze(x, (1, 2)))
