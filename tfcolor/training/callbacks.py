"""What happens between the steps of a run. Steps are counted from 1 and are
those of the run, not of this start of it."""

import logging
import math
import signal
import time
from typing import Any

import keras
import tensorflow as tf
import tqdm
from keras.optimizers import LossScaleOptimizer

from tfcolor.errors import RunError
from tfcolor.runs.checkpoints import Checkpoints
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
    """Ends the run with a RunError at the first loss that is NaN or infinite, before
    anything of that step is saved."""

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
