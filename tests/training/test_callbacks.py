"""What is logged, saved, profiled and stopped at, and when."""

import math
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from harness import config_of
from harness import eagerly
from harness import lines
from harness import step_of
from tensorboard.backend.event_processing import plugin_event_accumulator

from tfcolor.errors import RunError
from tfcolor.runs import folder as workdir_lib
from tfcolor.training import build
from tfcolor.training import callbacks
from tfcolor.training import loop
from tfcolor.training import monitoring
from tfcolor.training import steps
from tfcolor.training import workers


@pytest.mark.slow
def test_nan_stops_the_run_and_is_not_saved(tmp_path, monkeypatch):
    """The generator's bias becomes NaN at step 3, after the checkpoint of 2."""
    save = callbacks.Saver.after

    def after(self, step):
        save(self, step)
        if step == 2:
            spoil(self.checkpoints.trainer)

    monkeypatch.setattr(callbacks.Saver, "after", after)
    eagerly(monkeypatch)
    config = config_of("l1", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: \w/\w+ is nan; .*step-2"):
        loop.train(config, tmp_path)
    assert step_of(tmp_path) == 2


def spoil(trainer):
    trainer.generator.head.convolution.bias.assign([np.nan, np.nan])


@pytest.mark.slow
def test_nan_is_named_with_its_step_before_anything_is_written(tmp_path, monkeypatch):
    """Of six steps, whose losses are read after the last, the third spoils the
    generator."""
    add = steps.Losses.add

    def added(self, number, values):
        add(self, number, values)
        if number == 3:
            spoil(self.step.trainer)

    monkeypatch.setattr(steps.Losses, "add", added)
    monkeypatch.setattr(callbacks.Progress, "SECONDS", math.inf)
    eagerly(monkeypatch)
    config = config_of("l1", steps=6, checkpoint_every=6, log_every=6)
    with pytest.raises(RunError, match=r"step 4: \w/\w+ is nan; .*checkpoint: None"):
        loop.train(config, tmp_path)
    assert not lines_of(tmp_path)
    assert not list((tmp_path / "samples").iterdir())
    assert not list((tmp_path / "checkpoints").iterdir())


def lines_of(workdir):
    return lines(workdir) if (workdir / "metrics.jsonl").exists() else []


@pytest.mark.slow
def test_the_host_waits_for_the_device_where_something_is_due(tmp_path, monkeypatch):
    """Losses of six steps are read after steps 4 and 6: logs, and the end."""
    read, seen = steps.Losses.read, []

    def watched(self):
        found = read(self)
        seen.append([number for number, _ in found])
        return found

    monkeypatch.setattr(steps.Losses, "read", watched)
    monkeypatch.setattr(callbacks.Progress, "SECONDS", math.inf)
    eagerly(monkeypatch)
    loop.train(config_of("l1", steps=6, checkpoint_every=6, log_every=4), tmp_path)
    assert seen == [[1, 2, 3, 4], [5, 6]]
    assert [line["step"] for line in lines(tmp_path) if "g/l1" in line] == [4, 6]


def test_nan_gradients_are_excused_where_they_are_scaled():
    class Checkpoints:
        last_good = "step-2"

    logs = {"g/l1": 1.0, "g/gradient_norm": math.nan}
    callbacks.StopOnNonFinite(Checkpoints(), scaled=True).see(3, logs)
    stop = callbacks.StopOnNonFinite(Checkpoints(), scaled=False)
    stop.see(2, {"g/gradient_norm": 1.0})
    with pytest.raises(RunError, match=r"step 3: g/gradient_norm is nan; .*step-2"):
        stop.see(3, logs)
    with pytest.raises(RunError, match="step 4: g/l1 is inf"):
        callbacks.StopOnNonFinite(Checkpoints(), scaled=True).see(4, {"g/l1": math.inf})


@pytest.mark.slow
def test_events_hold_every_group_and_forget_what_was_broken_off(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    config = config_of("wgan_gp", steps=4)
    config.train.log_every = 1
    loop.train(config, tmp_path)
    # As if a run had been killed at step 4 with its checkpoint at 2.
    for path in (tmp_path / "checkpoints").glob("step-4*"):
        path.unlink()
    time.sleep(1.1)  # the name of an event file is of its second
    loop.train(config, tmp_path)
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
    assert events.Tags()["graph"]
    names = {node.name for node in events.Graph().node}
    assert any("u_net" in name for name in names)
    hparams = events.SummaryMetadata("_hparams_/session_start_info").plugin_data
    assert hparams.plugin_name == "hparams"
    assert any(tag.startswith("g/weights/") for tag in tags)
    assert any(tag.startswith("d/weights/") for tag in tags)
    assert [event.step for event in events.Tensors("g/l1")] == [1, 2, 3, 4]
    by_file = {line["step"]: line["g/l1"] for line in lines(tmp_path) if "g/l1" in line}
    for event in events.Tensors("g/l1"):
        found = float(tf.make_ndarray(event.tensor_proto))
        assert found == pytest.approx(by_file[event.step])
    picture = tf.make_ndarray(events.Tensors("samples")[-1].tensor_proto)
    assert tf.io.decode_png(picture[2]).shape[0] == 3 * 32 + 2 * 2


def test_histograms_have_the_same_names_whatever_was_built_before():
    """Two generators of a process: Keras goes on counting their layers."""
    config = config_of("l1")
    first, second = (build.trainer(config).generator.weights for _ in range(2))
    paths = [[weight.path for weight in weights] for weights in (first, second)]
    assert paths[0] != paths[1]
    found = [monitoring.stable_names(each) for each in paths]
    assert found[0] == found[1]
    assert len(set(found[0])) == len(first)
    assert monitoring.stable_names(["net_7/conv_3/a", "net_7/conv_5/a", "net_7/b"]) == [
        "net/conv/a",
        "net/conv_1/a",
        "net/b",
    ]


@pytest.mark.slow
def test_profile_of_chosen_steps(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    seen = []
    profiler = tf.profiler.experimental
    start, stop = profiler.start, profiler.stop
    config = config_of("l1", steps=4)
    monkeypatch.setattr(
        callbacks.StopOnNonFinite, "see", lambda self, number, logs: seen.append(number)
    )
    monkeypatch.setattr(profiler, "start", lambda f: (seen.append("start"), start(f)))
    monkeypatch.setattr(profiler, "stop", lambda: (seen.append("stop"), stop()))
    loop.train(config, tmp_path, profile=(2, 3))
    assert seen == [1, "start", 2, 3, "stop", 4]
    assert list(tmp_path.glob("plugins/profile/*/*.xplane.pb"))


def test_collapse_is_warned_of():
    fine = {
        "val/colorfulness_ratio": 0.7,
        "val/one_hue": 0.5,
        "val/one_hue_truth": 0.5,
    }
    warnings = build.trainer(config_of("cgan")).warnings
    assert not list(warnings(fine))
    grey = {**fine, "val/colorfulness_ratio": 0.1}
    assert "nearly grey" in next(warnings(grey))
    sepia = {**fine, "val/one_hue": 0.97}
    assert "one hue" in next(warnings(sepia))
    assert not list(warnings({**sepia, "val/one_hue_truth": 0.95}))


def test_a_run_is_saved_at_its_interval_at_its_end_and_at_a_signal(tmp_path):
    class Checkpoints:
        def save(self):
            saved.append(step)

    saved = []
    writer = tf.summary.create_file_writer(str(tmp_path))
    alone = workers.Workers(tf.distribute.get_strategy())
    saver = callbacks.Saver(2, 7, Checkpoints(), writer, alone)
    saver.begin()
    try:
        for step in range(1, 8):
            if step == 5:
                signal.raise_signal(signal.SIGTERM)
                assert saver.ended_by is None
            if saver.due(step):
                saver.after(step)
            assert saver.ended_by == (signal.SIGTERM if step == 5 else None)
            saver.signal = None  # as in a run that nothing ended
    finally:
        saver.close()
    assert saved == [2, 4, 5, 6, 7]


def test_logs_are_means_over_their_interval_alone(tmp_path):
    """Intervals of 2 steps, and the rest at the end, with the rate of their last
    step; a gradient that has overflowed is left out."""
    writer = tf.summary.create_file_writer(str(tmp_path))
    metrics = monitoring.Metrics(2, 5, writer, workdir_lib.Workdir(tmp_path))
    for batch, norm in enumerate((1.0, 3.0, math.inf, 8.0, 5.0)):
        rate = 8.0 / 2**batch
        metrics.see(batch + 1, {"g/l1": 2.0**batch, "g/norm": norm, "lr/g": rate})
        if metrics.due(batch + 1):
            metrics.after(batch + 1)
    names = ("step", "g/l1", "g/norm", "lr/g")
    found = [tuple(line[name] for name in names) for line in lines(tmp_path)]
    assert found == [(2, 1.5, 2.0, 4.0), (4, 6.0, 8.0, 1.0), (5, 16.0, 5.0, 0.5)]
