"""The 313 quantized ab values of Zhang et al. 2016 ("Colorful Image
Colorization"), and the color that a distribution over them stands for.

NumPy and keras.ops alone: also for networks that run without TensorFlow.
"""

import itertools

import keras
import numpy as np

from tfcolor.color import cie
from tfcolor.types import Tensor

GRID_STEP = 10.0

# A map of logits is this much smaller than the picture.
QUARTER = 4


def _make_bins():
    """The points of the grid in the convex hull of the ab of sRGB, widened by
    a step of the grid on each side.

    Only the twelve edges of the RGB cube reach that hull; and a point is in it
    when it lies, in each direction, no farther out than the hull does.
    """
    levels = np.linspace(0.0, 1.0, 65) ** 2.4
    edges = [
        np.insert(np.tile(ends, (len(levels), 1)), axis, levels, axis=1)
        for axis in range(3)
        for ends in itertools.product((0.0, 1.0), repeat=2)
    ]
    white = np.concatenate(edges) @ cie.WHITE_FROM_RGB.T
    _, a, b = cie.planes(*cie.f(white, np.cbrt, np.where, np.maximum).T)
    gamut = np.stack([a, b], -1)
    angles = np.arange(720) * np.pi / 360
    directions = np.stack([np.cos(angles), np.sin(angles)])
    extent = (gamut @ directions).max(0) + GRID_STEP * np.abs(directions).sum(0)
    axis = np.arange(-120.0, 121.0, GRID_STEP)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return grid[(grid @ directions <= extent).all(1)].astype(np.float32)


# [313, 2] float32, ascending in a, then in b: the published table.
AB_BINS = _make_bins()
BINS = len(AB_BINS)


def annealed_mean(logits: Tensor, temperature: Tensor | float) -> Tensor:
    """The mean color of the sharpened distribution (Zhang et al. 2016, eq. 5):
    the mode's color as the temperature goes to 0, the expectation at 1.

    Args:
      logits: [..., 313], any float; computed in float32.
      temperature: 0.38 in the paper; ValueError for a number that is not > 0.

    Returns:
      [..., 2] float32. Finite, with a finite gradient, for finite logits.
    """
    if isinstance(temperature, int | float) and not temperature > 0:
        raise ValueError(f"generator.temperature: {temperature} must be positive")
    ops = keras.ops
    logits = ops.cast(logits, "float32")
    # Before the division, which would overflow at low temperatures.
    logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
    temperature = ops.maximum(ops.cast(temperature, "float32"), 1e-30)
    return ops.matmul(ops.softmax(logits / temperature, axis=-1), AB_BINS)
