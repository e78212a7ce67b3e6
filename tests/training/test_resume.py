"""Resume, damage, signals, locks: what is compared is every checkpointed tensor, bit
for bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from harness import AUGMENTED
from harness import NAMES
from harness import ROOT
from harness import assert_identical
from harness import config_of
from harness import eagerly
from harness import lines
from harness import step_of

from tfcolor.errors import UsageError
from tfcolor.training import loop


@pytest.mark.parametrize("name", NAMES)
def test_resumed_is_uninterrupted_to_the_last_bit(name, tmp_path, caplog, monkeypatch):
    if name not in TRACED:  # tracing takes longer than a few steps do without
        eagerly(monkeypatch)
    config = config_of(name, steps=6, keep_checkpoints=3)
    if name not in TRACED:
        config.train.validate_every = config.train.histogram_every = 6
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    loop.train(config, whole)
    shutil.copytree(whole, parts)
    # As if it had been killed at step 5, of which only step 4 was saved.
    for path in (parts / "checkpoints").glob("step-6*"):
        path.unlink()
    caplog.set_level("INFO")
    loop.train(config, parts)
    assert "resuming at step 4" in caplog.text
    assert_identical(whole, parts)
    counted = [(line["step"], "g/l1" in line) for line in lines(parts)]
    assert counted == [(line["step"], "g/l1" in line) for line in lines(whole)]


# Whose resumed run is compared as a graph, as runs are.
TRACED = ("cgan",)


def test_a_relative_folder_is_resumed(tmp_path, monkeypatch, caplog):
    eagerly(monkeypatch)
    monkeypatch.chdir(tmp_path)
    loop.train(config_of("l1", steps=2), "runs/l1")
    loop.train(config_of("l1", steps=4), "runs/l1")
    assert "damaged" not in caplog.text
    assert step_of(tmp_path / "runs" / "l1") == 4


PROGRAM = """
import os
import sys
from harness import AUGMENTED
from harness import toy_config
from tfcolor.training import loop
from tfcolor.config import stages
name, workdir, steps = sys.argv[1:]
config = toy_config(name, stages=steps if ":" in steps else "")
config.train.steps = int(steps.rpartition(":")[2])
stages.apply(config)
if name == "cgan":
    config.generator.dropout = 0.5
    vars(config.data).update(AUGMENTED)
signal = loop.train(config, workdir)
os._exit(128 + signal if signal else 0)
"""


def start_run(name, workdir, steps):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, name, str(workdir), str(steps)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def test_killed_at_a_random_moment_it_ends_as_if_it_had_not_been(tmp_path):
    """One kill, within the last stage; benchmarks/kills.py does as many as one
    likes."""
    whole, killed, steps = tmp_path / "whole", tmp_path / "killed", "16:4 32:16"
    assert start_run("cgan", whole, steps).wait(timeout=300) == 0
    chance = random.Random(0)
    process = start_run("cgan", killed, steps)
    while newest(killed) <= 4:
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 0.4))
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert start_run("cgan", killed, steps).wait(timeout=300) == 0
    assert_identical(whole, killed)


def newest(workdir):
    paths = (workdir / "checkpoints").glob("step-*.index")
    return max((int(path.stem.removeprefix("step-")) for path in paths), default=0)


def wait_for_checkpoint(workdir, seconds=60):
    deadline = time.monotonic() + seconds
    while not (workdir / "checkpoints" / "checkpoint").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_save_a_checkpoint_and_exit_with_their_code(number, tmp_path):
    process = start_run("cgan", tmp_path, 100_000)
    config = config_of("cgan", steps=100_000)
    vars(config.data).update(AUGMENTED)
    try:
        wait_for_checkpoint(tmp_path)
        with pytest.raises(UsageError, match=f"process {process.pid} is training in"):
            loop.train(config, tmp_path)
        before = newest(tmp_path)
        process.send_signal(number)
        assert process.wait(timeout=30) == 128 + number
    finally:
        process.kill()
    assert step_of(tmp_path) >= before
