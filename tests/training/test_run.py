"""What a run writes, refuses and stops at."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from harness import config_of
from harness import eagerly
from harness import lines
from harness import picture
from harness import step_of
from harness import tensors
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.color import lab
from tfcolor.data import datasets
from tfcolor.errors import UsageError
from tfcolor.runs import folder as workdir_lib
from tfcolor.training import loop


@pytest.mark.slow
def test_another_config_is_refused_and_nothing_is_touched(
    tmp_path, four_steps, monkeypatch
):
    eagerly(monkeypatch)
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "config.json").read_text()
    other = config_of("cgan", steps=5)
    other.optim.g_lr = 1e-3
    other.data.batch_size = 4
    message = r"data.batch_size: 2 -> 4; optim.g_lr: 0.0002 -> 0.001\)"
    with pytest.raises(UsageError, match=message):
        loop.train(other, tmp_path)
    assert (tmp_path / "config.json").read_text() == before
    longer = config_of("cgan", steps=5)
    loop.train(longer, tmp_path)
    assert step_of(tmp_path) == 5


@pytest.mark.slow
def test_a_finished_run_is_left_alone(tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    before = tensors(tmp_path)
    loop.train(config_of("cgan", steps=4), tmp_path)
    after = tensors(tmp_path)
    assert all(np.array_equal(before[name], after[name]) for name in before)


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
    feed = datasets.dataset_of(config)
    with pytest.raises(UsageError, match="read and has colour, the first 00.png"):
        feed.sample(config.data)
    image = Image.fromarray(picture(rng))
    image.save(tmp_path / "01.png")
    l, _ = lab.encode(np.asarray(image.crop((8, 0, 48, 40)))[None])
    found = feed.sample(config.data)["l"]
    assert found.shape == (1, 32, 32, 1)
    np.testing.assert_allclose(np.mean(found), np.mean(l), atol=0.01)


@pytest.mark.slow
def test_run_folder_holds_what_it_promises(tmp_path, rng, monkeypatch):
    eagerly(monkeypatch)
    pictures = write_pictures(tmp_path / "pictures", rng, 11)
    grey = Image.new("RGB", (40, 40), (90, 90, 90))
    grey.save(pictures / "grey.png")
    config = config_of("cgan", steps=6)
    config.data.source = str(pictures)
    config.train.sample_every = config.train.validate_every = 3
    workdir = tmp_path / "run"
    loop.train(config, workdir)
    saved = json.loads((workdir / "config.json").read_text())
    assert saved["config"]["discriminator"]["norm"] == "batch"
    assert saved["versions"]["tensorflow"] == tf.__version__
    assert saved["data"].startswith("11-")
    loaded = workdir_lib.load_config(workdir)
    assert config_lib.to_dict(loaded) == config_lib.to_dict(config_lib.resolve(config))
    samples = sorted(path.name for path in (workdir / "samples").iterdir())
    assert samples == ["step_0000003.png", "step_0000006.png"]
    assert (workdir / "skipped.tsv").read_text() == (
        "grey.png\tgrey: no |a*| or |b*| above 5\n"
    )
    validated = [line for line in lines(workdir) if "val/psnr" in line]
    assert [line["step"] for line in validated] == [3, 6]
    assert {"val/l1", "val/ab_error", "val/colorfulness_ratio", "val/chroma"} <= (
        validated[0].keys()
    )
    assert not list(workdir.glob("**/.*png*"))


@pytest.mark.slow
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
    (remark,) = datasets.dataset_of(config).remarks()
    assert "are too few to hold any out; val/... is of the training im" in remark
    config.data.validation = "sample"
    assert list(datasets.dataset_of(config).remarks()) == []
