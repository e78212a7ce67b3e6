"""The network of "Colorful Image Colorization"."""

from typing import Any

import keras

from tfcolor.color.bins import QUARTER
from tfcolor.networks.generators import Generator
from tfcolor.networks.generators import pointwise
from tfcolor.types import Tensor

# Of each block of Colorful: (factor of the width, convolutions, stride of the
# last one, dilation).
COLORFUL = (
    (1, 2, 2, 1),
    (2, 2, 2, 1),
    (4, 3, 2, 1),
    (8, 3, 1, 1),
    (8, 3, 1, 2),
    (8, 3, 1, 2),
    (8, 3, 1, 1),
)


@keras.saving.register_keras_serializable("tfcolor")
class Colorful(Generator):
    """The network of "Colorful Image Colorization" (Zhang et al. 2016, fig. 2).

    Eight blocks of 3x3 convolutions, dilated in 5 and 6; a norm at the end of
    each but the last. The color is predicted at a quarter of the size.

    Args:
      width: channels of the first block; 64 is the published network.
      dropout: rate after blocks 5, 6 and 7; the published network has none.
      The rest as in UNet.

    Input, output and errors as of Generator; height and width must be
    multiples of 8.
    """

    multiple = 8

    def __init__(
        self,
        width: int = 32,
        norm: str = "batch",
        dropout: float = 0.0,
        spectral_norm: bool = False,
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
                "head": head,
                "temperature": temperature,
                "input_channels": input_channels,
                "white_point": white_point,
            },
            **kwargs,
        )
        self.blocks = []
        for number, (factor, count, stride, dilation) in enumerate(COLORFUL, 1):
            filters = width * factor
            self.blocks += [
                self._convolution(filters, dilation=dilation) for _ in range(count - 1)
            ]
            self.blocks.append(
                self._convolution(
                    filters,
                    stride=stride,
                    dilation=dilation,
                    norm=norm,
                    dropout=dropout if number in (5, 6, 7) else 0.0,
                )
            )
        self.blocks.append(self._convolution(4 * width, 4, stride=2, transpose=True))
        self.blocks += [self._convolution(4 * width) for _ in range(2)]
        self.join_at([1, 2 * QUARTER, QUARTER])
        self.head = self.make_head(pointwise, scale=QUARTER)

    def _convolution(self, filters, kernel_size=3, stride=1, norm="none", **settings):
        return self.block(
            filters,
            kernel_size,
            stride=stride,
            norm=norm,
            norm_last=True,
            activation="relu",
            kernel_initializer="he_normal",
            **settings,
        )

    def features(
        self, x: Tensor, training: bool | None, hints: Tensor | None = None
    ) -> Tensor:
        # After the first convolution, where the size is least, and a quarter.
        joins = {0: 0, len(self.blocks) - 7: 1, len(self.blocks) - 3: 2}
        for number, block in enumerate(self.blocks):
            x = block(x, training=training)
            if number in joins:
                x = self.join(joins[number], x, hints)
        return x
