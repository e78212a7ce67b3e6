"""Colour from strokes: the system, its two solvers, and what goes in."""

import numpy as np
import pytest
from skimage import color
from skimage import data
from toys import lab_of
from toys import random_known

from tfcolor.classical import adapters
from tfcolor.classical import levin
from tfcolor.classical import strokes
from tfcolor.errors import UsageError


def weights_by_hand(luminance, y, x, kind):
    """The paper's formulas at one pixel, one neighbour after the other."""
    height, width = luminance.shape
    own, around = luminance[y, x], {}
    for dy, dx in levin.OFFSETS:
        if 0 <= y + dy < height and 0 <= x + dx < width:
            around[dy, dx] = luminance[y + dy, x + dx]
    window = np.array([own, *around.values()])
    if kind == "gaussian":
        nearest = min((own - other) ** 2 for other in around.values())
        spread = max(0.6 * window.var(), nearest / np.log(100.0), 2e-6)
        found = {k: np.exp(-((own - v) ** 2) / spread) for k, v in around.items()}
    else:
        mean, variance = window.mean(), max(window.var(), 2e-6)
        found = {
            k: max(1.0 + (own - mean) * (v - mean) / variance, 0.01)
            for k, v in around.items()
        }
    total = sum(found.values())
    return [found.get(offset, 0.0) / total for offset in levin.OFFSETS]


@pytest.mark.parametrize("kind", levin.AFFINITIES)
def test_affinities_are_those_of_the_paper(kind, rng):
    luminance = rng.random((5, 6))
    luminance[:3, :3] = 0.5  # a flat corner
    found = levin.affinities(luminance, kind)
    for y, x in ((0, 0), (1, 1), (2, 2), (4, 5), (0, 3), (3, 4)):
        expected = weights_by_hand(luminance, y, x, kind)
        np.testing.assert_allclose(found[:, y, x], expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found[:, 1, 1], 1 / 8)
    single = levin.affinities(luminance.astype(np.float32), kind)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, atol=1e-5)


@pytest.mark.parametrize("kind", levin.AFFINITIES)
def test_rows_sum_to_zero_at_free_pixels(kind):
    luminance, _ = lab_of("coffee", 60)
    known = random_known(luminance.shape, 0.1)
    weights = levin.affinities(luminance.astype(np.float64), kind)
    free, from_known = levin.system(weights, known)
    assert free.shape == (np.count_nonzero(~known),) * 2
    sums = free @ np.ones(free.shape[1]) - from_known @ np.ones(from_known.shape[1])
    assert np.abs(sums).max() < 1e-14
    np.testing.assert_array_equal(free.diagonal(), 1.0)
    assert free.data.min() < 0 < from_known.data.min()


def dense_system(weights):
    """I - W of all pixels, an entry at a time."""
    _, height, width = weights.shape
    matrix = np.eye(height * width)
    for y in range(height):
        for x in range(width):
            for k, (dy, dx) in enumerate(levin.OFFSETS):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    other = (y + dy) * width + x + dx
                    matrix[y * width + x, other] -= weights[k, y, x]
    return matrix


def test_the_solution_is_that_of_a_dense_system_with_hint_rows(rng):
    luminance = rng.random((9, 11))
    known = random_known(luminance.shape, 0.15, 1)
    chroma = rng.uniform(-50, 50, (9, 11, 2))
    matrix = dense_system(levin.affinities(luminance))
    matrix[known.ravel()] = np.eye(99)[known.ravel()]
    values = np.where(known[..., None], chroma, 0.0).reshape(-1, 2)
    expected = np.linalg.solve(matrix, values).reshape(9, 11, 2)
    found = levin.spread(luminance, chroma, known)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(found[known], chroma[known].astype(np.float32))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", levin.AFFINITIES)
def test_hints_of_one_colour_give_that_colour(kind, exact):
    luminance, ab = lab_of("astronaut", 64)
    known = random_known(luminance.shape, 0.002)
    found = levin.spread(luminance, np.full_like(ab, -31.7), known, kind, exact)
    np.testing.assert_array_equal(found, np.float32(-31.7))


def test_energy_is_below_the_truths_and_of_known_value():
    weights = levin.affinities(np.full((3, 3), 0.5))
    chroma = np.zeros((3, 3, 1))
    chroma[1, 1] = 8.0
    known = np.zeros((3, 3), bool)
    known[1, 1] = True
    # A corner has 3 neighbours, an edge 5: each differs by 8 / 3 or 8 / 5.
    expected = 4 * (8 / 3) ** 2 + 4 * (8 / 5) ** 2
    assert levin.energy(chroma, weights, known) == pytest.approx(expected)
    luminance, ab = lab_of("coffee", 150)
    known = random_known(luminance.shape, 0.01)
    weights = levin.affinities(luminance)
    found = levin.spread(luminance, ab, known)
    assert levin.energy(found, weights, known) < 1e-6 * levin.energy(ab, weights, known)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_one_percent_of_the_pixels_recover_a_photograph(name):
    luminance, ab = lab_of(name, 200, 80, 80)
    known = adapters.simulated(luminance, 0.01)
    assert np.count_nonzero(known) == 400
    error, grey = (
        np.hypot(*np.moveaxis(x - ab, -1, 0)).mean()
        for x in (levin.spread(luminance, ab, known), 0.0 * ab)
    )
    assert error < 5.0
    assert error < grey / 2.5


def test_colours_stop_at_edges_of_the_luminance():
    luminance = np.full((20, 20), 0.2)
    luminance[:, 10:] = 0.8
    known, chroma = np.zeros((20, 20), bool), np.zeros((20, 20, 1))
    known[3, 2] = known[15, 17] = True
    chroma[3, 2], chroma[15, 17] = -40.0, 40.0
    found = levin.spread(luminance, chroma, known)[..., 0]
    assert found[:, :9].max() < -35
    assert found[:, 11:].min() > 35


def test_the_known_are_strokes():
    image = data.coffee()[:50, :60]
    grey = np.asarray(color.rgb2gray(image) * 255).round().astype(np.uint8)
    marked = strokes.as_rgb(grey).copy()
    marked[10:13, 5:40] = (200, 30, 30)
    expected = np.zeros((50, 60), bool)
    expected[10:13, 5:40] = True
    np.testing.assert_array_equal(strokes.known(grey, marked), expected)
    alpha = np.where(expected, 255, 0).astype(np.uint8)
    alpha[40, 40] = 127
    other = np.where(expected[..., None], marked, 77).astype(np.uint8)
    np.testing.assert_array_equal(strokes.known(grey, other, alpha), expected)
    marked[20, 20] = np.minimum(marked[20, 20], 250) + np.array([1, 1, 0], np.uint8)
    assert not strokes.known(grey, marked)[20, 20]  # 2 of the 2.55 levels needed
    marked[20, 20, 2] += 1
    assert strokes.known(grey, marked)[20, 20]


def test_hints_of_no_use():
    grey = data.camera()[:40, :50]
    same = strokes.as_rgb(grey)
    drawn = same.copy()
    drawn[5, 5:20] = 255 - drawn[5, 5:20]
    drawn[5, 5:20] = drawn[5, 5:20].max()
    faint = same.copy()
    faint[3, 3, 0] ^= 1
    for hints, alpha, message in (
        (same[:, :49], None, "49 x 40 pixels, where the picture has 50 x 40"),
        (same, None, "identical to the picture"),
        (faint, None, "no stroke in it"),
        (same, np.zeros((40, 50), np.uint8), "no stroke in it"),
        (drawn, None, "no stroke with a colour"),
    ):
        with pytest.raises(UsageError, match=message):
            levin.planes(grey, hints, alpha)


@pytest.mark.parametrize("chroma", levin.CHROMAS)
def test_hints_everywhere_are_the_picture(chroma):
    image = data.coffee()[100:140, 200:260]
    true = np.moveaxis(color.rgb2lab(image)[..., 1:], -1, 0)
    alpha = np.full(image.shape[:2], 255, np.uint8)
    found = levin.planes(image, image, alpha, chroma=chroma)
    np.testing.assert_allclose(found, true, atol=0.05)


def test_lightness_is_kept_and_the_stroke_has_its_colour():
    image = data.coffee()[100:160, 200:280]
    grey = np.asarray(color.rgb2gray(image) * 255).round().astype(np.uint8)
    hints = strokes.as_rgb(grey).copy()
    hints[:, 40:42] = (grey[:, 40:42, None] * [0.9, 0.6, 0.5]).astype(np.uint8)
    found = levin.colorize(grey, hints)
    assert found.shape == (60, 80, 3)
    assert found.dtype == np.uint8
    difference = (
        color.rgb2lab(found)[..., 0] - color.rgb2lab(strokes.as_rgb(grey))[..., 0]
    )
    assert np.abs(difference).max() < 0.5
    ab, hinted = (color.rgb2lab(x)[:, 40:42, 1:] for x in (found, hints))
    assert np.abs(ab - hinted).max() < 1.5


def test_reduced_is_the_mean_of_what_is_known():
    luminance = np.arange(32, dtype=np.float32).reshape(4, 8) / 32
    chroma, known = np.zeros((4, 8, 1), np.float32), np.zeros((4, 8), bool)
    for place, value in (((0, 0), 2.0), ((1, 1), 6.0), ((3, 7), 9.0)):
        chroma[place], known[place] = value, True
    small, means, shown = levin.reduced(luminance, chroma, known, (2, 4))
    np.testing.assert_allclose(small, luminance.reshape(2, 2, 4, 2).mean((1, 3)))
    np.testing.assert_array_equal(shown, [[1, 0, 0, 0], [0, 0, 0, 1]])
    assert means[0, 0] == 4.0
    assert means[1, 3] == 9.0
    assert levin.working_shape(400, 300) == (400, 300)
    assert levin.working_shape(400, 300, 150) == (200, 150)
    assert levin.working_shape(400, 300, 900) == (400, 300)
    height, width = levin.working_shape(10_000, 20_000)
    assert height * width == pytest.approx(levin.LARGEST, rel=1e-3)
    assert width == 2 * height
