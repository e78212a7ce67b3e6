"""bin/evaluate: judge runs on images."""

import sys

from absl import flags

from tfcolor import registry
from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Judge one run, or several side by side, on images.

  bin/evaluate --workdir=runs/wgan_gp --workdir=runs/l1 --data=folder:PHOTOS
  bin/evaluate --model=photo --data=folder:PHOTOS --output=judged

Writes metrics.json, images.csv, grid.png and report.html, a page that opens
offline. Without --data the run's own validation images are taken; grey ones, and
what cannot be read, are left out. A classical method beside the runs:
--method=levin:0.01 (which is shown 1 % of the true pixels), --method=charpiat
--reference=PHOTO.
"""


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/evaluate; returns argv as it is."""
    flags.DEFINE_multi_string(
        "workdir", [], "a run's folder; repeatable", flag_values=values
    )
    for name, text in (
        ("model", "the name of weights that ship, or a run's folder; repeatable"),
        ("method", "levin:SHARE (of the true pixels) or charpiat; repeatable"),
        ("reference", "for charpiat: a picture or folder in colour; repeatable"),
    ):
        flags.DEFINE_multi_string(name, [], text, flag_values=values)
    for name, text in (
        (
            "data",
            f"SPEC of the images: {registry.specs()}",
        ),
        ("data_dir", "cache of TensorFlow Datasets"),
        ("output", "folder for the results (default: the first run's evaluation/)"),
        (
            "hints",
            "numbers of pixels whose true colour is shown, such as 0,1,5,20,100: what "
            "hints are worth to models trained with them, and to levin",
        ),
        ("fid_weights", "for FID: InceptionV3's file, or imagenet to download it"),
        ("vgg_weights", "for VGG-16 top-1: its file, or imagenet to download it"),
        ("labels", "for VGG-16 top-1: a file of lines IMAGE<TAB>CLASS NUMBER"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    for name, default, text in (
        ("limit", 50_000, "images, at most, spread evenly"),
        ("resamples", 400, "bootstrap resamples for the intervals"),
        ("shown", 6, "images in the grid: best, median and worst"),
    ):
        flags.DEFINE_integer(name, default, text, 1, flag_values=values)
    return argv


def run(values: flags.FlagValues) -> int:
    """Judge what the flags name; returns the exit code.

    Raises:
      UsageError: neither a run nor weights are named.
    """
    if not values.workdir and not values.model:
        raise UsageError("--workdir is missing (or --model)")
    with command.quiet(values.v):
        import tfcolor.evaluation.evaluate

    output = tfcolor.evaluate(
        values.workdir,
        values.model,
        values.data,
        values.output,
        data_dir=values.data_dir,
        limit=values.limit,
        resamples=values.resamples,
        shown=values.shown,
        fid_weights=values.fid_weights,
        vgg_weights=values.vgg_weights,
        labels=values.labels,
        methods=values.method,
        references=values.reference,
        hints=values.hints,
    )
    print(f"written to {output}; open {output}/report.html")
    return command.DONE


def main() -> None:
    """bin/evaluate: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
