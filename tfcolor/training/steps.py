"""A trainer's steps on the replicas of a strategy, and what they have logged."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfcolor.trainers.base import over_replicas
from tfcolor.training.workers import Workers
from tfcolor.types import Batch
from tfcolor.types import Dataset
from tfcolor.types import Logs
from tfcolor.types import Tensor


class Step:
    """The compiled `train_step` of a trainer, on every replica at once.

    Called with a batch of a distributed dataset, it returns float32 [n], which stays on
    the device: the means over the replicas of the n values that the step logs, and the
    learning rates that it took, of what is not frozen.

    Args:
      trainer: built in the scope of `strategy`; with `run_eagerly` it is not traced.
      strategy: a tf.distribute strategy.

    Attributes:
      names: of the n values, in their order, once it has been called.
    """

    def __init__(self, trainer: Any, strategy: Any) -> None:
        self.trainer = trainer
        self.names: tuple[str, ...] = ()
        self.run = _on_replicas(self._step, strategy, trainer.run_eagerly)

    def __call__(self, batch: Batch) -> Tensor:
        return self.run(batch)

    def _step(self, batch):
        # Before the step, after which an optimizer has the rate of its next.
        rates = {
            f"lr/{key}": optimizer.learning_rate
            for key, optimizer in self.trainer.optimizers().items()
            if key not in self.trainer.frozen_networks
        }
        logs = {**self.trainer.train_step(batch), **rates}
        self.names = tuple(logs)
        values = [tf.cast(value, tf.float32) for value in logs.values()]
        return over_replicas(tf.stack(values))


class Losses:
    """What steps have logged, on the device until it is read.

    Args:
      step: the Step whose values they are.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.rows: list[tuple[int, Tensor]] = []

    def add(self, number: int, values: Tensor) -> None:
        """Take what step `number` of the run has returned, [n]."""
        self.rows.append((number, values))

    def read(self) -> list[tuple[int, dict[str, float]]]:
        """[(number of a step, {name: value})] since the last time, in order. Waits for
        the device."""
        if not self.rows:
            return []
        numbers, rows = zip(*self.rows, strict=True)
        self.rows = []
        values = tf.stack(rows).numpy().tolist()
        named = [dict(zip(self.step.names, row, strict=True)) for row in values]
        return list(zip(numbers, named, strict=True))


class Evaluation:
    """The means of a trainer's `test_step` over a dataset, on a strategy's replicas.

    Args:
      trainer: as of a Step.
      workers: the Workers of the run, who all call it; each takes its part.
      dataset: of batches for `test_step`.
    """

    def __init__(self, trainer: Any, workers: Workers, dataset: Dataset) -> None:
        self.trainer = trainer
        self.batches = workers.part(dataset)
        self.run = _on_replicas(self._step, workers.strategy, trainer.run_eagerly)

    def __call__(self) -> Logs:
        self.trainer.reset_metrics()
        for batch in self.batches:
            self.run(batch)
        means = self.trainer.validation.items()
        return {name: float(mean.result()) for name, mean in means}

    def _step(self, batch):
        self.trainer.test_step(batch)
        return tf.zeros([])


def _on_replicas(
    function: Callable[[Batch], Tensor], strategy: Any, eagerly: bool
) -> Callable[[Batch], Tensor]:
    """A function of a distributed batch: `function` on every replica, of whose results
    it returns the first."""

    def run(batch):
        results = strategy.run(function, (batch,))
        return strategy.experimental_local_results(results)[0]

    if eagerly:
        return run
    return tf.function(run, autograph=False, reduce_retracing=True)
