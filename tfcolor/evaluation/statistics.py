"""Judging runs on images: every metric, with intervals, in one pass."""

from __future__ import annotations

import csv
import dataclasses
import io
import logging
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import numpy as np
import tensorflow as tf
import tqdm
from scipy import special

from tfcolor import atomic
from tfcolor.color.cie import L_HALF
from tfcolor.errors import RunError
from tfcolor.metrics import METRICS
from tfcolor.metrics import per_image
from tfcolor.metrics import sets
from tfcolor.types import Batch
from tfcolor.types import Dataset
from tfcolor.types import Tensor

log = logging.getLogger("tfcolor")

# Bootstrap resamples, and the quantiles that bound an interval.
RESAMPLES = 400
INTERVAL = (0.025, 0.975)

TRUTH, GREY = "truth", "grey"

# From a batch to (l, ab), and {method: {metric: [1 + resamples]}}.
Method: TypeAlias = Callable[[Batch], tuple[Tensor, Tensor]]
Table: TypeAlias = dict[str, dict[str, np.ndarray]]

# (first run, second run, metric, difference, low, high)
Difference: TypeAlias = tuple[str, str, str, float, float, float]


@dataclasses.dataclass
class Sums:
    """Weighted sums of per-image statistics: row 0 with weight 1, each further
    row a resample of the images.

    A resample gives each image a Poisson weight that depends on its number only
    (the Poisson bootstrap, Chamandy et al. 2012), so memory does not grow with
    the images, and runs judged side by side see the same resamples.
    """

    resamples: int
    seed: int = 0
    values: dict = dataclasses.field(default_factory=dict)

    def weights(self, numbers: Sequence[int]) -> np.ndarray:
        """[1 + resamples, B] float64."""
        columns = [
            np.random.default_rng([self.seed, int(number)]).poisson(1.0, self.resamples)
            for number in numbers
        ]
        return np.vstack([np.ones(len(numbers)), np.transpose(columns)])

    def add(self, weights: np.ndarray, statistics: Mapping[str, Any]) -> None:
        """Statistics: {name: [B] or [B, K]}."""
        for name, value in statistics.items():
            added = weights @ np.asarray(value, np.float64)
            self.values[name] = self.values.get(name, 0.0) + added


def judge(
    methods: Mapping[str, Method],
    batches: Dataset,
    count: int,
    names: Callable[[int], str],
    output: pathlib.Path | None,
    resamples: int = RESAMPLES,
    perceptual: Sequence[Any] = (),
) -> tuple[Table, dict[int, float]]:
    """Run methods over images once; writes images.csv.

    Args:
      methods: {name: function of a batch to (l [B, S, S, 1], ab [B, S, S, 2])}, in the
        networks' units. Truth and grey are added.
      batches: of `pipeline.validation`, numbered.
      count: images, for the progress bar.
      names: a function of an image's number to its name.
      output: pathlib.Path of a folder; None: no images.csv.
      perceptual: judges of `recognition` and `perceptual`.

    Returns:
      {method: {metric: [1 + resamples]}}, and {number: mean ab error of the methods} of
      the images.

    Raises:
      RunError: no image can be read and has color.
    """
    methods = {
        TRUTH: lambda batch: (batch["l"], batch["ab"]),
        GREY: lambda batch: (batch["l"], tf.zeros_like(batch["ab"])),
        **methods,
    }
    sums = {name: Sums(resamples) for name in methods}
    errors: dict[int, float] = {}
    with (
        atomic.replacing(output / "images.csv") if output else io.BytesIO() as file,
        tqdm.tqdm(total=count, desc="evaluate", unit=" images") as bar,
    ):
        text = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
        table = csv.writer(text)
        table.writerow(["image", "method", *per_image()])
        for batch in batches:
            numbers = batch["number"].numpy()
            by_method = _judge_batch(methods, batch, numbers, perceptual)
            weights = sums[TRUTH].weights(numbers)
            for name, values in by_method.items():
                sums[name].add(weights, values)
            _write_rows(table, by_method, [names(int(number)) for number in numbers])
            shown = [
                v["ab_error"] for n, v in by_method.items() if n not in (TRUTH, GREY)
            ]
            errors.update(zip(numbers.tolist(), np.mean(shown, 0), strict=True))
            bar.update(len(numbers))
        text.detach()  # which would close the file
        if not errors:
            raise RunError("none of the images can be read and has colour")
    table = {
        name: sets.metrics_of(s.values, sums[TRUTH].values) for name, s in sums.items()
    }
    for judge_of in perceptual:
        for name, values in judge_of.results(TRUTH).items():
            table[name].update(values)
    return table, errors


def _judge_batch(methods, batch, numbers, perceptual):
    lightness = (batch["l"] + 1.0) * L_HALF
    truth, values = sets.render(*methods[TRUTH](batch)), {}
    for name, predict in methods.items():
        rendered = truth if name == TRUTH else sets.render(*predict(batch))
        values[name] = sets.statistics(rendered, truth, lightness)
        for judge_of in perceptual:
            judge_of.add(name, rendered.rgb, numbers)
    return values


def measured(table: Table) -> list[str]:
    """The metrics of METRICS that a table has."""
    return [
        metric for metric in METRICS if all(metric in row for row in table.values())
    ]


def _write_rows(table, by_method, names):
    for i, image in enumerate(names):
        for method, values in by_method.items():
            row = [f"{values[column][i]:.6g}" for column in per_image()]
            table.writerow([image, method, *row])


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """(value, low, high) of [1 + resamples]: the bias-corrected percentile
    interval (Efron 1987, section 2), because resamples, which lack some images,
    have fewer colors than all images have; widened to the value itself, where
    every resample is on one side of it."""
    value, resamples = float(values[0]), np.asarray(values[1:])
    # Of few images a resample may have none.
    resamples = resamples[np.isfinite(resamples)]
    if not len(resamples) or np.ptp(resamples) == 0.0:
        return value, value, value
    below = (resamples < value).mean() + 0.5 * (resamples == value).mean()
    least = 0.5 / len(resamples)
    bias = special.ndtri(np.clip(below, least, 1.0 - least))
    places = special.ndtr(2.0 * bias + special.ndtri(INTERVAL))
    low, high = np.quantile(resamples, places)
    return value, min(value, float(low)), max(value, float(high))


def differences(table: Table) -> list[Difference]:
    """[(first, second, metric, difference, low, high)] of each pair of runs, for
    the metrics that have intervals."""
    runs = [name for name in table if name not in (TRUTH, GREY)]
    return [
        (first, second, metric, *interval(table[first][metric] - table[second][metric]))
        for i, first in enumerate(runs)
        for second in runs[i + 1 :]
        for metric in measured(table)
        if len(table[first][metric]) > 1
    ]


def may_be_noise(low: float, high: float) -> bool:
    """An interval of a difference holds 0, or says nothing."""
    return not (low > 0.0 or high < 0.0)


def ranked(table: Table, metric: str) -> list[str]:
    """Runs from the best to the worst; by nearness to the truth where neither
    more nor less is better."""
    truth = table[TRUTH][metric][0]

    def badness(name):
        value = table[name][metric][0]
        more = METRICS[metric].more
        return {True: -value, False: value, None: abs(value - truth)}[more]

    runs = [name for name in table if name not in (TRUTH, GREY)]
    return sorted(runs, key=badness)
