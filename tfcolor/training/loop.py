"""A training run: data, trainer and run folder wired together."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

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
from tfcolor.types import Network
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
    strategy = build.strategy(config.train)
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
    with folder.claim():
        for line in folder.check(config):
            log.info("config changed since the last start: %s", line)
        data = dataset.fingerprint()
        folder.warn_of_changed_data(data)
        folder.write_config(config, data, init)
        prepared = {}  # what every trainer of the run is given
        if scanner is not None:
            restore.keep_scanner(scanner, folder)
            prepared["scanner"] = scanner
        if first.cross_entropy:
            limit = config.bins.prior_images or 0
            counts = prior.load(dataset.source, config.data, folder.prior, limit)
            prepared["class_weights"] = build.class_weights(config, counts)
        try:
            with Run(config, folder, dataset, prepared, profile).open() as run:
                return run.train(strategy, first)
        except tf.errors.OpError as error:
            raise RunError(_reason(error)) from error
        except OSError as error:
            raise RunError(f"{folder.path}: {error.strerror or error}") from error


def dry_run(config: config_lib.Config) -> str:
    """Text: the resolved config, the parameters and the shapes of a batch."""
    config = resolve(config, initial=initial.adopting())
    strategy = build.strategy(config.train)
    dataset = datasets.dataset_of(config)
    with strategy.scope():
        build.check_replicas(config, strategy.num_replicas_in_sync)
        trainer = build.trainer(config)
    if config.train.init:
        initial.load(trainer, config)
    restore.scanner_for(config)
    dataset.probe(config.data)
    parts = [config_lib.dumps(config)]
    for name in trainer.parts():
        parts.append(f"{name}:\n{parameter_table(getattr(trainer, name))}")
    lines = [f"images: {len(dataset)}"]
    for segment in stages.segments(config, trainer.n_critic):
        n_critic = _n_critic(segment, trainer)
        batches = dataset.training(_data(config, segment), n_critic=n_critic)
        shapes = {name: list(x.shape) for name, x in batches.element_spec.items()}
        steps = f"steps {segment.first + 1} to {segment.last}"
        lines.append(f"{steps}, {segment.phase}: a step's batch: {shapes}")
    return "\n\n".join([*parts, "\n".join(lines)])


def parameter_table(network: Network) -> str:
    """A line a weight: name, shape, number of parameters; and their sum."""
    rows = [(w.path, str(tuple(w.shape)), math.prod(w.shape)) for w in network.weights]
    rows.append(("total", "", network.count_params()))
    return "\n".join(f"  {name:64s} {shape:20s} {n:>12,}" for name, shape, n in rows)


@dataclasses.dataclass
class Run:
    """A run at work: segment after segment, each with a trainer of its own that
    takes over the state of the one before it through a checkpoint.

    Attributes:
      config: its Config.
      folder: its Workdir, claimed.
      dataset: its images, a datasets.PhotoDataset.
      prepared: what every trainer is given, arguments of its `prepare`.
      profile: (first, last) step to profile, or None.
    """

    config: config_lib.Config
    folder: Workdir
    dataset: datasets.PhotoDataset
    prepared: dict
    profile: tuple | None

    @contextlib.contextmanager
    def open(self) -> Iterator[Run]:
        """The run with its log of skipped images and its event file, which are closed
        at the end."""
        self.report = self.folder.reporter()
        self.writer = tf.summary.create_file_writer(str(self.folder.path))
        self.began = False
        try:
            yield self
        finally:
            with contextlib.suppress(tf.errors.OpError):
                # A full disk has been reported by then.
                self.writer.close()

    def train(self, strategy: Any, trainer: Any) -> int | None:
        """The number of the signal that ended the run early, or None.

        Args:
          trainer: of the first segment, in the strategy's scope.
        """
        steps = self.config.train.steps
        segments = stages.segments(self.config, trainer.n_critic)
        step, segment = checkpoints.newest_step(self.folder.checkpoints), segments[0]
        while True:
            at = next((s for s in segments if s.first <= step < s.last), segments[-1])
            if at != segment:
                segment = at
                with strategy.scope():
                    trainer = build.trainer(self.config, segment)
            trainer.prepare(**self.prepared)
            step, saved = self._restored(trainer, segment)
            if step >= steps:
                log.info("the run is at step %d of %d: nothing to do", step, steps)
                return None
            if step < segment.first:  # an older checkpoint, of another segment
                continue
            stopped_by = self._fit(trainer, segment, step, saved)
            if stopped_by or segment.last == steps:
                return stopped_by
            step = segment.last

    def _restored(self, trainer, segment):
        """(step, Checkpoints) after the newest checkpoint has been loaded."""
        saved = checkpoints.Checkpoints(
            self.folder.checkpoints, trainer, self.config.train.keep_checkpoints
        )
        optimizers = trainer.optimizers().values() if segment.resets else ()
        new = [(v, tf.identity(v)) for each in optimizers for v in each.variables]
        step = saved.restore(first=segment.first - segment.position)
        if step == segment.first:
            for variable, value in new:
                variable.assign(value)
        return step, saved

    def _fit(self, trainer, segment, start, saved):
        self._begin(trainer, start)
        data = _data(self.config, segment)
        batches = self.dataset.training(
            data,
            self.report,
            start=start,
            first=segment.first,
            examples=segment.examples,
            n_critic=_n_critic(segment, trainer),
        )
        chain = self._callbacks(segment, data, saved, start, trainer.n_critic)
        try:
            trainer.fit(
                batches,
                steps_per_epoch=segment.last - start,
                callbacks=chain,
                shuffle=False,
                verbose=0,
            )
        finally:
            for callback in chain:
                callback.close()
        return chain[-1].signal

    def _begin(self, trainer, start):
        """Once a start: the run's metrics and events go on from here."""
        if self.began:
            return
        self.began = True
        if start:
            log.info("resuming at step %d", start)
        for remark in self.dataset.remarks():
            log.info("%s", remark)
        self.folder.forget_after(start)
        network, name = trainer.averaged(), self.folder.path.name
        events.begin(self.writer, start, self.config, network, name)

    def _callbacks(self, segment, data, saved, start, n_critic):
        """What happens after each step, in this order: nothing of a step whose
        losses are not finite is written, and a checkpoint comes last."""
        train, last, folder = self.config.train, self.config.train.steps, self.folder
        images = data.batch_size * (1 if segment.phase == "generator" else n_critic)
        at: Any = functools.partial(dict, start=start, last=last)
        to = {"writer": self.writer, "folder": folder}
        validation = self.dataset.validation(data, train.validation_images, self.report)
        chain: list[Any] = [
            callbacks.Progress(start, last, images),
            callbacks.StopOnNonFinite(start, saved),
            monitoring.Metrics(start, train.log_every, segment.last, **to),
            monitoring.Validation(
                **at(every=train.validate_every),
                **to,
                dataset=validation,
                prefix="train" if self.dataset.held_out is None else "val",
            ),
            monitoring.Samples(
                **at(every=train.sample_every),
                writer=self.writer,
                folder=folder,
                batch=self.dataset.sample(data),
            ),
            monitoring.Histograms(
                start, train.histogram_every, segment.last, self.writer
            ),
            callbacks.Saver(
                start,
                train.checkpoint_every,
                segment.last,
                checkpoints=saved,
                writer=self.writer,
            ),
        ]
        if self.profile:
            begin, end = self.profile
            chain.insert(0, callbacks.Profile(start, begin, end, folder.path))
        return chain


def _data(config, segment):
    """The `data` section at the sizes of a segment."""
    stage = segment.stage
    return dataclasses.replace(
        config.data, image_size=stage.image_size, batch_size=stage.batch_size
    )


def _n_critic(segment, trainer):
    return 1 if segment.phase == "generator" else trainer.n_critic


_FRAMES = ("Graph execution error", "Detected at node", "File ", "Traceback")


def _reason(error):
    """The one line of a TensorFlow error that says what happened."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    for line in lines:
        kind, colon, text = line.partition(": ")
        if kind.endswith(("RunError", "UsageError")) and colon:
            return text
    said = [line for line in lines if not line.startswith(_FRAMES)]
    return said[0] if said else type(error).__name__
