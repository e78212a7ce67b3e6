"""From a Config to networks, each built at its image size."""

import inspect

from tfcolor.config import stages
from tfcolor.errors import UsageError
from tfcolor.networks import DISCRIMINATORS
from tfcolor.networks import GENERATORS
from tfcolor.networks import Translator
from tfcolor.networks import WeightNetwork
from tfcolor.registry import DRAWING


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
                "discriminator", config.discriminator, DISCRIMINATORS
            )
            channels[name] = inputs
    if config.weight_network is not None:
        settings = arguments(
            "weight_network", config.weight_network, WeightNetwork, skip=()
        )
        found["weight_network"] = WeightNetwork(**settings)
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
    section, cls = getattr(config, name), Translator
    settings = arguments(name, section, cls, skip=())
    network = cls(inputs, outputs, **settings, section=name)
    size = config.data.image_size
    network.build((None, size, size, inputs))
    return network


def generator_of(config):
    """The generator of a Config, built at its image size."""
    generator = _component("generator", config.generator, GENERATORS)
    generator.build((None, config.data.image_size, config.data.image_size, 1))
    return generator


def _component(name, section, classes):
    """An object of the class that `section.name` says."""
    if section.name not in classes:
        raise UsageError(
            f"{name}.name: {section.name!r} is not one of {', '.join(classes)}"
        )
    cls = classes[section.name]
    return cls(**arguments(name, section, cls, skip=("name",)))


def arguments(name, section, cls, skip):
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
