"""Figures of sets of pictures: what is summed of each, and what the sums give."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.metrics import color as metrics
from tfcolor.metrics import per_image
from tfcolor.types import Tensor


@dataclasses.dataclass
class Rendered:
    """A batch of pictures as a viewer sees them: every metric is of the 8-bit
    picture that `bin/colorize` would write, and none of a color that the
    network asked for and sRGB does not have.

    Attributes:
      rgb: uint8 [B, H, W, 3].
      ab: a* and b* of that, [B, H, W, 2].
      bins: the nearest of the 313 colors, int32 [B, H, W].
      hasler: colorfulness, [B].
    """

    rgb: tf.Tensor
    ab: tf.Tensor
    bins: tf.Tensor
    hasler: tf.Tensor


def render(l: Tensor, ab: Tensor) -> Rendered:
    """The Rendered of l [B, H, W, 1] and ab [B, H, W, 2] in the networks' units."""
    return Rendered(*_rendered(_picture(l, ab)))


# Apart, because what is looked for in it has no size that a compiler knows.
_picture = tf.function(gamut.picture, autograph=False)


@tf.function(jit_compile=True, autograph=False)
def _rendered(rgb):
    ab = lab.rgb_to_lab(rgb)[..., 1:]
    return rgb, ab, quantize.nearest(ab), metrics.colorfulness(rgb)


def statistics(
    prediction: Rendered, truth: Rendered, lightness: Tensor
) -> dict[str, np.ndarray]:
    """What is summed of each picture of a batch: {name: [B] or [B, K]}.

    Args:
      prediction, truth: Rendered.
      lightness: L* [B, H, W, 1].
    """
    values = _statistics(
        (prediction.rgb, prediction.ab, prediction.bins, prediction.hasler),
        (truth.rgb, truth.ab, truth.bins, truth.hasler),
        lightness,
    )
    return {name: value.numpy() for name, value in values.items()}


@tf.function(autograph=False)
def _statistics(prediction, truth, lightness):
    rgb, ab, bins, hasler = prediction
    true_rgb, true_ab, true_bins, true_hasler = truth
    values = {
        "rgb": rgb,
        "ab": ab,
        "hasler": hasler,
        "true_rgb": true_rgb,
        "true_ab": true_ab,
        "true_hasler": true_hasler,
        "lightness": lightness,
    }
    return {
        "images": tf.ones_like(hasler),
        **{name: metric.values(values) for name, metric in per_image().items()},
        "delta_image": tf.abs(hasler - true_hasler),
        "closeness": metrics.closeness_by_bin(true_bins, true_ab, ab),
        "bins": metrics.count_by_bin(bins),
        "cells": metrics.count_by_cell(ab),
        "a": tf.reduce_mean(ab[..., 0], [1, 2]),
        "b": tf.reduce_mean(ab[..., 1], [1, 2]),
        "chroma": metrics.chroma(ab),
    }


def metrics_of(
    sums: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The figures of a set of pictures.

    Args:
      sums, truth: {name: [R] or [R, K]}, sums of what `statistics` returns, of a
        method and of the true pictures; R: sums of all images or of resamples.

    Returns:
      {metric: [R]}.
    """
    means = {
        name: sums[name] / sums["images"] for name in (*per_image(), "delta_image")
    }
    hue, true_hue = (
        metrics.one_hue(values["a"], values["b"], values["chroma"]).numpy()
        for values in (sums, truth)
    )
    return {
        **means,
        "balanced_auc": metrics.balanced_auc(sums["closeness"], truth["bins"]).numpy(),
        "histogram": metrics.histogram_distance(sums["bins"], truth["bins"]).numpy(),
        "histogram_24": metrics.histogram_distance(
            sums["cells"], truth["cells"]
        ).numpy(),
        "delta_set": np.abs(means["hasler"] - truth["hasler"] / truth["images"]),
        "sepia": metrics.sepia(hue, true_hue).numpy(),
    }
