"""From scans, which a run of cyclegan makes, to colour."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import config_of
from harness import eagerly
from harness import new_run
from harness import toy_config
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.config import smoke
from tfcolor.data import crops
from tfcolor.data import datasets
from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.images import resize
from tfcolor.inference import restore
from tfcolor.training import build
from tfcolor.training import loop


def line_art_config(scanner):
    """The config of line art at toy size, with a scanner and a small generator."""
    config = config_lib.load(config_lib.CONFIGS / "experiments" / "line_art.py")
    config = smoke.smoke(config, {"data.scanner": str(scanner)})
    config.data.image_size = 32
    config.generator = config_lib.Generator(head="lab", depth=3, width=4)
    return config


@pytest.mark.slow
def test_line_art_learns_from_the_scans_of_a_run(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    scanner = new_run(toy_config("cyclegan"), tmp_path / "scanner")
    config = line_art_config(scanner)
    workdir = tmp_path / "run"
    config.train.steps = 1
    loop.train(config, workdir)
    network = restore.scanner_of_run(scanner)
    kept = keras.saving.load_model(workdir / "scanner.keras")
    batch = next(iter(datasets.dataset_of(config).training(config.data)))
    trainer = build.trainer(config)
    trainer.scanner = kept
    l, color = trainer.pair(batch)
    np.testing.assert_array_equal(l, network(batch["rgb"], training=False))
    assert np.abs(l.numpy() - batch["l"].numpy()).mean() > 0.05
    np.testing.assert_array_equal(color, tf.concat([batch["l"], batch["ab"]], -1))
    # The run goes on without the one that it began with.
    (scanner / "config.json").unlink()
    config.train.steps = 2
    loop.train(config, workdir)
    (workdir / "scanner.keras").write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"scanner\.keras: "):
        loop.train(config, workdir)


@pytest.mark.slow
def test_scanner_is_not_trained(tmp_path):
    config = line_art_config(new_run(toy_config("cyclegan"), tmp_path))
    trainer = build.trainer(config)
    trainer.scanner = restore.scanner_of_run(tmp_path)
    before = trainer.scanner.get_weights()
    batch = next(iter(datasets.dataset_of(config).training(config.data)))
    trainer.train_step(batch)
    for old, new in zip(before, trainer.scanner.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    twin = type(trainer).from_config(trainer.get_config())
    assert twin.scanner.get_config() == trainer.scanner.get_config()


@pytest.mark.slow
def test_runs_of_another_kind_are_named(tmp_path, call):
    colorizer = new_run(config_of("l1"), tmp_path / "l1")
    scanner = new_run(toy_config("cyclegan"), tmp_path / "cyclegan")
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    for folder, length in ((empty, None), (broken, 40)):
        folder.mkdir()
        text = (scanner / "config.json").read_text()
        (folder / "config.json").write_text(text[:length])
    path = config_lib.CONFIGS / "experiments" / "line_art_unet.py"
    for arguments, message in (
        ([f"--config.data.scanner={colorizer}"], "a run of Regression, not of cycle"),
        ([f"--config.data.scanner={tmp_path}"], "no run in it"),
        ([f"--config.data.scanner={empty}"], "data.scanner: no checkpoint in"),
        ([f"--config.data.scanner={broken}"], "data.scanner: --workdir="),
        (
            [f"--config.data.scanner={scanner}", "--config.generator.head=ab"],
            "needs generator.head lab or rgb, not ab",
        ),
        (
            ["--config.data.scanner=", "--config.data.scans=drawings:scans"],
            "data.scans: drawings:scans: used by cyclegan only",
        ),
    ):
        workdir = f"--workdir={tmp_path / 'run'}"
        done = call("train", f"--config={path}", "--smoke", workdir, *arguments)
        assert done.returncode == 2, message
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    scanner_flag = f"--config.data.scanner={empty}"
    done = call("train", f"--config={path}", "--smoke", "--dry_run", scanner_flag)
    assert done.returncode == 2
    assert "data.scanner: no checkpoint in" in done.stderr
    done = call("colorize", f"--model={scanner}", "--output=x", __file__)
    assert done.returncode == 2
    assert "a run of CycleGAN, which makes scans and colours nothing" in done.stderr


@pytest.mark.slow
def test_line_art_is_judged_on_true_scans(tmp_path, call):
    run = new_run(line_art_config(""), tmp_path / "run")
    done = call(
        "evaluate",
        f"--workdir={run}",
        "--data=drawings:test",
        "--limit=4",
        "--resamples=5",
    )
    assert done.returncode == 0, done.stderr
    saved = json.loads((run / "evaluation" / "metrics.json").read_text())
    assert saved["inputs"].startswith("the true scans of the drawings")
    colors, scans = (
        sources.open_source(f"drawings:{split}") for split in ("test", "test_scans")
    )
    numbers = np.linspace(0, 9999, 4).astype(int)
    errors = []
    for number in numbers:
        square = [
            resize.picture(source.read(number, 64, crops.center_box), 32, 32)
            for source in (colors, scans)
        ]
        color, scan = (tf.constant(x)[None] for x in square)
        found = restore.of_run(run)[0](lab.encode(scan)[0])
        rgb = gamut.picture(found[..., :1], found[..., 1:]).numpy()
        errors.append(((rgb / 255.0 - color.numpy() / 255.0) ** 2).mean())
    expected = np.mean(-10.0 * np.log10(errors))
    assert saved["metrics"]["run"]["psnr"]["value"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_line_art_is_coloured_at_its_full_size(tmp_path):
    """What the network changes of the lightness is enlarged; lines that it is
    too small for stay."""
    config = line_art_config("")
    predictor = restore.load(new_run(config, tmp_path))
    page = np.full([96, 96], 250, np.uint8)
    page[::6] = 20
    planes = predictor.predict_ab([page])[0]
    assert planes.shape == (3, 32, 32)
    paler = predictor.predict_ab([page], saturation=0.5)[0]
    np.testing.assert_array_equal(
        paler, planes * np.float32([0.5, 0.5, 1])[:, None, None]
    )
    found = lab.rgb_to_lab(predictor(page)).numpy()
    change = found[..., 0] - lab.lightness(np.stack([page] * 3, -1)).numpy()
    inside = (found[..., 0] > 0.5) & (found[..., 0] < 99.5)
    expected = np.asarray(Image.fromarray(planes[2]).resize((96, 96), Image.BICUBIC))
    assert np.abs(change - expected)[inside].mean() < 0.5
    assert found[::6].mean() < found[3::6].mean()
