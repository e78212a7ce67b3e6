"""bin/colorize: colour for picture files."""

import os
import pathlib
import sys

from absl import flags

from tfcolor import atomic
from tfcolor import presets
from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Colour picture files at their full size: by a trained network, from strokes of
colour on them, or from pictures that resemble them.

  bin/colorize portrait.jpg
  bin/colorize --model=runs/photos --output=coloured old/ portrait.jpg
  bin/colorize --method=levin --hints=marked.png --output=coloured portrait.jpg
  bin/colorize --method=charpiat --reference=photo.jpg --output=coloured portrait.jpg

Files and folders in, the same names out as PNG; of one file without --output
NAME_color.png beside it. What is there already is skipped, so that a broken-off
run can be continued. --list shows the weights that ship.
"""

FORMATS = ("png", "same")
METHODS = ("levin", "charpiat")
AFFINITIES = ("gaussian", "correlation")
CHROMAS = ("lab", "yuv")

# Flags that only some methods use; networks are the method None.
OWN_FLAGS = {
    "temperature": (None,),
    "hints": ("levin",),
    "affinity": ("levin",),
    "chroma": ("levin",),
    "reference": ("charpiat",),
}


def define(values, argv):
    for name, default, text in (
        (
            "model",
            None,
            "a run's folder, a SavedModel of bin/export, or the name of weights that "
            f"ship (default: {presets.DEFAULT}); a folder of such a name is ./NAME",
        ),
        ("output", None, "folder for the results; made if it is not there"),
        (
            "hints",
            None,
            "for levin: the picture with strokes of colour on it, or strokes alone on "
            "a transparent ground; a folder of such, with the names of the pictures",
        ),
    ):
        flags.DEFINE_string(name, default, text, flag_values=values)
    flags.DEFINE_multi_string(
        "reference",
        [],
        "for charpiat: a picture in colour; repeatable; of a folder the picture of "
        "the same name, or all of them if there is none",
        flag_values=values,
    )
    for name, default, choices, text in (
        ("format", "png", FORMATS, "png, or same: the format of the input"),
        (
            "method",
            None,
            METHODS,
            "instead of --model: levin (2004), strokes that spread to where the "
            "lightness is alike; charpiat (2008), what the references suggest",
        ),
        (
            "affinity",
            None,
            AFFINITIES,
            "for levin; the default is gaussian",
        ),
        ("chroma", None, CHROMAS, "for levin; the default is lab"),
    ):
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)
    for name, text in (
        ("list", "show the weights that ship, and exit"),
        ("overwrite", "make again what is there already"),
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
        ("working_size", None, "shorter side at the network or method, in pixels"),
        ("max_pixels", 250_000_000, "larger pictures are refused"),
    ):
        flags.DEFINE_integer(name, default, text, 1, flag_values=values)
    return argv


def run(values, inputs):
    if values.list:
        print("\n".join(presets.lines()) or "no weights ship with this version")
        return command.DONE
    _check_flags(values)
    if not inputs:
        raise UsageError("no picture given: name files or folders")
    with command.quiet(values.v):
        from tfcolor.inference import batch

    same = values.format == "same"
    if values.output:
        output = pathlib.Path(values.output).expanduser()
        tasks, unreadable = batch.plan(inputs, output, same)
    else:
        tasks, unreadable = [batch.beside(inputs, same)], 0
        output = tasks[0].target.parent
    left = tasks if values.overwrite else _missing(tasks, values.ab_npz)
    if len(left) < len(tasks) and values.output:
        print(f"{len(tasks) - len(left)} of {len(tasks)} are in {output} already")
    elif len(left) < len(tasks):
        print(f"{tasks[0].target} is there already")
    if not left:
        print("nothing to do; --overwrite makes them again")
        return command.FAILED if unreadable else command.DONE
    with command.quiet(values.v):
        predictor, left = _predictor(values, left)
    names = ("saturation", "working_size", *(() if values.method else ("temperature",)))
    settings = {name: getattr(values, name) for name in names}
    predictor.check(**settings)
    if values.model:
        print(f"weights: {_weights(values.model, predictor.info)}")
    if values.output:
        _make(output)
    options = batch.Options(
        settings, values.max_pixels, values.side_by_side, values.ab_npz
    )
    failed = batch.run(predictor, left, options)
    if values.output:
        print(f"{len(left) - failed} pictures coloured, in {output}")
    elif not failed:
        print(f"written to {left[0].target}")
    if failed:
        print(f"error: {failed} of {len(left)} could not be", file=sys.stderr)
    return command.FAILED if failed or unreadable else command.DONE


def _check_flags(values):
    if values.model and values.method:
        raise UsageError("--model and --method exclude each other; give one of them")
    if not values.model and not values.method:
        values.model = presets.default()
    for name, methods in OWN_FLAGS.items():
        if getattr(values, name) not in (None, []) and values.method not in methods:
            used = f"--method={values.method}" if values.method else "--model"
            raise UsageError(f"--{name}: {used} does not use it")
    model, named = values.model, presets.find(values.model)
    if model and not named and not pathlib.Path(model).expanduser().exists():
        raise UsageError(f"--model={model}: no such folder{presets.hint(model)}")
    if values.method == "levin" and not values.hints:
        raise UsageError("--hints is missing: --method=levin needs strokes of colour")
    if values.method == "charpiat" and not values.reference:
        raise UsageError("--reference is missing: --method=charpiat needs a picture")


def _predictor(values, tasks):
    """What colours, and the tasks with what it needs of each."""
    if values.model:
        from tfcolor.inference import restore

        return restore.load(values.model), tasks
    from tfcolor.classical import adapters

    if values.method == "levin":
        settings = {n: getattr(values, n) for n in ("affinity", "chroma")}
        settings = {name: value for name, value in settings.items() if value}
        return adapters.Levin(**settings), adapters.with_hints(tasks, values.hints)
    return adapters.Charpiat(), adapters.with_references(tasks, values.reference)


def _weights(model, info):
    """What is said about the weights that colour."""
    if "preset" in info:
        return f"{model} (step {info['step']}, sha256 {info['sha256'][:12]})"
    return f"{model} (step {info['step']})"


def _missing(tasks, ab_npz):
    from tfcolor.inference import batch

    return [
        task
        for task in tasks
        if not task.target.exists()
        or (ab_npz and not batch.npz_of(task.target).exists())
    ]


def _make(output):
    atomic.make_folder(output, "output")
    if not os.access(output, os.W_OK | os.X_OK):
        raise UsageError(f"--output={output}: no permission to write")


def main():
    command.run(run, USAGE, define, sys.argv, inputs=True)
