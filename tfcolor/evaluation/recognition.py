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
from tfcolor.metrics import distances
from tfcolor.networks.features import Features
from tfcolor.objectives import LEAST_FEATURE
from tfcolor.types import Tensor

METRICS = ("features", "frechet", "kid", "names", "won_back")

# Side of the pictures that the network was trained on, pixels.
SIDE = 224

# Images, at most, of whose pairs the kernel distance is; of more, a random part.
KID_IMAGES = 5000

# Images at a time.
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
        """Take the pictures of a batch, uint8 [B, H, W, 3]; those of the truth come
        first."""
        maps, pooled, names = self.look(rgb)
        if method == TRUTH:
            self.truth = maps, names
            self.numbers.extend(numbers)
        values = {
            "features": feature_distance(self.truth[0], maps),
            "names": tf.cast(names == self.truth[1], tf.float32),
            "pooled": pooled,
        }
        lists = self.seen.setdefault(method, {name: [] for name in values})
        for name, value in values.items():
            lists[name].append(value.numpy())

    def results(self, truth: str) -> dict[str, dict[str, np.ndarray]]:
        """{method: {metric: [1 + resamples], of the Frechet distance [1]}}."""
        seen = {
            method: {name: np.concatenate(parts) for name, parts in lists.items()}
            for method, lists in self.seen.items()
        }
        means = self._means(seen)
        table = {
            method: {
                **values,
                "won_back": distances.won_back(values["names"], means[GREY]["names"]),
            }
            for method, values in means.items()
        }
        if not np.isfinite(table[truth]["won_back"][0]):  # grey has lost none
            for values in table.values():
                del values["won_back"]
        if len(self.numbers) > 1:
            pooled = {method: lists["pooled"] for method, lists in seen.items()}
            for method, values in self._distances(pooled, truth).items():
                table[method].update(values)
        return table

    def _means(self, seen):
        sums = {method: Sums(self.resamples) for method in seen}
        for start in range(0, len(self.numbers), BLOCK):
            part = slice(start, start + BLOCK)
            weights = Sums(self.resamples).weights(self.numbers[part])
            for method, lists in seen.items():
                values = {name: lists[name][part] for name in ("features", "names")}
                ones = np.ones(weights.shape[1])
                sums[method].add(weights, {**values, "images": ones})
        with np.errstate(invalid="ignore"):  # a resample may have no image
            return {
                method: {
                    name: summed.values[name] / summed.values["images"]
                    for name in ("features", "names")
                }
                for method, summed in sums.items()
            }

    def _distances(self, pooled, truth):
        count = len(self.numbers)
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.choice(count, min(count, KID_IMAGES), replace=False))
        weights = Sums(self.resamples).weights([self.numbers[i] for i in chosen])
        return {
            method: {
                "frechet": np.array(
                    [distances.frechet_distance(pooled[truth], features)]
                ),
                "kid": 1000.0
                * distances.kernel_distance(
                    pooled[truth][chosen], features[chosen], weights
                ),
            }
            for method, features in pooled.items()
        }


@tf.function(reduce_retracing=True, autograph=False)
def feature_distance(truth: Sequence[Tensor], prediction: Sequence[Tensor]) -> Tensor:
    """`objectives.feature_distance` of each image apart: [B] float32."""
    terms = []
    for v, u in zip(truth, prediction, strict=True):
        error, magnitude = (tf.reduce_mean(tf.abs(x), [1, 2, 3]) for x in (u - v, v))
        terms.append(error / tf.maximum(magnitude, LEAST_FEATURE))
    return tf.add_n(terms) / len(terms)
