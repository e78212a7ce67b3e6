"""A training run: data, trainer and run folder wired together."""

import contextlib
import functools
import logging
import math

import tensorflow as tf

from tfcolor import build
from tfcolor import callbacks
from tfcolor import checkpoints
from tfcolor import config as config_lib
from tfcolor import events
from tfcolor.data import pipeline
from tfcolor.data import prior
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.workdir import Workdir

log = logging.getLogger("tfcolor")

SAMPLES = 8


def train(config, workdir, profile=None):
    """Train until `config.train.steps`, from the newest checkpoint if there is
    one.

    Args:
      config: a Config.
      workdir: path of the run's folder.
      profile: (first, last) step to profile for TensorBoard, or None.

    Returns:
      The number of the signal that ended the run early, or None.

    Raises:
      UsageError: before anything is written. RunError: after.
    """
    strategy = build.strategy(config.train)
    training, held_out = open_data(config)
    build.check_replicas(config, strategy.num_replicas_in_sync)
    with strategy.scope():
        trainer = build.trainer(config)
    folder = Workdir(workdir)
    folder.check(config)
    pipeline.probe(pipeline.Reader(training, config.data, config.seed, _ignore))
    shown = held_out or training
    sample = sample_batch(shown, config.data)
    with folder.claim():
        for line in folder.check(config):
            log.info("config changed since the last start: %s", line)
        data = sources.fingerprint(training)
        folder.warn_of_changed_data(data)
        folder.write_config(config, data)
        if trainer.cross_entropy:
            counts = prior.load(
                training, config.data, folder.path, config.bins.prior_images
            )
            trainer.class_weights = build.class_weights(config, counts)
        try:
            return _fit(trainer, config, folder, training, shown, sample, profile)
        except tf.errors.OpError as error:
            raise RunError(_reason(error)) from error
        except OSError as error:
            raise RunError(f"{folder.path}: {error.strerror or error}") from error


def dry_run(config):
    """Text: the resolved config, the parameters and the shapes of a batch."""
    strategy = build.strategy(config.train)
    training, _ = open_data(config)
    with strategy.scope():
        build.check_replicas(config, strategy.num_replicas_in_sync)
        trainer = build.trainer(config)
    reader = pipeline.Reader(training, config.data, config.seed, _ignore)
    pipeline.probe(reader)
    batches = pipeline.training(
        reader, config.data, config.seed, n_critic=trainer.n_critic
    )
    shapes = {name: list(x.shape) for name, x in next(iter(batches)).items()}
    parts = [config_lib.dumps(config)]
    for name in trainer.parts():
        parts.append(f"{name}:\n{parameter_table(getattr(trainer, name))}")
    parts.append(f"images: {len(training)}, a step's batch: {shapes}")
    return "\n\n".join(parts)


def parameter_table(network):
    """A line a weight: name, shape, number of parameters; and their sum."""
    rows = [(w.path, str(tuple(w.shape)), math.prod(w.shape)) for w in network.weights]
    rows.append(("total", "", network.count_params()))
    return "\n".join(f"  {name:64s} {shape:20s} {n:>12,}" for name, shape, n in rows)


def open_data(config):
    """(training source, validation source or None) of a Config."""
    data = config.data
    source = sources.open_source(data.source, data.data_dir or None)
    if data.validation == "none":
        return source, None
    if data.validation:
        return source, sources.open_source(data.validation, data.data_dir or None)
    return sources.hold_out(source)


def sample_batch(source, data):
    """The images of the sample grid.

    Raises:
      UsageError: none of them can be read.
    """
    images = pipeline.validation(source, data, SAMPLES, _ignore).unbatch()
    try:
        return next(iter(images.batch(SAMPLES)))
    except StopIteration:
        raise UsageError(
            "data.validation: none of its images can be read, the first "
            f"{source.name(0)}"
        ) from None


def _fit(trainer, config, folder, training, shown, sample, profile):
    train = config.train
    saved = checkpoints.Checkpoints(folder.checkpoints, trainer, train.keep_checkpoints)
    start = saved.restore()
    folder.forget_after(start)
    if start >= train.steps:
        log.info("the run is at step %d of %d: nothing to do", start, train.steps)
        return None
    if start:
        log.info("resuming at step %d", start)
    report = folder.reporter()
    reader = pipeline.Reader(training, config.data, config.seed, report)
    batches = pipeline.training(
        reader, config.data, config.seed, start=start, n_critic=trainer.n_critic
    )
    writer = tf.summary.create_file_writer(str(folder.path))
    events.begin(writer, start, config, trainer.generator, folder.path.name)
    validation = pipeline.validation(
        shown, config.data, train.validation_images, report
    )
    data = {"validation": validation, "sample": sample}
    chain = _callbacks(trainer, config, folder, data, saved, writer, start)
    saver = chain[-1]
    if profile:
        chain.insert(0, callbacks.Profile(start, *profile, folder.path))
    try:
        trainer.fit(
            batches,
            steps_per_epoch=train.steps - start,
            callbacks=chain,
            shuffle=False,
            verbose=0,
        )
    finally:
        for callback in chain:
            callback.close()
        with contextlib.suppress(tf.errors.OpError):
            # A full disk has been reported by then.
            writer.close()
    return saver.signal


def _callbacks(trainer, config, folder, data, saved, writer, start):
    """What happens after each step, in this order: nothing of a step whose
    losses are not finite is written, and a checkpoint comes last."""
    train, last = config.train, config.train.steps
    per_step = config.data.batch_size * trainer.n_critic
    at = functools.partial(dict, start=start, last=last)
    to = {"writer": writer, "path": folder.metrics}
    return [
        callbacks.Progress(start, last, per_step),
        callbacks.StopOnNonFinite(start, saved),
        callbacks.Metrics(**at(every=train.log_every), **to),
        callbacks.Validation(
            **at(every=train.validate_every), **to, dataset=data["validation"]
        ),
        callbacks.Samples(
            **at(every=train.sample_every),
            writer=writer,
            folder=folder.samples,
            batch=data["sample"],
        ),
        callbacks.Histograms(**at(every=train.histogram_every), writer=writer),
        callbacks.Saver(
            **at(every=train.checkpoint_every), checkpoints=saved, writer=writer
        ),
    ]


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


def _ignore(name, reason):
    pass
