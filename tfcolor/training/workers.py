"""The processes that train one run together, each on its part of every batch."""

import contextlib
import dataclasses
import itertools
import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.types import Dataset

# Milliseconds in which the workers of a run that is over take leave of each other.
_LEAVE = 60_000

# Seconds in which the others hear what ends this worker, before its connections end.
_TELL = 5.0

_FRAMES = ("Graph execution error", "Detected at node", "File ", "Traceback")
_TASK = re.compile(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)")
# What a worker has reported, in what TensorFlow says at the others.
_SAID = re.compile(
    r"(?:aborted by|reported from \S+): (worker \d+ \(\S+\)(?:: .*?| is gone))"
    r"(?: The error could be|$)"
)
_serial = itertools.count()


@dataclasses.dataclass(frozen=True)
class Cluster:
    """What the environment variable TF_CONFIG says.

    Attributes:
      tasks: ((job, number in it, "host:port"), ...) of the workers, the chief first.
      number: of this process among them.
    """

    tasks: tuple[tuple[str, int, str], ...]
    number: int


def cluster() -> Cluster | None:
    """The Cluster of the environment; None: this process is alone.

    Raises:
      UsageError: TF_CONFIG is set and does not say which worker this is.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        content = json.loads(text)
        jobs = content.get("cluster", {})
        tasks = tuple(
            (job, number, str(address))
            for job in ("chief", "worker")
            for number, address in enumerate(jobs.get(job, ()))
        )
        task = content.get("task", {"type": "worker", "index": 0})
        mine = [
            (job, number) == (task["type"], int(task["index"]))
            for job, number, _ in tasks
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"TF_CONFIG: {text}: {error!r}") from error
    if len(tasks) < 2:
        return None
    if not any(mine):
        raise UsageError(
            f"TF_CONFIG: task {task['type']} {task['index']} is none of the chief and "
            f"workers of its cluster, {len(tasks)} in all"
        )
    return Cluster(tasks, mine.index(True))


class Workers:
    """The workers of a run. A process alone is its own chief.

    Args:
      strategy: a tf.distribute strategy; of several workers a
        MultiWorkerMirroredStrategy, for the `cluster` of the environment.

    Attributes:
      tasks: as of a Cluster.
      count: how many.
      number: of this one.
      chief: whether it is the one that writes.
    """

    def __init__(self, strategy: Any) -> None:
        self.strategy = strategy
        together = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        found = cluster() if together else None
        self.tasks = found.tasks if found else (("worker", 0, "localhost"),)
        self.count = len(self.tasks)
        self.number = found.number if found else 0
        self.chief = self.number == 0
        self.serial = next(_serial)
        self.summed = tf.function(self._summed, autograph=False)

    def largest(self, value: int) -> int:
        """The largest of the workers' values, whole numbers. All call it."""
        if self.count == 1:
            return value
        values = np.zeros(self.count, np.int64)
        values[self.number] = value
        return int(np.max(self.summed(tf.constant(values))))

    def _summed(self, values):
        def replica(values):
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(values))

        return self.strategy.experimental_local_results(
            self.strategy.run(replica, (values,))
        )[0]

    def wait(self) -> None:
        """Return when all workers have called it."""
        self.largest(0)

    @contextlib.contextmanager
    def chief_first(self) -> Iterator[None]:
        """What is inside is done by the chief, and then by the others."""
        if not self.chief:
            self.wait()
        yield
        if self.chief:
            self.wait()

    def agree(self, value: int, what: str) -> None:
        """Raise RunError if a whole number, called `what`, is not the same for all."""
        largest, smallest = self.largest(value), -self.largest(-value)
        if largest != smallest:
            raise RunError(
                f"the workers disagree about {what}: from {smallest} to {largest}; all "
                "need the same code, the same flags and the same --workdir"
            )

    def batches(self, dataset: Dataset) -> Any:
        """What each replica is given of a dataset of this worker's endless batches."""
        if self.count == 1:
            return self.strategy.experimental_distribute_dataset(dataset)
        replicas = self.strategy.num_replicas_in_sync // self.count
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return self.strategy.distribute_datasets_from_function(
            lambda _: divided(dataset, replicas).apply(endless)
        )

    def part(self, dataset: Dataset) -> Any:
        """The batches of this worker, of a dataset that is the same for all."""
        if self.count == 1:
            return self.strategy.experimental_distribute_dataset(dataset)
        return dataset.shard(self.count, self.number)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Around a run: an error of this worker ends the others with its message, and
        theirs ends this one.

        Raises:
          RunError: of an error of TensorFlow, or of another worker. UsageError: of
            this one, with its name.
        """
        try:
            yield
            self._leave()
        except Exception as error:
            if self.count == 1 and not isinstance(error, tf.errors.OpError):
                raise
            line = " ".join(self._line(error).split())
            self._report(line)
            if isinstance(error, UsageError):
                raise UsageError(line) from error
            raise RunError(line) from error

    def _line(self, error):
        """What an error says, in one line, and of which worker."""
        known = isinstance(error, tf.errors.OpError)
        text = reason(error) if known else str(error) or type(error).__name__
        if self.count == 1:
            return text
        if known and (line := self._of_another(error.message)):
            return line
        return f"{self._name(self.number)}: {text}"

    def _of_another(self, message):
        """What a message of TensorFlow says of another worker, or None."""
        text = " ".join(message.split())
        if said := _SAID.search(text):
            return said[1]
        _, _, text = text.partition("Collective ops is aborted by")
        ids = {(job, number): i for i, (job, number, _) in enumerate(self.tasks)}
        found = [ids.get((job, int(number))) for job, number in _TASK.findall(text)]
        gone = [number for number in found if number not in (None, self.number)]
        return f"{self._name(gone[0])} is gone" if gone else None

    def _name(self, number):
        return f"worker {number} ({self.tasks[number][2]})"

    def _report(self, line):
        if self.count > 1:
            with contextlib.suppress(tf.errors.OpError):
                context.context().report_error_to_cluster(tf.errors.ABORTED, line)
            if line.startswith(self._name(self.number)):
                time.sleep(_TELL)

    def _leave(self):
        """Return when no worker needs this one any more: the chief, whose process
        serves the others, is the last to go."""
        if self.count == 1:
            return
        service, others = context.context(), range(1, self.count)
        key = f"tfcolor/{self.serial}"
        with contextlib.suppress(tf.errors.OpError):
            if not self.chief:
                service.set_config_key_value(f"{key}/done/{self.number}", "1")
                service.get_config_key_value(f"{key}/leave", _LEAVE)
                service.set_config_key_value(f"{key}/left/{self.number}", "1")
                return
            for number in others:
                service.get_config_key_value(f"{key}/done/{number}", _LEAVE)
            service.set_config_key_value(f"{key}/leave", "1")
            for number in others:
                service.get_config_key_value(f"{key}/left/{number}", _LEAVE)


def divided(dataset: Dataset, replicas: int) -> Dataset:
    """Each batch [B, ...] of a dataset as so many batches [B / replicas, ...]."""

    def split(batch):
        return {
            name: tf.reshape(x, [replicas, x.shape[0] // replicas, *x.shape[1:]])
            for name, x in batch.items()
        }

    return dataset.map(split).unbatch().prefetch(2)


def reason(error: Any) -> str:
    """The one line of an error of TensorFlow that says what happened."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    for line in lines:
        kind, colon, text = line.partition(": ")
        if kind.endswith(("RunError", "UsageError")) and colon:
            return text
    said = [line for line in lines if not line.startswith(_FRAMES)]
    return said[0] if said else type(error).__name__
