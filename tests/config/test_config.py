import dataclasses
import json
import shlex

import pytest
from harness import NAMES
from harness import ROOT

from tfcolor import config as config_lib
from tfcolor.config import smoke
from tfcolor.config import validation
from tfcolor.errors import UsageError


@pytest.mark.parametrize("name", NAMES)
def test_config_survives_json(name):
    config = config_lib.load(config_lib.CONFIGS / f"{name}.py")
    validation.check(config)
    values = json.loads(config_lib.dumps(config))
    again = config_lib.from_dict(values)
    assert config_lib.to_dict(again) == values
    assert type(next(iter(vars(again.loss).values()))) is float


@pytest.mark.parametrize("name", NAMES)
def test_config_opens_with_its_paper_and_command(name):
    text = (ROOT / "configs" / f"{name}.py").read_text()
    docstring = text.split('"""')[1]
    assert "et al. 20" in docstring
    commands = [line for line in docstring.splitlines() if line.startswith("bin/train")]
    assert shlex.split(commands[0])[1] == f"--loss={name}"


@pytest.mark.parametrize("name", NAMES)
def test_smoke_is_the_same_config_made_small(name):
    config = config_lib.load(config_lib.CONFIGS / f"{name}.py")
    small = smoke.smoke(config)
    assert small.train.steps < config.train.steps
    assert small.loss == config.loss
    assert small.trainer == config.trainer
    assert config.data.image_size == 64


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "crop", "left", "data.crop: 'left' is not one of random_resized"),
        ("data", "crop_area", 0.0, r"data.crop_area: 0.0 is not in \(0, 1\]"),
        ("data", "image_size", 0, "data.image_size: 0 must be positive"),
        ("data", "rotation", -3.0, r"data.rotation: -3.0 is not in \[0, 180\]"),
        ("data", "perspective", 1.5, r"data.perspective: 1.5 is not in \[0, 1\]"),
        ("data", "blur", float("nan"), r"data.blur: nan is not a finite number"),
        ("data", "erase", 25.0, r"data.erase: 25.0 is not in \[0, 1\]"),
        ("data", "aging", -0.1, r"data.aging: -0.1 is not in \[0, 1\]"),
        ("data", "fill", "black", "data.fill: 'black' is not one of reflect, white"),
        ("data", "fill", "white", "data.fill: white: used with data.rotation or"),
        ("data", "batch_size", -4, "data.batch_size: -4 must be positive"),
        ("optim", "g_lr", 0.0, "optim.g_lr: 0.0 must be positive"),
        ("optim", "constant", 1.5, "optim.constant: 1.5 is not in"),
        ("train", "steps", 0, "train.steps: 0 must be at least 1"),
        ("train", "log_every", 0, "train.log_every: 0 must be at least 1"),
        ("train", "strategy", "two", "train.strategy: 'two' is not one of auto"),
        ("train", "precision", "int8", "train.precision: 'int8' is not one of float32"),
    ],
)
def test_bad_values_are_named(section, field, value, message):
    config = config_lib.load(config_lib.CONFIGS / "cgan.py")
    setattr(getattr(config, section), field, value)
    with pytest.raises(UsageError, match=message):
        validation.check(config)


def test_a_crop_area_without_a_random_crop_is_refused():
    config = config_lib.load(config_lib.CONFIGS / "cgan.py")
    config.data.crop, config.data.crop_area = "center", 0.3
    with pytest.raises(UsageError, match="crop_area: 0.3: not used by data.crop=cent"):
        validation.check(config)
    config.data.crop_area = 1.0  # which is what it takes
    validation.check(config)
    config.data.crop, config.data.crop_area = "smart", 0.3
    config.data.rotation, config.data.fill = 3.0, "white"
    validation.check(config)


def test_replicas_contradict_one_device():
    config = config_lib.load(config_lib.CONFIGS / "cgan.py")
    config.train.strategy, config.train.cpu_replicas = "one", 2
    with pytest.raises(UsageError, match="cpu_replicas: 2 contradicts"):
        validation.check(config)


def test_differences_tell_what_matters():
    old = config_lib.load(config_lib.CONFIGS / "cgan.py")
    new = config_lib.load(config_lib.CONFIGS / "cgan.py")
    assert config_lib.differences(*map(config_lib.to_dict, (old, new))) == ([], [])
    new.loss.l1_weight = 10.0
    new.train.steps = 7
    refused, allowed = config_lib.differences(*map(config_lib.to_dict, (old, new)))
    assert refused == ["loss.l1_weight: 100.0 -> 10.0"]
    assert allowed == [f"train.steps: {old.train.steps} -> 7"]


def test_a_run_from_before_there_was_a_field_had_its_default():
    old, new = (
        config_lib.to_dict(config_lib.load(config_lib.CONFIGS / "cgan.py"))
        for _ in range(2)
    )
    del old["data"]["erase"], old["data"]["aging"]
    del old["train"]["stages"], old["loss"]["edge_weight"]
    assert config_lib.differences(old, new) == ([], [])
    new["data"]["erase"] = 0.5
    assert config_lib.differences(old, new) == (["data.erase: 0.0 -> 0.5"], [])


def test_every_field_has_a_default_and_a_type():
    for cls in (config_lib.Data, config_lib.Generator, config_lib.Train):
        for field in dataclasses.fields(cls):
            assert field.default is not dataclasses.MISSING
            assert not isinstance(field.type, str)
