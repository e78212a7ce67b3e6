import json
import signal
import subprocess
import sys
import time

import pytest
from harness import ROOT
from harness import eagerly
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tfcolor import config as config_lib
from tfcolor.config import smoke
from tfcolor.sweeps import sweep

GRID = ["--grid=optim.g_lr=1e-4,1e-3", "--grid=generator.depth=2,3"]


def test_grid_and_points():
    grid = sweep.parse_grid(["a.x=1,2", "b.y=p, q"])
    assert grid == {"a.x": ["1", "2"], "b.y": ["p", "q"]}
    points = sweep.points_of(grid, "w")
    assert [point.folder.name for point in points] == [
        "x=1,y=p",
        "x=1,y=q",
        "x=2,y=p",
        "x=2,y=q",
    ]
    assert points[1].values == {"a.x": "1", "b.y": "q"}
    same = sweep.points_of({"a.x": ["1"], "b.x": ["2/3"]}, "w")
    assert same[0].folder.name == "a.x=1,b.x=2_3"
    command = sweep.command_of(points[3], ["--loss=cgan"])
    wanted = ["--loss=cgan", "--config.a.x=2", "--config.b.y=q", "--workdir=w/x=2,y=q"]
    assert command[3:] == wanted


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a=1,,2"], "--grid=a=1,,2: not FIELD=VALUE"),
        (["a"], "--grid=a: not FIELD=VALUE"),
        (["a=1", "a=2"], "--grid=a=2: given twice"),
        (["a=1,1"], "given twice"),
    ],
)
def test_bad_grids(texts, message):
    with pytest.raises(ValueError, match=message):
        sweep.parse_grid(texts)


def test_ranked_by_what_is_better():
    points = sweep.points_of({"a": ["1", "2", "3"]}, "w")
    for point, error, psnr in zip(
        points, (3.0, 1.0, None), (20.0, 10.0, 0), strict=True
    ):
        point.state = sweep.DONE
        if error is not None:
            point.result = {"val/ab_error": error, "val/psnr": psnr}
    best = [point.values["a"] for point in sweep.ranked(points, "val/ab_error")]
    assert best == ["2", "1"]
    best = [point.values["a"] for point in sweep.ranked(points, "val/psnr")]
    assert best == ["1", "2"]
    points[0].result["val/colorfulness_ratio"] = 1.6
    points[1].result["val/colorfulness_ratio"] = 0.9
    best = sweep.ranked(points, "val/colorfulness_ratio")
    assert [point.values["a"] for point in best] == ["2", "1"]
    points[1].state = sweep.FAILED
    assert sweep.ranked(points, "val/ab_error") == [points[0]]
    points[1].state = sweep.DONE
    lines = sweep.table(points, "val/psnr")
    assert [line.split()[1] for line in lines] == ["a", "1", "2", "3"]


BAD_USAGE = {
    "no workdir": (["--loss=cgan", *GRID], "--workdir is missing"),
    "no grid": (["--loss=cgan", "--workdir=w"], "--grid is missing"),
    "no such field": (
        ["--loss=cgan", "--grid=loss.gp_weight=1", "--workdir=w"],
        "config.loss.gp_weight: no such field",
    ),
    "wrong type": (["--loss=cgan", "--grid=optim.g_lr=fast", "--workdir=w"], "fast"),
    "no such metric": (
        ["--loss=cgan", *GRID, "--workdir=w", "--metric=val/ab_eror"],
        "--metric=val/ab_eror: not one of val/ab_error",
    ),
    "nothing held out": (
        ["--loss=cgan", *GRID, "--workdir=w", "--config.data.validation=none"],
        "data.validation: none: points are ranked by val/..., of images held out",
    ),
    "no jobs": (["--loss=cgan", *GRID, "--workdir=w", "--jobs=0"], "jobs"),
}


@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage(case, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD_USAGE[case]
    done = call("sweep", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_dry_run_names_the_points_and_writes_nothing(call, tmp_path):
    workdir = tmp_path / "sweep"
    done = call("sweep", "--loss=cgan", *GRID, "--dry_run", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    assert "4 points in" in done.stdout
    assert "g_lr=1e-3,depth=2" in done.stdout
    assert not workdir.exists()


def start(workdir):
    """A sweep of three points, of which the last cannot be."""
    command = [sys.executable, ROOT / "bin" / "sweep", "--loss=l1", "--smoke"]
    grid = "--grid=generator.depth=2,3,7"
    return subprocess.Popen(
        [*command, grid, f"--workdir={workdir}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=workdir,
    )


@pytest.mark.slow
def test_killed_and_started_again_it_ends_with_all_runs_and_one_table(
    tmp_path, call, monkeypatch
):
    """The first point is done when it begins."""
    eagerly(monkeypatch)
    first, second, third = (tmp_path / f"depth={depth}" for depth in (2, 3, 7))
    arguments = ["--loss=l1", "--smoke", "--config.generator.depth=2"]
    done = call("train", *arguments, f"--workdir={first}")
    assert done.returncode == 0, done.stderr
    before = (first / "config.json").stat().st_mtime_ns
    process = start(tmp_path)
    deadline = time.monotonic() + 300
    while not (second / "config.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)  # its point goes on alone
    process.communicate()
    process = start(tmp_path)
    output, errors = process.communicate()
    assert process.returncode == 1, errors
    assert f"{third}: exit code 2; error: image size 32x32: generator.depth 7" in errors
    assert "error: 1 of 3 points failed" in errors
    assert (first / "config.json").stat().st_mtime_ns == before
    assert checkpoint_of(second) == 4
    assert not third.exists() or not (third / "checkpoints").exists()
    saved = json.loads((tmp_path / "sweep.json").read_text())
    assert [point["state"] for point in saved["points"]] == ["done", "done", "failed"]
    assert saved["points"][0]["result"]["step"] == 4
    ranking = (tmp_path / "ranking.txt").read_text()
    assert ranking.strip() in output
    best = min(saved["points"][:2], key=lambda p: p["result"]["val/ab_error"])
    line = ranking.splitlines()[1].split()
    assert line[:2] == ["1", best["values"]["generator.depth"]]
    page = (tmp_path / "sweep.html").read_text()
    assert page.count("<circle") == 2
    assert_hparams(tmp_path, first)


def checkpoint_of(folder):
    state = (folder / "checkpoints" / "checkpoint").read_text()
    return int(state.splitlines()[0].rpartition("-")[2].strip('"'))


def test_folders_of_another_sweep_are_refused(call, tmp_path):
    point = tmp_path / "depth=2"
    point.mkdir()
    (point / "checkpoints").mkdir()
    (point / "checkpoints" / "checkpoint").write_text(
        'model_checkpoint_path: "step-4"\n'
    )
    old = config_lib.to_dict(smoke.smoke(config_lib.of("l1")))
    old["generator"]["depth"] = 2
    (point / "config.json").write_text(json.dumps({"config": old}))
    arguments = ["--loss=l1", "--smoke", "--grid=generator.depth=2"]
    arguments.append(f"--workdir={tmp_path}")
    same = call("sweep", *arguments)
    assert same.returncode == 0, same.stderr
    assert "1/1" in same.stderr
    other = call("sweep", *arguments, "--config.optim.g_lr=0.5")
    assert other.returncode == 2
    assert "holds a run with another config (optim.g_lr: 0.0003 -> 0.5)" in other.stderr
    (longer,) = sweep.points_of({"generator.depth": ["2"]}, tmp_path)
    longer.config = {"train.steps": 4}
    assert sweep.is_done(longer)
    longer.config = {"train.steps": 5}
    assert not sweep.is_done(longer)


def assert_hparams(workdir, run):
    """What TensorBoard's plugin reads: the axes, and the values of a run."""

    def content(folder, tag):
        events = event_accumulator.EventAccumulator(str(folder)).Reload()
        data = events.SummaryMetadata(tag).plugin_data
        assert data.plugin_name == "hparams"
        return plugin_data_pb2.HParamsPluginData.FromString(data.content)

    experiment = content(workdir, "_hparams_/experiment").experiment
    assert [info.name for info in experiment.hparam_infos] == ["generator.depth"]
    metrics = [info.name.tag for info in experiment.metric_infos]
    assert metrics == ["val/ab_error", "val/colorfulness_ratio"]
    started = content(run, "_hparams_/session_start_info").session_start_info
    assert started.hparams["generator.depth"].number_value == 2
    assert started.hparams["train.precision"].string_value == "float32"
