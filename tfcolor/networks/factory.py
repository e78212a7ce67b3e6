"""From a Config to networks, each built at its image size."""

from typing import Any

from tfcolor import registry
from tfcolor.config import Config
from tfcolor.config import Section
from tfcolor.config import stages
from tfcolor.config.resolution import resolve
from tfcolor.registry import DRAWING
from tfcolor.types import Network


def networks_of(config: Config) -> dict[str, Network]:
    """The networks of a Config, each built at its image size and checked at
    those of its stages, by the names that trainers call them."""
    config = resolve(config)
    networks, channels = {}, {}
    if config.generator is not None:
        networks["generator"], channels["generator"] = generator_of(config), 1
    for name, inputs, outputs in (("scanner", 3, 1), ("colorist", 1, 3)):
        if getattr(config, name) is not None:
            networks[name] = translator(config, name, inputs, outputs)
            channels[name] = inputs
    color = 3 if config.generator and config.generator.head in DRAWING else 2
    judged = {"discriminator": 1 + color}
    if config.scanner is not None:
        judged = {"scan_discriminator": 1, "color_discriminator": 3}
    if config.discriminator is not None:
        for name, inputs in judged.items():
            entry = registry.DISCRIMINATORS[config.discriminator.name]
            networks[name] = new(entry, config.discriminator)
            channels[name] = inputs
    if config.weight_network is not None:
        networks["weight_network"] = new(registry.WEIGHT_NETWORK, config.weight_network)
        channels["weight_network"] = 1 + color
    for name, network in networks.items():
        size = config.data.image_size
        if not network.built:
            network.build((None, size, size, channels[name]))
        for stage in stages.stages_of(config):
            size = stage.image_size
            network.check_size((None, size, size, channels[name]))
    return networks


def translator(config: Config, name: str, inputs: int, outputs: int) -> Network:
    """The Translator of a Config's section, built at its image size."""
    config = resolve(config)
    section, entry = getattr(config, name), registry.TRANSLATOR
    network = new(entry, section, inputs=inputs, outputs=outputs, section=name)
    size = config.data.image_size
    network.build((None, size, size, inputs))
    return network


def generator_of(config: Config) -> Network:
    """The generator of a Config, built at its image size."""
    config = resolve(config)
    assert config.generator is not None
    entry = registry.GENERATORS[config.generator.name]
    hints = {"hints": True} if config.data.hints else {}
    generator = new(entry, config.generator, **hints)
    generator.build((None, config.data.image_size, config.data.image_size, 1))
    return generator


def new(entry: registry.Entry, section: Section, /, **more: Any) -> Any:
    """An object of an Entry's class, with the settings of a resolved section and what
    else it takes."""
    taken = entry.defaults()
    settings = {
        name: value
        for name, value in vars(section).items()
        if name in taken and name != "name"
    }
    return entry.load()(**{**settings, **more})
