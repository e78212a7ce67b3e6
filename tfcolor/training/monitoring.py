"""What a run shows of itself: scalars, validation, sample pictures, histograms."""

import logging
import math
import re
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor.images import grid
from tfcolor.runs import events
from tfcolor.runs.folder import Workdir
from tfcolor.training.callbacks import StepCallback
from tfcolor.training.steps import Evaluation
from tfcolor.types import Batch

log = logging.getLogger("tfcolor")


class Metrics(StepCallback):
    """Scalars to TensorBoard and `metrics.jsonl`: means over the interval, and
    the learning rates of its last step, of what is not frozen."""

    def __init__(
        self, every: int, last: int | None, writer: Any, folder: Workdir
    ) -> None:
        super().__init__(every, last)
        self.writer = writer
        self.folder = folder
        self.seen: list[dict[str, float]] = []
        self.began = time.monotonic()

    def see(self, step: int, logs: dict[str, float]) -> None:
        self.seen.append(logs)

    def after(self, step: int) -> None:
        line = self.means()
        now = time.monotonic()
        line["time/steps_per_second"] = len(self.seen) / (now - self.began)
        self.began, self.seen = now, []
        events.write_scalars(self.writer, step, line)
        self.folder.append({"step": step, **line})

    def means(self) -> dict[str, float]:
        """Of what is finite."""
        means = {}
        for name, last in self.seen[-1].items():
            values = [seen[name] for seen in self.seen if math.isfinite(seen[name])]
            if values:
                means[name] = last if name.startswith("lr/") else float(np.mean(values))
        return means


class Validation(StepCallback):
    """Pictures of a fixed choice: the `val/...` scalars of the held-out ones, or
    the same of training images by another `prefix`; and a warning at a collapse.

    Args:
      evaluation: a steps.Evaluation of them.
      folder: None: of a worker that evaluates its part and writes nothing.
    """

    def __init__(
        self,
        every: int,
        last: int | None,
        writer: Any,
        folder: Workdir | None,
        evaluation: Evaluation,
        prefix: str = "val",
    ) -> None:
        super().__init__(every, last)
        self.writer = writer
        self.folder = folder
        self.evaluation = evaluation
        self.prefix = prefix

    def after(self, step: int) -> None:
        trainer = self.evaluation.trainer
        summary = trainer.summary(self.evaluation())
        if self.folder is None:
            return
        line = {
            f"{self.prefix}/{name.removeprefix('val/')}": value
            for name, value in summary.items()
        }
        events.write_scalars(self.writer, step, line)
        self.folder.append({"step": step, **line})
        for warning in trainer.warnings(summary):
            log.warning("step %d: %s", step, warning)


class Samples(StepCallback):
    """The grid of the same images over time: a file, and in TensorBoard."""

    def __init__(
        self,
        every: int,
        last: int | None,
        writer: Any,
        folder: Workdir,
        trainer: Any,
        batch: Batch,
    ) -> None:
        super().__init__(every, last)
        self.writer = writer
        self.folder = folder
        self.trainer = trainer
        self.batch = batch

    def after(self, step: int) -> None:
        picture = self.trainer.picture(self.batch)
        grid.write_png(self.folder.sample(step), picture)
        with self.writer.as_default(step):
            tf.summary.image("samples", picture[None])


class Histograms(StepCallback):
    """Weights, and the gradient norms since the last time."""

    def __init__(self, every: int, last: int | None, writer: Any, trainer: Any) -> None:
        super().__init__(every, last)
        self.writer = writer
        self.trainer = trainer
        self.norms: dict[str, list[float]] = {}

    def see(self, step: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            if name.endswith("gradient_norm") and math.isfinite(value):
                self.norms.setdefault(name, []).append(value)

    def after(self, step: int) -> None:
        with self.writer.as_default(step):
            for prefix, network in self.trainer.networks().items():
                weights = network.trainable_variables
                names = stable_names([weight.path for weight in weights])
                for name, weight in zip(names, weights, strict=True):
                    tf.summary.histogram(f"{prefix}/weights/{name}", weight)
            for name, values in self.norms.items():
                tf.summary.histogram(name, values)
        self.norms = {}


def stable_names(paths: Sequence[str]) -> list[str]:
    """Keras' paths of weights with layers numbered among those of their kind in
    their parent; Keras numbers them among all that the process has made."""
    known: dict[tuple[str, str], dict[str, int]] = {}
    names = []
    for path in paths:
        parent, name = "", []
        for part in path.split("/"):
            kind = re.sub(r"_\d+$", "", part)
            alike = known.setdefault((parent, kind), {})
            number = alike.setdefault(part, len(alike))
            name.append(f"{kind}_{number}" if number else kind)
            parent += f"/{part}"
        names.append("/".join(name))
    return names
