"""Pictures of another size, axis by axis, with NumPy alone.

The weights are those of `resize`, of which a matrix has few that are not 0: only
blocks around them are multiplied. Nothing here imports TensorFlow.
"""

import functools
from typing import Any

import numpy as np

from tfcolor.types import Size

# Pixels of a side for each that is wanted, at least, before the triangle: with
# less the cells' own blur would show, with more decoding takes longer.
GAP = 2

POWERS = [2**k for k in range(1, 25)]


def reduction(size: Size, target: Size) -> int:
    """The power of two by which a picture of size (height, width) is reduced
    before the triangle brings it to the target."""
    return max([1] + [f for f in POWERS if fits(size, target, f)])


def fits(size: tuple[Any, Any], target: tuple[Any, Any], factor: int) -> Any:
    """Whether sizes, ints or scalar tensors, allow a reduction by a factor."""
    # Divided, because the product passes 32 bits.
    height, width = (side // (GAP * factor) for side in size)
    return (height >= target[0]) & (width >= target[1])


def weights(
    size: int, target: int, kernel: str, first: int, count: int, factor: int = 1
) -> np.ndarray:
    """`resize.weights`, float32 [count, size]."""
    cells = -(-size // factor)
    scale = np.float32(size) / np.float32(factor * target)
    center = (np.arange(first, first + count, dtype=np.float32) + np.float32(0.5)) * (
        scale
    ) - np.float32(0.5)
    distance = np.abs(np.arange(cells, dtype=np.float32) - center[:, None])
    matrix = _KERNELS[kernel](distance / np.maximum(scale, np.float32(1.0)))
    matrix /= matrix.sum(-1, keepdims=True)
    if factor == 1:
        return matrix
    cell = np.arange(size) // factor
    samples = np.minimum(factor, size - cell * factor).astype(np.float32)
    return matrix[:, cell] / samples


@functools.lru_cache(16)  # many pictures have one size
def blocks(
    size: int, target: int, kernel: str, factor: int = 1, most: int = 64
) -> list[tuple]:
    """What of `weights` is not 0: [(slice of the target, slice of the samples,
    matrix)], in the order of the target, of at most so many samples of it each."""
    found = []
    for first in range(0, target, most):
        count = min(most, target - first)
        matrix = weights(size, target, kernel, first, count, factor)
        used = np.flatnonzero(matrix.any(0))
        span = slice(int(used[0]), int(used[-1]) + 1)
        found.append((slice(first, first + count), span, matrix[:, span].copy()))
    return found


def columns(x: np.ndarray, axis: list[tuple]) -> np.ndarray:
    """Bring the last axis of x [..., size] to the target of its `blocks`."""
    result = np.empty((*x.shape[:-1], axis[-1][0].stop), np.float32)
    for target, span, matrix in axis:
        result[..., target] = x[..., span] @ matrix.T
    return result


def _linear(distance):
    return np.maximum(np.float32(1.0) - distance, np.float32(0.0))


def _cubic(t):
    near = (1.5 * t - 2.5) * t * t + 1.0
    far = ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    return np.where(t < 1.0, near, np.where(t < 2.0, far, np.float32(0.0)))


_KERNELS = {"linear": _linear, "cubic": _cubic}
