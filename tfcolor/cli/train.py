"""bin/train: train a colorizer."""

import sys

from absl import flags
from ml_collections import config_flags

from tfcolor import config as config_lib
from tfcolor.cli import command
from tfcolor.config import smoke
from tfcolor.config import stages
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


def define(values, argv):
    """Define the flags; returns argv with --loss turned into --config."""
    names = ", ".join(config_lib.names())
    specs = (
        "sample, drawings[:train|test|scans|test_scans], folder:PATH, a folder's "
        "path, tfds:NAME[:SPLIT]"
    )
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
    argv = _with_config(argv)
    _check_overrides(argv)
    config_flags.DEFINE_config_file(
        "config",
        None,
        "a config file instead of --loss",
        flag_values=values,
        sys_argv=argv,
    )
    return argv


def _with_config(argv):
    """Argv with the file of --loss in front as --config."""
    losses = _values(argv, "loss")
    if not losses:
        return argv
    name = losses[-1]
    if _values(argv, "config"):
        raise UsageError("--loss and --config: give one of them")
    if name not in config_lib.names():
        raise UsageError(f"--loss={name}: not one of {', '.join(config_lib.names())}")
    return [argv[0], f"--config={config_lib.CONFIGS / name}.py", *argv[1:]]


def _check_overrides(argv):
    files = _values(argv, "config")
    if files:
        config = config_lib.load(files[-1])
        for arg in argv:
            name = arg.lstrip("-").partition("=")[0]
            if arg.startswith("-") and name.startswith("config."):
                validation.check_field(config, name.removeprefix("config."))


def _values(argv, name):
    """What the flag `name` is given, as --name=value or --name value."""
    found = []
    for arg, following in zip(argv, [*argv[1:], ""], strict=True):
        flag, equals, value = arg.lstrip("-").partition("=")
        if arg.startswith("-") and flag == name:
            found.append(value if equals else following)
    return found


def resolved(values):
    """The Config that the flags say, checked."""
    if values.config is None:
        raise UsageError(f"--loss is missing: one of {', '.join(config_lib.names())}")
    config = values.config
    given = config_flags.get_override_values(values["config"])
    if values.smoke:
        config = smoke.smoke(config, keep=given)
    if values.init is not None:
        config.train.init = values.init
    initial.adopt(config, given, _workdir(values))
    if values.data is not None:
        config.data.source = values.data
    if values.data_dir is not None:
        config.data.data_dir = values.data_dir
    stages.apply(config)
    validation.check(config)
    return config


def run(values):
    config = resolved(values)
    profile = _steps(values.profile)
    with command.quiet(values.v):
        import tensorflow as tf

        from tfcolor.training import loop as run_lib

        tf.config.list_physical_devices()
    if values.dry_run:
        print(run_lib.dry_run(config))
        return command.DONE
    workdir = _workdir(values)
    stopped_by = run_lib.train(config, workdir, profile)
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


def main():
    command.run(run, USAGE, define, sys.argv)
