"""A run at toy size, to try that everything works."""

import dataclasses

from tfcolor import registry
from tfcolor.config import schema
from tfcolor.config.schema import Settings
from tfcolor.errors import UsageError


def smoke(config: schema.Config, keep: Settings = ()) -> schema.Config:
    """The same run at toy size: a few steps of small networks.

    Args:
      keep: {"section.field": value} to set all the same.

    Returns:
      A Config of its own.

    Raises:
      UsageError: the registry knows no toy size of a network.
    """
    config = schema.copy_of(config)
    schema.set_fields(config, keep)
    if not config.data.source.startswith("drawings"):
        config.data.source = "sample"
    config.data.validation = config.data.scanner = ""
    config.data.batch_size = 2 * max(1, config.train.cpu_replicas)
    config.data.image_size = 32
    for section, entry in _networks(config):
        if not entry.toy:
            raise UsageError(f"--smoke: {entry.target}: registered without a toy size")
        for field, value in entry.toy.items():
            setattr(section, field, value)
    config.bins.prior_images = config.bins.prior_images and 8
    for field in dataclasses.fields(config.train):
        if field.name.endswith("_every"):
            setattr(config.train, field.name, 2)
    config.train.stages = ""
    config.train.steps = 4
    for field in ("generator_alone", "critic_alone"):
        setattr(config.train, field, min(1, getattr(config.train, field)))
    config.train.validation_images = 4
    schema.set_fields(config, keep)
    return config


def _networks(config):
    """(section, Entry) of each network that a Config has."""
    for section, entries in (
        (config.generator, registry.GENERATORS),
        (config.discriminator, registry.DISCRIMINATORS),
    ):
        if section is not None:
            yield section, entries[section.name]
    for section in (config.scanner, config.colorist):
        if section is not None:
            yield section, registry.TRANSLATOR
    if config.weight_network is not None:
        yield config.weight_network, registry.WEIGHT_NETWORK
