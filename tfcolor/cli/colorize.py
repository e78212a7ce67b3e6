"""bin/colorize: color for picture and film files."""

import functools
import pathlib
import sys

from absl import flags

import tfcolor
from tfcolor import api
from tfcolor import presets
from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Colour picture and film files at their full size: by a trained network, from strokes of
colour on them, or from pictures that resemble them.

  bin/colorize portrait.jpg
  bin/colorize film.mp4
  bin/colorize --model=runs/photos --output=coloured old/ portrait.jpg
  bin/colorize --method=levin --hints=marked.png --output=coloured portrait.jpg
  bin/colorize --method=charpiat --reference=photo.jpg --output=coloured portrait.jpg

Files and folders in, the same names out as PNG, films in their own container; of
one file without --output NAME_color.png beside it. What is there already is
skipped, so that a broken-off run can be continued. --list shows the weights that
ship.
"""

FORMATS = ("png", "same")
AFFINITIES = ("gaussian", "correlation")
CHROMAS = ("lab", "yuv")

# Flags that only some methods use; networks are the method None.
OWN_FLAGS = {
    "temperature": (None,),
    "suggestions": (None,),
    "hints": (None, "levin"),
    "affinity": ("levin",),
    "chroma": ("levin",),
    "reference": ("charpiat",),
}


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/colorize; returns argv as it is."""
    for name, default, text in (
        (
            "model",
            None,
            "a run's folder, a SavedModel of bin/export, or the name of weights that "
            f"ship (default: {presets.DEFAULT}, with --hints {presets.HINTED}); a "
            "folder of such a name is ./NAME",
        ),
        (
            "codec",
            None,
            "of films: an encoder, such as libx264 (default; in WebM libvpx-vp9), "
            "libx265, libsvtav1, prores_ks, ffv1",
        ),
        ("output", None, "folder for the results; made if it is not there"),
        (
            "hints",
            None,
            "for levin and models trained with hints: the picture with strokes of "
            "colour on it, or strokes alone on a transparent ground; a folder of such, "
            "with the names of the pictures, or of one film with the numbers of the "
            "frames: 000120.png",
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
            api.METHODS,
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
        ("deinterlace", "of films: make whole frames of interlaced ones"),
        ("ab_npz", "write a* and b*, float32 [H, W, 2], to NAME.npz too"),
    ):
        flags.DEFINE_boolean(name, False, text, flag_values=values)
    for name, default, text in (
        ("saturation", 1.0, "what the colours' chroma is multiplied by"),
        ("crf", None, "of films: the encoder's quality; less is better, and larger"),
        ("steady", None, "of films: 0 to less than 1, against flicker (default 0.9)"),
        ("temperature", None, "of models with 313 bins: below 0.38 more vivid"),
    ):
        flags.DEFINE_float(name, default, text, flag_values=values)
    for name, default, text in (
        ("working_size", None, "shorter side at the network or method, in pixels"),
        (
            "suggestions",
            None,
            "so many ways to colour each picture, NAME_1.png and so on, and "
            "NAME_suggestions.png with all of them (models with 313 bins or dropout)",
        ),
        ("max_pixels", api.MAX_PIXELS, "larger pictures are refused"),
    ):
        flags.DEFINE_integer(name, default, text, 1, flag_values=values)
    return argv


def run(values: flags.FlagValues, inputs: list[str]) -> int:
    """Color the pictures `inputs` as the flags say; returns the exit code.

    Raises:
      UsageError: flags that exclude each other, or no picture.
    """
    if values.list:
        print("\n".join(presets.lines()) or "no weights ship with this version")
        return command.DONE
    _check_flags(values)
    if not inputs:
        raise UsageError("no picture given: name files or folders")
    done = tfcolor.colorize(
        inputs,
        values.output,
        model=values.model,
        method=values.method,
        hints=values.hints,
        references=values.reference,
        affinity=values.affinity,
        chroma=values.chroma,
        saturation=values.saturation,
        working_size=values.working_size,
        temperature=values.temperature,
        same_format=values.format == "same",
        overwrite=values.overwrite,
        side_by_side=values.side_by_side,
        ab_npz=values.ab_npz,
        max_pixels=values.max_pixels,
        suggestions=values.suggestions,
        codec=values.codec,
        crf=values.crf,
        steady=values.steady,
        deinterlace=values.deinterlace,
        loading=functools.partial(command.quiet, values.v),
    )
    if done.failed:
        said = f"{done.failed} of {len(done.targets)} could not be"
        print(f"error: {said}", file=sys.stderr)
    return command.FAILED if done.failed or done.unreadable else command.DONE


def _check_flags(values):
    if values.model and values.method:
        raise UsageError("--model and --method exclude each other; give one of them")
    if not values.model and not values.method:
        values.model = presets.default(values.hints is not None)
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


def main() -> None:
    """bin/colorize: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv, inputs=True)
