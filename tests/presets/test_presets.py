"""Weights that ship: their files, and every command that takes their names."""

import hashlib
import io
import json
import pathlib
import shutil

import golden_presets
import numpy as np
import pytest
from harness import assert_refused
from harness import eagerly
from harness import lines
from harness import new_run
from harness import picture
from harness import tensors
from harness import toy_config
from harness import write_pictures
from PIL import Image

import tfcolor
from tfcolor import config as config_lib
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.inference import export
from tfcolor.inference import restore
from tfcolor.inference.predictor import Predictor
from tfcolor.networks.unet import UNet
from tfcolor.presets import weights
from tfcolor.presets import writing
from tfcolor.training import build
from tfcolor.training import initial

SAID = {
    "summary": "Photographs of nothing",
    "data": "random numbers",
    "licence": "none needed",
    "limits": "everything",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a U-Net that works at 32 pixels, multiples of 8."""
    return new_run(toy_config("cgan"), tmp_path_factory.mktemp("runs") / "trained")


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    export.preset(trained, "photo", folder, **SAID)
    export.preset(trained, "line_art", folder, summary="Drawings")
    return folder


@pytest.fixture
def ship(folder, monkeypatch):
    """The presets of `folder` are those of the package."""
    monkeypatch.setattr(presets, "FOLDER", folder)
    return folder


@pytest.fixture
def own(folder, monkeypatch, tmp_path):
    """A copy of them that may be changed."""
    copy = shutil.copytree(folder, tmp_path / "own presets")
    monkeypatch.setattr(presets, "FOLDER", copy)
    return copy


def as_float16(arrays):
    return [x.astype("float16").astype("float32") if x.ndim > 1 else x for x in arrays]


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


def test_what_is_a_name_and_what_a_path(ship):
    assert presets.names() == ["line_art", "photo"]
    assert presets.find("photo") == "photo"
    for path in ("./photo", "runs/photo", pathlib.Path("photo"), "phto"):
        assert presets.find(path) is None
    with pytest.raises(UsageError, match="phto: no such folder; did you mean photo?"):
        tfcolor.load("phto")


def test_bytes_of_another_kind_are_refused():
    np.testing.assert_array_equal(
        weights.unpacked(weights.packed([np.full((2, 2), 1 / 3, "float32")]))[0],
        np.full((2, 2), np.float16(1 / 3), "float32"),
    )
    file = io.BytesIO()
    np.savez(file, **{"0000": np.array([print], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        weights.unpacked(file.getvalue())
    for value in (np.nan, 1e5):
        with pytest.raises(ValueError, match=r"weight 1 \(1, 1\): not finite in float"):
            weights.packed([np.zeros(3, "float32"), np.full((1, 1), value, "float32")])
    large = np.full(3, 1e5, "float32")  # the variance of a norm may be
    np.testing.assert_array_equal(weights.unpacked(weights.packed([large]))[0], large)


def change(folder, **values):
    path = folder / "photo.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def damage_weights(folder):
    path = folder / "photo.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lose_weights(folder):
    (folder / "photo.npz").unlink()


def damage_card(folder):
    (folder / "photo.json").write_text('{"format": 1, ')


def empty_card(folder):
    (folder / "photo.json").write_text('{"format": 1}')


def later(folder):
    change(folder, format=2)


def unknown_field(folder):
    generator = {**presets.card("photo")["generator"], "depths": 3}
    change(folder, generator=generator)


def other_network(folder):
    change(folder, generator={**presets.card("photo")["generator"], "width": 8})


def no_weights(folder):
    (folder / "photo.npz").write_bytes(b"PK")
    change(folder, sha256=hashlib.sha256(b"PK").hexdigest())


DAMAGES = {
    damage_weights: "photo.npz is damaged: its sha256 is ",
    lose_weights: "photo.npz: No such file or directory",
    damage_card: "photo.json cannot be read: ",
    empty_card: "photo.json has no generator, working_size",
    later: "photo.json is of a later version of tfcolor",
    unknown_field: "photo: generator: ",
    other_network: "photo: its weights are not those of its generator",
    no_weights: "photo.npz is no file of weights",
}


@pytest.mark.parametrize("spoil", DAMAGES, ids=lambda spoil: spoil.__name__)
def test_what_is_damaged_is_refused_in_one_line(spoil, own, tmp_path, rng, call):
    (image,) = write_pictures(tmp_path / "in", rng, 1).iterdir()
    spoil(own)
    assert_refused(call("colorize", image), DAMAGES[spoil])
    assert [p.name for p in (tmp_path / "in").iterdir()] == [image.name]


def test_what_may_not_ship(trained, tmp_path, monkeypatch):
    for name in ("Photo", "a/b", "", "1a", "a.b"):
        with pytest.raises(UsageError, match="a name has small letters"):
            export.preset(trained, name, tmp_path)
    monkeypatch.setattr(writing, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match=r"photo: \d+ bytes of weights; at most 1000"):
        export.preset(trained, "photo", tmp_path)
    assert not list(tmp_path.iterdir())


def test_colorize_takes_photo_and_writes_beside_the_picture(ship, tmp_path, rng, call):
    (image,) = write_pictures(tmp_path / "in", rng, 1, ".jpg").iterdir()
    target = image.with_name("0000_color.png")
    done = call("colorize", image)
    assert done.returncode == 0, done.stderr
    sha256 = presets.card("photo")["sha256"][:12]
    assert f"weights: photo (step 0, sha256 {sha256})" in done.stdout
    assert f"written to {target}" in done.stdout
    expected = tfcolor.load("photo")(np.asarray(Image.open(image)))
    np.testing.assert_array_equal(np.asarray(Image.open(target)), expected)
    target.write_bytes(b"somebody's own")
    done = call("colorize", image)
    assert done.returncode == 0
    assert done.stdout == (
        f"{target} is there already\nnothing to do; --overwrite makes them again\n"
    )
    assert target.read_bytes() == b"somebody's own"
    assert_refused(call("colorize", image, "--model=phto"), "did you mean photo?")
    assert call("colorize", image, "--overwrite", "--model=line_art").returncode == 0
    np.testing.assert_array_equal(np.asarray(Image.open(target)), expected)
    assert call("colorize", image, "--format=same").returncode == 0
    assert sorted(p.name for p in (tmp_path / "in").iterdir()) == [
        "0000.jpg",
        "0000_color.jpg",
        "0000_color.png",
    ]
    target.unlink()
    target.symlink_to(image)
    done = call("colorize", image, "--overwrite")
    assert_refused(done, "would be written onto the input")


def test_colorize_of_a_run_says_which(trained, ship, tmp_path, rng, call, monkeypatch):
    """Of a folder that has a preset's name too."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "photo")
    write_pictures(tmp_path / "in", rng, 1)
    for model, origin in (("./photo", "(step 0)"), ("photo", "(step 0, sha256 ")):
        done = call("colorize", f"--model={model}", "in", "--output=out", "--overwrite")
        assert done.returncode == 0, done.stderr
        assert f"weights: {model} {origin}" in done.stdout


BAD_USAGE = {
    "misspelt": (["--model=phto", "a.png"], "--model=phto: no such folder; did you "),
    "nothing like it": (
        ["--model=xyz", "a.png"],
        "--model=xyz: no such folder; weights that ship: line_art, photo",
    ),
    "several files": (["a.png", "b.png"], "--output is missing: only one file can"),
    "a folder": (["."], "--output is missing: only one file can"),
    "no file": (["no.png"], "no.png: no such file or folder"),
    "no input": ([], "no picture given"),
    "too small": (["--working_size=7", "a.png"], "working_size: 7 is less than the "),
}


@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage_of_colorize(case, ship, tmp_path, rng, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.fromarray(picture(rng)).save(name)
    arguments, message = BAD_USAGE[case]
    assert_refused(call("colorize", *arguments), message)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_list(ship, call, monkeypatch, tmp_path):
    done = call("colorize", "--list")
    assert done.returncode == 0
    assert done.stdout == (
        "line_art         0.0 MB, 32 pixels      Drawings\n"
        "photo            0.0 MB, 32 pixels      Photographs of nothing\n"
    )
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    done = call("colorize", "--list")
    assert done.stdout == "no weights ship with this version\n"
    message = "--model is missing (weights that ship: none): give a run's folder"
    assert_refused(call("colorize", "a.png"), message)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    done = call("colorize", "--model=photo", tmp_path / "a.png")
    assert_refused(done, "--model=photo: no such folder")


def test_export(ship, tmp_path, rng, call, monkeypatch):
    """What is served; that it is written well is test_export's."""
    made = []
    monkeypatch.setattr(export, "write_served", lambda *made_: made.extend(made_))
    done = call("export", "--model=photo", f"--output={tmp_path / 'photo'}")
    assert done.returncode == 0, done.stderr
    served, predictor = export.Served(*made[:2]), tfcolor.load("photo")
    assert served.info == predictor.info
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


# Steps too small to be seen, of another objective at another size.
FEW = ("--smoke", "--config.train.steps=2", "--config.optim.g_lr=1e-12")


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


SHIPPED = presets.names()


@pytest.mark.parametrize("name", [*SHIPPED, "tiny_unet", "tiny_bins"])
def test_a_picture_gets_the_colours_that_it_had(name, monkeypatch):
    """Weights of a former version, to one 8-bit level."""
    if name not in SHIPPED:
        monkeypatch.setattr(presets, "FOLDER", golden_presets.WEIGHTS)
    path = golden_presets.PAIRS / f"{name}.npz"
    assert path.exists(), f"run: python tests/golden_presets.py {name}"
    pair = np.load(path, allow_pickle=False)
    assert str(pair["sha256"]) == presets.card(name)["sha256"], "of other weights"
    found = tfcolor.load(name)(pair["image"]).astype(int)
    assert np.abs(found - pair["image"]).max() > 10
    assert np.abs(found - pair["colored"]).max() <= 1


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped(name):
    card, folder = presets.card(name), presets.FOLDER
    data = (folder / f"{name}.npz").read_bytes()
    assert hashlib.sha256(data).hexdigest() == card["sha256"]
    assert len(data) == card["bytes"] <= writing.MAX_BYTES
    assert (folder / f"{name}.md").read_text() == writing.text_of(card)
    assert all(card[text] for text in writing.TEXTS)
    assert card["evaluations"]
