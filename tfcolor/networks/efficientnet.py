"""A light U-Net whose way down is an EfficientNet-Lite0 trained on ImageNet."""

from typing import Any

import keras

from tfcolor.color.bins import QUARTER
from tfcolor.networks.efficientnet_lite import BLOCKS
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.networks.generators import Generator
from tfcolor.networks.heads import enlarged
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import initializer
from tfcolor.types import Shape
from tfcolor.types import Tensor

# 3x3 convolutions of each level of the way up, and their channels over width:
# at 1/16 of the size, 1/8, 1/4, and 1/2 where `finest` is 2.
LEVELS = ((1, 2.0), (2, 1.5), (2, 1.0), (2, 0.5))


@keras.saving.register_keras_serializable("tfcolor")
class EfficientNetUNet(Generator):
    """EfficientNet-Lite0 on the way down; on the way up a 1x1 convolution, then
    levels that enlarge bilinearly, see the encoder's map of their size too, and
    convolve 3x3; ReLU after each.

    The lightness enters the encoder as it is: l of a grey is what the published
    weights were trained to see, (x - 127)/128 of its sRGB x in 0..255, within
    0.07. With one input channel the kernels of red, green and blue are summed,
    which is exact. The colors are enlarged from the last level.

    Args:
      width: channels of the level at a quarter of the size.
      weights: of the encoder: "imagenet" (of the package of the extra
        `encoder`), a file of such weights of PyTorch or Keras, or "none". See
        `load_pretrained`.
      frozen: the encoder is not trained.
      frozen_blocks: its first layer and that many of its 16 blocks are not; 0:
        everything is.
      finest: side of one predicted color in pixels: 4, or 2 with one more
        level. Of the head "bins" 4.
      norm, dropout, spectral_norm: of the way up; dropout in its two innermost
        convolutions.
      head, temperature, input_channels, white_point: as in UNet.

    Hints join what every level of the way up sees, and the first layer of an
    encoder that is trained.

    Input, output and errors as of Generator; height and width must be
    multiples of 32.
    """

    multiple = 32

    def __init__(
        self,
        width: int = 64,
        norm: str = "none",
        dropout: float = 0.0,
        spectral_norm: bool = False,
        weights: str = "imagenet",
        frozen: bool = False,
        frozen_blocks: int = 0,
        finest: int = QUARTER,
        head: str = "ab",
        temperature: float | None = None,
        input_channels: int = 1,
        white_point: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            {
                "width": width,
                "norm": norm,
                "dropout": dropout,
                "spectral_norm": spectral_norm,
                "weights": weights,
                "frozen": frozen,
                "frozen_blocks": frozen_blocks,
                "finest": finest,
                "head": head,
                "temperature": temperature,
                "input_channels": input_channels,
                "white_point": white_point,
            },
            **kwargs,
        )
        check_choice("generator.frozen_blocks", frozen_blocks, range(BLOCKS + 1))
        check_choice("generator.finest", finest, (QUARTER, QUARTER // 2))
        if frozen and frozen_blocks:
            raise ValueError(
                f"generator.frozen_blocks: {frozen_blocks}, but with generator.frozen "
                "no block is trained"
            )
        if head == "bins" and finest != QUARTER:
            raise ValueError(
                f"generator.finest: {finest}, but generator.head bins has its colours "
                f"at a quarter of the size: {QUARTER}"
            )
        self.encoder = EfficientNetLite0(channels=input_channels)
        # Of one pixel an instance norm would leave nothing.
        entry_norm = norm if norm == "batch" else "none"
        self.entry = self._convolution(2 * width, 1, norm=entry_norm, dropout=dropout)
        levels = LEVELS if finest < QUARTER else LEVELS[:-1]
        self.levels = [
            [
                self._convolution(
                    max(1, int(factor * width)), dropout=0.0 if i else dropout
                )
                for _ in range(count)
            ]
            for i, (count, factor) in enumerate(levels)
        ]
        scales = [2 ** (5 - level) for level in range(1 + len(self.levels))]
        # The first layer too, unless it is not trained.
        self.sees_hints = not (frozen or frozen_blocks)
        self.join_at([*scales, *([2] if self.sees_hints else [])])
        self.head = self.make_head(
            lambda channels: keras.layers.Conv2D(
                channels, 3, padding="same", kernel_initializer=initializer()
            ),
            scale=finest,
        )

    def _convolution(self, filters, kernel_size=3, **settings):
        norm = settings.get("norm", self.settings["norm"])
        return self.block(
            filters,
            kernel_size,
            stride=1,
            activation="relu",
            kernel_initializer="he_normal" if norm == "none" else None,
            **settings,
        )

    def build(self, shape: Shape) -> None:
        super().build(shape)
        self.encoder.trainable = not self.settings["frozen"]
        if frozen := self.settings["frozen_blocks"]:
            for part in (self.encoder.stem, *self.encoder.blocks[:frozen]):
                part.trainable = False

    def load_pretrained(self) -> None:
        """Load `weights` into the encoder; call it once, on a new network.

        Raises:
          ValueError: there is no such file, or it is of another architecture.
        """
        if self.settings["weights"] == "none":
            return
        try:
            self.encoder.load(self.settings["weights"])
        except ValueError as error:
            raise ValueError(f"generator.weights: {error}") from error

    def features(
        self, x: Tensor, training: bool | None, hints: Tensor | None = None
    ) -> Tensor:
        if hints is None or not self.sees_hints:
            *maps, last = self.encoder(x)
        else:
            stem = self.join(-1, self.encoder.stem(x), hints)
            *maps, last = self.encoder.maps(stem)
        x = self.join(0, self.entry(last, training=training), hints)
        for number, level in enumerate(self.levels, 1):
            x = keras.ops.concatenate([_doubled(x), maps.pop()], -1)
            x = self.join(number, x, hints)
            for convolution in level:
                x = convolution(x, training=training)
        return x


def _doubled(x):
    """[B, h, w, C] twice as large, bilinearly with pixel centers at halves."""
    if None in x.shape[1:3]:  # Keras resizes to a size that it knows
        return enlarged(x, 2)
    height, width = x.shape[1:3]
    return keras.ops.image.resize(x, (2 * height, 2 * width), "bilinear")
