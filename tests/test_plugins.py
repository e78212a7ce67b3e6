"""Things added from outside the package: a module and its registration each."""

import json

import numpy as np
import pytest
from harness import ROOT

from tfcolor import metrics
from tfcolor import registry
from tfcolor.inference import export
from tfcolor.metrics import sets


@pytest.fixture
def _restored():
    """What is registered in a test is forgotten after it."""
    known = (
        registry.GENERATORS,
        registry.DISCRIMINATORS,
        registry.SOURCES,
        registry.FORMATS,
        metrics.METRICS,
    )
    before = [dict(entries) for entries in known]
    yield
    for entries, old in zip(known, before, strict=True):
        entries.clear()
        entries.update(old)


@pytest.mark.slow
@pytest.mark.usefixtures("_restored")
def test_what_is_added_trains_is_judged_and_exported(call, tmp_path, rng):
    config, workdir = ROOT / "tests" / "plugin.py", tmp_path / "run"
    train = ("train", f"--config={config}", "--smoke", f"--workdir={workdir}")
    done = call(*train, "--data=twice", "--config.train.steps=2")
    assert done.returncode == 0, done.stderr
    content = json.loads((workdir / "config.json").read_text())
    assert content["data"].startswith("15-")  # 8, each twice, and one held out
    assert content["config"]["trainer"] == "plugin:OwnGAN"
    assert content["config"]["generator"]["name"] == "own"
    assert content["config"]["discriminator"]["width"] == 4
    path = export.export(workdir, tmp_path / "exported", kind="shapes")
    assert "(4, 4, 1, 4)" in (path / "shapes.txt").read_text()
    assert "twice" in call("train", "--help").stdout

    l, ab = (rng.uniform(-0.5, 0.5, (3, 20, 24, n)) for n in (1, 2))
    pictures = sets.render(l.astype("float32"), ab.astype("float32"))
    lightness = 50.0 * l.astype("float32") + 50.0
    found = sets.statistics(pictures, pictures, lightness)["redness"]
    np.testing.assert_allclose(found, pictures.rgb[..., 0].numpy().mean((1, 2)), 1e-5)
