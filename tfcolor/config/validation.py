"""What the values of a Config may be, as far as no network is needed to say so."""

import dataclasses
import math

from tfcolor.config import conversion
from tfcolor.config import schema
from tfcolor.errors import UsageError
from tfcolor.registry import DRAWING

STRATEGIES = ("auto", "one", "mirrored", "workers")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
CROPS = ("random_resized", "smart", "center")

# What is seen beyond the edge of a rotated picture.
FILLS = ("reflect", "white")

# What happens to decoded images.
CACHES = ("auto", "none", "memory")

# Fields of `train` that 0 turns off.
MAY_BE_ZERO = ("cpu_replicas", "ema_decay", "generator_alone", "critic_alone")


def check_field(config: schema.Config, path: str) -> None:
    """Raise UsageError if a Config has no field "section.field"."""
    section, value = "config", config
    for name in path.split("."):
        if value is None:
            raise UsageError(f"config.{path}: this variant has no {section}")
        fields = vars(value) if dataclasses.is_dataclass(value) else {}
        if name not in fields:
            raise UsageError(
                f"config.{path}: no such field; {section} has {', '.join(fields)}"
            )
        section, value = name, fields[name]


def check(config: schema.Config) -> None:
    """Raise UsageError for a value that no network is needed to reject."""
    train, optim = config.train, config.optim
    if not 0 <= config.seed < 2**32:
        raise UsageError(f"seed: {config.seed} is not in 0 .. 2^32 - 1")
    for field, value in conversion.flat(config).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{field}: {value} is not a finite number")
    check_data(config.data)
    _check_choice("train.strategy", train.strategy, STRATEGIES)
    _check_choice("train.precision", train.precision, PRECISIONS)
    for section, fields in (
        ("data", ("image_size", "batch_size")),
        ("optim", ("g_lr", "d_lr", "encoder_rate")),
        ("generator", ("temperature",)),
        ("bins", ("cross_entropy", "prior_images")),
    ):
        for field in fields:
            value = getattr(getattr(config, section), field, None)
            if value is not None and not value > 0:
                raise UsageError(f"{section}.{field}: {value} must be positive")
    _check_bins(config.bins)
    for field in dataclasses.fields(train):
        value = getattr(train, field.name)
        least = 0 if field.name in MAY_BE_ZERO else 1
        if field.type in (int, float) and value < least:
            raise UsageError(f"train.{field.name}: {value} must be at least {least}")
    if not 0 <= optim.constant <= 1:
        raise UsageError(f"optim.constant: {optim.constant} is not in [0, 1]")
    alone = train.generator_alone + train.critic_alone
    if alone > train.steps:
        raise UsageError(
            f"train.generator_alone, train.critic_alone: {alone} steps in all are "
            f"more than the run's {train.steps}"
        )
    if train.cpu_replicas and train.strategy in ("one", "workers"):
        raise UsageError(
            f"train.cpu_replicas: {train.cpu_replicas} contradicts "
            f"train.strategy {train.strategy}; use auto or mirrored"
        )


def check_data(data: schema.Data) -> None:
    """Raise UsageError for a setting of the `data` section that is not allowed,
    or that changes nothing."""
    unset = type(data)()
    for field, allowed in (("crop", CROPS), ("fill", FILLS), ("cache", CACHES)):
        value = getattr(data, field)
        if value not in allowed:
            raise UsageError(
                f"data.{field}: {value!r} is not one of {', '.join(allowed)}"
            )
    if not 0 < data.crop_area <= 1:
        raise UsageError(f"data.crop_area: {data.crop_area} is not in (0, 1]")
    if data.crop == "center" and data.crop_area not in (unset.crop_area, 1.0):
        raise UsageError(
            f"data.crop_area: {data.crop_area}: not used by data.crop=center, which "
            "takes the largest square"
        )
    if data.fill != unset.fill and not (data.rotation or data.perspective):
        raise UsageError(
            f"data.fill: {data.fill}: used with data.rotation or data.perspective only"
        )
    most = {"rotation": 180, "perspective": 1, "blur": 1, "erase": 1, "aging": 1}
    for field, largest in most.items():
        value = getattr(data, field)
        if not 0 <= value <= largest:
            raise UsageError(f"data.{field}: {value} is not in [0, {largest}]")


def check_inputs(config: schema.Config) -> None:
    """Raise UsageError for images that the kind of trainer does not use, or lacks."""
    data = config.data
    if config.scanner is not None:
        if not data.scans:
            raise UsageError("data.scans is missing: the SPEC of scans of drawings")
        for field in ("blur", "erase", "aging", "scanner", "hints"):
            if getattr(data, field):
                raise UsageError(
                    f"data.{field}: {getattr(data, field)}: not used by cyclegan"
                )
        return
    if data.scans:
        raise UsageError(f"data.scans: {data.scans}: used by cyclegan only")
    generator = config.generator
    head = generator and generator.head
    if data.hints and head in DRAWING:
        raise UsageError(
            f"data.hints: {data.hints}: needs generator.head ab or bins, not {head}, "
            "which colours drawings"
        )
    if data.scanner and (generator is None or head not in DRAWING):
        raise UsageError(
            f"data.scanner: {data.scanner}: needs generator.head lab or rgb, not {head}"
        )


def _check_bins(bins):
    neighbors, uniform = bins.neighbors, bins.uniform
    if neighbors is not None and not 1 <= neighbors <= 313:
        raise UsageError(f"bins.neighbors: {neighbors} is not in 1 .. 313")
    if uniform is not None and not 0 <= uniform <= 1:
        raise UsageError(f"bins.uniform: {uniform} is not in [0, 1]")


def _check_choice(field, value, allowed):
    if value not in allowed:
        raise UsageError(f"{field}: {value!r} is not one of {', '.join(allowed)}")
