"""bin/export: a trained run as a SavedModel."""

import json
import pathlib
import sys

from absl import flags

import tfcolor
from tfcolor import api
from tfcolor import registry
from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Export a run, or weights that ship, for TensorFlow Serving, and for Python without
the run.

  bin/export --workdir=runs/photos --output=exported/photos
  bin/export --model=photo --output=exported/photo

Writes OUTPUT/<version>/, a SavedModel, and OUTPUT/README.md, which says how to
serve it. --format=litert, onnx or openvino writes OUTPUT/<format>-<version>/
with the network alone: l [N, S, S, 1] = L*/50 - 1 to ab [N, S, S, 2] =
(a*, b*)/110, S the image size of the run.
"""

PRECISIONS = ("float32", "bfloat16", "int8")


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/export; returns argv as it is."""
    for name, text in (
        ("workdir", "the run's folder"),
        ("model", "instead: the name of weights that ship, or a run's folder"),
        ("output", "folder of the model's versions; its name is the model's"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_integer(
        "version", None, "default: the run's step", 0, flag_values=values
    )
    flags.DEFINE_integer(
        "max_pixels",
        api.MAX_REQUEST,
        "of a request to the SavedModel, which refuses more: of each picture as "
        "encoded bytes, or of all arrays",
        1,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "precision",
        "float32",
        PRECISIONS,
        "of a SavedModel: bfloat16 is half as large, and faster where the processor "
        "multiplies such numbers; the weights of int8 take a quarter. Refused where "
        "colours differ from those of float32 by more than 0.5, mean ab",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "format",
        "tf_saved_model",
        list(registry.FORMATS),
        "what is written",
        flag_values=values,
    )
    return argv


def run(values: flags.FlagValues) -> int:
    """Export what the flags name; returns the exit code.

    Raises:
      UsageError: not one model, or no output.
    """
    if (values.workdir is None) == (values.model is None):
        said = "and --model exclude each other" if values.model else "is missing"
        raise UsageError(f"--workdir {said}: give one of --workdir and --model")
    if values.output is None:
        raise UsageError("--output is missing")
    network = registry.FORMATS[values.format].form
    if network and values["max_pixels"].present:
        raise UsageError(f"--max_pixels: {network} is the network alone")
    # The former is no name of weights that ship, even where there are such.
    model = values.model or pathlib.Path(values.workdir)
    with command.quiet(values.v):
        path = tfcolor.export(
            model,
            values.output,
            values.version,
            values.format,
            values.max_pixels,
            values.precision,
        )
    print(f"exported to {path}")
    if values.precision != "float32":
        info = json.loads((path / "assets.extra" / "tfcolor.json").read_text())
        found = f"{info['ab_difference']:.3f}, mean ab"
        print(f"{values.precision} differs from float32 by {found}, on photographs")
    if not network:
        print(f"{path.parent}/README.md says how to serve it")
    return command.DONE


def main() -> None:
    """bin/export: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
