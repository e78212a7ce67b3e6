"""Training that begins with weights."""

import json
import shutil

import numpy as np
import pytest
from harness import assert_refused
from harness import eagerly
from harness import lines
from harness import new_run
from harness import tensors
from harness import toy_config

from tfcolor import config as config_lib
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.inference import export
from tfcolor.inference import restore
from tfcolor.networks.unet import UNet
from tfcolor.training import build
from tfcolor.training import initial

# Steps too small to be seen, of another objective at another size.
FEW = ("--smoke", "--config.train.steps=2", "--config.optim.g_lr=1e-12")


@pytest.mark.slow
def test_training_begins_with_the_weights(own, tmp_path, call, monkeypatch):
    """And goes on from its checkpoint when they have become another network's."""
    eagerly(monkeypatch)
    workdir = tmp_path / "run"
    arguments = ["--loss=hinge", *FEW, "--config.generator.dropout=0.5"]
    arguments += ["--init=photo", f"--workdir={workdir}"]
    done = call("train", *arguments)
    assert done.returncode == 0, done.stderr
    content = json.loads((workdir / "config.json").read_text())
    card = presets.card("photo")
    assert content["config"]["generator"] == {**card["generator"], "dropout": 0.5}
    assert content["config"]["data"]["image_size"] == 32
    assert content["config"]["train"]["init"] == "photo"
    began = {"weights": "photo", "step": 0, "sha256": card["sha256"]}
    assert content["init"] == began
    (expected, _), found = restore.of_model("photo"), tensors(workdir)
    for i, weight in enumerate(expected.weights):
        if weight.trainable:
            for part in ("generator", "average"):
                value = found[f"{part}/{i}/.ATTRIBUTES/VARIABLE_VALUE"]
                np.testing.assert_allclose(value, weight, atol=1e-6)
    assert lines(workdir)[-1]["step"] == 2

    done = call("train", *arguments, "--init=line_art")
    assert_refused(done, "train.init: photo -> line_art")
    config = toy_config("l1")
    config.generator.width = 8
    export.preset(new_run(config, tmp_path / "wider"), "photo", own)
    assert presets.card("photo")["sha256"] != began["sha256"]
    done = call("train", *arguments, "--config.train.steps=3")
    assert done.returncode == 0, done.stderr
    assert "resuming at step 2" in done.stderr
    content = json.loads((workdir / "config.json").read_text())
    assert content["init"] == began
    assert content["config"]["generator"]["width"] == 4


def test_training_begins_with_another_run(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(trained.parent)
    config = toy_config("cgan")
    config.train.init = "trained"
    initial.adopt(config, {"optim.g_lr": 1.0})
    assert config.train.init == str(trained)
    trainer = build.trainer(config)
    began = initial.load(trainer, config)
    assert began == {"weights": str(trained), "step": 0}
    expected, _ = restore.of_run(trained)
    for network in (trainer.generator, trainer.average):
        for found, wanted in zip(network.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert "init" not in json.loads((trained / "config.json").read_text())


def test_norms_whose_weights_look_alike_are_told_apart():
    found = {}
    for norm in ("instance", "group"):
        found[norm] = UNet(depth=2, width=8, norm=norm)
        found[norm].build((None, 16, 16, 1))
    message = "photo: of another architecture .generator.norm: group, here instance"
    with pytest.raises(UsageError, match=message):
        initial._check_fit("photo", found["group"], found["instance"])
    initial._check_fit("photo", found["group"], found["group"])


def test_weights_trained_elsewhere_are_not_asked_for(monkeypatch):
    config = toy_config("l1")
    config.train.init = "photo"
    monkeypatch.setattr(UNet, "load_pretrained", lambda self: 1 / 0)
    build.trainer(config)
    config.train.init = ""
    with pytest.raises(ZeroDivisionError):
        build.trainer(config)


NO_START = {
    "misspelt": (["--init=phto"], "--init=phto: no such folder; did you mean photo?"),
    "no run": (["--init=."], "--init=.: no run in it, nor weights that ship"),
    "width": (
        ["--init=photo", "--config.generator.width=8"],
        "--init=photo: of another architecture (generator.width: 4, here 8)",
    ),
    "norm": (
        ["--init=photo", "--config.generator.norm=group"],
        "--init=photo: of another architecture (generator.norm: batch, here group)",
    ),
    "another generator": (
        ["--init=photo", "--config.generator.name=colorful"],
        "generator.name: colorful, but --init=photo is unet",
    ),
    "size": (
        ["--init=photo", "--config.data.image_size=4"],
        "image size 4x4: generator.depth 3 needs multiples of 8",
    ),
    "head": (
        ["--init=photo", "--loss=classification"],
        "bins.cross_entropy: 0 leaves classification nothing to learn",
    ),
    "no generator": (["--init=photo", "--loss=cyclegan"], "CycleGAN has no generator"),
    "no checkpoint": (["--init=empty_run"], "empty_run: no checkpoint in "),
    "a run of scans": (["--init=scans"], "--init=scans: a run that colours nothing"),
}


@pytest.mark.parametrize("case", NO_START)
def test_weights_that_do_not_fit(case, ship, trained, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty_run" / "checkpoints").mkdir(parents=True)
    shutil.copy(trained / "config.json", tmp_path / "empty_run")
    (tmp_path / "scans").mkdir()
    scans = {"config": config_lib.to_dict(toy_config("cyclegan"))}
    (tmp_path / "scans" / "config.json").write_text(json.dumps(scans))
    arguments, message = NO_START[case]
    loss = [] if any("--loss" in argument for argument in arguments) else ["--loss=l1"]
    done = call("train", *loss, *arguments, "--workdir=run")
    assert_refused(done, message)
    assert not (tmp_path / "run").exists()


def test_dry_run_shows_the_generator_that_it_begins_with(ship, call):
    done = call("train", "--loss=l1", "--init=photo", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert '"depth": 3' in done.stdout
    assert f"{presets.card('photo')['parameters']:,}" in done.stdout
