"""What is logged, saved, profiled and stopped at, and when."""

import math
import signal
import time

import keras
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


@pytest.mark.slow
def test_nan_stops_the_run_and_is_not_saved(tmp_path, monkeypatch):
    """The generator's bias becomes NaN at step 3, after the checkpoint of 2."""
    spoil = monitoring.Metrics.on_step

    def on_step(self, step, logs):
        spoil(self, step, logs)
        if step == 2:
            self.model.generator.head.convolution.bias.assign([np.nan, np.nan])

    # Saver comes after Metrics: the checkpoint of step 2 would be spoilt too.
    monkeypatch.setattr(monitoring.Metrics, "on_step", on_step)
    monkeypatch.setattr(monitoring.Validation, "on_step", lambda *arguments: None)
    eagerly(monkeypatch)
    config = config_of("l1", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: \w/\w+ is nan; .*step-2"):
        loop.train(config, tmp_path)
    assert step_of(tmp_path) == 2


@pytest.mark.slow
def test_nan_gradient_stops_the_run_before_it_is_saved(tmp_path, monkeypatch):
    see = callbacks.StopOnNonFinite.on_step

    def on_step(self, step, logs):
        see(self, step, {**logs, "g/gradient_norm": math.nan} if step == 3 else logs)

    monkeypatch.setattr(callbacks.StopOnNonFinite, "on_step", on_step)
    eagerly(monkeypatch)
    config = config_of("l1", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: g/gradient_norm is nan; .*step-2"):
        loop.train(config, tmp_path)
    assert step_of(tmp_path) == 2


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
    step = callbacks.StopOnNonFinite.on_step
    monkeypatch.setattr(
        callbacks.StopOnNonFinite,
        "on_step",
        lambda self, number, logs: (seen.append(number), step(self, number, logs)),
    )
    monkeypatch.setattr(profiler, "start", lambda f: (seen.append("start"), start(f)))
    monkeypatch.setattr(profiler, "stop", lambda: (seen.append("stop"), stop()))
    loop.train(config, tmp_path, profile=(2, 3))
    # It is the first to be called at the end of a step.
    assert seen == ["start", 1, 2, "stop", 3, 4]
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


class _Resting:
    """What callbacks ask of a trainer whose discriminator rests."""

    frozen_networks = ("d",)

    def __init__(self):
        self.optimizer = keras.optimizers.SGD(8.0)

    def optimizers(self):
        return {"g": self.optimizer, "d": keras.optimizers.SGD(1.0)}


def test_a_run_is_saved_at_its_interval_at_its_end_and_at_a_signal(tmp_path):
    class Checkpoints:
        def save(self):
            saved.append(step)

    saved = []
    writer = tf.summary.create_file_writer(str(tmp_path))
    saver = callbacks.Saver(0, 2, 7, Checkpoints(), writer)
    saver.set_model(_Resting())
    saver.on_train_begin()
    try:
        for step in range(1, 8):
            if step == 5:
                signal.raise_signal(signal.SIGTERM)
            saver.on_train_batch_end(step - 1, {})
            assert getattr(saver.model, "stop_training", False) == (step >= 5)
            if step == 5:
                saver.signal = None  # as in a run that nothing ended
    finally:
        saver.close()
    assert saved == [2, 4, 5, 6, 7]


def test_logs_are_means_over_their_interval_alone(tmp_path):
    """Intervals of 2 steps, and the rest at the end, with the rate of their last
    step; a gradient that has overflowed is left out."""
    writer = tf.summary.create_file_writer(str(tmp_path))
    metrics = monitoring.Metrics(0, 2, 5, writer, workdir_lib.Workdir(tmp_path))
    model = _Resting()
    metrics.set_model(model)
    for batch, norm in enumerate((1.0, 3.0, math.inf, 8.0, 5.0)):
        metrics.on_train_batch_begin(batch)
        model.optimizer.learning_rate = 4.0 / 2**batch  # what the next step has
        metrics.on_train_batch_end(batch, {"g/l1": 2.0**batch, "g/norm": norm})
    names = ("step", "g/l1", "g/norm", "lr/g")
    found = [tuple(line[name] for name in names) for line in lines(tmp_path)]
    assert found == [(2, 1.5, 2.0, 4.0), (4, 6.0, 8.0, 1.0), (5, 16.0, 5.0, 0.5)]
    assert "lr/d" not in lines(tmp_path)[0]
