"""python -m tfcolor.beam: color for archives."""

import logging
import pathlib
import re
import sys

from absl import flags

from tfcolor import presets
from tfcolor.cli import colorize
from tfcolor.cli import command
from tfcolor.errors import RunError
from tfcolor.errors import UsageError

USAGE = """
Colour millions of pictures by Apache Beam, on this machine or on whatever it runs on.

  python -m tfcolor.beam --input='archive/**' --output=coloured \\
    --runner=DirectRunner --direct_running_mode=multi_processing --direct_num_workers=8
  python -m tfcolor.beam --input='gs://scans/**.jpg' --output=gs://scans-coloured \\
    --runner=DataflowRunner --project=NAME --region=NAME --temp_location=gs://scans/tmp

Results are named as bin/colorize names them, below the last folder without a
wildcard. What is there already is skipped, so that a run that was killed can be started
again. OUTPUT/failed.tsv has each picture that could not be coloured, and the reason.
All flags that are not below are Beam's.
"""

# Those of bin/colorize that mean the same here.
SHARED = ("model", "format", "overwrite", "side_by_side", "ab_npz", "saturation")
SHARED += ("temperature", "working_size", "max_pixels")

LOG_LEVEL = "default_sdk_harness_log_level"

# What logs a worker's traceback, of which the command says the last line.
LOGS = ("common", "worker", "portability.local_job_service")


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of `python -m tfcolor.beam` and parse them; returns Beam's, as
    what is no flag."""
    known = flags.FlagValues()
    colorize.define(known, argv)
    for name in SHARED:
        values[name] = known[name]
    for name, text in (
        (
            "input",
            "a pattern, with * and ? within a name and ** across folders; a folder",
        ),
        (
            "output",
            "folder for the results, and for what is unfinished",
        ),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    values.set_gnu_getopt()  # flags may follow those of Beam
    program, *others = values(argv, known_only=True)
    return [program, "--", *others]


def run(values: flags.FlagValues, others: list[str]) -> int:
    """Color an archive as the flags say; returns the exit code.

    Args:
      others: the flags of Beam.

    Raises:
      UsageError: flags that cannot be, a model that is none, or no input. RunError: the
        run was broken off, on a full disk for example.
    """
    for name in ("input", "output"):
        if not getattr(values, name):
            raise UsageError(f"--{name} is missing")
    model = values.model or presets.default()
    if not presets.find(model):
        path = pathlib.Path(model).expanduser()
        if not path.exists():
            raise UsageError(f"--model={model}: no such folder{presets.hint(model)}")
        model = str(path.absolute())  # also to a worker that starts elsewhere
    with command.quiet(values.v):
        pipeline = _pipeline()
        from tfcolor.beam import archive
        from tfcolor.inference import restore
    pipeline.check_flags(others)
    for name in LOGS if not values.v else ():
        logging.getLogger(f"apache_beam.runners.{name}").setLevel(logging.CRITICAL)
    if not any(LOG_LEVEL in other for other in others):
        others = [*others, f"--{LOG_LEVEL}=ERROR"]  # workers say each of their steps
    made = archive.archive(values.input, values.output)
    names = ("saturation", "working_size", "temperature")
    options = {"settings": {name: getattr(values, name) for name in names}}
    restore.load(model).check(**options["settings"])
    for name in ("max_pixels", "side_by_side", "ab_npz"):
        options[name] = getattr(values, name)
    same = values.format == "same"
    settings = pipeline.Settings(model, options, same, values.overwrite)
    try:
        done = pipeline.run(made, settings, others)
    except UsageError:
        raise
    except Exception as error:  # of any runner
        raise RunError(_said(error)) from error
    table = made.target(pipeline.TABLE)
    if not done:
        print(f"done, in {made.output}; this runner has no counters: see {table}")
        return command.DONE
    count = {name: done.get(name, 0) for name in pipeline.COUNTERS}
    print(
        f"{count['colored']} coloured, {count['skipped']} there already, "
        f"{count['failed']} failed, in {made.output}"
    )
    if count["left_out"]:
        print(f"{count['left_out']} files are no pictures by their names")
    if count["failed"]:
        print(f"what failed: {table}")
    return command.FAILED if count["failed"] else command.DONE


def _pipeline():
    try:
        from tfcolor.beam import pipeline
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        said = "tfcolor.beam needs apache_beam: pip install 'tfcolor[beam]'"
        raise UsageError(said) from error
    return pipeline


def _said(error):
    """What a worker said last, of which Beam keeps the whole traceback, and adds the
    step."""
    lines = re.findall(r"^[\w.]*(?:Error|Exception)\w*: (.*)$", str(error), re.M)
    said = lines[-1] if lines else str(error)
    return said.partition(" [while running ")[0]


def main() -> None:
    """Python -m tfcolor.beam: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv, inputs=True)
