"""bin/sweep: train every point of a grid."""

import pathlib
import signal
import sys

from absl import flags

from tfcolor import atomic
from tfcolor import config as config_lib
from tfcolor.cli import command
from tfcolor.cli import train
from tfcolor.errors import UsageError

USAGE = """
Train every point of a grid over config fields, each in a folder of its own.

  bin/sweep --loss=wgan_gp --grid=loss.gp_weight=0.1,1,10 \\
    --grid=generator.depth=4,5,6 --data=folder:PHOTOS --workdir=runs/sweep

Running it again goes on where it stopped; a point that fails is reported and
the rest goes on. All flags of bin/train but --workdir hold for every point.
tensorboard --logdir=WORKDIR shows the points under HParams.
"""


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/sweep, those of bin/train among them; returns argv
    without --config."""
    argv = train.define(values, argv)
    flags.DEFINE_multi_string(
        "grid", [], "FIELD=VALUE,VALUE,...; repeatable", flag_values=values
    )
    flags.DEFINE_string(
        "metric",
        "val/ab_error",
        "what points are ranked by: a val/... scalar of TensorBoard",
        flag_values=values,
    )
    flags.DEFINE_integer("jobs", 1, "points at a time", 1, flag_values=values)
    values["workdir"].help = "folder of the sweep, one folder a point in it"
    return argv


def run(values: flags.FlagValues) -> int:
    """Train the points of the grid that are not done yet; returns the exit code.

    Raises:
      UsageError: a flag is missing, or a point cannot be trained or ranked.
    """
    from tfcolor.sweeps import sweep

    if not values.workdir:
        raise UsageError("--workdir is missing")
    if not values.grid:
        raise UsageError("--grid is missing: FIELD=VALUE,VALUE,...")
    if values.profile is not None:
        raise UsageError("--profile: not for a sweep")
    grid = sweep.parse_grid(values.grid)
    workdir = pathlib.Path(values.workdir).expanduser()
    points = sweep.points_of(grid, workdir)
    own = ("grid", "metric", "jobs", "workdir")
    arguments = command.split_flags(sys.argv, *own, switches=["dry_run"])[0][1:]
    for point in points:
        point.config = _config(arguments, point)
    sweep.check_folders(points)
    if any(point.config["data.validation"] == "none" for point in points):
        raise UsageError(
            "data.validation: none: points are ranked by val/..., of images held out; "
            "leave it, or set a SPEC"
        )
    if values.metric not in sweep.RANKING_KEYS:
        raise UsageError(
            f"--metric={values.metric}: not one of {', '.join(sweep.RANKING_KEYS)}"
        )
    print(f"{len(points)} points in {workdir}")
    if values.dry_run:
        for point in points:
            print(f"  {point.folder.name}")
        return command.DONE
    atomic.make_folder(workdir, "workdir")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        failed = sweep.run(
            points, lambda point: sweep.command_of(point, arguments), values.jobs
        )
        with command.quiet(values.v):
            lines = sweep.write(points, grid, values.metric, workdir)
    except _Terminated:
        return 128 + signal.SIGTERM
    print("\n".join(lines))
    if failed:
        print(f"error: {failed} of {len(points)} points failed", file=sys.stderr)
    return command.FAILED if failed else command.DONE


class _Terminated(BaseException):
    """SIGTERM while points are trained."""

    pass


def _interrupt(number, frame):
    raise _Terminated


def _config(arguments, point):
    """The resolved config of a point; raises what bin/train would."""
    fields = [f"--config.{name}={value}" for name, value in point.values.items()]
    argv = ["train", *arguments, *fields]
    values = flags.FlagValues()
    flags.DEFINE_integer("v", 0, "", flag_values=values)
    left = values(train.define(values, argv))[1:]
    if left:
        raise UsageError(f"unexpected argument {left[0]!r}")
    return config_lib.flat(config_lib.settle(**train.resolution(values)))


def main() -> None:
    """bin/sweep: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
