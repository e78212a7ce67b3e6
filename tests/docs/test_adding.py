"""The code on the page "Adding things", run as a package from outside tfcolor."""

import json
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import ROOT
from harness import picture

from tfcolor import metrics
from tfcolor import registry

KINDS = (
    registry.GENERATORS,
    registry.DISCRIMINATORS,
    registry.SOURCES,
    registry.FORMATS,
    metrics.METRICS,
)

BLOCK = r'^```python title="([^"]+)"\n(.*?)^```$'


def blocks():
    """{file: code} of the page; blocks of one file are joined."""
    page = (ROOT / "docs" / "adding.md").read_text()
    found = {}
    for file, code in re.findall(BLOCK, page, re.M | re.S):
        found[file] = found.get(file, "") + code
    return found


@pytest.fixture
def mine(tmp_path, monkeypatch, rng):
    """The package, in the current folder and importable; forgotten afterwards."""
    before = [dict(entries) for entries in KINDS]
    (tmp_path / "mine").mkdir()
    for file, code in blocks().items():
        (tmp_path / file).write_text(code)
    np.save(tmp_path / "pictures.npy", [picture(rng, 64, 72) for _ in range(12)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for entries, old in zip(KINDS, before, strict=True):
        entries.clear()
        entries.update(old)
    for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:
        del sys.modules[name]


def test_every_kind_has_a_module_and_a_registration():
    found = blocks()
    modules = {"objective", "generator", "discriminator", "source", "metric", "format"}
    assert set(found) == {
        "use.py",
        *(f"mine/{name}.py" for name in ("__init__", "config", *modules)),
    }
    registered = found["mine/__init__.py"] + found["mine/config.py"]
    assert set(re.findall(r'"mine\.(\w+):', registered)) == modules


@pytest.mark.slow
def test_what_is_added_trains_is_judged_and_exported(mine, call):
    done = call("train", "--config=mine/config.py", "--smoke", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert '"width": 4' in done.stdout
    assert "array:FILE" in call("train", "--help").stdout

    exec((mine / "use.py").read_text().replace("10_000", "2"), {})
    content = json.loads((mine / "runs/mine/config.json").read_text())
    assert content["data"].startswith("11-")  # 12, of which one is held out
    assert content["config"]["generator"]["width"] == 64
    lines = (mine / "runs/mine/metrics.jsonl").read_text().splitlines()
    assert "g/adversarial" in json.loads(lines[0])
    report = json.loads((mine / "runs/mine/evaluation/metrics.json").read_text())
    value = report["metrics"]["mine"]["hue_error"]
    assert 0 < value["value"] < 180
    (weights,) = (mine / "exported/mine").glob("npz-2/weights.npz")
    shapes = [value.shape for value in np.load(weights).values()]
    assert shapes[0] == (3, 3, 1, 64)
    assert shapes[-2:] == [(1, 1, 64, 2), (2,)]


@pytest.mark.usefixtures("mine")
def test_the_examples_compute_what_they_say(rng):
    from mine import discriminator
    from mine import metric
    from mine import objective
    from mine import source

    # s(1 - -2) of the one, 1 - s(-2 - 1) of the other.
    value = objective.relativistic([[1.0]], [[-2.0]])
    np.testing.assert_allclose(value, 2 * np.log1p(np.exp(-3.0)), rtol=1e-6)

    ab = tf.constant([[[[0.0, 5.0], [3.0, 0.0]]]])
    truth = tf.constant([[[[2.0, 0.0], [6.0, 0.0]]]])
    found = metric.hue_error(truth, ab)  # 90 degrees of 2, none of 6
    np.testing.assert_allclose(found, [90.0 * 2 / 8], rtol=1e-6)

    palette = discriminator.PaletteDiscriminator(4)
    x = rng.uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    shuffled = x.reshape(2, 64, 3)[:, rng.permutation(64)].reshape(x.shape)
    np.testing.assert_allclose(palette(x), palette(shuffled), rtol=1e-4, atol=1e-6)
    twin = type(palette).from_config(palette.get_config())
    assert keras.saving.get_registered_name(type(twin)) == "mine>PaletteDiscriminator"

    pictures = source.Array("pictures.npy")
    np.testing.assert_array_equal(pictures.read(3), np.load("pictures.npy")[3])
    assert pictures.read(0, 32).shape == (32, 36, 3)
    with pytest.raises(ValueError, match="other.npy: no such file"):
        source.Array("other.npy")
