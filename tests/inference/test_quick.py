"""Weights that ship without Keras and TensorFlow's Python modules."""

import gc
import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from harness import ROOT
from PIL import Image
from skimage import data

import tfcolor
from tfcolor import presets
from tfcolor.inference import quick
from tfcolor.inference import session
from tfcolor.inference import traced
from tfcolor.presets import weights

pytestmark = pytest.mark.skipif(
    not quick.available("photo"), reason="no C library of TensorFlow, or a GPU"
)


@pytest.fixture(scope="module")
def usual():
    return tfcolor.load("photo")


def test_the_colours_are_the_same_to_the_bit(usual):
    found = quick.load("photo")
    assert found.info == usual.info
    image = data.coffee()[:150, :229]
    both = [found, usual]
    planes = [each.predict_ab([image, image[:, ::-1]], 64) for each in both]
    np.testing.assert_array_equal(*planes)
    np.testing.assert_array_equal(*[each(image, working_size=64) for each in both])
    assert np.abs(planes[0]).max() > 5


def test_what_is_no_longer_used_is_freed(monkeypatch):
    freed, api = [], session.load()
    for name in ("TF_DeleteSession", "TF_DeleteGraph"):
        free = getattr(api, name)

        def note(*arguments, name=name, free=free):
            freed.append((name, arguments[0]))
            return free(*arguments)

        monkeypatch.setattr(api, name, note)
    predictor = quick.load("photo")
    assert freed == []
    del predictor
    gc.collect()
    assert [name for name, _ in freed] == ["TF_DeleteSession", "TF_DeleteGraph"]


def test_the_settings_are_those_of_tensorflow():
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    assert config.SerializeToString() == session._AS_IT_IS
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1
    )
    assert config.SerializeToString() == session._ONE_THREAD


def test_an_optimized_graph_gives_nearly_the_same(usual):
    image = data.chelsea()[:100]
    found, expected = quick.load("photo", True), usual
    difference = found.predict_ab([image], 64) - expected.predict_ab([image], 64)
    assert np.abs(difference).max() < 1e-3


def test_the_command_imports_neither_tensorflow_nor_keras(tmp_path):
    """And writes what the API gives."""
    Image.fromarray(data.coffee()[:120, :100]).save(tmp_path / "a.png")
    code = """
import os, sys
sys.argv = ["colorize", sys.argv[1]]
leave = lambda code: print(code, sorted({"tensorflow", "keras", "scipy", "skimage"}
    & set(sys.modules)), flush=True) or sys.exit(code)
os._exit = leave
from tfcolor.cli import colorize
colorize.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "0 []"
    assert "oneDNN" not in done.stderr
    found = np.asarray(Image.open(tmp_path / "a_color.png"))
    np.testing.assert_array_equal(found, quick.load("photo")(data.coffee()[:120, :100]))


def test_only_a_graph_of_these_weights_is_run(tmp_path, monkeypatch):
    folder = tmp_path / "presets"
    folder.mkdir()
    for suffix in ("json", "npz", "graph"):
        name = f"photo.{suffix}"
        (folder / name).write_bytes((presets.FOLDER / name).read_bytes())
    monkeypatch.setattr(presets, "FOLDER", folder)
    assert quick.available("photo")
    assert not quick.available("./photo")
    assert not quick.available(None)
    card = json.loads((folder / "photo.json").read_text())
    (folder / "photo.json").write_text(json.dumps({**card, "sha256": "0"}))
    assert not quick.available("photo")
    (folder / "photo.json").write_text(json.dumps(card))
    (folder / "photo.graph").write_bytes(zlib.compress(b"{"))
    assert not quick.available("photo")
    (folder / "photo.graph").unlink()
    assert not quick.available("photo")
    generator, info = weights.restore("photo")
    assert traced.write(generator, info["sha256"], folder / "photo.graph")
    assert quick.available("photo")
    monkeypatch.setattr(session, "_LIBRARIES", ())
    assert not quick.available("photo")


def test_what_is_no_graph_is_refused():
    with pytest.raises(RuntimeError, match="GraphDef"):
        session.Session(b"no graph", {}, "l", "ab")
    with pytest.raises(RuntimeError, match="no operation l"):
        session.Session(b"", {}, "l", "ab")


def test_of_weights_that_take_hints_no_graph_is_left(tmp_path):
    generator, info = weights.restore("photo_hints")
    path = tmp_path / "photo.graph"
    path.touch()
    assert not traced.write(generator, info["sha256"], path)
    assert not path.exists()
