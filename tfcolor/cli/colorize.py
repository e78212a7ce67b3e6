"""bin/colorize: colour for picture files."""

import os
import pathlib
import sys

from absl import flags

from tfcolor import files
from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Colour picture files at their full size.

  bin/colorize --model=runs/photos --output=coloured old/ portrait.jpg

Files and folders in, the same names out as PNG. What is in --output already is
skipped, so that a broken-off run can be continued.
"""

FORMATS = ("png", "same")


def define(values, argv):
    for name, default, text in (
        ("model", None, "a run's folder, or a SavedModel of bin/export"),
        ("output", None, "folder for the results; made if it is not there"),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    flags.DEFINE_enum(
        "format",
        "png",
        FORMATS,
        "png, or same: the format of the input",
        flag_values=values,
    )
    for name, text in (
        ("overwrite", "make again what is in --output already"),
        ("side_by_side", "input and result next to each other"),
        ("ab_npz", "write a* and b*, float32 [H, W, 2], to NAME.npz too"),
    ):
        flags.DEFINE_boolean(name, False, text, flag_values=values)
    for name, default, text in (
        ("saturation", 1.0, "what the colours' chroma is multiplied by"),
        ("temperature", None, "of models with 313 bins: below 0.38 more vivid"),
    ):
        flags.DEFINE_float(name, default, text, flag_values=values)
    for name, default, text in (
        ("working_size", None, "shorter side at the network, in pixels"),
        ("max_pixels", 250_000_000, "larger pictures are refused"),
    ):
        flags.DEFINE_integer(name, default, text, 1, flag_values=values)
    return argv


def run(values, inputs):
    for name in ("model", "output"):
        if getattr(values, name) is None:
            raise UsageError(f"--{name} is missing")
    if not inputs:
        raise UsageError("no picture given: name files or folders")
    output = pathlib.Path(values.output).expanduser()
    with command.quiet(values.v):
        from tfcolor import colorize
        from tfcolor import models

    tasks, unreadable = colorize.plan(inputs, output, values.format == "same")
    left = tasks if values.overwrite else _missing(tasks, values.ab_npz)
    if len(left) < len(tasks):
        print(f"{len(tasks) - len(left)} of {len(tasks)} are in {output} already")
    if not left:
        print("nothing to do; --overwrite makes them again")
        return command.FAILED if unreadable else command.DONE
    with command.quiet(values.v):
        predictor = models.load(values.model)
    names = ("saturation", "temperature", "working_size")
    settings = {name: getattr(values, name) for name in names}
    predictor.check(**settings)
    _make(output)
    options = colorize.Options(
        settings, values.max_pixels, values.side_by_side, values.ab_npz
    )
    failed = colorize.run(predictor, left, options)
    print(f"{len(left) - failed} pictures coloured, in {output}")
    if failed:
        print(f"error: {failed} of {len(left)} could not be", file=sys.stderr)
    return command.FAILED if failed or unreadable else command.DONE


def _missing(tasks, ab_npz):
    from tfcolor import colorize

    return [
        task
        for task in tasks
        if not task.target.exists()
        or (ab_npz and not colorize.npz_of(task.target).exists())
    ]


def _make(output):
    files.make_folder(output, "output")
    if not os.access(output, os.W_OK | os.X_OK):
        raise UsageError(f"--output={output}: no permission to write")


def main():
    command.run(run, USAGE, define, sys.argv, inputs=True)
