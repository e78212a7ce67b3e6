"""bin/export: a trained run as a SavedModel."""

import sys

from absl import flags

from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Export a run for TensorFlow Serving, and for Python without the run.

  bin/export --workdir=runs/photos --output=exported/photos

Writes OUTPUT/<version>/, a SavedModel, and OUTPUT/README.md, which says how to
serve it. --format=litert, onnx or openvino writes OUTPUT/<format>-<version>/
with the network alone: l [N, S, S, 1] = L*/50 - 1 to ab [N, S, S, 2] =
(a*, b*)/110, S the image size of the run.
"""

FORMATS = ("tf_saved_model", "litert", "onnx", "openvino")


def define(values, argv):
    for name, text in (
        ("workdir", "the run's folder"),
        ("output", "folder of the model's versions; its name is the model's"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_integer(
        "version", None, "default: the run's step", 0, flag_values=values
    )
    flags.DEFINE_enum(
        "format", "tf_saved_model", FORMATS, "what is written", flag_values=values
    )
    return argv


def run(values):
    for name in ("workdir", "output"):
        if getattr(values, name) is None:
            raise UsageError(f"--{name} is missing")
    with command.quiet(values.v):
        from tfcolor import export

        path = export.export(
            values.workdir, values.output, values.version, values.format
        )
    print(f"exported to {path}")
    if values.format == "tf_saved_model":
        print(f"{path.parent}/README.md says how to serve it")
    return command.DONE


def main():
    command.run(run, USAGE, define, sys.argv)
