"""A training run: data, trainer and run folder wired together."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from tfcolor import config as config_lib
from tfcolor.config import resolve
from tfcolor.config import stages
from tfcolor.data import datasets
from tfcolor.data import prior
from tfcolor.errors import RunError
from tfcolor.inference import restore
from tfcolor.runs import checkpoints
from tfcolor.runs import events
from tfcolor.runs.folder import Workdir
from tfcolor.training import build
from tfcolor.training import callbacks
from tfcolor.training import initial
from tfcolor.training import monitoring
from tfcolor.training import steps
from tfcolor.training.workers import Workers
from tfcolor.types import Path

log = logging.getLogger("tfcolor")


def train(
    config: config_lib.Config, workdir: Path, profile: tuple[int, int] | None = None
) -> int | None:
    """Train until `config.train.steps`, from the newest checkpoint if there is
    one.

    Args:
      config: a Config, resolved or not.
      workdir: path of the run's folder.
      profile: (first, last) step to profile for TensorBoard, or None.

    Returns:
      The number of the signal that ended the run early, or None.

    Raises:
      UsageError: before anything is written. RunError: after.
    """
    config = resolve(config, initial=initial.adopting(workdir))
    workers = Workers(build.strategy(config.train))
    with workers.together():
        return _train(config, workdir, profile, workers)


def _train(config, workdir, profile, workers):
    strategy = workers.strategy
    dataset = datasets.dataset_of(config)
    build.check_replicas(config, strategy.num_replicas_in_sync)
    with strategy.scope():
        first = build.trainer(config)
    folder = Workdir(workdir)
    folder.check(config)
    init = None
    if config.train.init and not checkpoints.newest_step(folder.checkpoints):
        init = initial.load(first, config)
    scanner = restore.scanner_for(config, folder)
    dataset.probe(config.data)
    dataset.sample(config.data)
    with folder.claim() if workers.chief else contextlib.nullcontext():
        prepared = {}  # what every trainer of the run is given
        with workers.chief_first():
            if workers.chief:
                _write_config(config, folder, dataset.fingerprint(), init)
            if scanner is not None:
                restore.keep_scanner(scanner, folder)
                prepared["scanner"] = scanner
            if first.cross_entropy:
                limit = config.bins.prior_images or 0
                counts = prior.load(dataset.source, config.data, folder.prior, limit)
                prepared["class_weights"] = build.class_weights(config, counts)
        try:
            with Run(config, workers, folder, dataset, prepared, profile).open() as run:
                return run.train(first)
        except OSError as error:
            raise RunError(f"{folder.path}: {error.strerror or error}") from error


def _write_config(config, folder, data, init):
    for line in folder.check(config):
        log.info("config changed since the last start: %s", line)
    folder.warn_of_changed_data(data)
    folder.write_config(config, data, init)


@dataclasses.dataclass
class Run:
    """A run at work: segment after segment, each with a trainer of its own that
    takes over the state of the one before it through a checkpoint.

    Attributes:
      config: its Config.
      workers: its Workers, of whom the chief alone writes.
      folder: its Workdir, claimed by the chief.
      dataset: its images, a datasets.PhotoDataset.
      prepared: what every trainer is given, arguments of its `prepare`.
      profile: (first, last) step to profile, or None.
    """

    config: config_lib.Config
    workers: Workers
    folder: Workdir
    dataset: datasets.PhotoDataset
    prepared: dict
    profile: tuple | None

    @contextlib.contextmanager
    def open(self) -> Iterator[Run]:
        """The run with its log of skipped images and its event file, which are closed
        at the end."""
        if self.workers.chief:
            self.report = self.folder.reporter()
            self.writer = tf.summary.create_file_writer(str(self.folder.path))
        else:
            self.report = functools.partial(log.warning, "skipped %s: %s")
            self.writer = tf.summary.create_noop_writer()
        self.began = False
        try:
            yield self
        finally:
            with contextlib.suppress(tf.errors.OpError):
                # A full disk has been reported by then.
                self.writer.close()

    def train(self, trainer: Any) -> int | None:
        """The number of the signal that ended the run early, or None.

        Args:
          trainer: of the first segment, in the strategy's scope.
        """
        last = self.config.train.steps
        segments = stages.segments(self.config, trainer.n_critic)
        step, segment = checkpoints.newest_step(self.folder.checkpoints), segments[0]
        while True:
            at = next((s for s in segments if s.first <= step < s.last), segments[-1])
            if at != segment:
                segment = at
                with self.workers.strategy.scope():
                    trainer = build.trainer(self.config, segment)
            trainer.prepare(**self.prepared)
            step, saved = self._restored(trainer, segment)
            if step >= last:
                log.info("the run is at step %d of %d: nothing to do", step, last)
                return None
            if step < segment.first:  # an older checkpoint, of another segment
                continue
            stopped_by = self._fit(trainer, segment, step, saved)
            if stopped_by or segment.last == last:
                return stopped_by
            step = segment.last

    def _restored(self, trainer, segment):
        """(step, Checkpoints) after the newest checkpoint has been loaded."""
        with self.workers.chief_first():
            saved = checkpoints.Checkpoints(
                self.folder.checkpoints,
                trainer,
                self.config.train.keep_checkpoints,
                writes=self.workers.chief,
            )
        optimizers = trainer.optimizers().values() if segment.resets else ()
        new = [(v, tf.identity(v)) for each in optimizers for v in each.variables]
        step = saved.restore(first=segment.first - segment.position)
        self.workers.agree(step, "the step of the checkpoint that they have read")
        if step == segment.first:
            for variable, value in new:
                variable.assign(value)
        return step, saved

    def _fit(self, trainer, segment, start, saved):
        """Steps start + 1 to the segment's last; returns the number of the signal that
        ended them early, or None."""
        self._begin(trainer, start)
        take = steps.Step(trainer, self.workers.strategy)
        losses = steps.Losses(take)
        batches = iter(self._batches(trainer, segment, start))
        with self._callbacks(trainer, segment, start, saved) as (chain, saver):
            for step in range(start + 1, segment.last + 1):
                losses.add(step, take(next(batches)))
                due = [each for each in chain if each.due(step)]
                if due:
                    for number, logs in losses.read():  # waits for the device
                        for each in chain:
                            each.see(number, logs)
                for each in due:
                    each.after(step)
                if saver.ended_by:
                    break
        return saver.ended_by

    def _batches(self, trainer, segment, start):
        """Of the steps from `start` on, for the replicas of this worker."""
        batches = self.dataset.training(
            build.data_of(self.config, segment),
            self.report,
            start=start,
            first=segment.first,
            examples=segment.examples,
            n_critic=build.minibatches(segment, trainer),
            shard=self.workers.number,
            shards=self.workers.count,
        )
        return self.workers.batches(batches)

    def _begin(self, trainer, start):
        """Once a start: the run's metrics and events go on from here."""
        if self.began or not self.workers.chief:
            return
        self.began = True
        if start:
            log.info("resuming at step %d", start)
        for remark in self.dataset.remarks():
            log.info("%s", remark)
        self.folder.forget_after(start)
        network, name = trainer.averaged(), self.folder.path.name
        events.begin(self.writer, start, self.config, network, name)

    @contextlib.contextmanager
    def _callbacks(self, trainer, segment, start, saved):
        """(all, the Saver), begun: what happens after the steps, in this order: nothing
        is written after losses that are not finite, and a checkpoint comes last."""
        train, last = self.config.train, self.config.train.steps
        data = build.data_of(self.config, segment)
        to = {"writer": self.writer, "folder": self.folder}
        scaled = isinstance(trainer.g_optimizer, LossScaleOptimizer)
        validation = self.dataset.validation(data, train.validation_images, self.report)
        images = data.batch_size * build.minibatches(segment, trainer)
        saver = callbacks.Saver(
            train.checkpoint_every, segment.last, saved, self.writer, self.workers
        )
        stop = callbacks.StopOnNonFinite(saved, scaled)
        validate = monitoring.Validation(
            train.validate_every,
            last,
            self.writer,
            self.folder if self.workers.chief else None,
            steps.Evaluation(trainer, self.workers, validation),
            prefix="train" if self.dataset.held_out is None else "val",
        )
        chain: list[Any] = [
            callbacks.Progress(start, last, segment.last, images),
            stop,
            monitoring.Metrics(train.log_every, segment.last, **to),
            validate,
            monitoring.Samples(
                train.sample_every,
                last,
                **to,
                trainer=trainer,
                batch=self.dataset.sample(data),
            ),
            monitoring.Histograms(
                train.histogram_every, segment.last, self.writer, trainer
            ),
            saver,
        ]
        if not self.workers.chief:
            chain = [stop, validate, saver]
        elif self.profile:
            begin, end = self.profile
            profile = callbacks.Profile(start, begin, end, self.folder.path)
            chain.insert(0, profile)
        try:
            for each in chain:
                each.begin()
            yield chain, saver
        finally:
            for each in chain:
                each.close()
