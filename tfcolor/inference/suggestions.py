"""Several ways to color one picture, and how they differ.

A model with the head "bins" predicts how probable 313 colors are at each place. Beside
its own answer stand the most probable colors, and answers whose distributions are
tilted: multiplied by exp(t . ab), one t for the whole picture, along the axes on which
the model is least sure. That moves the colors where it doubts, all of them one way,
and leaves those of which it is sure. Of a model with dropout they are draws.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfcolor import atomic
from tfcolor.color import bins
from tfcolor.color import cie
from tfcolor.color import quantize
from tfcolor.errors import UsageError
from tfcolor.images import compose
from tfcolor.images import pictures
from tfcolor.inference import batch
from tfcolor.inference import planning
from tfcolor.inference import steering
from tfcolor.inference.planes import predict_planes
from tfcolor.inference.predictor import Predictor
from tfcolor.networks import heads

log = logging.getLogger("tfcolor")

MOST = 10  # of one picture

# By how many of the model's own deviations a tilt moves the colors.
TILT = 2.0

# Of the suggestion "the most probable colors".
COLD = 0.05

# (first axis, second axis) of the tilts; None: the most probable colors.
_TILTS = ((0, 0), (1, 0), (-1, 0), None, (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1))
_TILTS += ((-1, 1),)

# Height of a picture on the sheet, pixels.
_HEIGHT = 256
_GAP = 8


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """One way to color a picture.

    Attributes:
      planes: float32 [2, h, w], a* and b* at the working size.
      likelihood: mean over the picture of the logarithm of the probability that the
        model gives the color; None of draws, which are equally likely.
    """

    planes: np.ndarray
    likelihood: float | None


def check(predictor: Predictor, count: int) -> None:
    """Raise UsageError if a model cannot make so many suggestions."""
    if not 2 <= count <= MOST:
        raise UsageError(f"suggestions: {count} is not in 2 .. {MOST}")
    if predictor.info["head"] != "bins" and predictor.draw is None:
        raise UsageError(
            "suggestions: this model knows one answer only; it takes one of "
            "generator.head=bins, or a run with generator.dropout"
        )


def suggest(
    predictor: Predictor,
    image: np.ndarray,
    count: int,
    hints: Any = None,
    working_size: int | None = None,
    temperature: float | None = None,
    saturation: float = 1.0,
) -> list[Suggestion]:
    """Ways to color a picture, the model's own answer first.

    Args:
      image: uint8 [H, W] or [H, W, 3].
      count: 2 to MOST.
      hints: `images.hints.Hints`, which all of them keep, or None.
      working_size, temperature, saturation: as of `Predictor.predict_ab`.
    """
    check(predictor, count)
    size = working_size or predictor.info["working_size"]
    small, given = predictor.reduced([image], size, [hints])
    found = []
    for network, likelihood in _networks(predictor, count, temperature):
        answer = predict_planes(
            network, tf.constant(small), predictor.info["multiple"], hints=given
        )
        planes = answer["ab"].numpy() * np.float32(saturation)
        if hints is not None:
            planes = steering.corrected(planes, small, given).numpy()
        likely = likelihood and likelihood(answer)
        found.append(Suggestion(planes[0], likely))
    return found


def distance(suggestions: list[Suggestion]) -> float:
    """Mean ab distance between two of them, over the pixels and the pairs."""
    pairs = itertools.combinations([x.planes for x in suggestions], 2)
    return float(np.mean([np.linalg.norm(a - b, axis=0).mean() for a, b in pairs]))


def _networks(predictor, count, temperature):
    """Yields (network as of Predictor, function of its answer to a likelihood)."""
    if predictor.info["head"] != "bins":
        yield predictor.network, None
        for seed in range(1, count):
            yield lambda l, seed=seed: predictor.draw(l, seed), None
        return
    asked: dict[str, Any] = {}

    def logits_of(l):
        if not asked:  # which is the same for all
            asked["logits"] = predictor.network(l)["logits"]
        return asked["logits"]

    warmth = temperature or heads.TEMPERATURE
    for tilt in _TILTS[:count]:

        def network(l, tilt=tilt):
            logits = logits_of(l)
            cold = COLD if tilt is None else warmth
            moved = logits + _tilt(logits, tilt or (0, 0))
            return {
                "ab": heads.ab_of_logits(moved, cold),
                "cells": heads.ab_of_logits(moved, cold, 1),
                "own": logits,
            }

        yield network, _likelihood


def _tilt(logits, along):
    """[313] to add to logits, for TILT deviations along the axes of doubt."""
    axes, deviations = doubt(logits)
    steps = np.array(along) / np.maximum(deviations, 1.0)
    return tf.constant(TILT * bins.AB_BINS @ (axes @ steps), tf.float32)


def doubt(logits: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The axes in ab on which predictions are unsure, the widest first.

    Args:
      logits: [N, h, w, 313].

    Returns:
      (axes, columns of [2, 2]; deviations [2] along them, CIE units): of the mean over
      the places of the covariance of the color at a place.
    """
    p = tf.nn.softmax(logits).numpy().reshape(-1, len(bins.AB_BINS))
    means = p @ bins.AB_BINS
    second = np.einsum("k,ki,kj->ij", p.mean(0), bins.AB_BINS, bins.AB_BINS)
    values, axes = np.linalg.eigh(second - means.T @ means / len(means))
    axes = axes * np.where(axes.sum(0) < 0, -1.0, 1.0)  # towards warm colors
    return axes[:, ::-1], np.sqrt(np.maximum(values[::-1], 0.0))


def _likelihood(answer):
    chosen = quantize.nearest(answer["cells"] * cie.AB_MAX)
    chances = tf.nn.log_softmax(answer["own"])
    return float(tf.reduce_mean(tf.gather(chances, chosen, batch_dims=3)))


def run(
    predictor: Predictor,
    tasks: list[batch.Task],
    options: batch.Options,
    count: int,
    say: Callable[[str], Any],
) -> int:
    """Write suggestions for the pictures of Tasks, NAME_1.png and so on, and
    NAME_suggestions.png with all of them; those that fail are named on the log.

    Args:
      options: as of `batch.run`.
      say: is given a line for each picture.

    Returns:
      How many failed.
    """
    failed = 0
    for task in tasks:
        try:
            say(_run(predictor, task, options, count))
        except Exception as error:  # as in batch.run
            failed += 1
            log.error("%s: %s", task.source, error)
    return failed


def _run(predictor, task, options, count):
    picture = pictures.read(task.source, options.max_pixels)
    hints = options.hints_of and options.hints_of(task.guide, picture.pixels)
    found = suggest(predictor, picture.pixels, count, hints, **options.settings)
    shown = [compose.as_rgb(picture.pixels)]
    for number, suggestion in enumerate(found, 1):
        name = f"{task.target.stem}_{number}{task.target.suffix}"
        own = dataclasses.replace(task, target=task.target.with_name(name))
        batch.write(own, picture, suggestion.planes, options, hints)
        shown.append(compose.join(picture.pixels, suggestion.planes, hints))
    with atomic.replacing(planning.sheet_of(task.target)) as file:
        Image.fromarray(_sheet(shown)).save(file, "PNG")
    said = f"{task.source}: {count} suggestions, {distance(found):.1f} apart in ab"
    if found[0].likelihood is None:
        return f"{said}; the first is the model's own, the others are as likely draws"
    each = ", ".join(f"{x.likelihood:.2f}" for x in found)
    return f"{said}; mean log-likelihood {each}"


def _sheet(images):
    """Pictures of one size in a row, no higher than _HEIGHT."""
    height, width = images[0].shape[:2]
    scale = min(1.0, _HEIGHT / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [np.asarray(Image.fromarray(x).resize(size)) for x in images]
    gap = np.full((size[1], _GAP, 3), 255, np.uint8)
    parts = [part for image in small for part in (image, gap)]
    return np.concatenate(parts[:-1], 1)
