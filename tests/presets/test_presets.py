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
from harness import picture
from harness import write_pictures
from PIL import Image

import tfcolor
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.inference import precision
from tfcolor.inference import restore
from tfcolor.presets import weights
from tfcolor.presets import writing


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_keep_their_colours_in_fewer_bits(name):
    generator, info = restore.of_model(name)
    usual = restore.network_of(generator.folded())
    for kind in ("int8", "bfloat16"):
        other = precision.reduced(usual, kind)
        found = precision.difference(usual, other, {**info, "precision": kind})
        assert 0.01 < found < 0.8 * precision.LIMIT, kind
