"""From a Config to networks, optimizers and a compiled trainer."""

import inspect
import pkgutil

import keras
import tensorflow as tf

from tfcolor import config as config_lib
from tfcolor import networks
from tfcolor import stages
from tfcolor.color import quantize
from tfcolor.errors import UsageError
from tfcolor.networks.heads import DRAWING
from tfcolor.optimizers import OPTIMIZERS
from tfcolor.optimizers import ConstantThenLinear
from tfcolor.trainers.gan import ColorGAN


def strategy(train):
    """The tf.distribute strategy of the `train` section of a config.

    With `cpu_replicas`, call it before anything has touched the devices.
    """
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


def check_replicas(config, replicas):
    field = "train.stages, batch" if config.train.stages else "data.batch_size"
    for stage in stages.stages_of(config):
        if stage.batch_size % replicas:
            raise UsageError(
                f"{field}: {stage.batch_size} is not divisible by {replicas} replicas"
            )


def trainer(config, segment=None):
    """The compiled trainer of a Config, built at its image size.

    Fields of the networks and optimizers that were not set are filled in, so
    that the config says what was built. Call it in the strategy's scope.

    Args:
      segment: the part of the run that it is for, a stages.Segment; None: the
        first.

    Raises:
      UsageError: a setting that the variant does not have or accept.
    """
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.train.precision)
    cls = _resolve(config.trainer)
    try:
        parts = networks_of(config)
        if set(parts) != set(cls.parts()):
            raise UsageError(
                f"trainer: {cls.__name__} takes {', '.join(cls.parts())}, and the "
                f"config has {', '.join(parts)}"
            )
        if "generator" in parts:
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
    found = stages.segments(config, model.n_critic)
    _enter(model, segment or found[0], config)
    model.compile(**_optimizers(config, model, segment or found[0]))
    return model


def _enter(model, segment, config):
    if isinstance(model, ColorGAN):
        alone = config.train.generator_alone
        if alone and not model.reconstructs():
            raise UsageError(
                f"train.generator_alone: {alone}, but nothing would train it: all of "
                "loss.l1_weight, l2_weight, edge_weight, perceptual_weight are 0"
            )
        model.enter(segment.phase)
        return
    for field in ("generator_alone", "critic_alone"):
        if getattr(config.train, field):
            raise UsageError(
                f"train.{field}: {getattr(config.train, field)}, but "
                f"{type(model).__name__} has no critic that judges its generator"
            )


def networks_of(config):
    """The networks of a Config, each built at its image size and checked at
    those of its stages, by the names that trainers call them."""
    found, channels = {}, {}
    if config.generator is not None:
        found["generator"], channels["generator"] = generator_of(config), 1
    for name, inputs, outputs in (("scanner", 3, 1), ("colorist", 1, 3)):
        if getattr(config, name) is not None:
            found[name] = translator(config, name, inputs, outputs)
            channels[name] = inputs
    color = 3 if config.generator and config.generator.head in DRAWING else 2
    judged = {"discriminator": 1 + color}
    if config.scanner is not None:
        judged = {"scan_discriminator": 1, "color_discriminator": 3}
    if config.discriminator is not None:
        for name, inputs in judged.items():
            found[name] = _component(
                "discriminator", config.discriminator, networks.DISCRIMINATORS
            )
            channels[name] = inputs
    if config.weight_network is not None:
        settings = _arguments(
            "weight_network", config.weight_network, networks.WeightNetwork, skip=()
        )
        found["weight_network"] = networks.WeightNetwork(**settings)
        channels["weight_network"] = 1 + color
    for name, network in found.items():
        size = config.data.image_size
        if not network.built:
            network.build((None, size, size, channels[name]))
        for stage in stages.stages_of(config):
            size = stage.image_size
            network.check_size((None, size, size, channels[name]))
    return found


def translator(config, name, inputs, outputs):
    """The Translator of a Config's section, built at its image size."""
    section, cls = getattr(config, name), networks.Translator
    settings = _arguments(name, section, cls, skip=())
    network = cls(inputs, outputs, **settings, section=name)
    size = config.data.image_size
    network.build((None, size, size, inputs))
    return network


def _arguments_of(config, stage):
    """Arguments of a trainer that are not in `loss`."""
    if config.generator is None:
        return {"image_size": stage.image_size}
    arguments = _cross_entropy(config)
    arguments |= {"blur": config.data.blur, "erase": config.data.erase}
    if getattr(config.loss, "l1_final", None) is not None:
        arguments["l1_steps"] = config.train.steps
    return arguments


def _cross_entropy(config):
    """Arguments of a trainer for the head "bins"; none for others."""
    bins = config.bins
    if config.generator.head != "bins":
        for field, value in vars(bins).items():
            if value is not None:
                raise UsageError(
                    f"bins.{field}: not used by generator.head "
                    f"{config.generator.head}; set generator.head=bins"
                )
        return {}
    for field, value in vars(config_lib.BINS).items():
        if getattr(bins, field) is None:
            setattr(bins, field, value)
    return {"cross_entropy": bins.cross_entropy, "neighbors": bins.neighbors}


def class_weights(config, prior):
    """Weights [313] of the colours by their rarity; `prior` [313]: shares."""
    weights = quantize.class_weights(quantize.smooth(prior), config.bins.uniform)
    return tuple(weights.tolist())


def generator_of(config):
    """The generator of a Config, built at its image size."""
    generator = _component("generator", config.generator, networks.GENERATORS)
    generator.build((None, config.data.image_size, config.data.image_size, 1))
    return generator


def _component(name, section, classes):
    """An object of the class that `section.name` says."""
    if section.name not in classes:
        raise UsageError(
            f"{name}.name: {section.name!r} is not one of {', '.join(classes)}"
        )
    cls = classes[section.name]
    return cls(**_arguments(name, section, cls, skip=("name",)))


def _optimizers(config, model, segment):
    """An optimizer for each of the trainer's networks, for a Segment."""
    optim = config.optim
    if set(model.networks()) == {"g"}:
        if optim.d_lr is not None:
            raise UsageError(
                f"optim.d_lr: {optim.d_lr}, but {type(model).__name__} has no "
                "discriminator"
            )
    elif optim.d_lr is None:
        optim.d_lr = optim.g_lr
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
    generator = getattr(model, "generator", None)
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
    if optim.name not in OPTIMIZERS:
        raise UsageError(
            f"optim.name: {optim.name!r} is not one of {', '.join(OPTIMIZERS)}"
        )
    cls = OPTIMIZERS[optim.name]
    skip = ("name", "g_lr", "d_lr", "encoder_rate", "constant")
    arguments = _arguments("optim", optim, cls, skip)
    schedule = ConstantThenLinear(
        stage.g_lr if key == "g" else stage.d_lr,
        stage.steps,
        optim.constant,
        updates,
        segment.position - segment.updated[key],
    )
    optimizer = cls(schedule, shares=shares, **arguments)
    if config.train.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _arguments(name, section, cls, skip):
    """Keyword arguments of `cls` from a section, whose unset fields are set to
    the defaults of `cls`."""
    parameters = inspect.signature(cls).parameters
    arguments = {}
    for field in vars(section):
        if field in skip:
            continue
        if field in parameters:
            if getattr(section, field) is None:
                setattr(section, field, parameters[field].default)
            arguments[field] = getattr(section, field)
        elif getattr(section, field) is not None:
            used = [other for other in vars(section) if other in parameters]
            raise UsageError(
                f"{name}.{field}: not used by {name}.name {section.name}, which "
                f"has {', '.join(other for other in used if other not in skip)}"
            )
    return arguments


def _resolve(trainer):
    try:
        return pkgutil.resolve_name(trainer)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"trainer: {trainer!r}: {error}") from error
