"""How much a pixel counts for its neighbors: Levin, Lischinski and Weiss 2004,
"Colorization using optimization", eq. 2 and 3."""

import math

import numpy as np

# Of the Gaussian: its variance over that of the window; the affinity that the
# most similar neighbor has at least; the least variance (luminance in 0..1).
_SPREAD = 0.6
_NEAREST = 0.01
_VARIANCE = 2e-6

# Of the correlation, which may be negative: the least affinity.
_LEAST = 0.01

OFFSETS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)


def affinities(luminance: np.ndarray, kind: str = "gaussian") -> np.ndarray:
    """How much each pixel counts for each of its neighbors in 3x3 windows.

    "gaussian" (eq. 2): exp(-(Y_r - Y_s)^2 / (2 sigma_r^2)), 2 sigma_r^2 being 0.6
    of the window's variance, but so much that the nearest in luminance gets 0.01.
    "correlation" (eq. 3): 1 + (Y_r - mu_r)(Y_s - mu_r) / sigma_r^2, but at least
    0.01: below 0 colors would leave the range of the strokes.

    Args:
      luminance: [H, W] float32 or float64, 0..1.

    Returns:
      [8, H, W] of the same dtype, neighbors in the order of OFFSETS; their sum
      is 1, those beyond the border have 0.
    """
    around = neighbors(luminance, np.nan)
    # From the window's own pixel, so that float32 has digits to spare.
    d = around - luminance
    inside = np.isfinite(d)
    d[~inside] = 0.0
    count = (1 + inside.sum(0)).astype(d.dtype)
    mean = d.sum(0) / count
    variance = (d * d).sum(0) / count - mean * mean
    weights = _KINDS[kind](d, inside, mean, np.maximum(variance, 0.0)) * inside
    return weights / weights.sum(0)


def neighbors(plane: np.ndarray, outside: float) -> np.ndarray:
    """[8, H, W]: at each pixel its neighbors, in the order of OFFSETS; beyond the
    border they are `outside`."""
    height, width = plane.shape
    padded = np.pad(plane, 1, constant_values=outside)
    return np.stack(
        [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in OFFSETS]
    )


def _gaussian(d, inside, mean, variance):
    square = d * d
    nearest = np.where(inside, square, np.inf).min(0)
    spread = np.maximum(_SPREAD * variance, nearest / -math.log(_NEAREST))
    return np.exp(-square / np.maximum(spread, _VARIANCE))


def _correlation(d, inside, mean, variance):
    weights = 1.0 - mean * (d - mean) / np.maximum(variance, _VARIANCE)
    return np.maximum(weights, _LEAST)


_KINDS = {"gaussian": _gaussian, "correlation": _correlation}
AFFINITIES = tuple(_KINDS)
