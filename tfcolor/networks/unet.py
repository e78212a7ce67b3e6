"""The U-Net of pix2pix."""

from typing import Any

import keras

from tfcolor.networks.convolutions import ConvTranspose
from tfcolor.networks.generators import Generator
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import initializer
from tfcolor.types import Network
from tfcolor.types import Tensor


@keras.saving.register_keras_serializable("tfcolor")
class UNet(Generator):
    """The U-Net of pix2pix (Isola et al. 2017, appendix 6.1.1).

    Each of `depth` levels halves the map with a 4x4 convolution of stride 2
    and is undone by a transposed one that also sees the map of the same size
    on the way down. Level i has width * min(2^i, 8) channels; the first and
    the innermost have no norm. depth 8 and width 64 are the published
    U-Net-256. With the head "bins" the way up ends at a quarter of the size.

    Args:
      depth: halvings, 2 to 8. Height and width of the input must be multiples
        of 2^depth.
      width: channels of the first level.
      norm: "batch", "instance", "group" or "none".
      dropout: rate on the three innermost levels of the way up; the published
        network has 0.5. 0 makes it deterministic.
      thick: an extra 3x3 convolution at each level down and up, and three
        before and three after the bottleneck, the innermost convolution.
      spectral_norm: divide each kernel but the head's by its largest singular
        value (Miyato et al. 2018).
      head: "ab", two channels through tanh, "bins", "lab" or "rgb" (see Head).
      temperature: of the head "bins".
      input_channels: 1, or 3: l repeated.
      white_point: L* from which the input is white, see `whitened`; None: none.

    Hints join the map of each level on the way down but the innermost.

    Input, output and errors as of Generator.
    """

    def __init__(
        self,
        depth: int = 6,
        width: int = 32,
        norm: str = "batch",
        dropout: float = 0.0,
        thick: bool = False,
        spectral_norm: bool = False,
        head: str = "ab",
        temperature: float | None = None,
        input_channels: int = 1,
        white_point: float | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice("generator.depth", depth, range(2, 9))
        super().__init__(
            {
                "depth": depth,
                "width": width,
                "norm": norm,
                "dropout": dropout,
                "thick": thick,
                "spectral_norm": spectral_norm,
                "head": head,
                "temperature": temperature,
                "input_channels": input_channels,
                "white_point": white_point,
            },
            **kwargs,
        )
        self.multiple = 2**depth
        widths = [width * min(2**i, 8) for i in range(depth)]
        self.down = [self._down(i, widths) for i in range(depth)]
        # Around the innermost convolution. After it the map may be one pixel,
        # of which an instance norm would leave nothing.
        extra = 3 if thick else 0
        self.before = [self._extra(widths[-2], norm) for _ in range(extra)]
        self.after = [self._extra(widths[-1], "none") for _ in range(extra)]
        last = 2 if head == "bins" else 1
        self.up = [self._up(i, widths) for i in reversed(range(last, depth))]
        self.join_at([2 ** (level + 1) for level in range(depth - 1)])
        self.head = self.make_head(
            lambda channels: ConvTranspose(
                channels, 4, strides=2, padding="same", kernel_initializer=initializer()
            )
        )

    @property
    def described(self) -> str:
        return f"generator.depth {self.settings['depth']}"

    def folded(self) -> Network:
        """A network without batch norm, whose statistics, which do not change
        in inference, are part of the kernels and biases."""
        if self.settings["norm"] != "batch" or self.settings["spectral_norm"]:
            return self
        plain = UNet(**{**self.settings, "norm": "none"})
        plain.build((None, self.multiple, self.multiple, 1))
        for mine, other in zip(self.blocks(), plain.blocks(), strict=True):
            mine.fold_into(other)
        for mine, other in zip(self.joins, plain.joins, strict=True):
            other.set_weights(mine.get_weights())
        plain.head.set_weights(self.head.get_weights())
        return plain

    def blocks(self) -> list[Network]:
        """The ConvBlocks, in one order."""
        parts = [*self.down, *self.before, *self.after, *self.up]
        nested = [p.layers if isinstance(p, keras.Sequential) else [p] for p in parts]
        return [block for layers in nested for block in layers]

    def _down(self, level, widths):
        plain = level in (0, self.settings["depth"] - 1)
        norm = "none" if plain else self.settings["norm"]
        block = self.block(widths[level], 4, norm=norm, activation="leaky_relu")
        return self._thicken(block, widths[level], norm)

    def _up(self, level, widths):
        inner = level >= self.settings["depth"] - 3
        block = self.block(
            widths[level - 1],
            4,
            transpose=True,
            dropout=self.settings["dropout"] if inner else 0.0,
            activation="relu",
        )
        return self._thicken(block, widths[level - 1], self.settings["norm"])

    def _thicken(self, block, filters, norm):
        if self.settings["thick"]:
            return keras.Sequential([block, self._extra(filters, norm)])
        return block

    def _extra(self, filters, norm):
        return self.block(filters, 3, stride=1, norm=norm, activation="relu")

    def features(
        self, x: Tensor, training: bool | None, hints: Tensor | None = None
    ) -> Tensor:
        skips = []
        for level, block in enumerate(self.down[:-1]):
            x = self.join(level, block(x, training=training), hints)
            skips.append(x)
        for block in [*self.before, self.down[-1], *self.after]:
            x = block(x, training=training)
        for block in self.up:
            x = block(x, training=training)
            x = keras.ops.concatenate([x, skips.pop()], axis=-1)
        return x
