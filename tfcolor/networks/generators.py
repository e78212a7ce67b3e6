"""Generators: lightness to colour, l [B, H, W, 1] -> ab [B, H, W, 2]."""

import keras

from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import initializer

HEADS = ("ab",)
NORMS = ("batch", "instance", "group", "none")


@keras.saving.register_keras_serializable("tfcolor")
class UNet(keras.Model):
    """The U-Net of pix2pix (Isola et al. 2017, appendix 6.1.1).

    Each of `depth` levels halves the map with a 4x4 convolution of stride 2
    and is undone by a transposed one that also sees the map of the same size
    on the way down. Level i has width * min(2^i, 8) channels; the first and
    the innermost have no norm. depth 8 and width 64 are the published
    U-Net-256.

    Args:
      depth: halvings, 2 to 8. Height and width of the input must be multiples
        of 2^depth.
      width: channels of the first level.
      norm: "batch", "instance", "group" or "none".
      dropout: rate on the three innermost levels of the way up; the published
        network has 0.5. 0 makes it deterministic.
      thick: an extra 3x3 convolution at each level down and up, and three
        before and three after the bottleneck, the innermost convolution.
      head: "ab", two channels through tanh.

    Input: l [B, H, W, 1] float, L*/50 - 1, in [-1, 1].
    Output: ab [B, H, W, 2] float32, (a*, b*)/110, in [-1, 1].

    Raises:
      ValueError: a setting outside its range, or an input size that is not a
        multiple of 2^depth.
    """

    def __init__(
        self,
        depth=6,
        width=32,
        norm="batch",
        dropout=0.0,
        thick=False,
        head="ab",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice("generator.depth", depth, range(2, 9))
        check_choice("generator.norm", norm, NORMS)
        check_choice("generator.head", head, HEADS)
        if width < 1:
            raise ValueError(f"generator.width: {width} must be at least 1")
        if not 0 <= dropout < 1:
            raise ValueError(f"generator.dropout: {dropout} is not in [0, 1)")
        self.settings = {
            "depth": depth,
            "width": width,
            "norm": norm,
            "dropout": dropout,
            "thick": thick,
            "head": head,
        }
        self.depth = depth
        widths = [width * min(2**i, 8) for i in range(depth)]
        self.down = [self._down(i, widths) for i in range(depth)]
        # Around the innermost convolution. After it the map may be one pixel,
        # of which an instance norm would leave nothing.
        extra = 3 if thick else 0
        self.before = [self._extra(widths[-2], norm) for _ in range(extra)]
        self.after = [self._extra(widths[-1], "none") for _ in range(extra)]
        self.up = [self._up(i, widths) for i in reversed(range(1, depth))]
        self.head = keras.layers.Conv2DTranspose(
            2, 4, strides=2, padding="same", kernel_initializer=initializer()
        )
        # float32: the colours must not be rounded to bfloat16.
        self.squash = keras.layers.Activation("tanh", dtype="float32")

    def _down(self, level, widths):
        plain = level in (0, self.depth - 1)
        norm = "none" if plain else self.settings["norm"]
        block = ConvBlock(widths[level], norm=norm, activation="leaky_relu")
        return self._thicken(block, widths[level], norm)

    def _up(self, level, widths):
        inner = level >= self.depth - 3
        block = ConvBlock(
            widths[level - 1],
            transpose=True,
            norm=self.settings["norm"],
            dropout=self.settings["dropout"] if inner else 0.0,
            activation="relu",
        )
        return self._thicken(block, widths[level - 1], self.settings["norm"])

    def _thicken(self, block, filters, norm):
        if self.settings["thick"]:
            return keras.Sequential([block, self._extra(filters, norm)])
        return block

    def _extra(self, filters, norm):
        return ConvBlock(filters, 3, stride=1, norm=norm, activation="relu")

    def build(self, shape):
        self.call(keras.KerasTensor(shape))  # builds every layer

    def check_size(self, shape):
        multiple = 2**self.depth
        for size in shape[1:3]:
            if size is not None and size % multiple:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]}: generator.depth "
                    f"{self.depth} needs multiples of {multiple}"
                )

    def call(self, l, training=None):
        self.check_size(l.shape)
        x = l
        skips = []
        for block in self.down[:-1]:
            x = block(x, training=training)
            skips.append(x)
        for block in [*self.before, self.down[-1], *self.after]:
            x = block(x, training=training)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(x, training=training)
            x = keras.ops.concatenate([x, skip], axis=-1)
        return self.squash(self.head(x))

    def get_config(self):
        return {**super().get_config(), **self.settings}
