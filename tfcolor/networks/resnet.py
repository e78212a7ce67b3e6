"""A U-Net whose way down is a ResNet-50 trained on ImageNet."""

import pathlib
from typing import Any

import keras

from tfcolor.networks.attention import attention as attention_layer
from tfcolor.networks.attention import attention_levels
from tfcolor.networks.attention import check_attention
from tfcolor.networks.generators import Generator
from tfcolor.networks.generators import pointwise
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import normalization
from tfcolor.types import Shape
from tfcolor.types import Tensor

# The maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
ENCODER_MAPS = (
    "conv1_relu",
    "conv2_block3_out",
    "conv3_block4_out",
    "conv4_block6_out",
    "conv5_block3_out",
)

# What keras.applications' ResNet-50 was trained to see: 0..255 less these
# means of ImageNet, in the order blue, green, red.
MEANS = (103.939, 116.779, 123.68)

# Of these for a unit of l.
GREYS = 127.5


@keras.saving.register_keras_serializable("tfcolor")
class ResNetUNet(Generator):
    """ResNet-50 (He et al. 2016) on the way down; on the way up blocks of pixel
    shuffle (Shi et al. 2016), norm and two 3x3 convolutions, each of which also
    sees the encoder's map of its size.

    The lightness enters as a grey picture, l -> 127.5 (l + 1), in three
    channels. A frozen encoder's batch norms keep the statistics they came with.
    With the head "bins" the way up ends at a quarter of the size. Hints join the map
    of each block up, and the picture that an encoder which is trained sees.

    Args:
      width: channels of the last block up; those before have up to 8 times as
        many.
      weights: of the encoder: "imagenet" (downloaded by Keras), a weights file
        of a ResNet50 without its top, or "none". See `load_pretrained`.
      frozen: the encoder is not trained.
      attention: "none", "simple" or "sagan".
      attention_at: sides of the maps on the way up, in pixels at the size that
        the network is built with, after which attention sits: "16" or "8,32".
      norm, dropout, spectral_norm: of the way up, spectral_norm of its attention
        too; dropout in the three innermost blocks.
      head, temperature, white_point: as in UNet.

    Input, output and errors as of Generator; height and width must be
    multiples of 32.
    """

    multiple = 32

    def __init__(
        self,
        width: int = 32,
        norm: str = "instance",
        dropout: float = 0.0,
        spectral_norm: bool = False,
        weights: str = "imagenet",
        frozen: bool = True,
        attention: str = "none",
        attention_at: str | None = None,
        head: str = "ab",
        temperature: float | None = None,
        input_channels: int = 3,
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
                "attention": attention,
                "attention_at": attention_at,
                "head": head,
                "temperature": temperature,
                "input_channels": input_channels,
                "white_point": white_point,
            },
            **kwargs,
        )
        check_attention("generator", attention, attention_at)
        if input_channels != 3:
            raise ValueError(
                f"generator.input_channels: {input_channels}, but resnet_unet sees 3"
            )
        resnet = keras.applications.ResNet50(include_top=False, weights=None)
        maps = [resnet.get_layer(name).output for name in ENCODER_MAPS]
        self.encoder = keras.Model(resnet.input, maps)
        self.encoder.trainable = not frozen
        widths = [width * factor for factor in (8, 4, 2, 1, 1)]
        self.up = [
            UpBlock(
                filters,
                norm=norm,
                dropout=dropout if i < 3 else 0.0,
                spectral_norm=spectral_norm,
            )
            for i, filters in enumerate(widths[: 3 if head == "bins" else 5])
        ]
        self.attention = [None] * len(self.up)
        self.join_at([16 >> level for level in range(len(self.up))])
        if not frozen:
            self.join_at([1], gain=GREYS)
        self.head = self.make_head(pointwise)

    def build(self, shape: Shape) -> None:
        sides = [shape[1] // (16 >> level) for level in range(len(self.up))]
        kind, at = self.settings["attention"], self.settings["attention_at"]
        levels = attention_levels("generator", kind, at, sides)
        self.attention = [
            attention_layer(kind, self.settings["spectral_norm"])
            if i in levels
            else None
            for i in range(len(self.up))
        ]
        super().build(shape)

    def load_pretrained(self) -> None:
        """Load `weights` into the encoder; call it once, on a new network.

        Raises:
          ValueError: there is no such file, or it is of another architecture.
        """
        weights = self.settings["weights"]
        if weights == "none":
            return
        if weights != "imagenet" and not pathlib.Path(weights).is_file():
            raise ValueError(f"generator.weights: {weights}: no such file")
        try:
            if weights == "imagenet":
                trained = keras.applications.ResNet50(include_top=False)
                self.encoder.set_weights(trained.get_weights())
            else:
                self.encoder.load_weights(weights)
        except Exception as error:  # h5py and the download raise many kinds
            reason = str(error).strip().splitlines()[0]
            raise ValueError(
                f"generator.weights: {weights}: cannot be loaded into a ResNet50 "
                f"without its top: {reason}"
            ) from error

    def features(
        self, x: Tensor, training: bool | None, hints: Tensor | None = None
    ) -> Tensor:
        ops = keras.ops
        grey = GREYS * (x + 1.0) - ops.convert_to_tensor(MEANS, dtype=x.dtype)
        if len(self.joins) > len(self.up):
            grey = self.join(-1, grey, hints)
        maps = self.encoder(grey, training=training and not self.settings["frozen"])
        x, skips = maps[-1], [*maps[:-1]]
        for i, (block, layer) in enumerate(zip(self.up, self.attention, strict=True)):
            x = self.join(i, block(x, training=training), hints)
            x = x if layer is None else layer(x)
            if skips:
                x = ops.concatenate([x, skips.pop()], -1)
        return x


@keras.saving.register_keras_serializable("tfcolor")
class UpBlock(keras.layers.Layer):
    """[B, h, w, C] -> [B, 2h, 2w, filters]: 1x1 convolution, pixel shuffle,
    norm, two 3x3 convolutions; LeakyReLU after each."""

    def __init__(
        self,
        filters: int,
        norm: str,
        dropout: float = 0.0,
        spectral_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = {
            "filters": filters,
            "norm": norm,
            "dropout": dropout,
            "spectral_norm": spectral_norm,
        }
        common: dict[str, Any] = {"stride": 1, "norm": "none"}
        common |= {"activation": "leaky_relu", "spectral_norm": spectral_norm}
        self.expand = ConvBlock(4 * filters, 1, **common)
        self.norm = normalization(norm)
        self.convolutions = [
            ConvBlock(filters, 3, **common, dropout=rate) for rate in (0.0, dropout)
        ]

    def build(self, shape: Shape) -> None:
        self.call(keras.KerasTensor(shape))

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = keras.ops.depth_to_space(self.expand(x, training=training), 2)
        if self.norm is not None:
            x = self.norm(x)
        for convolution in self.convolutions:
            x = convolution(x, training=training)
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}
