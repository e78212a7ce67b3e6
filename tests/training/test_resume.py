"""Resume, signals, locks: what is compared is every checkpointed tensor, bit by bit."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf
from harness import AUGMENTED
from harness import NAMES
from harness import ROOT
from harness import assert_identical
from harness import assert_refused
from harness import config_of
from harness import each
from harness import eagerly
from harness import lines
from harness import step_of
from harness import toy_batch

from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.training import build
from tfcolor.training import loop

# Of which whole runs are compared; of the others their trainers, and staged runs of
# cyclegan in test_stages.
RUNS = ["l1", "cgan", "classification"]


@pytest.mark.slow
@pytest.mark.parametrize("name", each(RUNS, ["l1"]))
def test_resumed_is_uninterrupted_to_the_last_bit(name, tmp_path, caplog, monkeypatch):
    if name not in TRACED:  # tracing takes longer than a few steps do without
        eagerly(monkeypatch)
    config = config_of(name, steps=3, checkpoint_every=1, keep_checkpoints=3)
    if name in TRACED:
        config.train.validate_every = config.train.histogram_every = 2
    monkeypatch.chdir(tmp_path)
    whole, parts = pathlib.Path("runs/whole"), pathlib.Path("runs/parts")  # relative
    loop.train(config, str(whole))
    shutil.copytree(whole, parts)
    # As if it had been killed at step 3, of which only steps 1 and 2 were saved.
    for path in (parts / "checkpoints").glob("step-3*"):
        path.unlink()
    caplog.set_level("INFO")
    loop.train(config, str(parts))
    assert "resuming at step 2" in caplog.text
    assert "damaged" not in caplog.text
    assert_identical(whole, parts)
    counted = [(line["step"], "g/l1" in line) for line in lines(parts)]
    assert counted == [(line["step"], "g/l1" in line) for line in lines(whole)]


# Whose resumed run is compared as a graph, as runs are.
TRACED = ("cgan",)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in RUNS])
def test_a_resumed_trainer_is_the_uninterrupted_one_to_the_last_bit(name, tmp_path):
    """Two steps, and a third of it and of another that has loaded the two."""
    config = config_of(name)
    first, second = (build.trainer(config) for _ in range(2))
    batches = [
        {key: tf.constant(x) for key, x in batch.items()}
        for batch in (toy_batch(config, first.n_critic, seed) for seed in range(3))
    ]
    for batch in batches[:2]:
        first.train_step(batch)
    Checkpoints(tmp_path, first, 1).save()
    assert Checkpoints(tmp_path, second, 1).restore() == 2
    for trainer, workdir in ((first, tmp_path / "whole"), (second, tmp_path / "parts")):
        trainer.train_step(batches[2])
        (workdir / "checkpoints").mkdir(parents=True)
        Checkpoints(workdir / "checkpoints", trainer, 1).save()
    assert_identical(tmp_path / "whole", tmp_path / "parts")
    assert step_of(tmp_path / "parts") == 3


# Of two stages and of the objective that is traced soonest, with what draws random
# numbers but aging, which takes long to trace;
# the rates stay as they are however long the run is.
AUGMENTATION = {key: AUGMENTED[key] for key in ("rotation", "blur", "erase")}
COMMAND = [
    "--loss=l1",
    "--smoke",
    "--config.generator.dropout=0.5",
    "--config.optim.constant=1",
    *(
        f"--config.train.{name}_every=50"
        for name in ("validate", "sample", "histogram")
    ),
    *(f"--config.data.{field}={value}" for field, value in AUGMENTATION.items()),
]


def arguments(workdir, steps):
    stages = f"--config.train.stages=16:4 32:{steps - 4}"
    return [*COMMAND, stages, f"--workdir={workdir}"]


def start_run(workdir):
    return subprocess.Popen(
        [sys.executable, ROOT / "bin" / "train", *arguments(workdir, 100_000)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def newest(workdir):
    paths = (workdir / "checkpoints").glob("step-*.index")
    return max((int(path.stem.removeprefix("step-")) for path in paths), default=0)


def wait_for_checkpoint(workdir, after, process=None, seconds=600):
    deadline = time.monotonic() + seconds
    while newest(workdir) <= after:
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_and_ended_by_signals_it_goes_on_as_if_it_had_not_been(tmp_path, call):
    """Killed at a random moment of its last stage, then ended by each of the signals
    that save a checkpoint; benchmarks/kills.py kills as often as one likes."""
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    process = start_run(parts)
    try:
        wait_for_checkpoint(parts, 4, process)
        refused = call("train", *arguments(parts, 100_000))
        assert_refused(refused, f"process {process.pid} is training in")
        time.sleep(random.Random(0).uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        before = newest(parts)
        process = start_run(parts)
        wait_for_checkpoint(parts, before, process)
        before = newest(parts)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    assert step_of(parts) >= before > 4
    before = step_of(parts)

    def interrupt():
        wait_for_checkpoint(parts, before)
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    ended = call("train", *arguments(parts, 100_000))
    watcher.join()
    assert ended.returncode == 128 + signal.SIGINT
    assert f"resuming at step {before}" in ended.stderr
    steps = step_of(parts)
    assert steps > before
    done = call("train", *arguments(whole, steps), "--config.train.checkpoint_every=50")
    assert done.returncode == 0, done.stderr
    assert_identical(whole, parts)
