"""Colors, strokes and results without a page."""

import zipfile

import numpy as np
import pytest
from harness import picture
from painted import RED
from painted import grey_picture
from painted import painted
from PIL import Image

from tfcolor.classical import charpiat
from tfcolor.classical import levin
from tfcolor.color import lab
from tfcolor.demo import coloring
from tfcolor.demo.coloring import Settings
from tfcolor.errors import UsageError
from tfcolor.images import compose
from tfcolor.images import pictures

BOX = np.s_[20:26, 10:40]


def ab_of(rgb):
    return lab.rgb_to_lab(rgb).numpy()[..., 1:]


def test_previews_keep_the_aspect_ratio_and_small_pictures():
    pixels = np.zeros((900, 1200, 3), np.uint8)
    assert coloring.preview(pixels).shape == (480, 640, 3)
    assert coloring.preview(pixels[..., 0], 100).shape == (75, 100)
    assert coloring.preview(pixels[:1], 100).shape == (1, 100, 3)
    small = pixels[:500, :640]
    assert coloring.preview(small) is small


def test_grey_is_the_lightness(rng):
    rgb = picture(rng)
    found = coloring.grey(rgb)
    assert np.ptp(found, -1).max() <= 1
    np.testing.assert_allclose(lab.lightness(found), lab.lightness(rgb), atol=0.3)
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(coloring.grey(levels), compose.as_rgb(levels))


def test_layers_become_one_and_soft_edges_go():
    low, high = (painted(4, 6, np.s_[1:3, 1:4], c) for c in (RED, (9, 8, 7)))
    high[1, 1, 3] = 127
    found = coloring.flattened([low, high], (4, 6))
    expected = np.zeros((4, 6, 4), np.uint8)
    expected[1:3, 1:4] = (9, 8, 7, 255)
    expected[1, 1] = (*RED, 255)
    np.testing.assert_array_equal(found, expected)
    assert coloring.flattened([], (4, 6)) is None
    assert coloring.flattened([np.zeros((4, 6, 4), np.uint8)], (4, 6)) is None
    with pytest.raises(UsageError, match="strokes: 6 x 4 pixels, .* has 6 x 5"):
        coloring.flattened([low], (5, 6))


def test_strokes_are_brought_to_the_size_of_the_picture():
    layer = painted(2, 3, np.s_[1:, 2:])
    strokes = coloring.strokes_of(layer, 6, 12)
    expected = np.zeros((6, 12), bool)
    expected[3:, 8:] = True
    np.testing.assert_array_equal(strokes.known, expected)
    assert (strokes.colors[expected] == RED).all()
    # Odd factors: the pixel whose middle is nearest.
    assert coloring.strokes_of(layer, 3, 3).known.tolist() == [
        [False] * 3,
        [False, False, True],
        [False, False, True],
    ]
    assert coloring.strokes_of(None, 6, 12) is None


@pytest.mark.slow
def test_a_network_with_hints_is_given_the_strokes(predictors):
    pixels = grey_picture()
    strokes = coloring.strokes_of(painted(48, 64, BOX), 48, 64)
    for intensity in (1.0, 0.2):
        settings = Settings(intensity)
        found = coloring.color(pixels, predictors.hinted, settings, strokes)
        rgb = found.joined(pixels)
        missed = np.linalg.norm(ab_of(rgb[BOX]) - ab_of(np.array(RED, "u1")), axis=-1)
        assert missed.mean() < 3
        assert "was given the strokes" in found.said
    rows = [(23, 25, RED, 1)]
    own = predictors.hinted(pixels, hints=rows)
    assert np.abs(own.astype(int) - rgb).max() > 3  # so intensity was not lost


def test_a_network_without_hints_leaves_it_to_levin(predictors):
    pixels = grey_picture()
    strokes = coloring.strokes_of(painted(48, 64, BOX), 48, 64)
    found = coloring.color(pixels, predictors.plain, Settings(), strokes)
    assert found.planes.shape == (2, 32, 43)
    assert found.hints is None
    # One color only: that is the color of all.
    red = ab_of(np.array(RED, np.uint8))
    np.testing.assert_allclose(found.planes - red[:, None, None], 0.0, atol=0.1)
    half = coloring.color(pixels, predictors.plain, Settings(0.5, 16), strokes)
    assert half.planes.shape == (2, 16, 21)
    np.testing.assert_allclose(half.planes[:, 0, 0], red / 2, atol=0.1)


def test_a_stroke_more_starts_from_the_last_solution(predictors, monkeypatch, rng):
    monkeypatch.setattr(levin, "EXACT", 0)
    pixels = np.maximum(grey_picture(), rng.integers(0, 200, (48, 64, 1), np.uint8))
    plain, kept = predictors.plain, {}
    layer, settings = painted(48, 64, BOX), Settings(1.0, 32)
    layers = [layer.copy(), layer]
    layer[40:44, 5:60] = (30, 60, 200, 255)
    for each in layers:
        strokes = coloring.strokes_of(each, 48, 64)
        found = coloring.color(pixels, plain, settings, strokes, paintings=kept)
        cold = coloring.color(pixels, plain, settings, strokes)
        np.testing.assert_allclose(found.planes, cold.planes, atol=0.05)
    painting = kept[32]
    again = coloring.color(pixels, plain, settings, strokes, paintings=kept)
    assert kept[32] is painting
    assert painting._canvas.iterations == [0, 0]
    np.testing.assert_array_equal(again.planes, found.planes)
    coloring.color(pixels, plain, Settings(1.0, 16), strokes, paintings=kept)
    assert list(kept) == [16]  # one at a time


def test_intensity_scales_the_colors_and_not_the_lightness(predictors):
    pixels = grey_picture()
    for predictor in (predictors.plain, predictors.drawings):
        whole, half, none = (
            coloring.color(pixels, predictor, Settings(x)).planes for x in (1, 0.5, 0)
        )
        np.testing.assert_allclose(half[:2], whole[:2] / 2, atol=1e-4)
        assert not none[:2].any()
        np.testing.assert_array_equal(none[2:], whole[2:])
    assert len(whole) == 3  # line art is shaded
    assert whole[2].any()


def test_a_reference_gives_its_colors(rng, monkeypatch):
    monkeypatch.setattr(coloring, "REFERENCE_SIZE", 24)
    pixels, reference = grey_picture(), picture(rng, 60, 50)
    model = coloring.learned(reference)
    planes = coloring.referred(pixels, model)
    found = coloring.color(pixels, None, Settings(), None, planes)
    expected = charpiat.colorize(pixels, [reference], 24)
    np.testing.assert_array_equal(found.joined(pixels), expected)
    half = coloring.color(pixels, None, Settings(0.5), None, planes)
    np.testing.assert_allclose(half.planes, planes / 2)
    strokes = coloring.strokes_of(painted(48, 64, BOX), 48, 64)
    for arguments in ((Settings(), strokes), (Settings(suggestion=1), None)):
        with pytest.raises(UsageError, match="exclude each other"):
            coloring.color(pixels, None, *arguments, planes)
    for grey in (pixels, pixels[..., 0]):
        with pytest.raises(UsageError, match="grey"):
            coloring.learned(grey)


@pytest.mark.slow
def test_suggestions_differ_and_keep_the_strokes(predictors):
    pixels = grey_picture()
    strokes = coloring.strokes_of(painted(48, 64, BOX), 48, 64)
    found = coloring.suggest(pixels, predictors.hinted, Settings(), strokes)
    assert len(found) == coloring.SUGGESTIONS
    red = ab_of(np.array(RED, np.uint8))
    for number, each in enumerate(found):
        rgb = each.joined(pixels)
        assert np.linalg.norm(ab_of(rgb[BOX]) - red, axis=-1).mean() < 3
        settings = Settings(suggestion=number)
        same = coloring.color(pixels, predictors.hinted, settings, strokes)
        np.testing.assert_array_equal(same.joined(pixels), rgb)
        assert same.said == f"suggestion {number + 1} of 4"
    assert np.abs(found[0].planes - found[1].planes).max() > 1.0
    with pytest.raises(UsageError, match="suggestions: this model knows one answer"):
        coloring.suggest(pixels, predictors.plain, Settings())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"intensity": -0.1}, "intensity: -0.1 is not in 0..2.0"),
        ({"intensity": float("nan")}, "intensity: nan"),
        ({"suggestion": 4}, "suggestion: 4"),
        ({"suggestion": -1}, "suggestion: -1"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, said):
    with pytest.raises(UsageError, match=said):
        Settings(**settings)


def test_results_are_named_and_written(tmp_path):
    assert coloring.png_name("a.b.jpg") == "a.b_color.png"
    taken = ["a_color.png", "a_color_2.png"]
    assert coloring.png_name("x/a.tif", taken) == "a_color_3.png"
    pixels = grey_picture()
    alpha = np.arange(64, dtype=np.uint8).repeat(48).reshape(64, 48).T
    like = pictures.Picture(pixels, alpha, {"dpi": (300.0, 300.0)})
    path = coloring.write_png(tmp_path / "a.png", pixels, like)
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha)
    archive = coloring.write_zip(tmp_path / "all.zip", [path])
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == ["a.png"]
        assert file.read("a.png") == path.read_bytes()


def test_results_are_named_so_that_they_stay_in_their_folder():
    assert coloring.png_name("..\\..\\evil.jpg") == ".._.._evil_color.png"
    assert coloring.png_name("../a.jpg") == "a_color.png"
    assert coloring.png_name('c:d*"?<e>|.jpg') == "c_d____e___color.png"
    assert coloring.png_name("a\nb.jpg") == "a_b_color.png"
    assert coloring.png_name("é.jpg") == "é_color.png"
    long = coloring.png_name("é" * 300 + ".jpg")
    assert long == "é" * 100 + "_color.png"
