"""From a Config to networks, optimizers and a compiled trainer."""

import dataclasses
import pkgutil
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcolor import registry
from tfcolor.color import quantize
from tfcolor.config import Config
from tfcolor.config import Data
from tfcolor.config import Train
from tfcolor.config import stages
from tfcolor.config.resolution import resolve
from tfcolor.errors import UsageError
from tfcolor.networks import factory
from tfcolor.training import workers
from tfcolor.training.optimizers import ConstantThenLinear


def strategy(train: Train) -> Any:
    """The tf.distribute strategy of the `train` section of a config.

    With `cpu_replicas`, and with several workers, call it before anything has touched
    the devices. With several workers it returns when all have been started.

    Raises:
      UsageError: there are to be several workers, and TF_CONFIG does not name them.
    """
    cluster = workers.cluster()
    if train.strategy == "workers" and cluster is None:
        raise UsageError(
            "train.strategy: workers, but the environment has no TF_CONFIG that names "
            "two or more"
        )
    if cluster and train.strategy in ("auto", "workers") and not train.cpu_replicas:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if train.cpu_replicas:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * train.cpu_replicas
        if tf.config.get_logical_device_configuration(cpu) != parts:
            tf.config.set_logical_device_configuration(cpu, parts)
        names = [f"CPU:{i}" for i in range(train.cpu_replicas)]
        return tf.distribute.MirroredStrategy(names)
    gpus = tf.config.list_physical_devices("GPU")
    if train.strategy == "mirrored" or (train.strategy == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def check_replicas(config: Config, replicas: int) -> None:
    """Raise UsageError if a batch cannot be divided among so many replicas."""
    field = "train.stages, batch" if config.train.stages else "data.batch_size"
    for stage in stages.stages_of(config):
        if stage.batch_size % replicas:
            raise UsageError(
                f"{field}: {stage.batch_size} is not divisible by {replicas} replicas"
            )


def trainer(config: Config, segment: stages.Segment | None = None) -> Any:
    """The compiled trainer of a Config, built at its image size. Call it in the
    strategy's scope.

    Args:
      segment: the part of the run that it is for, a stages.Segment; None: the
        first.

    Raises:
      UsageError: a setting that the variant does not have or accept.
    """
    config = resolve(config)
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.train.precision)
    cls = _resolve(config.trainer)
    try:
        parts = factory.networks_of(config)
        if set(parts) != set(cls.parts()):
            raise UsageError(
                f"trainer: {cls.__name__} takes {', '.join(cls.parts())}, and the "
                f"config has {', '.join(parts)}"
            )
        if "generator" in parts and not config.train.init:
            parts["generator"].load_pretrained()
        stage = segment.stage if segment else stages.stages_of(config)[0]
        model = cls(
            **parts,
            **vars(config.loss),
            **_arguments_of(config, stage),
            ema_decay=config.train.ema_decay,
            seed=config.seed,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    segments = stages.segments(config, model.n_critic)
    segment = segment or segments[0]
    _set_phase(model, segment.phase, config.train)
    model.compile(**_optimizers(config, model, segment))
    return model


def data_of(config: Config, segment: stages.Segment) -> Data:
    """The `data` section at the sizes of a segment."""
    stage = segment.stage
    return dataclasses.replace(
        config.data, image_size=stage.image_size, batch_size=stage.batch_size
    )


def minibatches(segment: stages.Segment, trainer: Any) -> int:
    """How many a step of a segment takes."""
    return 1 if segment.phase == "generator" else trainer.n_critic


def _set_phase(model, phase, train):
    for field in ("generator_alone", "critic_alone"):
        steps = getattr(train, field)
        try:
            if steps:
                model.set_phase(field.removesuffix("_alone"))
        except ValueError as error:
            raise UsageError(f"train.{field}: {steps}, but {error}") from error
    model.set_phase(phase)


def _arguments_of(config, stage):
    """Arguments of a trainer that are not in `loss`."""
    if config.generator is None:
        return {"image_size": stage.image_size}
    bins, arguments = config.bins, {}
    if config.generator.head == "bins":
        arguments["cross_entropy"] = bins.cross_entropy
        arguments["neighbors"] = bins.neighbors
    for field in ("blur", "erase", "aging"):
        arguments[field] = getattr(config.data, field)
    if getattr(config.loss, "l1_final", None) is not None:
        arguments["l1_steps"] = config.train.steps
    return arguments


def class_weights(config: Config, prior: np.ndarray) -> tuple[float, ...]:
    """Weights [313] of the colors by their rarity; `prior` [313]: shares."""
    uniform = config.bins.uniform
    assert uniform is not None
    weights = quantize.class_weights(quantize.smooth(prior), uniform)
    return tuple(weights.tolist())


def _optimizers(config, model, segment):
    """An optimizer for each of the trainer's networks, for a Segment."""
    shares = {"g": _shares(config, model)}
    return {
        f"{key}_optimizer": _optimizer(
            config,
            segment,
            key,
            model.n_critic if key == "d" else 1,
            shares.get(key),
        )
        for key in model.networks()
    }


def _shares(config, model):
    """Shares of the rate at which the generator's variables learn, in their
    order, or None: `optim.encoder_rate` of those of its encoder."""
    rate = config.optim.encoder_rate
    if rate is None:
        return None
    generator: Any = getattr(model, "generator", None)
    if not hasattr(generator, "encoder"):
        name = config.generator.name if generator else type(model).__name__
        raise UsageError(f"optim.encoder_rate: {rate}, but {name} has no encoder")
    slow = {id(variable) for variable in generator.encoder.trainable_variables}
    if not slow:
        raise UsageError(
            f"optim.encoder_rate: {rate}, but nothing of the encoder is trained; "
            "set generator.frozen=false"
        )
    return [rate if id(v) in slow else 1.0 for v in generator.trainable_variables]


def _optimizer(config, segment, key, updates, shares):
    optim, stage = config.optim, segment.stage
    key = "g" if key == "g" else "d"  # the weight network learns as D does
    schedule = ConstantThenLinear(
        stage.g_lr if key == "g" else stage.d_lr,
        stage.steps,
        optim.constant,
        updates,
        segment.position - segment.updated[key],
    )
    optimizer = factory.new(
        registry.OPTIMIZERS[optim.name], optim, learning_rate=schedule, shares=shares
    )
    if config.train.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _resolve(trainer):
    try:
        return pkgutil.resolve_name(trainer)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"trainer: {trainer!r}: {error}") from error
