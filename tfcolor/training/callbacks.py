"""What happens between the steps of a run. Steps are counted from 1 and are
those of the run, not of this start of it."""

import logging
import math
import signal
import time
from typing import Any

import tensorflow as tf
import tqdm

from tfcolor.errors import RunError
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.training.workers import Workers
from tfcolor.types import Path

log = logging.getLogger("tfcolor")


class StepCallback:
    """What happens after some of the steps of a run.

    Args:
      every: steps between calls of `after`; 0: see `last`.
      last: a step after which it is called too; None: none.
    """

    def __init__(self, every: int = 0, last: int | None = None) -> None:
        self.every = every
        self.last = last

    def begin(self) -> None:
        """Called once before the first step."""

    def due(self, step: int) -> bool:
        """Whether `after` is to be called after a step. The run then waits for the
        device."""
        return step == self.last or (bool(self.every) and step % self.every == 0)

    def see(self, step: int, logs: dict[str, float]) -> None:
        """Called with what each step has logged, in order, before `after` of any
        callback."""

    def after(self, step: int) -> None:
        """Called after a step of the run at which it is due."""

    def close(self) -> None:
        """Called once after the last step, however the run ended."""


class Progress(StepCallback):
    """A progress bar: time left, images a second, losses.

    Args:
      start, steps: steps of the run that are done, and of all of it.
      last: step at which it is brought up to date, as it is every half second.
      images_per_step: a whole number.
    """

    SECONDS = 0.5

    def __init__(self, start: int, steps: int, last: int, images_per_step: int) -> None:
        super().__init__(last=last)
        self.start = start
        self.steps = steps
        self.images_per_step = images_per_step
        self.logs: dict[str, float] = {}

    def begin(self) -> None:
        self.bar = tqdm.tqdm(
            total=self.steps,
            initial=self.start,
            unit="step",
            desc="train",
            dynamic_ncols=True,
            mininterval=self.SECONDS,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
            "[{elapsed}<{remaining}{postfix}]",
        )
        self.began = self.shown = time.monotonic()

    def due(self, step: int) -> bool:
        return step == self.last or time.monotonic() - self.shown >= self.SECONDS

    def see(self, step: int, logs: dict[str, float]) -> None:
        self.logs = logs
        self.bar.update()

    def after(self, step: int) -> None:
        self.shown = time.monotonic()
        rate = (step - self.start) * self.images_per_step / (self.shown - self.began)
        shown = ("d/loss", "g/adversarial", "g/cross_entropy", "g/l1")
        losses = [
            f"{name} {self.logs[name]:.3f}" for name in shown if name in self.logs
        ]
        self.bar.set_postfix_str(", ".join([f"{rate:.0f} images/s", *losses]))

    def close(self) -> None:
        if hasattr(self, "bar"):
            self.bar.close()


class StopOnNonFinite(StepCallback):
    """Ends the run with a RunError at the first loss that is NaN or infinite, before
    anything is written after it.

    Args:
      checkpoints: of the run.
      scaled: gradients may overflow, as in float16, whose step is then left out.
    """

    def __init__(self, checkpoints: Checkpoints, scaled: bool) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self.scaled = scaled

    def see(self, step: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            excused = self.scaled and name.endswith("gradient_norm")
            if not math.isfinite(value) and not excused:
                raise RunError(
                    f"step {step}: {name} is {value}; the last good checkpoint: "
                    f"{self.checkpoints.last_good}"
                )


class Profile(StepCallback):
    """Profiles the steps first .. last for TensorBoard, if they come after `start`."""

    def __init__(self, start: int, first: int, last: int, folder: Path) -> None:
        super().__init__()
        self.start = start
        self.first = first
        self.until = last
        self.folder = folder
        self.on = False

    def begin(self) -> None:
        self._start_after(self.start)

    def due(self, step: int) -> bool:
        return step == self.first - 1 or (self.on and step >= self.until)

    def after(self, step: int) -> None:
        if self.on and step >= self.until:
            self.close()
        self._start_after(step)

    def _start_after(self, step):
        if step == self.first - 1:
            tf.profiler.experimental.start(str(self.folder))
            self.on = True

    def close(self) -> None:
        if self.on:
            tf.profiler.experimental.stop()
            self.on = False


class Saver(StepCallback):
    """Checkpoints, and an orderly end at SIGTERM and SIGINT.

    `ended_by` is the number of the signal that ended the run, or None. A second
    signal ends the process at once.

    Args:
      every, last: as of a StepCallback.
      checkpoints: a Checkpoints of the run.
      writer: of its events, which are written out first.
      workers: of the run. One's signal ends all of them after the same step.
    """

    TOGETHER = 10  # steps in which several workers ask each other for signals

    def __init__(
        self,
        every: int,
        last: int | None,
        checkpoints: Checkpoints,
        writer: Any,
        workers: Workers,
    ) -> None:
        super().__init__(every, last)
        self.workers = workers
        self.checkpoints = checkpoints
        self.writer = writer
        self.signal: int | None = None  # that has come
        self.ended_by: int | None = None  # after whose checkpoint no step comes
        self.handlers: dict[int, Any] = {}

    def begin(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.handlers[number] = signal.signal(number, self._note)

    def _note(self, number, frame):
        self.signal = number
        signal.signal(number, self.handlers[number])

    def due(self, step: int) -> bool:
        if self.workers.count == 1:
            return self.signal is not None or super().due(step)
        return step % self.TOGETHER == 0 or super().due(step)

    def after(self, step: int) -> None:
        self.ended_by = self.workers.largest(self.signal or 0) or None
        if self.ended_by or super().due(step):
            self.writer.flush()
            self.checkpoints.save()
            self.workers.wait()

    def close(self) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
