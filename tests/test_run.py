"""The run: resume, damage, signals, locks, events. Commands run as users run
them; what is compared is every checkpointed tensor, bit for bit."""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from harness import NAMES
from harness import ROOT
from harness import run_command
from harness import toy_config
from harness import write_pictures
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator

from tfcolor import build
from tfcolor import callbacks
from tfcolor import config as config_lib
from tfcolor import run
from tfcolor import workdir as workdir_lib
from tfcolor.errors import RunError
from tfcolor.errors import UsageError


def tensors(workdir):
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_dtype_map()
    skip = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    return {name: reader.get_tensor(name) for name in names if name not in skip}


def step_of(workdir):
    return int(tensors(workdir)["step/.ATTRIBUTES/VARIABLE_VALUE"])


def assert_identical(first, second):
    first, second = tensors(first), tensors(second)
    assert first.keys() == second.keys()
    assert len(first) > 50
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def config_of(name, **train):
    config = toy_config(name, **train)
    config.generator.dropout = 0.5
    if hasattr(config.loss, "n_critic"):
        config.loss.n_critic = 2
    return config


def lines(workdir):
    return [json.loads(line) for line in open(workdir / "metrics.jsonl")]


@pytest.mark.parametrize("name", NAMES)
def test_resumed_is_uninterrupted_to_the_last_bit(name, tmp_path, caplog, monkeypatch):
    if name not in TRACED:  # tracing takes longer than a few steps do without
        new = build.trainer
        monkeypatch.setattr(build, "trainer", lambda config: eager(new(config)))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run.train(config_of(name, steps=6), whole)
    # Broken off after step 5, of which only step 4 is in a checkpoint.
    broken = config_of(name, steps=6)
    stop = callbacks.Samples.on_step

    def break_off(self, step, logs):
        stop(self, step, logs)
        if step == 5:
            raise RuntimeError("broken off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks.Samples, "on_step", break_off)
        broken.train.sample_every = 1
        with pytest.raises(RuntimeError, match="broken off"):
            run.train(broken, parts)
    caplog.set_level("INFO")
    run.train(config_of(name, steps=6), parts)
    assert "resuming at step 4" in caplog.text
    assert_identical(whole, parts)
    counted = [(line["step"], "g/l1" in line) for line in lines(parts)]
    assert counted == [(line["step"], "g/l1" in line) for line in lines(whole)]


# Objectives whose resumed run is compared as a graph, as runs are.
TRACED = ("cgan", "classification", "robust_wgan", "wgan_gp")


def eager(trainer):
    trainer.run_eagerly = True
    return trainer


PROGRAM = """
import os
import sys
from harness import toy_config
from tfcolor import run
config = toy_config("cgan", steps=int(sys.argv[2]))
config.generator.dropout = 0.5
signal = run.train(config, sys.argv[1])
os._exit(128 + signal if signal else 0)
"""


def start_run(workdir, steps):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(workdir), str(steps)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(tmp_path):
    """Two kills; benchmarks/kills.py does as many as one likes."""
    whole, killed, steps = tmp_path / "whole", tmp_path / "killed", 24
    assert start_run(whole, steps).wait(timeout=120) == 0
    chance = random.Random(0)
    for _ in range(2):
        before = newest(killed)
        process = start_run(killed, steps)
        while newest(killed) == before:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.2))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start_run(killed, steps).wait(timeout=120) == 0
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
    process = start_run(tmp_path, 100_000)
    wait_for_checkpoint(tmp_path)
    before = tf.train.latest_checkpoint(str(tmp_path / "checkpoints"))
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    after = step_of(tmp_path)
    assert after >= int(before.rpartition("-")[2])


def test_a_second_process_is_refused(tmp_path):
    process = start_run(tmp_path, 100_000)
    try:
        wait_for_checkpoint(tmp_path)
        message = f"process {process.pid} is training in it"
        config = config_of("cgan", steps=100_000)
        with pytest.raises(UsageError, match=message):
            run.train(config, tmp_path)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def four_steps(tmp_path_factory):
    """A finished run; copy it before you touch it."""
    workdir = tmp_path_factory.mktemp("four_steps")
    run.train(config_of("cgan", steps=4), workdir)
    return workdir


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
def test_damaged_newest_checkpoint_falls_back_with_a_warning(
    damage, tmp_path, caplog, four_steps
):
    hurt = tmp_path / "hurt"
    shutil.copytree(four_steps, hurt)
    newest = hurt / "checkpoints" / "step-4.data-00000-of-00001"
    data = bytearray(newest.read_bytes())
    if damage == "truncate":
        newest.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 2] ^= 0xFF
        newest.write_bytes(data)
    else:
        newest.unlink()
    run.train(config_of("cgan", steps=4), hurt)
    assert "step-4 is damaged" in caplog.text
    # What was saved again in its place is whole, and the same.
    assert step_of(hurt) == 4
    assert_identical(four_steps, hurt)


@pytest.mark.parametrize("content", [None, b"", b"garbled"])
def test_the_list_of_checkpoints_may_be_lost(content, tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    state = tmp_path / "checkpoints" / "checkpoint"
    state.unlink()
    if content is not None:
        state.write_bytes(content)
    (tmp_path / "checkpoints" / "step-9_temp").mkdir()
    (tmp_path / "checkpoints" / "step-9.data-00000-of-00001").write_bytes(b"half")
    run.train(config_of("cgan", steps=6), tmp_path)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == [
        "checkpoint",
        "step-4.data-00000-of-00001",
        "step-4.index",
        "step-6.data-00000-of-00001",
        "step-6.index",
    ]


def test_all_checkpoints_damaged_is_an_error(tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "checkpoints").glob("*.data*"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="none of the checkpoints in .* can be read"):
        run.train(config_of("cgan", steps=6), tmp_path)


def test_another_config_is_refused_and_nothing_is_touched(tmp_path):
    run.train(config_of("cgan", steps=2), tmp_path)
    before = (tmp_path / "config.json").read_text()
    other = config_of("cgan", steps=4)
    other.optim.g_lr = 1e-3
    other.data.batch_size = 4
    message = r"data.batch_size: 2 -> 4; optim.g_lr: 0.0002 -> 0.001\)"
    with pytest.raises(UsageError, match=message):
        run.train(other, tmp_path)
    assert (tmp_path / "config.json").read_text() == before
    longer = config_of("cgan", steps=4)
    run.train(longer, tmp_path)
    assert step_of(tmp_path) == 4


def test_a_finished_run_is_left_alone(tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    before = tensors(tmp_path)
    run.train(config_of("cgan", steps=4), tmp_path)
    after = tensors(tmp_path)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_nan_stops_the_run_and_is_not_saved(tmp_path, monkeypatch):
    """The generator's bias becomes NaN at step 3, after the checkpoint of 2."""
    spoil = callbacks.Metrics.on_step

    def on_step(self, step, logs):
        spoil(self, step, logs)
        if step == 2:
            self.model.generator.head.convolution.bias.assign([np.nan, np.nan])

    # Saver comes after Metrics: the checkpoint of step 2 would be spoilt too.
    monkeypatch.setattr(callbacks.Metrics, "on_step", on_step)
    monkeypatch.setattr(callbacks.Validation, "on_step", lambda *arguments: None)
    config = config_of("cgan", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: \w/\w+ is nan; .*step-2"):
        run.train(config, tmp_path)
    assert step_of(tmp_path) == 2


def test_nan_gradient_stops_the_run_before_it_is_saved(tmp_path, monkeypatch):
    see = callbacks.StopOnNonFinite.on_step

    def on_step(self, step, logs):
        see(self, step, {**logs, "g/gradient_norm": math.nan} if step == 3 else logs)

    monkeypatch.setattr(callbacks.StopOnNonFinite, "on_step", on_step)
    config = config_of("cgan", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: g/gradient_norm is nan; .*step-2"):
        run.train(config, tmp_path)
    assert step_of(tmp_path) == 2


def test_unreadable_validation_is_an_error(tmp_path):
    (tmp_path / "bad.jpg").write_text("text")
    config = config_of("cgan")
    config.data.validation = str(tmp_path)
    with pytest.raises(UsageError, match="data.validation: none of its images"):
        run.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_run_folder_holds_what_it_promises(tmp_path, rng):
    pictures = write_pictures(tmp_path / "pictures", rng, 30)
    grey = Image.new("RGB", (40, 40), (90, 90, 90))
    grey.save(pictures / "grey.png")
    config = config_of("cgan", steps=40)
    config.data.source = str(pictures)
    config.train.sample_every = config.train.validate_every = 20
    workdir = tmp_path / "run"
    run.train(config, workdir)
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["config"]["discriminator"]["norm"] == "batch"
    assert saved["versions"]["tensorflow"] == tf.__version__
    assert saved["data"].startswith("30-")
    loaded = workdir_lib.load_config(workdir)
    assert config_lib.to_dict(loaded) == config_lib.to_dict(config)
    samples = sorted(path.name for path in (workdir / "samples").iterdir())
    assert samples == ["step_0000020.png", "step_0000040.png"]
    assert (workdir / "skipped.tsv").read_text() == (
        "grey.png\tgrey: no |a*| or |b*| above 5\n"
    )
    validated = [line for line in lines(workdir) if "val/psnr" in line]
    assert [line["step"] for line in validated] == [20, 40]
    assert {"val/l1", "val/ab_error", "val/colorfulness_ratio", "val/chroma"} <= (
        validated[0].keys()
    )
    assert not list(workdir.glob("**/.*png*"))


def test_events_hold_every_group_and_forget_what_was_broken_off(tmp_path):
    config = config_of("wgan_gp", steps=4)
    config.train.log_every = 1
    run.train(config, tmp_path)
    # As if a run had been killed at step 4 with its checkpoint at 2.
    for path in (tmp_path / "checkpoints").glob("step-4*"):
        path.unlink()
    time.sleep(1.1)  # the name of an event file is of its second
    run.train(config, tmp_path)
    # What TensorBoard itself reads with.
    events = plugin_event_accumulator.EventAccumulator(
        str(tmp_path), tensor_size_guidance={"text": 0}
    ).Reload()
    tags = events.Tags()["tensors"]
    wanted = {
        "d/loss",
        "d/wasserstein",
        "d/gradient_penalty",
        "g/loss",
        "g/adversarial",
        "g/l1",
        "lr/g",
        "lr/d",
        "val/ab_error",
        "val/colorfulness_ratio",
        "samples",
        "config",
        "g/gradient_norm",
    }
    assert wanted <= set(tags)
    assert any(tag.startswith("g/weights/") for tag in tags)
    assert any(tag.startswith("d/weights/") for tag in tags)
    assert [event.step for event in events.Tensors("g/l1")] == [1, 2, 3, 4]
    by_file = {line["step"]: line["g/l1"] for line in lines(tmp_path) if "g/l1" in line}
    for event in events.Tensors("g/l1"):
        found = float(tf.make_ndarray(event.tensor_proto))
        assert found == pytest.approx(by_file[event.step])
    picture = tf.make_ndarray(events.Tensors("samples")[-1].tensor_proto)
    assert tf.io.decode_png(picture[2]).shape[0] == 3 * 32 + 2 * 2


def test_collapse_is_warned_of():
    fine = {
        "val/colorfulness_ratio": 0.7,
        "val/one_hue": 0.5,
        "val/one_hue_truth": 0.5,
    }
    assert not list(callbacks.collapse(fine))
    grey = {**fine, "val/colorfulness_ratio": 0.1}
    assert "nearly grey" in next(callbacks.collapse(grey))
    sepia = {**fine, "val/one_hue": 0.97}
    assert "one hue" in next(callbacks.collapse(sepia))
    assert not list(callbacks.collapse({**sepia, "val/one_hue_truth": 0.95}))


def test_command_line_of_two_replicas(tmp_path):
    done = run_command(
        "--loss=cgan",
        "--smoke",
        "--config.train.cpu_replicas=2",
        f"--workdir={tmp_path / 'run'}",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "samples" / "step_0000004.png").exists()
