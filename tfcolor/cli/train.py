"""bin/train: train a colorizer."""

import re
import sys
from typing import Any

from absl import flags
from ml_collections import config_flags

from tfcolor import config as config_lib
from tfcolor import registry
from tfcolor.cli import command
from tfcolor.config import validation
from tfcolor.errors import UsageError
from tfcolor.training import initial

USAGE = """
Train a colorizer.

  bin/train --loss=wgan_gp --data=folder:PHOTOS --workdir=runs/photos
  bin/train --loss=hinge --init=photo --data=folder:MINE --workdir=runs/mine

Running it again with the same --workdir resumes. Every field of the config can
be set: --config.train.steps=10000 --config.data.image_size=128. See them all:
bin/train --loss=wgan_gp --dry_run
"""


# A field of the config on the command line, and its name.
FIELD = re.compile(r"--?(?:no)?config\.([^=]*)")


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags, the config of --loss or --config among them; returns argv
    without --config."""
    names = ", ".join(config_lib.names())
    specs = f"{registry.specs()}, or a folder's path"
    for name, text in (
        ("loss", f"one of {names}"),
        ("data", f"SPEC of the training images: {specs}"),
        ("data_dir", "cache of TensorFlow Datasets"),
        ("workdir", "the run's folder (default: runs/LOSS)"),
        (
            "init",
            "weights that the generator begins with, and so its architecture and "
            "image size: the name of weights that ship, or a run's folder",
        ),
        ("profile", "FIRST,LAST: steps to profile for TensorBoard"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    for name, text in (
        ("smoke", "the same at toy size, a few steps"),
        ("dry_run", "show config, parameters and shapes, and exit"),
    ):
        flags.DEFINE_boolean(name, False, text, flag_values=values)
    flags.DEFINE_string(
        "config", None, "a config file instead of --loss", flag_values=values
    )
    argv, own = command.split_flags(argv, "config")
    _, loss = command.split_flags(argv, "loss")
    file = _config_file(loss["loss"], own["config"])
    if file is None:
        return argv
    config = config_lib.load(file)
    fields = {arg: match[1] for arg in argv if (match := FIELD.match(arg))}
    for field in fields.values():
        validation.check_field(config, field)
    del values.config
    config_flags.DEFINE_config_dataclass(
        "config", config, "", flag_values=values, sys_argv=[argv[0], *fields]
    )
    return argv


def _config_file(loss, file):
    """The path of the config that --loss or --config names, or None."""
    if loss is None:
        return file
    if file is not None:
        raise UsageError("--loss and --config: give one of them")
    if loss not in config_lib.names():
        raise UsageError(f"--loss={loss}: not one of {', '.join(config_lib.names())}")
    return config_lib.CONFIGS / f"{loss}.py"


def settings(values: flags.FlagValues) -> dict[str, Any]:
    """{"section.field": value} that the flags say."""
    given = config_flags.get_override_values(values["config"])
    for flag, field in (
        ("init", "train.init"),
        ("data", "data.source"),
        ("data_dir", "data.data_dir"),
    ):
        if getattr(values, flag) is not None:
            given[field] = getattr(values, flag)
    return given


def resolution(values: flags.FlagValues) -> dict[str, Any]:
    """Arguments of `config.resolve` that the flags say.

    Raises:
      UsageError: neither --loss nor --config is given.
    """
    if values.config is None:
        raise UsageError(f"--loss is missing: one of {', '.join(config_lib.names())}")
    return {
        "config": values.config,
        "given": settings(values),
        "toy": values.smoke,
        "initial": initial.adopting(_workdir(values)),
    }


def run(values: flags.FlagValues) -> int:
    """Train what the flags say, or show it with --dry_run; returns the exit code."""
    config = config_lib.settle(**resolution(values))
    profile = _steps(values.profile)
    with command.quiet(values.v):
        import tensorflow as tf

        from tfcolor.training import loop
        from tfcolor.training import preview

        tf.config.list_physical_devices()
        config = config_lib.resolve(config)
    if values.dry_run:
        print(preview.dry_run(config))
        return command.DONE
    workdir = _workdir(values)
    stopped_by = loop.train(config, workdir, profile)
    print(f"the run is in {workdir}; look at {workdir}/samples")
    return 128 + stopped_by if stopped_by else command.DONE


def _workdir(values):
    name = values.loss or "run"
    return values.workdir or f"runs/{name}{'-smoke' if values.smoke else ''}"


def _steps(text):
    """(first, last) of "FIRST,LAST", or None."""
    if text is None:
        return None
    first, comma, last = text.partition(",")
    if not (comma and first.isdigit() and last.isdigit()):
        raise UsageError(f"--profile={text}: not two steps, such as 100,110")
    if not 1 <= int(first) <= int(last):
        raise UsageError(f"--profile={text}: the first step is 1, the last not before")
    return int(first), int(last)


def main() -> None:
    """bin/train: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
