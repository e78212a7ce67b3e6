"""Generators: lightness to colour, l [B, H, W, 1] -> ab [B, H, W, 2]."""

import keras

from tfcolor.networks.convolutions import ConvTranspose
from tfcolor.networks.heads import QUARTER
from tfcolor.networks.heads import Head
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import initializer

NORMS = ("batch", "instance", "group", "none")


class Generator(keras.Model):
    """What all generators share: the input, and a head after the last map.

    A subclass has `features(x, training)`, the map that the head sees, sets
    `multiple`, what height and width must be divisible by, and makes its head
    by `make_head`.

    Args:
      settings: the arguments of the subclass, by name.

    Input: l [B, H, W, 1] float, L*/50 - 1, in [-1, 1].
    Output: ab [B, H, W, 2] float32, (a*, b*)/110, in [-1, 1]; with
    `with_logits` also what the head made it of: of the head "bins" the logits
    [B, H/4, W/4, 313] float32.

    Raises:
      ValueError: a setting outside its range, or an input size that is not a
        multiple of `multiple`.
    """

    multiple = 1

    @property
    def described(self):
        """The network in a message about its input."""
        return f"generator {type(self).__name__}"

    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        check_choice("generator.norm", settings["norm"], NORMS)
        check_choice("generator.input_channels", settings["input_channels"], (1, 3))
        if settings["width"] < 1:
            raise ValueError(f"generator.width: {settings['width']} must be at least 1")
        if not 0 <= settings["dropout"] < 1:
            raise ValueError(
                f"generator.dropout: {settings['dropout']} is not in [0, 1)"
            )
        self.settings = settings

    def load_pretrained(self):
        """Load weights trained elsewhere, where the network has such; called
        once, on a new network."""

    def make_head(self, convolution, scale=1):
        """A Head of the settings.

        Args:
          convolution: a function of channels to a layer; "bins" has its
            logits made by a 1x1 convolution all the same.
          scale: of the picture's size to that of the map, with "ab".
        """
        kind, temperature = self.settings["head"], self.settings["temperature"]
        if kind == "bins":
            return Head(kind, pointwise, temperature)
        return Head(kind, convolution, temperature, scale)

    def block(self, filters, kernel_size, **settings):
        """A ConvBlock with the generator's norm and spectral norm."""
        common = {name: self.settings[name] for name in ("norm", "spectral_norm")}
        return ConvBlock(filters, kernel_size, **{**common, **settings})

    def build(self, shape):
        self.call(keras.KerasTensor(shape))  # builds every layer

    def check_size(self, shape):
        for size in shape[1:3]:
            if size is not None and size % self.multiple:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]}: {self.described} "
                    f"needs multiples of {self.multiple}"
                )

    def call(self, l, training=None, with_logits=False):
        self.check_size(l.shape)
        x = keras.ops.concatenate([l] * self.settings["input_channels"], -1)
        ab, logits = self.head(self.features(x, training))
        return (ab, logits) if with_logits else ab

    def get_config(self):
        return {**super().get_config(), **self.settings}


def pointwise(channels):
    return keras.layers.Conv2D(channels, 1, kernel_initializer=initializer())


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
      head: "ab", two channels through tanh, or "bins" (see Head).
      temperature: of the head "bins".
      input_channels: 1, or 3: l repeated.

    Input, output and errors as of Generator.
    """

    def __init__(
        self,
        depth=6,
        width=32,
        norm="batch",
        dropout=0.0,
        thick=False,
        spectral_norm=False,
        head="ab",
        temperature=None,
        input_channels=1,
        **kwargs,
    ):
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
        last = 1 if head == "ab" else 2
        self.up = [self._up(i, widths) for i in reversed(range(last, depth))]
        self.head = self.make_head(
            lambda channels: ConvTranspose(
                channels, 4, strides=2, padding="same", kernel_initializer=initializer()
            )
        )

    @property
    def described(self):
        return f"generator.depth {self.settings['depth']}"

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

    def features(self, x, training):
        skips = []
        for block in self.down[:-1]:
            x = block(x, training=training)
            skips.append(x)
        for block in [*self.before, self.down[-1], *self.after]:
            x = block(x, training=training)
        for block in self.up:
            x = block(x, training=training)
            x = keras.ops.concatenate([x, skips.pop()], axis=-1)
        return x


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
    each but the last. The colour is predicted at a quarter of the size.

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
        width=32,
        norm="batch",
        dropout=0.0,
        spectral_norm=False,
        head="ab",
        temperature=None,
        input_channels=1,
        **kwargs,
    ):
        super().__init__(
            {
                "width": width,
                "norm": norm,
                "dropout": dropout,
                "spectral_norm": spectral_norm,
                "head": head,
                "temperature": temperature,
                "input_channels": input_channels,
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

    def features(self, x, training):
        for block in self.blocks:
            x = block(x, training=training)
        return x
