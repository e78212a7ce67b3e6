"""The generator of CycleGAN: pictures to pictures of the same size."""

from typing import Any

import keras

from tfcolor.networks.generators import NORMS
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import has_modes
from tfcolor.networks.layers import normalization
from tfcolor.types import Layer
from tfcolor.types import Shape
from tfcolor.types import Tensor


@keras.saving.register_keras_serializable("tfcolor")
class Translator(keras.Model):
    """Two halvings, residual blocks, two doublings (Johnson et al. 2016, as in
    Zhu et al. 2017, appendix), padded by reflection; the doublings by pixel
    shuffle (Shi et al. 2016).

    Args:
      inputs, outputs: channels.
      width: channels of the first layer; 64 is the published one.
      blocks: residual blocks; published 6 for 128 pixels and 9 for 256.
      norm: "instance", "group", "batch" or "none".
      section: of the config, named in errors.

    Input: [B, H, W, inputs] float in [-1, 1], H and W multiples of 4 and at
    least 8. Output: [B, H, W, outputs] float32 in [-1, 1].

    Raises:
      ValueError: a setting outside its range, or another size.
    """

    multiple = 4

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 32,
        blocks: int = 6,
        norm: str = "instance",
        section: str = "scanner",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice(f"{section}.norm", norm, NORMS)
        for name, value, least in (("width", width, 1), ("blocks", blocks, 0)):
            if value < least:
                raise ValueError(f"{section}.{name}: {value} must be at least {least}")
        self.settings: dict[str, Any] = {
            "inputs": inputs,
            "outputs": outputs,
            "width": width,
            "blocks": blocks,
            "norm": norm,
            "section": section,
        }
        self.layers_in_order: list[Layer] = [
            Reflected(width, 7, norm=norm, activation="relu"),
            Reflected(2 * width, 3, stride=2, norm=norm, activation="relu"),
            Reflected(4 * width, 3, stride=2, norm=norm, activation="relu"),
            *(Residual(4 * width, norm) for _ in range(blocks)),
            Doubling(2 * width, norm),
            Doubling(width, norm),
        ]
        self.last = Reflected(outputs, 7)

    def build(self, shape: Shape) -> None:
        self.check_size(shape)
        self.call(keras.KerasTensor(shape))  # builds every layer

    def check_size(self, shape: Shape) -> None:
        """Raise a ValueError for an input whose sides are not multiples of 4, or below
        8."""
        for size in shape[1:3]:
            if size is not None and (size % self.multiple or size < 8):
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]}: {self.settings['section']} "
                    f"needs multiples of {self.multiple}, at least 8"
                )

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        for layer in self.layers_in_order:
            x = layer(x, training=training)
        # float32: what is shown must not be rounded to bfloat16.
        x = keras.ops.cast(self.last(x, training=training), "float32")
        return keras.ops.tanh(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("tfcolor")
class Reflected(ConvBlock):
    """A ConvBlock padded by reflection to the size of its input, or half."""

    def __init__(
        self, filters: int, kernel_size: int, stride: int = 1, **settings: Any
    ) -> None:
        settings = {**settings, "padding": "valid"}
        super().__init__(filters, kernel_size, stride, **settings)

    def padded(self, x: Tensor) -> Tensor:
        """The input [B, H, W, C] with half a kernel of mirrored pixels on each side."""
        side = self.settings["kernel_size"] // 2
        edges = [[0, 0], [side, side], [side, side], [0, 0]]
        return keras.ops.pad(x, edges, mode="reflect")

    def build(self, shape: Shape) -> None:
        super().build(self.padded(keras.KerasTensor(shape)).shape)

    def compute_output_shape(self, shape: Shape) -> Shape:
        return super().compute_output_shape(self.padded(keras.KerasTensor(shape)).shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return super().call(self.padded(x), training=training)


@keras.saving.register_keras_serializable("tfcolor")
class Residual(keras.layers.Layer):
    """x + two 3x3 convolutions of it, [B, h, w, filters] (He et al. 2016)."""

    def __init__(self, filters: int, norm: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {"filters": filters, "norm": norm}
        self.first = Reflected(filters, 3, norm=norm, activation="relu")
        self.second = Reflected(filters, 3, norm=norm)

    def build(self, shape: Shape) -> None:
        self.call(keras.KerasTensor(shape))

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        y = self.first(x, training=training)
        return x + self.second(y, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable("tfcolor")
class Doubling(keras.layers.Layer):
    """[B, h, w, C] -> [B, 2h, 2w, filters]: 3x3 convolution, pixel shuffle, norm,
    ReLU."""

    def __init__(self, filters: int, norm: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {"filters": filters, "norm": norm}
        self.expand = Reflected(4 * filters, 3)
        self.norm: Layer = normalization(norm)

    def build(self, shape: Shape) -> None:
        self.call(keras.KerasTensor(shape))

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = keras.ops.depth_to_space(self.expand(x, training=training), 2)
        if has_modes(self.norm):
            x = self.norm(x, training=training)
        elif self.norm is not None:
            x = self.norm(x)
        return keras.ops.relu(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}
