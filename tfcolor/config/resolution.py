"""From what was asked for to what is run: the one place that fills in a Config."""

from collections.abc import Callable
from typing import Any

from tfcolor import registry
from tfcolor.config import schema
from tfcolor.config import smoke
from tfcolor.config import stages
from tfcolor.config import validation
from tfcolor.config.schema import Config
from tfcolor.config.schema import Settings
from tfcolor.errors import UsageError

# Fields of `optim` that are no arguments of an optimizer.
_RATES = ("name", "g_lr", "d_lr", "encoder_rate", "constant")


def resolve(
    config: Config,
    given: Settings = (),
    toy: bool = False,
    initial: Callable[[Config, dict[str, Any]], None] | None = None,
) -> Config:
    """The Config that is run, which says everything and does not change any more.

    In this order: the fields that were given; the toy size; the generator of
    `train.init`; the stages; the checks that need no network; and for each field that
    is not set the default of what the config names.

    Args:
      config: a Config, which stays as it is. One that is resolved is returned.
      given: {"section.field": value} that were set by hand and win.
      toy: whether it is made small, see `smoke`.
      initial: a function that gives a Config with `train.init` its generator, or None:
        see `training.initial.adopting`.

    Raises:
      UsageError: naming the value and what is allowed.
    """
    if schema.is_sealed(config):
        return config
    config = settle(config, given, toy, initial)
    for name, section, entry, skip in _sections(config):
        _fill(name, section, entry.defaults(), skip)
    _fill_bins(config)
    _fill_rates(config)
    validation.check_inputs(config)
    return schema.seal(config)


def settle(
    config: Config,
    given: Settings = (),
    toy: bool = False,
    initial: Callable[[Config, dict[str, Any]], None] | None = None,
) -> Config:
    """`resolve` up to the defaults, which need TensorFlow: a copy of the Config with
    its size and length, checked."""
    config, given = schema.copy_of(config), dict(given)
    schema.set_fields(config, given)
    if toy:
        config = smoke.smoke(config, given)
    if initial is not None and config.train.init:
        initial(config, given)
    stages.apply(config)
    validation.check(config)
    return config


def _sections(config):
    """(name, section, Entry, fields that are no arguments) of what a Config names."""
    for name, entries in (
        ("generator", registry.GENERATORS),
        ("discriminator", registry.DISCRIMINATORS),
    ):
        section = getattr(config, name)
        if section is not None:
            yield name, section, entries[section.name], ("name",)
    for name in ("scanner", "colorist"):
        if getattr(config, name) is not None:
            yield name, getattr(config, name), registry.TRANSLATOR, ()
    if config.weight_network is not None:
        yield "weight_network", config.weight_network, registry.WEIGHT_NETWORK, ()
    yield "optim", config.optim, registry.OPTIMIZERS[config.optim.name], _RATES


def _fill(name, section, defaults, skip):
    """Set the unset fields of a section to the defaults of what it names."""
    for field in vars(section):
        if field in skip:
            continue
        if field in defaults:
            if getattr(section, field) is None:
                setattr(section, field, defaults[field])
        elif getattr(section, field) is not None:
            used = [n for n in vars(section) if n in defaults and n not in skip]
            raise UsageError(
                f"{name}.{field}: not used by {name}.name {section.name}, which "
                f"has {', '.join(used)}"
            )


def _fill_bins(config):
    """The section of the head "bins"; it is of no use to others."""
    bins, generator = config.bins, config.generator
    if generator is not None and generator.head == "bins":
        for field, value in vars(schema.BINS).items():
            if getattr(bins, field) is None:
                setattr(bins, field, value)
        return
    for field, value in vars(bins).items():
        if generator is not None and value is not None:
            raise UsageError(
                f"bins.{field}: not used by generator.head {generator.head}; set "
                "generator.head=bins"
            )


def _fill_rates(config):
    optim = config.optim
    if config.discriminator is not None:
        optim.d_lr = optim.g_lr if optim.d_lr is None else optim.d_lr
    elif optim.d_lr is not None:
        kind = config.trainer.rpartition(":")[2]
        raise UsageError(f"optim.d_lr: {optim.d_lr}, but {kind} has no discriminator")
