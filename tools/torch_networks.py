"""tfcolor's generator `efficientnet` in PyTorch, a critic, and the way back.

PyTorch trains depthwise convolutions several times faster than TensorFlow on CPUs,
and runs on machines that have no TensorFlow. Everything here is [B, C, H, W].
"""

import contextlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tfcolor.networks import torch_file
from tfcolor.networks.efficientnet_lite import CLASSES
from tfcolor.networks.efficientnet_lite import ENDS
from tfcolor.networks.efficientnet_lite import STAGES
from tfcolor.networks.efficientnet_lite import STEM
from tfcolor.networks.efficientnet_lite import TOP
from tfcolor.networks.efficientnet_lite import imagenet_file
from tfcolor.networks.generators import L_MAX

WHITE_POINT = 75.0  # L* of the paper of drawings, see `generators.whitened`
NORM_EPSILON = 1e-3  # of the published network
MAPS = (16, 24, 40, 112, 320)  # channels at 1/2, 1/4, 1/8, 1/16 and 1/32

# EfficientNet-Lite1 repeats the blocks of all stages but the first and last more often.
LITE1 = tuple(
    (*rest, repeats if number in (0, 6) else repeats + 1)
    for number, (*rest, repeats) in enumerate(STAGES)
)


def tensors(file):
    """{name: float32 array} of an NPZ of published weights."""
    arrays = np.load(file)
    return {name: arrays[name].astype(np.float32) for name in arrays.files}


class Conv(nn.Conv2d):
    """A convolution with TensorFlow's padding "same" for even sizes.

    A fixed `gain` multiplies the kernel of the published network: that of its
    frozen batch norm. Adam then moves what it moved when the network was trained.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, bias=True):
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            inputs, outputs, kernel, stride, padding, groups=groups, bias=bias
        )
        self.register_buffer("gain", None)

    def kernel(self):
        return self.weight if self.gain is None else self.weight * self.gain

    def forward(self, x):
        if self.stride[0] > 1:
            extra = self.kernel_size[0] - self.stride[0]
            x = F.pad(x, (extra // 2, extra - extra // 2) * 2)
        return self._conv_forward(x, self.kernel(), self.bias)


class MobileBlock(nn.Module):
    """`efficientnet_lite.MobileBlock`."""

    def __init__(self, inputs, kernel, stride, expansion, filters):
        super().__init__()
        inner = inputs * expansion
        self.expand = Conv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = Conv(inner, inner, kernel, stride, inner)
        self.project = Conv(inner, filters, 1)
        self.adds = stride == 1 and inputs == filters

    def convolutions(self):
        layers = (self.expand, self.depthwise, self.project)
        return [layer for layer in layers if layer is not None]

    def forward(self, x):
        y = x if self.expand is None else F.relu6(self.expand(x))
        if x.is_cpu and torch.is_grad_enabled():
            # In bfloat16 its gradient takes five times as long on CPUs.
            with torch.autocast("cpu", enabled=False):
                y = F.relu6(self.depthwise(y.float()))
        else:
            y = F.relu6(self.depthwise(y))
        y = self.project(y)
        return x + y if self.adds else y


class Encoder(nn.Module):
    """`efficientnet_lite.EfficientNetLite0` with its ImageNet weights.

    Args:
      channels: 3, or 1: the same grey in all three.
      maps: how many of the five it goes on to.
      frozen: the first layer and that many blocks get no gradient, not even to
        the input; None: everything passes.
      tensors: {name: array} of the published weights; None: as installed.
      stages: as `efficientnet_lite.STAGES`; of EfficientNet-Lite1 `LITE1`.
    """

    def __init__(self, channels, maps=5, frozen=None, tensors=None, stages=STAGES):
        super().__init__()
        self.frozen = frozen
        self.stem = Conv(channels, STEM, 3, 2)
        self.blocks, self.ends, inputs = nn.ModuleList(), [], STEM
        for number, (kernel, stride, expansion, filters, repeats) in enumerate(stages):
            for repeat in range(repeats if len(self.ends) < maps else 0):
                step = stride if repeat == 0 else 1
                block = MobileBlock(inputs, kernel, step, expansion, filters)
                self.blocks.append(block)
                inputs = filters
            if number in ENDS and len(self.ends) < maps:
                self.ends.append(len(self.blocks) - 1)
        self.load(tensors or torch_file.read(imagenet_file()))
        if frozen is not None:
            self.stem.requires_grad_(False)
            self.blocks[:frozen].requires_grad_(False)

    def load(self, tensors):
        """Set the published weights."""
        for layer, name, norm in self.published():
            kernel = tensors[f"{name}.weight"]
            if layer is self.stem and layer.in_channels == 1:
                kernel = kernel.sum(1, keepdims=True)
            deviation = np.sqrt(tensors[f"{norm}.running_var"] + NORM_EPSILON)
            gain = tensors[f"{norm}.weight"] / deviation
            bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * gain
            layer.weight.data.copy_(torch.tensor(kernel))
            layer.bias.data.copy_(torch.tensor(bias))
            layer.gain = torch.tensor(gain)[:, None, None, None]

    @torch.no_grad()
    def fold(self):
        """Multiply the gains into the kernels of what is not trained."""
        for layer, _, _ in self.published():
            if not layer.weight.requires_grad:
                layer.weight.copy_(layer.kernel())
                layer.gain = None

    def published(self):
        """(convolution, its name, that of its norm) of the published file."""
        yield self.stem, "_conv_stem", "_bn0"
        for i, block in enumerate(self.blocks):
            names = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            if block.expand is not None:
                names.insert(0, ("_expand_conv", "_bn0"))
            for layer, pair in zip(block.convolutions(), names, strict=True):
                yield layer, *(f"_blocks.{i}.{name}" for name in pair)

    def forward(self, x):
        maps = []
        with self._gradient(0):
            x = F.relu6(self.stem(x))
        for number, block in enumerate(self.blocks):
            with self._gradient(number + 1):
                x = block(x)
            if number in self.ends:
                maps.append(x)
        return maps

    def _gradient(self, layer):
        stopped = self.frozen is not None and layer <= self.frozen
        return torch.no_grad() if stopped else contextlib.nullcontext()


class Recognizer(Encoder):
    """`efficientnet_lite.EfficientNetLite0` of colour pictures with its top.

    Returns of a call: (the five maps, logits of ImageNet's classes [B, 1000]).
    """

    def __init__(self, tensors=None, stages=STAGES):
        super().__init__(3, tensors=tensors, stages=stages)

    def load(self, tensors):
        self.last, self.classify = Conv(MAPS[4], TOP, 1), nn.Linear(TOP, CLASSES)
        super().load(tensors)
        self.classify.weight.data.copy_(torch.tensor(tensors["_fc.weight"]))
        self.classify.bias.data.copy_(torch.tensor(tensors["_fc.bias"]))

    def published(self):
        yield from super().published()
        yield self.last, "_conv_head", "_bn1"

    def forward(self, x):
        maps = super().forward(x)
        return maps, self.names(maps[-1])

    def names(self, last):
        """Logits [B, 1000] of the last map, of this network or of another such
        encoder."""
        return self.classify(F.relu6(self.last(last)).mean((2, 3))).float()


class Generator(nn.Module):
    """`efficientnet.EfficientNetUNet` with norm "batch" and head "ab": l
    [B, 1, H, W] -> ab [B, 2, H/4, W/4] float32, not yet enlarged; with
    `with_last` also the encoder's last map.

    With `drawing` of head "lab", `finest` 2 and the white point WHITE_POINT: a scan
    [B, 1, H, W] -> (l, a, b) [B, 3, H/2, W/2].
    """

    def __init__(self, frozen_blocks=3, width=64, tensors=None, drawing=False):
        super().__init__()
        self.drawing = drawing
        self.encoder = Encoder(1, frozen=frozen_blocks, tensors=tensors)
        outer, inner = 2 * width, width * 3 // 2
        self.a = _unit(MAPS[4], outer, 1)
        self.b = _unit(outer + MAPS[3], outer)
        self.c1, self.c2 = _unit(outer + MAPS[2], inner), _unit(inner, inner)
        self.d1, self.d2 = _unit(inner + MAPS[1], width), _unit(width, width)
        half = max(1, width // 2)
        if drawing:
            self.e1, self.e2 = _unit(width + MAPS[0], half), _unit(half, half)
        self.head = Conv(half, 3, 3) if drawing else Conv(width, 2, 3)
        nn.init.normal_(self.head.weight, std=0.002)
        nn.init.zeros_(self.head.bias)

    def forward(self, l, with_last=False):
        if self.drawing:
            l = ((l + 1.0) * (L_MAX / WHITE_POINT) - 1.0).clamp_max(1.0)
        finest, fine, middle, coarse, last = self.encoder(l)
        x = self.b(torch.cat([enlarged(self.a(last), 2), coarse], 1))
        x = self.c2(self.c1(torch.cat([enlarged(x, 2), middle], 1)))
        x = self.d2(self.d1(torch.cat([enlarged(x, 2), fine], 1)))
        if self.drawing:
            x = self.e2(self.e1(torch.cat([enlarged(x, 2), finest], 1)))
        ab = torch.tanh(self.head(x).float())
        return (ab, last) if with_last else ab

    def keras_weights(self):
        """Arrays in the order of `get_weights()` of the Keras network."""
        found = []
        for part in self._parts():
            kernel = isinstance(part, Conv)
            found.append(_keras_kernel(part) if kernel else part)
        return [array.detach().float().cpu().numpy() for array in found]

    @torch.no_grad()
    def set_keras_weights(self, weights):
        """Take over what `get_weights()` of the Keras network gives; of drawings
        also what a network of greys gives, whose head they have not."""
        parts = list(self._parts())
        if self.drawing and len(weights) < len(parts):
            weights = weights[:-2]
            parts = parts[: len(weights)]
        for part, array in zip(parts, weights, strict=True):
            array = torch.as_tensor(array, device=self.head.weight.device)
            if isinstance(part, Conv):
                array = array.transpose(2, 3) if part.groups > 1 else array
                array = array.permute(3, 2, 0, 1)
                part.weight.copy_(array if part.gain is None else array / part.gain)
            else:
                part.copy_(array)

    def _parts(self):
        """Convolutions, for their kernels, and tensors, in the order of Keras."""
        convolutions = [self.encoder.stem]
        for block in self.encoder.blocks:
            convolutions += block.convolutions()
        for layer in convolutions:
            yield from (layer, layer.bias)
        units = [self.a, self.b, self.c1, self.c2, self.d1, self.d2]
        if self.drawing:
            units += [self.e1, self.e2]
        for convolution, norm, _ in units:
            yield from (convolution, norm.weight, norm.bias)
            yield from (norm.running_mean, norm.running_var)
        yield from (self.head, self.head.bias)


def _unit(inputs, outputs, kernel=3):
    convolution = Conv(inputs, outputs, kernel, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, 1e-5, 0.1), nn.ReLU())


def _keras_kernel(layer):
    kernel = layer.kernel().permute(2, 3, 1, 0)
    return kernel.transpose(2, 3) if layer.groups > 1 else kernel


def enlarged(x, scale):
    """Bilinearly, pixel centres at halves: `heads.enlarged`."""
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
