"""A grid over config fields: one run a point, each in a process and a folder of
its own. TensorFlow is not imported here."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import tqdm

from tfcolor import atomic
from tfcolor import config as config_lib
from tfcolor.errors import UsageError
from tfcolor.runs.folder import Workdir
from tfcolor.sweeps import report
from tfcolor.types import Path

log = logging.getLogger("tfcolor")

DONE, FAILED, WAITING = "done", "failed", "waiting"

# Validation metrics that points may be ranked by, and by what of them: the least is
# the best.
RANKING_KEYS = {
    "val/ab_error": lambda value: value,
    "val/ab_error_over_grey": lambda value: value,
    "val/l1": lambda value: value,
    "val/psnr": lambda value: -value,
    "val/colorfulness_ratio": lambda value: abs(value - 1.0),
    "val/one_hue": lambda value: value,
    "val/cycle": lambda value: value,
    "val/ink_ratio": lambda value: abs(value - 1.0),
}


@dataclasses.dataclass
class Point:
    """One run of a sweep.

    Attributes:
      values: {field: text} of the grid's fields.
      folder: pathlib.Path of the run.
      config: {"section.field": value} that it is to have.
      state: DONE, FAILED or WAITING.
      result: {metric: value} of the last validation.
      reason: of a failure.
    """

    values: dict
    folder: pathlib.Path
    config: dict = dataclasses.field(default_factory=dict)
    state: str = WAITING
    result: dict = dataclasses.field(default_factory=dict)
    reason: str = ""


def parse_grid(texts: Iterable[str]) -> dict[str, list[str]]:
    """["a.b=1,2", ...] to {"a.b": ["1", "2"], ...}.

    Raises:
      UsageError: an axis without a name or a value, or given twice.
    """
    grid = {}
    for text in texts:
        field, _, values = text.partition("=")
        values = [value.strip() for value in values.split(",")]
        if not field or "" in values:
            raise UsageError(f"--grid={text}: not FIELD=VALUE,VALUE,...")
        if field in grid or len(set(values)) < len(values):
            raise UsageError(f"--grid={text}: given twice")
        grid[field] = values
    return grid


def points_of(grid: Mapping[str, Sequence[str]], workdir: Path) -> list[Point]:
    """The Points of a grid, the last axis fastest.

    Raises:
      UsageError: two points would have the same folder.
    """
    short = {field: field.rpartition(".")[2] for field in grid}
    if len(set(short.values())) < len(short):
        short = {field: field for field in grid}
    points = []
    for values in itertools.product(*grid.values()):
        values = dict(zip(grid, values, strict=True))
        name = ",".join(f"{short[field]}={value}" for field, value in values.items())
        name = re.sub(r"[^\w.,=+-]", "_", name)
        points.append(Point(values, pathlib.Path(workdir) / name))
    if len({point.folder for point in points}) < len(points):
        raise UsageError("--grid: two points would have the same folder")
    return points


def run(
    points: Sequence[Point], command: Callable[[Point], list[str]], jobs: int
) -> int:
    """Run what is not done yet, `jobs` points at a time; a point that fails is
    reported and the rest goes on.

    Args:
      command: a function of a Point to the command line of its run.

    Returns:
      How many failed.
    """
    left = [point for point in points if not is_done(point)]
    for point in points:
        point.state = WAITING if point in left else DONE
    bar = tqdm.tqdm(
        total=len(points), initial=len(points) - len(left), desc="sweep", unit=" runs"
    )
    with bar, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running: set[subprocess.Popen] = set()
        stopped = threading.Event()
        try:
            futures = {
                pool.submit(_run_point, p, command(p), running, stopped): p
                for p in left
            }
            for future in concurrent.futures.as_completed(futures):
                point = futures[future]
                point.state, point.reason = future.result()
                if point.state == FAILED:
                    log.error("%s: %s", point.folder, point.reason)
                bar.update()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.terminate()
            for process in list(running):
                process.wait()
            raise
    for point in points:
        point.result = last_validation(point.folder)
    return sum(point.state == FAILED for point in points)


def _run_point(point, command, running, stopped):
    """(state, reason) after its run; what it prints is in its sweep.log."""
    # The commands of this package, wherever the sweep was started.
    package = str(pathlib.Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    folder = Workdir(point.folder)
    try:
        point.folder.mkdir(parents=True, exist_ok=True)
        folder.wait_until_free(stopped)
        if stopped.is_set():
            return WAITING, ""
        with open(folder.output, "ab") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment
            )
            running.add(process)
            code = process.wait()
            running.discard(process)
    except OSError as error:
        return FAILED, str(error)
    if code == 0:
        return DONE, ""
    return FAILED, f"exit code {code}; {_last_line(folder.output)}"


def _last_line(path):
    lines = path.read_text(errors="replace").replace("\r", "\n").split("\n")
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or [line for line in lines if line.strip()] or ["no output"])[-1]


def is_done(point: Point) -> bool:
    """Its folder has a checkpoint of the last step that it is to take."""
    return Workdir(point.folder).last_step() >= point.config["train.steps"]


def check_folders(points: Sequence[Point]) -> None:
    """Raise UsageError if a point's folder holds a run with another config, as
    bin/train would."""
    for point in points:
        folder = Workdir(point.folder)
        if folder.exists():
            old = config_lib.flat_dict(folder.content()["config"])
            # What is not set is filled in by the run.
            same = {name: old.get(name) for name in point.config}
            refused, _ = config_lib.differences(same, point.config)
            if refused:
                raise UsageError(
                    f"--workdir: {point.folder} holds a run with another config "
                    f"({'; '.join(refused)}); use another folder"
                )


def last_validation(folder: Path) -> dict[str, float]:
    """{metric: value} of the last validation in metrics.jsonl."""
    latest = {}
    for values in Workdir(folder).lines():
        validated = {k: v for k, v in values.items() if k.startswith("val/")}
        if validated:
            latest = {**validated, "step": values["step"]}
    return latest


def ranked(points: Sequence[Point], metric: str) -> list[Point]:
    """Points that are done, the best by a metric of RANKING_KEYS first."""
    have = [p for p in points if p.state == DONE and metric in p.result]
    return sorted(have, key=lambda point: RANKING_KEYS[metric](point.result[metric]))


def table(points: Sequence[Point], metric: str) -> list[str]:
    """Lines of text: the ranking, then what has no result."""
    order = ranked(points, metric)
    rest = [point for point in points if point not in order]
    fields = list(points[0].values)
    usual = ("val/ab_error", "val/colorfulness_ratio", "val/psnr", "val/cycle")
    known = {name for point in points for name in point.result}
    shown = dict.fromkeys([metric, *(name for name in usual if name in known)])
    header = ["rank", *fields, *shown, "state"]
    rows = [header]
    for rank, point in enumerate(order, 1):
        values = [f"{point.result.get(name, float('nan')):.4g}" for name in shown]
        rows.append([str(rank), *point.values.values(), *values, point.state])
    for point in rest:
        dashes = ["-"] * len(shown)
        rows.append(["-", *point.values.values(), *dashes, point.state])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def write(
    points: Sequence[Point],
    grid: Mapping[str, Sequence[str]],
    metric: str,
    workdir: Path,
) -> list[str]:
    """sweep.json, ranking.txt, sweep.html, and the axes for TensorBoard's
    HParams; returns the lines of the ranking."""
    workdir = pathlib.Path(workdir)
    content = {
        "grid": grid,
        "metric": metric,
        "points": [
            {
                "values": point.values,
                "folder": point.folder.name,
                "state": point.state,
                "reason": point.reason,
                "result": point.result,
            }
            for point in points
        ],
    }
    text = json.dumps(content, indent=2) + "\n"
    atomic.write(workdir / "sweep.json", text)
    lines = table(points, metric)
    atomic.write(workdir / "ranking.txt", "\n".join(lines) + "\n")
    page = report.page(points, grid, metric, lines)
    atomic.write(workdir / "sweep.html", page)
    _write_experiment(grid, metric, workdir)
    return lines


def _write_experiment(grid, metric, workdir):
    """What HParams shows as columns: the grid's fields and the metric."""
    from tensorboard.compat.proto import event_pb2
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for old in workdir.glob("events.out.tfevents.*"):
        old.unlink()
    summary = hparams.hparams_config_pb(
        hparams=[hparams.HParam(field) for field in grid],
        metrics=[hparams.Metric(metric), hparams.Metric("val/colorfulness_ratio")],
    )
    writer = EventFileWriter(str(workdir))
    writer.add_event(event_pb2.Event(summary=summary, wall_time=time.time(), step=0))
    writer.close()


def command_of(point: Point, arguments: Sequence[str]) -> list[str]:
    """The command line of a point's run."""
    code = "from tfcolor.cli.train import main; main()"
    fields = [f"--config.{field}={value}" for field, value in point.values.items()]
    workdir = f"--workdir={point.folder}"
    return [sys.executable, "-c", code, *arguments, *fields, workdir]
