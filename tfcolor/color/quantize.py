"""Colors as classes: the 313 quantized ab values of Zhang et al. 2016
("Colorful Image Colorization"), to and from them, and the loss over them.

ab is (a*, b*) in CIE units, float, clipped to +-130; bins are rows of AB_BINS.
"""

import functools

import numpy as np
import tensorflow as tf

from tfcolor.color.bins import AB_BINS
from tfcolor.color.bins import BINS
from tfcolor.color.bins import GRID_STEP
from tfcolor.color.bins import QUARTER
from tfcolor.color.bins import annealed_mean
from tfcolor.types import Tensor

__all__ = [
    "AB_BINS",
    "BINS",
    "GRID_STEP",
    "annealed_mean",
    "class_weights",
    "cross_entropy",
    "nearest",
    "quarter",
    "smooth",
    "soft_encode",
]

# Neighbors are looked up by square cells of this side, out to this far.
_CELL = 5.0
_REACH = 130.0
_CELLS = int(2 * _REACH / _CELL)

# Bins rarer than this weigh as if they were not: their weights stay finite.
_RAREST = 1e-10


def nearest(ab: Tensor) -> Tensor:
    """The bin nearest to ab [..., 2], of several the first: [...] int32."""
    distances, candidates = _distances(ab, 1)
    place = tf.argmin(distances, -1, output_type=tf.int32)
    return _pick(candidates, place[..., None])[..., 0]


def soft_encode(
    ab: Tensor, neighbors: int, sigma: float = 5.0
) -> tuple[Tensor, Tensor]:
    """The bins nearest to ab [..., 2], weighted by a Gaussian of the distance
    (Zhang et al. 2016, section 2.1: 5 of them; their released code has 10).

    Args:
      neighbors: how many, K; ValueError unless 1 .. 313.
      sigma: of the Gaussian, CIE units.

    Returns:
      [..., K] int32, the nearest first, and float32 weights that sum to 1.
    """
    if not 1 <= neighbors <= BINS:
        raise ValueError(f"bins.neighbors: {neighbors} is not in 1 .. {BINS}")
    distances, candidates = _distances(ab, neighbors)
    closeness, places = tf.math.top_k(-distances, neighbors)
    return _pick(candidates, places), tf.nn.softmax(closeness / (2.0 * sigma**2))


def smooth(prior: np.ndarray, sigma: float = 5.0) -> np.ndarray:
    """Counts or shares of the bins, [313], each spread over the bins around it
    in ab by a Gaussian of `sigma` CIE units (Zhang et al. 2016, section 2.2).

    Returns:
      [313] float64 that sums to 1. ValueError if prior is no such histogram.
    """
    bins = AB_BINS.astype(np.float64)
    square = ((bins[:, None] - bins) ** 2).sum(-1)
    kernel = np.exp(-square / (2.0 * sigma**2))
    # Nothing is spread beyond the bins, so that none of it is lost.
    return _shares((kernel / kernel.sum(0)) @ _shares(prior))


def class_weights(prior: np.ndarray, uniform: float = 0.5) -> np.ndarray:
    """Weights that make rare colors count (Zhang et al. 2016, eq. 4):
    1 / ((1 - uniform) prior + uniform / 313), in the mean over the prior 1.

    Args:
      prior: [313], smoothed counts or shares; ValueError if it is not.
      uniform: from 0, fully rebalanced, to 1, all weights 1 (0.5 in the
        paper); ValueError beyond.

    Returns:
      [313] float32, finite for empty bins too.
    """
    if not 0 <= uniform <= 1:
        raise ValueError(f"bins.uniform: {uniform} is not in 0 .. 1")
    prior = _shares(prior)
    mixed = (1.0 - uniform) * prior + uniform / BINS
    weights = 1.0 / np.maximum(mixed, _RAREST)
    return (weights / (prior @ weights)).astype(np.float32)


def cross_entropy(
    logits: Tensor, ab: Tensor, weights: Tensor, neighbors: int
) -> Tensor:
    """Class-rebalanced cross-entropy (Zhang et al. 2016, eq. 2 and 3) against
    the soft encoding of ab; a pixel weighs what its nearest bin does.

    Args:
      logits: [B, h, w, 313], any float; computed in float32.
      ab: [B, h, w, 2].
      weights: [313] float32, of `class_weights`.
      neighbors: of `soft_encode`.

    Returns:
      float32 scalar, the mean over the pixels of all images.
    """
    bins, targets = soft_encode(ab, neighbors)
    log_probabilities = _pick(tf.nn.log_softmax(tf.cast(logits, tf.float32)), bins)
    weight = tf.gather(weights, bins[..., 0])
    return -tf.reduce_mean(weight * tf.reduce_sum(targets * log_probabilities, -1))


def quarter(ab: Tensor) -> Tensor:
    """What a generator enlarges to ab [B, H, W, 2], H and W multiples of 4: the
    mean of the middle 2x2 of each 4x4 pixels, [B, H/4, W/4, 2].

    Enlarged again, it errs less than the mean of all 16 does, or one of them,
    which Zhang et al. 2016 take: that one comes back half a pixel aside.
    """
    ab = (ab[:, 1::QUARTER] + ab[:, 2::QUARTER]) / 2.0
    return (ab[:, :, 1::QUARTER] + ab[:, :, 2::QUARTER]) / 2.0


def _distances(ab, neighbors):
    """Squared distances of ab [..., 2] to the bins that may be its nearest, and
    those bins, ascending: [..., C] float32 and int32."""
    candidates, a, b = _candidates(neighbors)
    ab = tf.clip_by_value(tf.cast(ab, tf.float32), -_REACH, _REACH)
    # Clipped again, as NaN may become any whole number.
    cell = tf.cast((ab + _REACH) / _CELL, tf.int32)
    cell = tf.clip_by_value(cell, 0, _CELLS - 1)
    cell = cell[..., 0] * _CELLS + cell[..., 1]
    distances = (ab[..., :1] - tf.gather(a, cell)) ** 2
    distances += (ab[..., 1:] - tf.gather(b, cell)) ** 2
    return distances, tf.gather(candidates, cell)


@functools.cache
def _candidates(neighbors):
    """For each cell of the ab plane, the bins that may be among the nearest of
    a point in it: those no farther from the cell's nearest point than
    `neighbors` bins are from its farthest.

    Returns their numbers, a and b: [cells, C] int32, float32, float32.
    """
    axis = (np.arange(_CELLS) + 0.5) * _CELL - _REACH
    middle = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 1, 2)
    offset = np.abs(middle - AB_BINS)
    least = (np.maximum(offset - _CELL / 2, 0.0) ** 2).sum(-1)
    most = ((offset + _CELL / 2) ** 2).sum(-1)
    bound = np.partition(most, neighbors - 1)[:, neighbors - 1, None]
    count = (least <= bound).sum(1).max()
    # Ascending, as argmin and top_k prefer the first of equals.
    chosen = np.sort(np.argsort(least, 1)[:, :count])
    return chosen.astype(np.int32), AB_BINS[chosen, 0], AB_BINS[chosen, 1]


def _pick(values, places):
    """Of values [..., C] those at places [..., K]."""
    return tf.gather(values, places, batch_dims=values.shape.rank - 1)


def _shares(prior):
    prior = np.asarray(prior, np.float64)
    if prior.shape != (BINS,) or not (prior >= 0).all() or not 0 < prior.sum() < np.inf:
        raise ValueError(f"prior: not a histogram of {BINS} bins: {prior}")
    return prior / prior.sum()
