"""A Config to JSON and back, and what two of them differ in."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfcolor.config import stages
from tfcolor.config.schema import FREE_TO_CHANGE
from tfcolor.config.schema import Bins
from tfcolor.config.schema import Config
from tfcolor.config.schema import Data
from tfcolor.config.schema import Discriminator
from tfcolor.config.schema import Generator
from tfcolor.config.schema import Loss
from tfcolor.config.schema import Optim
from tfcolor.config.schema import Section
from tfcolor.config.schema import Train
from tfcolor.config.schema import Translator
from tfcolor.config.schema import WeightNetwork


def to_dict(config: Config) -> dict[str, Any]:
    """Plain dicts, without the fields that are not set."""
    return _without_none(dataclasses.asdict(config))


def flat(config: Config) -> dict[str, Any]:
    """{"section.field": value} of what is set."""
    return flat_dict(to_dict(config))


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `to_dict`.

    Raises:
      ValueError: a setting that is neither a number nor a text. KeyError, TypeError:
        settings that this version has not, or lacks.
    """
    for field, value in _settings(values):
        if not isinstance(value, str | int | float):
            raise ValueError(f"{field}: {value!r} is neither a number nor a text")
    loss = dataclasses.make_dataclass(
        "Loss",
        [(name, type(value)) for name, value in values["loss"].items()],
        bases=(Section,),
    )
    classes = {
        "data": Data,
        "generator": Generator,
        "scanner": Translator,
        "colorist": Translator,
        "discriminator": Discriminator,
        "weight_network": WeightNetwork,
        "bins": Bins,
        "loss": loss,
        "optim": Optim,
        "train": Train,
    }
    sections: dict[str, Any] = {
        name: cls(**values[name]) if name in values else None
        for name, cls in classes.items()
    }
    return Config(trainer=values["trainer"], seed=values["seed"], **sections)


def _settings(values):
    """("section.field", value) of a dict of sections."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{field}", each) for field, each in value.items())
        else:
            yield name, value


def dumps(config: Config) -> str:
    """A Config as JSON, as config.json of a run has it."""
    return json.dumps(to_dict(config), indent=2)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """["field: old -> new", ...] of two `to_dict`, flat or not, split into those
    that make it another run and those that do not: (refused, allowed).

    Where `old` is older than a field, that had its default."""
    old, new = flat_dict(old), flat_dict(new)
    sections = {"data": Data(), "loss": Loss(), "train": Train()}
    defaults = flat_dict({name: vars(section) for name, section in sections.items()})
    free: tuple[str, ...] = FREE_TO_CHANGE
    if stages.extends(*(each.get("train.stages", "") for each in (old, new))):
        free += ("train.stages", "data.image_size", "data.batch_size")
    refused: list[str] = []
    allowed: list[str] = []
    for field in sorted(old.keys() | new.keys()):
        was = old.get(field)
        if was is None and field in new:
            was = defaults.get(field)
        if was != new.get(field):
            line = f"{field}: {was} -> {new.get(field)}"
            (allowed if field in free else refused).append(line)
    return refused, allowed


def _without_none(values):
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


def flat_dict(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"section.field": value} of `to_dict`."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update(flat_dict(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
