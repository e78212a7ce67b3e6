"""Weights and cards that are written: what may ship, evaluations."""

import hashlib
import io
import json

import numpy as np
import pytest
from harness import SAID
from harness import assert_refused
from harness import new_run
from harness import picture
from harness import toy_config
from harness import write_pictures

import tfcolor
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.inference import export
from tfcolor.inference import restore
from tfcolor.inference.predictor import Predictor
from tfcolor.presets import writing


def as_float16(arrays):
    return [x.astype("float16").astype("float32") if x.ndim > 1 else x for x in arrays]


@pytest.mark.slow
def test_a_preset_is_its_run_in_float16(trained, ship, rng):
    generator, _ = restore.of_run(trained)
    expected = as_float16(generator.get_weights())
    full = generator.get_weights()
    assert not all(map(np.array_equal, expected, full))
    restored, info = restore.of_model("photo")
    assert len(restored.get_weights()) == len(expected) > 20
    for found, wanted in zip(restored.get_weights(), expected, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)
    generator.set_weights(expected)
    kept = {k: info[k] for k in ("working_size", "multiple", "head", "step", "trainer")}
    assert kept == restore.of_run(trained)[1]
    same = Predictor(restore.network_of(generator.folded()), kept)
    image = picture(rng, 50, 70)
    np.testing.assert_array_equal(tfcolor.load("photo")(image), same(image))


def test_the_card_says_what_it_is(trained, ship):
    card = presets.card("photo")
    data = (ship / "photo.npz").read_bytes()
    assert card["sha256"] == hashlib.sha256(data).hexdigest()
    assert card["bytes"] == len(data)
    stored = np.load(io.BytesIO(data), allow_pickle=False)
    arrays = [stored[key] for key in stored.files]
    assert {x.dtype.name for x in arrays if x.ndim > 1} == {"float16"}
    assert {x.dtype.name for x in arrays if x.ndim < 2} == {"float32"}
    assert card["parameters"] == sum(x.size for x in arrays)
    config = json.loads((trained / "config.json").read_text())["config"]
    assert card["generator"] == config["generator"]
    assert card["training"]["loss.l1_weight"] == 100.0
    assert "data.source" not in card["training"]
    assert {key: card[key] for key in SAID} == SAID
    text = (ship / "photo.md").read_text()
    assert all(f"{said}" in text for said in (*SAID.values(), card["sha256"]))


def test_paths_of_the_machine_are_not_in_the_card():
    settings = {"weights": "/home/me/x.bin", "name": "efficientnet", "source": "sample"}
    assert writing._without_places(settings) == {"name": "efficientnet"}


def test_what_may_not_ship(trained, tmp_path, monkeypatch):
    for name in ("Photo", "a/b", "", "1a", "a.b"):
        with pytest.raises(UsageError, match="a name has small letters"):
            export.preset(trained, name, tmp_path)
    monkeypatch.setattr(writing, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match=r"photo: \d+ bytes of weights; at most 1000"):
        export.preset(trained, "photo", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_export(ship, tmp_path, rng, call, monkeypatch):
    """What is served; that it is written well is test_export's."""
    made = []
    monkeypatch.setattr(export, "write_served", lambda *made_: made.extend(made_))
    done = call("export", "--model=photo", f"--output={tmp_path / 'photo'}")
    assert done.returncode == 0, done.stderr
    served, predictor = export.Served(*made[:2]), tfcolor.load("photo")
    assert served.info == {**predictor.info, "max_pixels": 50_000_000}
    l = rng.uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    np.testing.assert_array_equal(served.network(l)["ab"], predictor.network(l)["ab"])
    written = tmp_path / "photo" / "0" / "assets.extra" / "tfcolor.json"
    assert json.loads(written.read_text())["sha256"] == presets.card("photo")["sha256"]
    for arguments, message in (
        (["--model=phto"], "--model=phto: no such folder; did you mean photo?"),
        ([f"--model={tmp_path}"], "no run in it, nor weights that ship"),
        (["--workdir=photo"], "--workdir=photo: no config.json, so no run, in it"),
        (["--workdir=a", "--model=photo"], "--workdir and --model exclude each"),
        ([], "--workdir is missing"),
    ):
        assert_refused(call("export", *arguments, f"--output={tmp_path}"), message)


@pytest.mark.slow
def test_evaluate(own, trained, tmp_path, rng, call):
    images = write_pictures(tmp_path / "images", rng, 5)
    output = tmp_path / "judged"
    arguments = [f"--data={images}", "--resamples=5"]
    models = ["--model=photo", f"--model={trained}"]
    done = call("evaluate", *models, *arguments, f"--output={output}")
    assert done.returncode == 0, done.stderr
    found = json.loads((output / "metrics.json").read_text())
    assert "trained on different images" not in found
    sha256 = presets.card("photo")["sha256"]
    assert (
        f"photo: sha256 {sha256}, step 0; trained: {trained}, step 0" in found["runs"]
    )
    values = [
        found["metrics"][name]["ab_error"]["value"] for name in ("photo", "trained")
    ]
    assert values[0] == pytest.approx(values[1], rel=0.01)
    assert values[0] != values[1]  # float16

    done = call(
        "presets", "photo", f"--folder={own}", f"--evaluation=5={output}/metrics.json"
    )
    assert done.returncode == 0, done.stderr
    card = presets.card("photo")
    assert set(card["evaluations"]["5"]) == {"photo", "grey", "truth"}
    assert card["evaluations"]["5"]["photo"] == found["metrics"]["photo"]
    assert {key: card[key] for key in SAID} == SAID
    value = found["metrics"]["photo"]["ab_error"]
    row = "| ab_error | {value:.4g} ({low:.4g} to {high:.4g}) |".format(**value)
    assert row in (own / "photo.md").read_text()

    for more, message in (
        (arguments, "--output is missing: weights that ship have no folder"),
        ([f"--output={output}"], "--data is missing: weights that ship bring no"),
        (["--model=phto"], "--model=phto: no such folder; did you mean photo?"),
    ):
        assert_refused(call("evaluate", "--model=photo", *more), message)
    assert_refused(call("evaluate"), "--workdir is missing")


def test_new_weights_keep_the_texts_and_not_the_evaluations(
    own, trained, tmp_path, call
):
    (tmp_path / "metrics.json").write_text('{"metrics": {"photo": {}}}')
    annotate = ["presets", "photo", f"--folder={own}"]
    done = call(*annotate, f"--evaluation=a=b={tmp_path}/metrics.json")
    assert done.returncode == 0, done.stderr
    again = ["presets", trained, "photo", f"--folder={own}", "--limits=blue"]
    assert call(*again).returncode == 0
    card = presets.card("photo")
    assert card["evaluations"] == {"a=b": {"photo": {}}}
    bigger = toy_config("l1")
    bigger.generator.width = 8
    other = new_run(bigger, tmp_path / "other")
    assert call("presets", other, "photo", f"--folder={own}").returncode == 0
    card = presets.card("photo")
    assert card["evaluations"] == {}
    assert {key: card[key] for key in SAID} == {**SAID, "limits": "blue"}
    assert card["trainer"].endswith("Regression")
    for arguments, message in (
        (["presets"], "give a run's folder and a name, or a name alone"),
        (["presets", "nobody", f"--folder={own}"], "nobody.json: no such card"),
        ([*annotate, "--evaluation=a"], "--evaluation=a: is not IMAGES=FILE"),
        ([*annotate, "--evaluation=a=/no"], "--evaluation: /no cannot be read"),
        (["presets", "no/run", "photo"], "--workdir=no/run: no config.json"),
    ):
        assert_refused(call(*arguments), message)
