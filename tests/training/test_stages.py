"""Growing sizes: what a segment is, and what a run of several does."""

import shutil

import keras
import numpy as np
import pytest
from harness import assert_identical
from harness import config_of
from harness import eagerly
from harness import lines

from tfcolor.config import resolve
from tfcolor.config import stages
from tfcolor.data import datasets
from tfcolor.errors import UsageError
from tfcolor.runs.folder import Workdir
from tfcolor.training import build
from tfcolor.training import loop


def staged(name, text, **train):
    config = config_of(name, stages=text, **train)
    stages.apply(config)
    return config


def test_parse_reads_what_its_form_says():
    assert stages.parse("") == []
    assert stages.parse("64:2000 128:500:8:1e-4:4e-4") == [
        stages.Stage(64, 2000),
        stages.Stage(128, 500, 8, 1e-4, 4e-4),
    ]


def test_a_stage_without_a_batch_size_has_that_of_the_config():
    config = staged("l1", "16:3 32:5:4:1e-3 16:2")
    for _ in range(2):  # a run applies them at every start
        assert config.train.stages == "16:3:2 32:5:4:1e-3 16:2:2"
        assert [s.batch_size for s in stages.stages_of(config)] == [2, 4, 2]
        assert config.data.batch_size == 2
        stages.apply(config)


@pytest.mark.parametrize(
    "text", ["64", "64:x", "64:1:2:3:4:5", "64:0", "-64:9", "64:1:2:nan", "64:1:2:inf"]
)
def test_what_is_no_stage_is_named(text):
    with pytest.raises(UsageError, match=f"train.stages: '{text}'"):
        stages.parse(text)


def test_a_config_takes_size_batch_and_steps_from_its_stages():
    config = staged("l1", "16:3:4 32:5")
    assert config.train.steps == 8
    assert (config.data.image_size, config.data.batch_size) == (32, 2)
    first, second = stages.stages_of(config)
    assert first == stages.Stage(16, 3, 4, 3e-4, 3e-4)
    assert second == stages.Stage(32, 5, 2, 3e-4, 3e-4)


def test_segments_are_cut_where_a_stage_or_a_phase_ends():
    """Two stages of 4 and 6 steps of 2 and 4 images a minibatch, 5 minibatches a
    step; the generator alone for 3 steps, then the critic for 2."""
    config = staged("wgan_gp", "16:4:2 32:6:4", generator_alone=3, critic_alone=2)
    found = stages.segments(config, n_critic=5)
    rows = [(s.first, s.last, s.phase, s.stage.image_size, s.examples) for s in found]
    assert rows == [
        (0, 3, "generator", 16, 0),
        (3, 4, "critic", 16, 6),  # 3 steps of one minibatch of 2
        (4, 5, "critic", 32, 16),  # and one of five
        (5, 10, "together", 32, 36),
    ]
    assert [s.position for s in found] == [0, 3, 0, 1]
    assert [s.updated for s in found] == [
        {"g": 0, "d": 0},
        {"g": 3, "d": 0},
        {"g": 3, "d": 1},
        {"g": 3, "d": 2},
    ]
    assert not any(s.resets for s in found)
    config.train.reset_optimizers = True
    found = stages.segments(config, n_critic=5)
    assert [s.resets for s in found] == [False, False, True, False]
    assert found[3].updated == {"g": 0, "d": 1}


@pytest.mark.slow
def test_rates_fall_within_each_stage(tmp_path, monkeypatch):
    """Each step has its own: constant for half of a stage, then linearly to 0
    after its last; phases do not shift them, though an optimizer rests in one of
    each, and then has none."""
    eagerly(monkeypatch)
    config = staged(
        "cgan",
        "16:4:2:1e-3 32:4:2:2e-3:4e-3",
        generator_alone=2,
        critic_alone=3,
        reset_optimizers=True,
        log_every=1,
    )
    loop.train(config, tmp_path)
    found = {key: {} for key in ("lr/g", "lr/d")}
    for line in lines(tmp_path):
        for key in found.keys() & line.keys():
            found[key][line["step"]] = line[key]

    def rate(step, *rates):
        first = 0 if step <= 4 else 4
        return rates[step > 4] * min(1.0, (4 - (step - 1 - first)) / 2)

    active = [1, 2, 6, 7, 8]  # from 3 to 5 the critic is alone
    expected = {step: rate(step, 1e-3, 2e-3) for step in active}
    assert found["lr/g"] == pytest.approx(expected, rel=1e-5)
    expected = {step: rate(step, 2e-4, 4e-3) for step in range(3, 9)}
    assert found["lr/d"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "reset", "left"),
    [
        ("cgan", "16:3:2 32:2:4", False, 4),
        ("cgan", "16:3:2 32:2:4", True, 3),
        ("cyclegan", "16:1:2 16:1:3", False, 1),
    ],
)
def test_staged_run_resumes_to_the_last_bit(
    name, text, reset, left, tmp_path, monkeypatch
):
    """From the middle of a stage and from between two."""
    eagerly(monkeypatch)
    config = staged(name, text, reset_optimizers=reset)
    if name == "cgan":
        config.train.generator_alone = config.train.critic_alone = 1
    config.train.checkpoint_every, config.train.keep_checkpoints = 1, 9
    last = config.train.steps
    config.train.validate_every = config.train.histogram_every = last
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    loop.train(config, whole)
    shutil.copytree(whole, parts)
    for path in (parts / "checkpoints").glob("step-*"):
        if int(path.stem.removeprefix("step-")) > left:
            path.unlink()
    loop.train(config, parts)
    assert_identical(whole, parts)
    pictures = [path.name for path in sorted((whole / "samples").iterdir())]
    assert pictures == [path.name for path in sorted((parts / "samples").iterdir())]


@pytest.mark.slow
def test_more_stages_go_on_as_if_they_had_been_there_from_the_start(
    tmp_path, monkeypatch
):
    eagerly(monkeypatch)
    loop.train(staged("cgan", "16:1 32:2:4"), tmp_path / "whole")
    loop.train(staged("cgan", "16:1"), tmp_path / "parts")
    loop.train(staged("cgan", "16:1 32:2:4"), tmp_path / "parts")
    assert_identical(tmp_path / "whole", tmp_path / "parts")
    refused = pytest.raises(UsageError, match="train.stages: 16:1:2 32:2:4 -> ")
    with refused:
        loop.train(staged("cgan", "16:1 32:1:4"), tmp_path / "parts")
    for other in ("16:2 32:2:4", "16:1 16:2:4", "16:1:4 32:2:4", "16:3"):
        with refused:
            Workdir(tmp_path / "parts").check(resolve(staged("cgan", other)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_reset_optimizers_are_as_they_were_when_the_run_began(
    precision, tmp_path, monkeypatch
):
    eagerly(monkeypatch)
    config = staged("cgan", "16:3 16:1", reset_optimizers=True, precision=precision)
    fit, seen = loop.Run._fit, []

    def watched(self, trainer, *arguments):
        optimizers = trainer.optimizers().values()
        seen.append([v.numpy() for each in optimizers for v in each.variables])
        return fit(self, trainer, *arguments)

    monkeypatch.setattr(loop.Run, "_fit", watched)
    try:
        loop.train(config, tmp_path)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert len(seen) == 2
    for first, second in zip(*seen, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_a_damaged_first_checkpoint_of_a_stage_falls_back_to_the_one_before(
    tmp_path, caplog, monkeypatch
):
    eagerly(monkeypatch)
    config = staged("cgan", "16:2 32:2", checkpoint_every=1, keep_checkpoints=9)
    whole, hurt = tmp_path / "whole", tmp_path / "hurt"
    loop.train(config, whole)
    shutil.copytree(whole, hurt)
    for step in (2, 3, 4):
        for path in (hurt / "checkpoints").glob(f"step-{step}.data*"):
            path.write_bytes(b"damaged")
    loop.train(config, hurt)
    assert "step-2 is damaged" in caplog.text
    assert_identical(whole, hurt)


def test_examples_go_on_where_the_stage_before_ended(tmp_path):
    """Each of 16 images once, over two stages of other batch sizes."""
    config = staged("l1", "16:2:3 16:5:2")
    config.data.flip, config.data.crop, config.data.crop_area = False, "center", 1.0
    config.data.source, config.data.validation = "sample", "none"
    feed = datasets.dataset_of(config)
    seen = []
    for segment in stages.segments(config):
        data = build.data_of(config, segment)
        batches = feed.training(
            data, start=segment.first, first=segment.first, examples=segment.examples
        )
        for batch in batches.take(segment.last - segment.first):
            seen += [ab.tobytes() for ab in batch["ab"].numpy()]
    assert len(seen) == 16
    assert len(set(seen[:8])) == len(set(seen[8:])) == 8


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("cgan", {"stages": "20:2"}, "image size 20x20: generator.depth 3 needs"),
        ("hinge", {"stages": "32:2 12:2"}, "image size 12x12: generator.depth 3 needs"),
        ("dcgan", {"stages": "16:2 32:2"}, "this discriminator was built for 32x32"),
        ("cyclegan", {"stages": "30:2"}, "image size 30x30: scanner needs multiples"),
        ("cgan", {"stages": "32"}, "train.stages: '32' is not SIZE:STEPS"),
        ("cgan", {"generator_alone": 9}, "9 steps in all are more than the run's 4"),
        ("l1", {"generator_alone": 1}, "train.generator_alone: 1, but Regression has"),
        ("cyclegan", {"critic_alone": 1}, "train.critic_alone: 1, but CycleGAN has"),
        ("cgan", {"reset_optimizers": True}, "train.reset_optimizers: True: there is"),
    ],
)
def test_bad_stages_and_phases_end_before_the_run(
    name, settings, message, call, tmp_path
):
    flags = [f"--config.train.{field}={value}" for field, value in settings.items()]
    done = call(
        "train", f"--loss={name}", "--smoke", *flags, f"--workdir={tmp_path / 'run'}"
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
