"""Hints in inference: in Python, by bin/colorize, and in an export."""

import json

import numpy as np
import pytest
import served
import tensorflow as tf
from harness import SAID
from harness import new_run
from harness import picture
from harness import toy_config
from PIL import Image

import tfcolor
from tfcolor import presets
from tfcolor.color import lab
from tfcolor.errors import UsageError
from tfcolor.images import hints
from tfcolor.inference import export
from tfcolor.inference import restore
from tfcolor.inference import steering

ROWS = [(20, 24, "#b05048", 6), (60.5, 70, (70, 110, 160), 3), (5, 90, "#5f8a52", 1)]


def grey(rng, height=90, width=110):
    """A smooth grey picture in whose lightness sRGB has the colours of ROWS."""
    levels = picture(rng, height, width)[..., 0]
    return (100 + levels // 4).astype(np.uint8)


def misses(rgb, rows=ROWS):
    """Mean ab distance of a picture from each hint, over the pixels of its disc."""
    ab = lab.rgb_to_lab(rgb).numpy()[..., 1:]
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    found = []
    for row in rows:
        inside = (y - row[0]) ** 2 + (x - row[1]) ** 2 <= row[3] ** 2
        color = hints.of_rows([row], *rgb.shape[:2]).ab[0]
        found.append(np.linalg.norm(ab[inside] - color, axis=-1).mean())
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Random weights, of the joins too, that take hints."""
    config = toy_config("l1")
    config.data.hints, config.generator.dropout = True, 0.5
    return new_run(config, tmp_path_factory.mktemp("hinted") / "run")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return new_run(toy_config("l1"), tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return export.export(run, tmp_path_factory.mktemp("export") / "model")


def test_rows_are_discs_of_which_the_last_counts():
    rows = [(2, 3, "#ff0000", 2), (3.4, 3, "#0000ff", 1.5), (9.7, 0.6, "#808080", 0.1)]
    found = hints.of_rows(rows, 10, 12)
    expected = {}
    for y, x, color, radius in rows:
        level = np.array([*bytes.fromhex(color[1:])], np.uint8)
        ab = lab.rgb_to_lab(level).numpy()[1:]
        for i in range(10):
            for j in range(12):
                own = (i, j) == (int(y), int(x))
                if own or (i - y) ** 2 + (j - x) ** 2 <= radius**2:
                    expected[12 * i + j] = ab
    assert found.places.tolist() == sorted(expected)
    np.testing.assert_allclose(found.ab, [expected[p] for p in found.places])
    # As a network of a third of the height and a quarter of the width sees them.
    small = found.reduced(3, 3)
    for cell in np.ndindex(3, 3):
        inside = [
            ab / 110
            for place, ab in expected.items()
            if (place // 12 * 3 // 10, place % 12 * 3 // 12) == cell
        ]
        ab = np.mean(inside, 0) if inside else [0, 0]
        np.testing.assert_allclose(small[cell], [*ab, bool(inside)], atol=1e-6)
    planes = found.put(np.zeros((2, 4, 12), "float32"), first=2)
    assert (planes[:, 0, 3] == expected[27]).all()
    assert not planes[:, 3, 6:].any()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(90, 5, "#000000", 2)], "outside the picture, 110 x 90 pixels"),
        ([(0, -1, "#000000", 2)], "outside the picture"),
        ([(0, float("nan"), "#000000", 2)], "not a finite number"),
        ([(0, 0, "#000000", float("inf"))], "not a finite number"),
        ([(0, 0, "#000000", 0)], "the radius must be positive"),
        ([(0, 0, "red", 2)], "'red' is not a colour as #rrggbb"),
        ([(0, 0, (0, 0, 256), 2)], "is not a colour"),
        ([(0, 0, "#000000")], r'not \(y, x, "#rrggbb", radius\)'),
        ([(0, 0, "#000000", 2)] * 10_000, "hints: 10,000; at most 1,000"),
    ],
)
def test_rows_that_are_no_hints_are_named(rows, said):
    with pytest.raises(UsageError, match=said):
        hints.of_rows(rows, 90, 110)


def test_tensors_are_as_the_rows():
    rows = np.array(
        [[2, 3, 255, 0, 0, 2], [3.5, 3, 0, 0, 255, 1.5], [9.5, 0.5, 9, 8, 7, 0.1]]
    )
    known = hints.of_rows([(r[0], r[1], r[2:5], r[5]) for r in rows], 10, 12)
    none = np.zeros((2, 6))
    batch = np.stack([np.concatenate([none, rows]), np.zeros((5, 6))])
    found = steering.rasterized(tf.constant(batch, tf.float32), 10, 12)
    expected = np.zeros((120, 3), "float32")
    expected[known.places] = np.concatenate([known.ab, np.ones((len(known.ab), 1))], -1)
    np.testing.assert_allclose(found[0], expected.reshape(10, 12, 3), atol=1e-4)
    assert not found[1].numpy().any()
    small = steering.reduced(found, 3, 5)
    np.testing.assert_allclose(small[0], known.reduced(3, 5), atol=1e-6)
    assert not small[1].numpy().any()
    for wrong in ([10, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, -1], [0, np.nan, 0, 0, 0, 1]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="hints: "):
            steering.rasterized(tf.constant([[wrong]], tf.float32), 10, 12)


def test_what_remains_is_spread_where_the_lightness_is_alike():
    lightness = np.full((1, 21, 21), 40.0, "float32")
    lightness[:, :, 12:] = 80.0
    given = np.zeros((1, 21, 21, 3), "float32")
    given[0, 10, 10] = [0.5, -0.5, 1.0]
    ab = np.full((1, 2, 21, 21), 5.0, "float32")
    found = steering.corrected(ab, lightness, given).numpy()[0]
    np.testing.assert_allclose(found[:, 10, 10], [55, -55], rtol=1e-6)
    change = found[0] - 5.0
    assert change.max() == change[10, 10]
    assert (np.diff(change[10, :11]) > 0).all()  # nearer is more
    assert change[10, 8] > 5.0
    assert change[10, 12] < 0.1 * change[10, 11]  # beyond the edge
    np.testing.assert_allclose(change, change[::-1], atol=0.5)
    assert change.min() >= 0.0
    # What obeys stays as it is, and so does everything without a hint.
    given[0, 10, 10, :2] = 5.0 / 110
    np.testing.assert_allclose(steering.corrected(ab, lightness, given), ab, rtol=1e-6)
    same = steering.corrected(ab, lightness, 0 * given)
    np.testing.assert_array_equal(same, ab)


@pytest.mark.slow
def test_a_hint_given_is_a_hint_obeyed(run, rng):
    predictor = tfcolor.load(run)
    for size in ((90, 110), (300, 330)):  # larger than the network's by much
        image = grey(rng, *size)
        without = predictor(image)
        assert max(misses(without)) > 15
        for settings in ({}, {"working_size": 48, "saturation": 0.2}):
            found = predictor(image, hints=ROWS, **settings)
            assert max(misses(found)) < 3
            assert found.shape == (*size, 3)
        np.testing.assert_array_equal(predictor(image, hints=[]), without)
        lightness = [lab.lightness(x).numpy() for x in (found, without)]
        np.testing.assert_allclose(*lightness, atol=1.0)
    batch = np.stack([image, image[::-1]])[..., None]
    both = predictor(batch, hints=[ROWS, []])
    assert max(misses(both[0])) < 3
    np.testing.assert_array_equal(both[1], predictor(batch)[1])
    with pytest.raises(UsageError, match="hints: of 1 pictures, but there are 2"):
        predictor(batch, hints=[ROWS])


def test_the_network_itself_sees_the_hints(run, rng):
    generator, info = restore.of_run(run)
    assert info["hints"] is True
    assert all(join.convolution.kernel.numpy().any() for join in generator.joins)
    predictor = tfcolor.load(run)
    image, known = grey(rng), hints.of_rows(ROWS, 90, 110)
    small, given = predictor.reduced([image], 32, [known])
    assert given.shape == (*small.shape, 3)
    assert given[..., 2].sum() >= 3
    l = small[..., None] / 50 - 1
    x = np.concatenate([l, given], -1)[:, :32, :32]
    expected = generator(x, training=False).numpy()
    found = predictor.network(tf.constant(x))["ab"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    planes = predictor.predict_ab([image], 32, saturation=0.5, hints=[known])
    found = predictor.predict_lightness(small, saturation=0.5, hints=given)
    np.testing.assert_array_equal(found, planes)


@pytest.mark.slow
def test_an_export_obeys_as_python_does(run, exported, server, rng, tmp_path):
    assert list(served.faults(exported)) == []
    image, predictor = grey(rng), tfcolor.load(run)
    expected = predictor(image, hints=ROWS)
    rows = [(y, x, *_levels(color), radius) for y, x, color, radius in ROWS]
    rows = np.array([rows, [*rows[:1], *[[0] * 6] * 2]], np.float32)
    images = np.repeat(image[None, ..., None], 3, -1).repeat(2, 0)
    loaded = tfcolor.load(exported)
    np.testing.assert_array_equal(loaded(image, hints=ROWS), expected)
    requests = [
        ("colorize_with_hints", {"image": images, "hints": rows}),
        ("colorize", images[:1]),
        ("colorize_with_hints", {"image": images[:1], "hints": rows[:1, :0]}),
    ]
    steered, without, silent = served.serve(server, exported, requests, tmp_path)
    assert np.abs(steered["image"][0].astype(int) - expected).max() <= 1
    one = predictor(image, hints=ROWS[:1])
    assert np.abs(steered["image"][1].astype(int) - one).max() <= 1
    assert max(misses(steered["image"][0])) < 3
    np.testing.assert_array_equal(silent["image"], without["image"])
    outside = rows[:1].copy()
    outside[0, 0, 0] = 90
    request = ("colorize_with_hints", {"image": images[:1], "hints": outside})
    with pytest.raises(
        RuntimeError, match="hints: outside the picture, 110 x 90 pixels"
    ):
        served.serve(server, exported, [request], tmp_path)


def _levels(color):
    return bytes.fromhex(color[1:]) if isinstance(color, str) else color


@pytest.mark.slow
def test_marked_pictures_steer_a_network(run, plain, rng, tmp_path, call, monkeypatch):
    image = np.repeat(grey(rng)[..., None], 3, -1)
    marked = image.copy()
    marked[20:24, 10:60] = (176, 80, 72)
    marked[60:70, 70:72] = (95, 138, 82)
    for name, x in (("in", image), ("marked", marked), ("small", marked[:50])):
        Image.fromarray(x).save(tmp_path / f"{name}.png")
    source, result = tmp_path / "in.png", tmp_path / "in_color.png"
    model, flag = f"--model={run}", f"--hints={tmp_path / 'marked.png'}"
    done = call("colorize", model, flag, source)
    assert done.returncode == 0, done.stderr
    found = np.asarray(Image.open(result))
    strokes = marked != image
    ab, wanted = (lab.rgb_to_lab(x[strokes.any(-1)])[..., 1:] for x in (found, marked))
    assert np.linalg.norm(ab - wanted, axis=-1).mean() < 3
    result.unlink()
    for arguments, said in (
        ([f"--model={plain}", flag], "hints: this model was trained without them"),
        ([model, f"--hints={tmp_path / 'small.png'}"], "110 x 50 pixels, where the"),
        ([model, f"--hints={source}"], "no stroke in it"),
        ([model, f"--hints={tmp_path / 'none.png'}"], "no such file or folder"),
    ):
        done = call("colorize", *arguments, source)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert said in done.stderr
        assert not result.exists()
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    for weights, name in ((plain, "photo"), (run, "photo_hints")):
        export.preset(weights, name, tmp_path, **SAID)
        done = call("colorize", flag, source)  # photo alone takes none
        assert done.returncode == (2 if name == "photo" else 0)
    assert done.stdout.startswith("weights: photo_hints (step 0")


def test_models_without_hints_refuse_them(plain, rng):
    with pytest.raises(UsageError, match="hints: this model was trained without them"):
        tfcolor.load(plain)(grey(rng), hints=ROWS)
    content = json.loads((plain / "config.json").read_text())
    assert content["config"]["data"].pop("hints") is False
    (plain / "config.json").write_text(json.dumps(content))  # as older versions wrote
    generator, info = restore.of_run(plain)
    assert "hints" not in info
    assert generator.joins == []
