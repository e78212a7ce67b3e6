"""examples/age.py, and what tints do to lightness."""

import importlib.util
import sys
import zlib

import numpy as np
import tensorflow as tf
from harness import ROOT
from harness import write_pictures
from PIL import Image

from tfcolor.color import lab
from tfcolor.inference.predictor import Predictor


def program():
    spec = importlib.util.spec_from_file_location("age", ROOT / "examples" / "age.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_tint_changes_nothing_for_the_network(rng):
    """Lightness stays to the rounding to 8 bits, whatever the tint."""
    age = program()
    t = tf.constant(rng.uniform(size=(60, 80)).astype(np.float32))
    grey = age.grey(t)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    inputs = []

    def network(l):
        inputs.append(l)
        return {"ab": tf.zeros([*l.shape[:3], 2])}

    predictor = Predictor(network, {"working_size": 60, "multiple": 1, "head": "ab"})
    plain = predictor(grey)
    for degrees in age.HUES:
        sepia = age.tinted(t, np.radians(degrees), age.CHROMA[1])
        difference = np.abs(lab.rgb_to_lab(sepia) - lab.rgb_to_lab(grey)).mean((0, 1))
        assert difference[2] > 10  # b*: it is tinted
        colored = predictor(sepia)
        # In units of 50 L*: within 0.5 L*, on the mean 0.15.
        found = np.abs(inputs[-1] - inputs[0])
        assert found.max() < 0.5 / 50
        assert found.mean() < 0.15 / 50
        assert np.abs(colored.astype(int) - plain).max() <= 1


def test_the_sepia_filter_of_programs_is_another_exposure():
    """The usual matrix lightens as levels times 1.22 do, until they are clipped, and
    no darker grey becomes the lighter one: to the eye the picture is lighter, and
    so it is to the network."""
    matrix = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]
    grey = np.repeat(np.arange(256.0)[:, None], 3, 1)
    sepia = np.minimum(grey @ np.transpose(matrix), 255).round().astype(np.uint8)
    exposed = np.minimum(1.22 * grey, 255).round().astype(np.uint8)
    before, after, as_exposed = (
        lab.lightness(x.astype(np.uint8)).numpy() for x in (grey, sepia, exposed)
    )
    assert (np.diff(after) >= 0).all()
    unclipped = sepia.max(-1) < 255
    assert unclipped.sum() == 189
    assert np.abs(after - as_exposed)[unclipped].max() < 0.4
    assert 10 < (after - before).max() < 15


def test_the_program_ages_files(tmp_path, rng, monkeypatch, capsys):
    age = program()
    folder = write_pictures(tmp_path / "pictures", rng, 3)
    (folder / "bad.png").write_bytes(b"no picture")

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["age.py", *map(str, arguments)])
        return age.main()

    def made(name):
        return {
            path.name: np.asarray(Image.open(path))
            for path in (tmp_path / name).iterdir()
        }

    assert main(folder, f"--output={tmp_path / 'a'}", "--sepia=1") == 1
    assert "bad.png: not an image" in capsys.readouterr().err
    first = made("a")
    assert sorted(first) == [f"{i:04d}.png" for i in range(3)]
    # Alone and again: the same; and what the function gives.
    one = folder / "0001.png"
    assert main(one, f"--output={tmp_path / 'b'}", "--sepia=1") == 0
    np.testing.assert_array_equal(made("b")["0001.png"], first["0001.png"])
    rgb = np.asarray(Image.open(one))
    expected = age.age(rgb, (0, zlib.crc32(b"0001.png")), 1.0)
    np.testing.assert_array_equal(first["0001.png"], expected)
    assert main(one, f"--output={tmp_path / 'c'}", "--seed=1") == 0
    grey = made("c")["0001.png"]
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    assert np.ptp(first["0001.png"].astype(int), -1).mean() > 5
    for wrong in ("--sepia=2", "--seed=-1", "--size=0"):
        assert main(one, f"--output={tmp_path / 'd'}", wrong) == 2
        assert f"error: {wrong}" in capsys.readouterr().err
