"""What a run writes, refuses and stops at."""

import json
import math
import shutil
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import config_of
from harness import eagerly
from harness import lines
from harness import picture
from harness import run_command
from harness import step_of
from harness import tensors
from harness import write_pictures
from PIL import Image
from tensorboard.backend.event_processing import plugin_event_accumulator

from tfcolor import config as config_lib
from tfcolor.color import lab
from tfcolor.data import datasets
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.runs import folder as workdir_lib
from tfcolor.training import build
from tfcolor.training import callbacks
from tfcolor.training import loop


def test_another_config_is_refused_and_nothing_is_touched(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    loop.train(config_of("cgan", steps=2), tmp_path)
    before = (tmp_path / "config.json").read_text()
    other = config_of("cgan", steps=4)
    other.optim.g_lr = 1e-3
    other.data.batch_size = 4
    message = r"data.batch_size: 2 -> 4; optim.g_lr: 0.0002 -> 0.001\)"
    with pytest.raises(UsageError, match=message):
        loop.train(other, tmp_path)
    assert (tmp_path / "config.json").read_text() == before
    longer = config_of("cgan", steps=4)
    loop.train(longer, tmp_path)
    assert step_of(tmp_path) == 4


def test_a_finished_run_is_left_alone(tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    before = tensors(tmp_path)
    loop.train(config_of("cgan", steps=4), tmp_path)
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
        loop.train(config, tmp_path)
    assert step_of(tmp_path) == 2


def test_nan_gradient_stops_the_run_before_it_is_saved(tmp_path, monkeypatch):
    see = callbacks.StopOnNonFinite.on_step

    def on_step(self, step, logs):
        see(self, step, {**logs, "g/gradient_norm": math.nan} if step == 3 else logs)

    monkeypatch.setattr(callbacks.StopOnNonFinite, "on_step", on_step)
    config = config_of("cgan", steps=6, checkpoint_every=1)
    with pytest.raises(RunError, match=r"step 3: g/gradient_norm is nan; .*step-2"):
        loop.train(config, tmp_path)
    assert step_of(tmp_path) == 2


def test_unreadable_validation_is_an_error(tmp_path):
    (tmp_path / "bad.jpg").write_text("text")
    config = config_of("cgan")
    config.data.validation = str(tmp_path)
    with pytest.raises(UsageError, match="data.validation: none of its images"):
        loop.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_of_mostly_grey_images_the_others_are_shown(tmp_path, rng):
    for i in range(30):
        Image.new("L", (40, 40), 8 * i).save(tmp_path / f"{i:02d}.png")
    config = config_of("cgan")
    config.data.validation = str(tmp_path)
    feed = datasets.feed_of(config)
    with pytest.raises(UsageError, match="read and has colour, the first 00.png"):
        feed.sample(config.data)
    image = Image.fromarray(picture(rng))
    image.save(tmp_path / "01.png")
    l, _ = lab.encode(np.asarray(image.crop((8, 0, 48, 40)))[None])
    found = feed.sample(config.data)["l"]
    assert found.shape == (1, 32, 32, 1)
    np.testing.assert_allclose(np.mean(found), np.mean(l), atol=0.01)


def test_run_folder_holds_what_it_promises(tmp_path, rng):
    pictures = write_pictures(tmp_path / "pictures", rng, 30)
    grey = Image.new("RGB", (40, 40), (90, 90, 90))
    grey.save(pictures / "grey.png")
    config = config_of("cgan", steps=20)
    config.data.source = str(pictures)
    config.train.sample_every = config.train.validate_every = 10
    workdir = tmp_path / "run"
    loop.train(config, workdir)
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["config"]["discriminator"]["norm"] == "batch"
    assert saved["versions"]["tensorflow"] == tf.__version__
    assert saved["data"].startswith("30-")
    loaded = workdir_lib.load_config(workdir)
    assert config_lib.to_dict(loaded) == config_lib.to_dict(config_lib.resolve(config))
    samples = sorted(path.name for path in (workdir / "samples").iterdir())
    assert samples == ["step_0000010.png", "step_0000020.png"]
    assert (workdir / "skipped.tsv").read_text() == (
        "grey.png\tgrey: no |a*| or |b*| above 5\n"
    )
    validated = [line for line in lines(workdir) if "val/psnr" in line]
    assert [line["step"] for line in validated] == [10, 20]
    assert {"val/l1", "val/ab_error", "val/colorfulness_ratio", "val/chroma"} <= (
        validated[0].keys()
    )
    assert not list(workdir.glob("**/.*png*"))


def test_what_is_measured_of_training_images_is_not_called_validation(
    tmp_path, monkeypatch, caplog
):
    eagerly(monkeypatch)
    caplog.set_level("INFO", "tfcolor")
    config = config_of("l1", steps=2)
    config.data.validation = "none"
    loop.train(config, tmp_path)
    names = {name for line in lines(tmp_path) for name in line}
    assert {"train/psnr", "train/colorfulness_ratio"} <= names
    assert not any(name.startswith("val/") for name in names)
    assert "data.validation: none: nothing is held out; train/..." in caplog.text
    assert "the colours are nearly grey" in caplog.text
    config.data.validation = ""  # the sample is too small to hold any out
    (remark,) = datasets.feed_of(config).remarks()
    assert "are too few to hold any out; val/... is of the training im" in remark
    config.data.validation = "sample"
    assert list(datasets.feed_of(config).remarks()) == []


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("wgan_gp", {}, "loss.gp_weight: slopes were of sums over the pixels"),
        ("uotm", {}, "loss.r1_weight: slopes were of sums over the pixels"),
        ("wgan_gp", {"loss.gp_weight": 0.0}, None),
        ("wgan_gp", {"data.image_size": 64}, None),
        ("wgan_gp", {"data.image_size": 64, "train.stages": "64:2:2 32:2:2"}, "loss"),
        ("cgan", {"discriminator.attention": "simple"}, "discriminator.attention: sim"),
        ("cgan", {"discriminator.attention": "sagan"}, None),
    ],
)
def test_runs_that_would_go_on_as_others_are_refused(name, settings, reason, tmp_path):
    config = config_of(name)
    for path, value in settings.items():
        section, field = path.split(".")
        setattr(getattr(config, section), field, value)
    folder = workdir_lib.Workdir(tmp_path)
    folder.write_config(config, "none")
    assert folder.check(config) == []
    older(tmp_path)
    workdir_lib.load_config(tmp_path)  # its generator colours as before
    if reason is None:
        assert folder.check(config) == []
        return
    message = f"begun with other formulas: {reason}.*; finish it with the version that"
    with pytest.raises(UsageError, match=message):
        folder.check(config)


def older(workdir):
    """Make a run's config.json that of a version that knew no `formulas`."""
    path = workdir / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("formulas") == workdir_lib.FORMULAS
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"attention": "simple"}, "generator.attention: simple was a sum over the pi"),
        (
            {"attention": "sagan", "spectral_norm": True},
            "generator.spectral_norm is no",
        ),
        ({"attention": "sagan"}, None),
        ({"spectral_norm": True}, None),
    ],
)
def test_generators_that_would_colour_otherwise_are_refused(settings, reason, tmp_path):
    config = config_of("l1")
    config.generator = config_lib.Generator(name="resnet_unet", **settings)
    workdir_lib.Workdir(tmp_path).write_config(config, "none")
    workdir_lib.load_config(tmp_path)
    older(tmp_path)
    if reason is None:
        workdir_lib.load_config(tmp_path)
        return
    with pytest.raises(UsageError, match=f"{reason}.*; train it again, or use an exp"):
        workdir_lib.load_config(tmp_path)


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
    found = [callbacks.stable_names(each) for each in paths]
    assert found[0] == found[1]
    assert len(set(found[0])) == len(first)
    assert callbacks.stable_names(["net_7/conv_3/a", "net_7/conv_5/a", "net_7/b"]) == [
        "net/conv/a",
        "net/conv_1/a",
        "net/b",
    ]


def test_profile_of_chosen_steps(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    seen = []
    profiler = tf.profiler.experimental
    start, stop = profiler.start, profiler.stop
    config = config_of("cgan", steps=4)
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


def test_command_line_of_two_replicas(tmp_path):
    done = run_command(
        "--loss=cgan",
        "--smoke",
        "--config.train.cpu_replicas=2",
        f"--workdir={tmp_path / 'run'}",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "samples" / "step_0000004.png").exists()


class _Resting:
    """What callbacks ask of a trainer whose discriminator rests."""

    resting = ("d",)

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
    metrics = callbacks.Metrics(0, 2, 5, writer, workdir_lib.Workdir(tmp_path))
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
