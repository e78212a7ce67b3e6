"""What happens between the steps of a run. Steps are counted from 1 and are
those of the run, not of this start of it."""

import logging
import math
import re
import signal
import time
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from keras.optimizers import LossScaleOptimizer

from tfcolor.errors import RunError
from tfcolor.images import grid
from tfcolor.runs import events
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.runs.folder import Workdir
from tfcolor.types import Batch
from tfcolor.types import Dataset
from tfcolor.types import Path

log = logging.getLogger("tfcolor")


class StepCallback(keras.callbacks.Callback):
    """Calls `on_step(step, logs)` after every step.

    Args:
      every: steps between calls.
      last: the run's last step, at which it is always called; None: not.
    """

    def __init__(self, start: int, every: int = 1, last: int | None = None) -> None:
        super().__init__()
        self.start = start
        self.every = every
        self.last = last

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        step = self.start + batch + 1
        if step % self.every == 0 or step == self.last:
            self.on_step(step, logs or {})

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        """Called after a step of the run, with what it logs."""

    def close(self) -> None:
        """Called once after the last step, however the run ended."""


class Progress(StepCallback):
    """A progress bar: time left, images a second, losses."""

    def __init__(self, start: int, steps: int, images_per_step: int) -> None:
        super().__init__(start)
        self.steps = steps
        self.images_per_step = images_per_step

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.bar = tqdm.tqdm(
            total=self.steps,
            initial=self.start,
            unit="step",
            desc="train",
            dynamic_ncols=True,
            mininterval=0.5,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
            "[{elapsed}<{remaining}{postfix}]",
        )
        self.began = time.monotonic()

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        seconds = time.monotonic() - self.began
        rate = (step - self.start) * self.images_per_step / seconds
        shown = ("d/loss", "g/adversarial", "g/cross_entropy", "g/l1")
        losses = [f"{name} {logs[name]:.3f}" for name in shown if name in logs]
        self.bar.set_postfix_str(
            ", ".join([f"{rate:.0f} images/s", *losses]), refresh=False
        )
        self.bar.update()

    def close(self) -> None:
        if hasattr(self, "bar"):
            self.bar.close()


class StopOnNonFinite(StepCallback):
    """Ends the run at the first loss that is NaN or infinite, before anything
    of that step is saved."""

    def __init__(self, start: int, checkpoints: Checkpoints) -> None:
        super().__init__(start)
        self.checkpoints = checkpoints

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        # A gradient may overflow in float16: its step is then left out.
        scaled = isinstance(self.model.g_optimizer, LossScaleOptimizer)
        for name, value in logs.items():
            excused = scaled and name.endswith("gradient_norm")
            if not math.isfinite(value) and not excused:
                raise RunError(
                    f"step {step}: {name} is {value}; the last good checkpoint: "
                    f"{self.checkpoints.last_good}"
                )


class Metrics(StepCallback):
    """Scalars to TensorBoard and `metrics.jsonl`: means over the interval, and
    the learning rates of its last step, of what is not resting."""

    def __init__(
        self, start: int, every: int, last: int | None, writer: Any, folder: Workdir
    ) -> None:
        super().__init__(start, 1, last)
        self.interval = every
        self.writer = writer
        self.folder = folder
        self.seen: list[dict[str, float]] = []
        self.rates: dict[str, float] = {}
        self.began = time.monotonic()

    def writes(self, step: int) -> bool:
        """Whether a line is written after this step."""
        return step % self.interval == 0 or step == self.last

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        # Here, because after the step an optimizer has the rate of its next.
        if self.writes(self.start + batch + 1):
            self.rates = {
                f"lr/{key}": float(optimizer.learning_rate)
                for key, optimizer in self.model.optimizers().items()
                if key not in self.model.resting
            }

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        self.seen.append(logs)
        if not self.writes(step):
            return
        line = self.means() | self.rates
        now = time.monotonic()
        line["time/steps_per_second"] = len(self.seen) / (now - self.began)
        self.began, self.seen = now, []
        events.write_scalars(self.writer, step, line)
        self.folder.append({"step": step, **line})

    def means(self) -> dict[str, float]:
        """Of what is finite."""
        means = {}
        for name in self.seen[0]:
            values = [seen[name] for seen in self.seen if math.isfinite(seen[name])]
            if values:
                means[name] = float(np.mean(values))
        return means


class Validation(StepCallback):
    """Pictures of a fixed choice: the `val/...` scalars of the held-out ones, or
    the same of training images by another `prefix`; and a warning at a collapse."""

    def __init__(
        self,
        start: int,
        every: int,
        last: int | None,
        writer: Any,
        folder: Workdir,
        dataset: Dataset,
        prefix: str = "val",
    ) -> None:
        super().__init__(start, every, last)
        self.writer = writer
        self.folder = folder
        self.dataset = dataset
        self.prefix = prefix

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        with warnings.catch_warnings():
            # Keras wants to know the number of batches, which it is told only
            # once all images have been tried.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            values = self.model.evaluate(self.dataset, verbose=0, return_dict=True)
        summary = self.model.summary(values)
        line = {
            f"{self.prefix}/{name.removeprefix('val/')}": value
            for name, value in summary.items()
        }
        events.write_scalars(self.writer, step, line)
        self.folder.append({"step": step, **line})
        for warning in self.model.warnings(summary):
            log.warning("step %d: %s", step, warning)


class Samples(StepCallback):
    """The grid of the same images over time: a file, and in TensorBoard."""

    def __init__(
        self,
        start: int,
        every: int,
        last: int | None,
        writer: Any,
        folder: Workdir,
        batch: Batch,
    ) -> None:
        super().__init__(start, every, last)
        self.writer = writer
        self.folder = folder
        self.batch = batch

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        picture = self.model.picture(self.batch)
        grid.write_png(self.folder.sample(step), picture)
        with self.writer.as_default(step):
            tf.summary.image("samples", picture[None])


class Histograms(StepCallback):
    """Weights, and the gradient norms since the last time."""

    def __init__(self, start: int, every: int, last: int | None, writer: Any) -> None:
        super().__init__(start, 1, last)
        self.interval = every
        self.writer = writer
        self.norms: dict[str, list[float]] = {}

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            if name.endswith("gradient_norm") and math.isfinite(value):
                self.norms.setdefault(name, []).append(value)
        if step % self.interval and step != self.last:
            return
        with self.writer.as_default(step):
            for prefix, network in self.model.networks().items():
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


class Profile(StepCallback):
    """Profiles the steps first .. last for TensorBoard."""

    def __init__(self, start: int, first: int, last: int, folder: Path) -> None:
        super().__init__(start)
        self.first = first
        self.until = last
        self.folder = folder
        self.on = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._start_before(self.start + 1)

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        if self.on and step >= self.until:
            self.close()
        self._start_before(step + 1)

    def _start_before(self, step):
        if step == self.first:
            tf.profiler.experimental.start(str(self.folder))
            self.on = True

    def close(self) -> None:
        if self.on:
            tf.profiler.experimental.stop()
            self.on = False


class Saver(StepCallback):
    """Checkpoints, and an orderly end at SIGTERM and SIGINT.

    `signal` is the number of the signal that ended the run, or None. A second
    signal ends the process at once.
    """

    def __init__(
        self,
        start: int,
        every: int,
        last: int | None,
        checkpoints: Checkpoints,
        writer: Any,
    ) -> None:
        super().__init__(start, 1, last)
        self.interval = every
        self.checkpoints = checkpoints
        self.writer = writer
        self.signal = None
        self.handlers: dict[int, Any] = {}

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.handlers[number] = signal.signal(number, self._note)

    def _note(self, number, frame):
        self.signal = number
        signal.signal(number, self.handlers[number])

    def on_step(self, step: int, logs: dict[str, float]) -> None:
        if self.signal or step % self.interval == 0 or step == self.last:
            self.writer.flush()
            self.checkpoints.save()
        if self.signal:
            self.model.stop_training = True

    def close(self) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
