"""What generators share: lightness to color, l [B, H, W, 1] -> ab [B, H, W, 2]."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from tfcolor.color.bins import QUARTER
from tfcolor.networks.heads import Head
from tfcolor.networks.hints import CHANNELS
from tfcolor.networks.hints import HintJoin
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice
from tfcolor.networks.layers import initializer
from tfcolor.types import Layer
from tfcolor.types import Network
from tfcolor.types import Shape
from tfcolor.types import Tensor

L_MAX = 100.0  # L* of white
NORMS = ("batch", "instance", "group", "none")


class Generator(keras.Model):
    """What all generators share: the input, and a head after the last map.

    A subclass has `features(x, training)`, the map that the head sees, sets
    `multiple`, what height and width must be divisible by, and makes its head
    by `make_head`. For hints it names the scales of the maps that see them by
    `join_at`, and has `features(x, training, hints)`, which calls `join`.

    Args:
      settings: the arguments of the subclass, by name.
      hints: whether it takes hints.

    Input: l [B, H, W, 1] float, L*/50 - 1, in [-1, 1]; with hints also [B, H, W, 4],
    l and, where a color is known, (a*, b*)/110 and 1, elsewhere 0.
    Output: ab [B, H, W, 2] float32, (a*, b*)/110, in [-1, 1]; of the heads
    "lab" and "rgb" l, a and b, [B, H, W, 3]; with
    `with_logits` also what the head made it of: of the head "bins" the logits
    [B, H/4, W/4, 313] float32.

    Raises:
      ValueError: a setting outside its range, or an input size that is not a
        multiple of `multiple`.
    """

    multiple = 1

    @property
    def described(self) -> str:
        """The network in a message about its input."""
        return f"generator {type(self).__name__}"

    def __init__(
        self, settings: dict[str, Any], hints: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_choice("generator.norm", settings["norm"], NORMS)
        check_choice("generator.input_channels", settings["input_channels"], (1, 3))
        white_point = settings["white_point"]
        if white_point is not None and not 0 < white_point <= L_MAX:
            raise ValueError(f"generator.white_point: {white_point} is not in (0, 100]")
        if settings["width"] < 1:
            raise ValueError(f"generator.width: {settings['width']} must be at least 1")
        if not 0 <= settings["dropout"] < 1:
            raise ValueError(
                f"generator.dropout: {settings['dropout']} is not in [0, 1)"
            )
        self.settings = {**settings, "hints": bool(hints)}
        self.joins: list[HintJoin] = []

    def features(self, x: Tensor, training: bool | None) -> Tensor:
        """The map [B, h, w, C] that the head sees of an input [B, H, W, 1 or 3]."""
        raise NotImplementedError

    def load_pretrained(self) -> None:
        """Load weights trained elsewhere, where the network has such; called
        once, on a new network."""

    def folded(self) -> Network:
        """A generator that infers the same in fewer operations, if there is
        such; otherwise this one."""
        return self

    def make_head(self, convolution: Callable[[int], Layer], scale: int = 1) -> Head:
        """A Head of the settings.

        Args:
          convolution: a function of channels to a layer; "bins" has its
            logits made by a 1x1 convolution all the same.
          scale: of the picture's size to that of the map, but with "bins".
        """
        kind, temperature = self.settings["head"], self.settings["temperature"]
        if kind == "bins":
            return Head(kind, pointwise, temperature, QUARTER)
        return Head(kind, convolution, temperature, scale)

    def block(self, filters: int, kernel_size: int, **settings: Any) -> ConvBlock:
        """A ConvBlock with the generator's norm and spectral norm."""
        common = {name: self.settings[name] for name in ("norm", "spectral_norm")}
        return ConvBlock(filters, kernel_size, **{**common, **settings})

    def join_at(self, scales: Sequence[int], gain: float = 1.0) -> None:
        """Make the joins of the hints with maps `scales` times smaller than the
        picture; without hints none."""
        if self.settings["hints"]:
            self.joins = [*self.joins, *(HintJoin(scale, gain) for scale in scales)]

    def join(self, i: int, x: Tensor, hints: Tensor | None) -> Tensor:
        """A map [B, h, w, C] with the hints [B, H, W, 3] that join i adds; without
        them as it is."""
        return x if hints is None else self.joins[i](x, hints)

    def unhinted_weights(self) -> list[Any]:
        """The weights but those of the joins, in their order."""
        own = {id(weight) for join in self.joins for weight in join.weights}
        return [weight for weight in self.weights if id(weight) not in own]

    def build(self, shape: Shape) -> None:
        self.call(keras.KerasTensor((*shape[:-1], 1)))  # builds every layer
        if self.settings["hints"]:
            self.call(keras.KerasTensor((*shape[:-1], 1 + CHANNELS)))  # and the joins

    def check_size(self, shape: Shape) -> None:
        """Raise ValueError if the sides of an input are no multiples of `multiple`."""
        for size in shape[1:3]:
            if size is not None and size % self.multiple:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]}: {self.described} "
                    f"needs multiples of {self.multiple}"
                )

    def call(
        self, l: Tensor, training: bool | None = None, with_logits: bool = False
    ) -> Any:
        self.check_size(l.shape)
        given = () if l.shape[-1] == 1 else (l[..., 1:],)
        x = whitened(l[..., :1], self.settings["white_point"])
        x = keras.ops.concatenate([x] * self.settings["input_channels"], -1)
        ab, logits = self.head(self.features(x, training, *given))
        return (ab, logits) if with_logits else ab

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


def whitened(l: Tensor, white_point: float | None) -> Tensor:
    """Lightness [B, H, W, 1], L*/50 - 1, brightened so that what has this L* or more is
    white: the levels of a paint program. None: as it is."""
    if white_point is None:
        return l
    return keras.ops.minimum((l + 1.0) * (L_MAX / white_point) - 1.0, 1.0)


def pointwise(channels: int) -> Layer:
    """A 1x1 convolution with the usual initial weights."""
    return keras.layers.Conv2D(channels, 1, kernel_initializer=initializer())
