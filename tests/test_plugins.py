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


def declare(folder, name, text):
    """An installed package in `folder` that declares the plug-in `name`."""
    (folder / f"{name}.py").write_text(text)
    information = folder / f"{name}-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    points = f"[{registry.PLUGINS}]\n{name} = {name}\n"
    (information / "entry_points.txt").write_text(points)


@pytest.mark.usefixtures("_restored")
def test_what_installed_packages_declare_is_known_to_every_command(
    call, tmp_path, monkeypatch
):
    code = "from tfcolor import registry\nregistry.SOURCES.add('x', 'x:y', form='x:Z')"
    declare(tmp_path, "declared", code)
    monkeypatch.syspath_prepend(tmp_path)
    assert "x" not in registry.SOURCES
    assert "x:Z" in call("train", "--help").stdout

    declare(tmp_path, "broken", "import no_such_module")
    done = call("evaluate", "--help")
    assert done.returncode == 2
    assert done.stderr.startswith("error: plug-in broken (broken): ModuleNotFoundError")
