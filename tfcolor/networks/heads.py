"""From a generator's last map to color: the last part of every generator."""

from collections.abc import Callable
from typing import Any

import keras

from tfcolor.color import bins
from tfcolor.color import cie
from tfcolor.color.bins import QUARTER
from tfcolor.networks.layers import check_choice
from tfcolor.registry import HEADS
from tfcolor.types import Layer
from tfcolor.types import Shape
from tfcolor.types import Tensor

# Of the annealed mean (Zhang et al. 2016, section 2.3).
TEMPERATURE = 0.38


class Head(keras.layers.Layer):
    """A convolution and what turns its output into ab.

    Args:
      kind: "ab": two channels through tanh; "lab": three, for drawings; "rgb":
        sRGB as three, turned into Lab. "bins": logits of the 313 colors
        of Zhang et al. 2016, whose annealed mean is ab.
      convolution: a function of the number of channels to a layer.
      temperature: of the annealed mean: near 0 the most probable color, 1 the
        mean; None: 0.38.
      scale: by how much the colors are enlarged, bilinearly.

    Called with a map [B, h, w, C], it returns ab [B, H, W, 2] float32 =
    (a*, b*)/110, of DRAWING [B, H, W, 3] = (L*/50 - 1, a*/110, b*/110), in
    [-1, 1], and what the convolution gave, float32: with
    "bins" the logits [B, H/4, W/4, 313].

    Raises:
      ValueError: a setting outside its range, or one that `kind` has not.
    """

    def __init__(
        self,
        kind: str,
        convolution: Callable[[int], Layer],
        temperature: float | None,
        scale: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("generator.head", kind, HEADS)
        if temperature is not None and kind != "bins":
            raise ValueError(
                f"generator.temperature: {temperature} is not used by generator.head "
                f"{kind}"
            )
        if temperature is not None and temperature <= 0:
            raise ValueError(f"generator.temperature: {temperature} must be positive")
        self.kind = kind
        self.temperature = TEMPERATURE if temperature is None else temperature
        self.scale = scale
        channels = {"ab": 2, "bins": len(bins.AB_BINS)}.get(kind, 3)
        self.convolution = convolution(channels)

    def build(self, shape: Shape) -> None:
        self.convolution.build(shape)

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # float32: neither colors nor logits must be rounded to bfloat16.
        x = keras.ops.cast(self.convolution(x), "float32")
        if self.kind == "bins":
            return ab_of_logits(x, self.temperature, self.scale), x
        color = keras.ops.tanh(x)
        if self.kind == "rgb":
            color = lab_of_rgb((color + 1.0) / 2.0)
        return enlarged(color, self.scale), x


def ab_of_logits(logits: Tensor, temperature: float, scale: int = QUARTER) -> Tensor:
    """The annealed mean of logits [B, h, w, 313], enlarged bilinearly:
    ab [B, scale h, scale w, 2] = (a*, b*)/110."""
    ab = bins.annealed_mean(logits, temperature) / cie.AB_MAX
    return enlarged(ab, scale)


def lab_of_rgb(rgb: Tensor) -> Tensor:
    """SRGB [..., 3] float32 in 0..1 -> what networks see of it, [..., 3] =
    (L*/50 - 1, a*/110, b*/110), as `color.lab` has it, with a finite gradient
    everywhere."""
    ops = keras.ops
    light = cie.linear(rgb, ops.power, ops.where, ops.maximum)
    matrix = cie.WHITE_FROM_RGB.astype("float32")
    # A sum, because products of matrices are less exact on some GPUs.
    white = ops.sum(ops.multiply(light[..., None, :], matrix), -1)
    curved = cie.f(white, lambda x: ops.power(x, 1.0 / 3.0), ops.where, ops.maximum)
    l, a, b = cie.planes(*(curved[..., k : k + 1] for k in range(3)))
    return ops.concatenate([l / cie.L_HALF - 1.0, a / cie.AB_MAX, b / cie.AB_MAX], -1)


def enlarged(ab: Tensor, scale: int) -> Tensor:
    """A map [B, h, w, C] -> [B, scale h, scale w, C], bilinearly with pixel centers at
    halves."""
    for axis in (1, 2) if scale > 1 else ():
        ab = _enlarged(ab, axis, scale)
    return ab


def _enlarged(x, axis, scale):
    """[B, h, w, C] `scale` times as large along an axis, bilinearly with pixel
    centers at halves; also where the size is known at run time only."""
    ops = keras.ops
    edges = [[0, 0] for _ in range(4)]
    edges[axis] = [1, 1]
    padded = ops.pad(x, edges, mode="symmetric")
    before, here, after = (
        padded[(slice(None),) * axis + (slice(start, stop),)]
        for start, stop in ((0, -2), (1, -1), (2, None))
    )
    rows = []
    for phase in range(scale):
        offset = (phase + 0.5) / scale - 0.5
        other = before if offset < 0 else after
        rows.append((1.0 - abs(offset)) * here + abs(offset) * other)
    shape = list(ops.shape(x))
    shape[axis] = -1
    return ops.reshape(ops.stack(rows, axis + 1), shape)
