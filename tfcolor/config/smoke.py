"""A run at toy size, to try that everything works."""

import copy
import dataclasses

# What --smoke makes small, by the network's name.
SMOKE_GENERATOR = {
    "unet": {"depth": 3, "width": 4},
    "colorful": {"width": 4},
    "resnet_unet": {"width": 4, "weights": "none"},
    "efficientnet": {"width": 4, "weights": "none"},
}
SMOKE_DISCRIMINATOR = {
    "patch": {"width": 4, "receptive_field": 16},
    "image": {"width": 4},
    "autoencoder": {"width": 4},
}


def smoke(config, keep=()):
    """The same run at toy size: a few steps of small networks.

    Args:
      keep: {"section.field": value} to set all the same.
    """
    config = copy.deepcopy(config)
    _set(config, keep)
    if not config.data.source.startswith("drawings"):
        config.data.source = "sample"
    config.data.validation = config.data.scanner = ""
    config.data.image_size = 32
    config.data.batch_size = 2 * max(1, config.train.cpu_replicas)
    if config.generator is not None:
        _shrink(config.generator, SMOKE_GENERATOR)
    for section in filter(None, (config.scanner, config.colorist)):
        section.width, section.blocks = 4, 1
    if config.discriminator is not None:
        _shrink(config.discriminator, SMOKE_DISCRIMINATOR)
    if config.weight_network is not None:
        config.weight_network.width = 4
    config.bins.prior_images = config.bins.prior_images and 8
    for field in dataclasses.fields(config.train):
        if field.name.endswith("_every"):
            setattr(config.train, field.name, 2)
    config.train.stages = ""
    config.train.steps = 4
    for field in ("generator_alone", "critic_alone"):
        setattr(config.train, field, min(1, getattr(config.train, field)))
    config.train.validation_images = 4
    _set(config, keep)
    return config


def _shrink(section, sizes):
    """Set the sizes that a network of this section's name has."""
    for field, value in sizes.get(section.name, {}).items():
        setattr(section, field, value)


def _set(config, values):
    for path, value in dict(values).items():
        section, _, field = path.rpartition(".")
        setattr(getattr(config, section) if section else config, field, value)
