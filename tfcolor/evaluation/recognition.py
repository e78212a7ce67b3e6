"""Judging by what EfficientNet-Lite0 sees in pictures: how far its features are
from those of the true pictures, image by image and as sets, and how often it
names the same thing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor.evaluation.statistics import GREY
from tfcolor.evaluation.statistics import TRUTH
from tfcolor.evaluation.statistics import Sums
from tfcolor.metrics import pretrained
from tfcolor.networks.features import Features
from tfcolor.objectives import LEAST_FEATURE
from tfcolor.types import Tensor

METRICS = ("features", "frechet", "kid", "names", "won_back")

# Side of the pictures that the network was trained on, pixels.
SIDE = 224

# Images, at most, of whose pairs the kernel distance is; of more, a random part.
KID_IMAGES = 5000

# Rows of a matrix of pairs, or images, at a time.
BLOCK = 1000


class Judge:
    """Judge with the network's own preprocessing: the whole picture, enlarged or
    reduced to 224x224 by an antialiased cubic.

    Of each picture 1280 numbers are kept, and two more.

    Args:
      resamples: for the intervals, as of `statistics.Sums`.

    Raises:
      ValueError: the network's weights are not installed.
    """

    def __init__(self, resamples: int) -> None:
        self.network = Features(top=True)
        self.resamples = resamples
        self.numbers: list[int] = []
        self.truth: Any = None  # maps and names of the batch's true pictures
        self.seen: dict[str, dict[str, list[np.ndarray]]] = {}

    @tf.function(reduce_retracing=True, autograph=False)
    def look(self, rgb: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Uint8 [B, H, W, 3] -> (maps, pooled [B, 1280], names [B])."""
        x = tf.image.resize(
            tf.cast(rgb, tf.float32), [SIDE, SIDE], "bicubic", antialias=True
        )
        x = tf.clip_by_value(x / 255.0, 0.0, 1.0)
        maps, pooled, logits = self.network.recognize(x)
        return maps, pooled, tf.argmax(logits, -1)

    def add(self, method: str, rgb: Tensor, numbers: Sequence[int]) -> None:
        """Take a batch's pictures; those of the truth come first."""
        maps, pooled, names = self.look(rgb)
        if method == TRUTH:
            self.truth = maps, names
            self.numbers.extend(numbers)
        found = {
            "features": feature_distance(self.truth[0], maps),
            "names": tf.cast(names == self.truth[1], tf.float32),
            "pooled": pooled,
        }
        kept = self.seen.setdefault(method, {name: [] for name in found})
        for name, value in found.items():
            kept[name].append(value.numpy())

    def results(self, truth: str) -> dict[str, dict[str, np.ndarray]]:
        """{method: {metric: [1 + resamples], of the Frechet distance [1]}}."""
        seen = {
            method: {name: np.concatenate(parts) for name, parts in kept.items()}
            for method, kept in self.seen.items()
        }
        means = self._means(seen)
        table = {
            method: {
                **found,
                "won_back": won_back(found["names"], means[GREY]["names"]),
            }
            for method, found in means.items()
        }
        if not np.isfinite(table[truth]["won_back"][0]):  # grey has lost none
            for found in table.values():
                del found["won_back"]
        if len(self.numbers) > 1:
            pooled = {method: kept["pooled"] for method, kept in seen.items()}
            for method, found in self._distances(pooled, truth).items():
                table[method].update(found)
        return table

    def _means(self, seen):
        sums = {method: Sums(self.resamples) for method in seen}
        for start in range(0, len(self.numbers), BLOCK):
            part = slice(start, start + BLOCK)
            weights = Sums(self.resamples).weights(self.numbers[part])
            for method, kept in seen.items():
                values = {name: kept[name][part] for name in ("features", "names")}
                ones = np.ones(weights.shape[1])
                sums[method].add(weights, {**values, "images": ones})
        with np.errstate(invalid="ignore"):  # a resample may have no image
            return {
                method: {
                    name: found.values[name] / found.values["images"]
                    for name in ("features", "names")
                }
                for method, found in sums.items()
            }

    def _distances(self, pooled, truth):
        count = len(self.numbers)
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.choice(count, min(count, KID_IMAGES), replace=False))
        weights = Sums(self.resamples).weights([self.numbers[i] for i in chosen])
        return {
            method: {
                "frechet": np.array([frechet_distance(pooled[truth], found)]),
                "kid": 1000.0
                * kernel_distance(pooled[truth][chosen], found[chosen], weights),
            }
            for method, found in pooled.items()
        }


@tf.function(reduce_retracing=True, autograph=False)
def feature_distance(truth: Sequence[Tensor], found: Sequence[Tensor]) -> Tensor:
    """`objectives.feature_distance` of each image apart: [B] float32."""
    terms = []
    for v, u in zip(truth, found, strict=True):
        error, magnitude = (tf.reduce_mean(tf.abs(x), [1, 2, 3]) for x in (u - v, v))
        terms.append(error / tf.maximum(magnitude, LEAST_FEATURE))
    return tf.add_n(terms) / len(terms)


def won_back(names: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """What colour wins back of the names that grey has lost: 0 where as many are
    kept as in grey, 1 where all are; not finite where grey has lost none.

    Args:
      names, grey: [...], shares of the truth's names that are kept.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return (names - grey) / (1.0 - grey)


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance of Gaussians of the mean and covariance of the rows of x
    and y, [N, d] each with N at least 2 (Heusel et al. 2017, section 2). With few
    rows it is far too large: 1280 columns want several thousand."""
    if len(x) > x.shape[1]:
        moments = [(z.mean(0), np.cov(z, rowvar=False)) for z in (x, y)]
        return pretrained.frechet_distance(*moments[0], *moments[1])
    # With covariances A^T A and B^T B the root's trace is the sum of the singular
    # values of A B^T, a smaller matrix.
    means = [z.mean(0, dtype=np.float64) for z in (x, y)]
    a, b = (
        (z - mean) / np.sqrt(len(z) - 1) for z, mean in zip((x, y), means, strict=True)
    )
    trace = (a**2).sum() + (b**2).sum()
    trace -= 2.0 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(((means[0] - means[1]) ** 2).sum() + trace)


def kernel_distance(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The squared maximum mean discrepancy of the kernel (x.y/d + 1)^3, without
    bias (KID, Binkowski et al. 2018, section 3): [R] float64.

    Row i of y is of the same image as row i of x, so such pairs are left out of
    the term of x and y too (Gretton et al. 2012, eq. 4): it is 0 of y = x, and 0
    in the mean of two draws from one set. Of all pairs, in blocks.

    Args:
      x, y: [N, d] float, N at least 2.
      weights: [R, N], how often each image counts.
    """
    sums = np.zeros(len(weights))
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        values = _kernel(x[rows], x) + _kernel(y[rows], y) - 2.0 * _kernel(x[rows], y)
        places = np.arange(len(values))
        values[places, start + places] = 0.0
        sums += ((weights[:, rows] @ values) * weights).sum(1)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample of one image
        return sums / pairs


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1.0) ** 3
