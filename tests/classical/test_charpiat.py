"""Colour from references: quantisation, probabilities, alpha expansion."""

import itertools

import numpy as np
import pytest
from skimage import color
from skimage import data

from tfcolor.classical import charpiat
from tfcolor.classical import expansion
from tfcolor.errors import UsageError


def toy_problem(seed, height=3, width=3, labels=3, strength=0.6):
    rng = np.random.default_rng(seed)
    colors = rng.uniform(-5, 5, (labels, 2))
    distances = np.linalg.norm(colors[:, None] - colors, axis=-1)
    unary = rng.uniform(0, 3, (height * width, labels))
    pairs = expansion.neighbor_pairs(height, width)
    weights = rng.uniform(0, strength, len(pairs[0]))
    return unary, distances, pairs, weights


def test_neighbour_pairs_are_all_pairs_of_the_8_neighbourhood():
    found = set(zip(*(p.tolist() for p in expansion.neighbor_pairs(3, 4)), strict=True))
    expected = {
        (p, q)
        for p, q in itertools.combinations(range(12), 2)
        if max(abs(p // 4 - q // 4), abs(p % 4 - q % 4)) == 1
    }
    assert {tuple(sorted(pair)) for pair in found} == expected
    assert len(found) == len(expected) == 29


def test_energy_by_hand():
    pairs = expansion.neighbor_pairs(1, 3)
    unary = np.array([[1.0, 9.0], [9.0, 2.0], [4.0, 9.0]])
    distances = np.array([[0.0, 10.0], [10.0, 0.0]])
    labels = np.array([0, 1, 0])
    weights = np.array([0.5, 0.25])
    found = expansion.energy(labels, unary, distances, pairs, weights)
    assert found == 1 + 2 + 4 + 0.5 * 10 + 0.25 * 10


@pytest.mark.parametrize("strength", [0.1, 0.6, 3.0])
def test_a_move_is_the_best_of_all_expansions(strength):
    moved = 0
    for seed in range(8):
        problem = toy_problem(seed, strength=strength)
        labels = np.random.default_rng(seed).integers(0, 3, 9)
        for alpha in range(3):
            taken = expansion._best_move(labels, alpha, *problem)
            moves = itertools.product([False, True], repeat=9)
            best = min(
                expansion.energy(np.where(move, alpha, labels), *problem)
                for move in moves
            )
            found = expansion.energy(np.where(taken, alpha, labels), *problem)
            assert found <= best + 0.02  # costs are rounded to a thousandth
            moved += taken.any()
    assert moved > 8


def test_the_energy_falls_at_every_expansion_and_ends_near_the_least():
    for seed in range(5):
        problem = toy_problem(seed, 2, 4)
        start = problem[0].argmin(1)
        labels, energies = expansion.expand(start, *problem)
        assert (np.diff(energies) < 0).all()
        assert energies[0] == expansion.energy(start, *problem)
        assert energies[-1] == expansion.energy(labels, *problem)
        least = min(
            expansion.energy(np.array(one), *problem)
            for one in itertools.product(range(3), repeat=8)
        )
        assert least <= energies[-1] <= 1.05 * least + 0.01
    assert len(energies) > 1


def test_quantize_adapts_to_the_colours():
    rng = np.random.default_rng(0)
    centres = np.array([[40.0, 40.0], [-30.0, 10.0], [0.0, -50.0]])
    ab = centres[rng.integers(0, 3, 3000)] + rng.normal(0, 1, (3000, 2))
    found = charpiat.quantize(ab)
    np.testing.assert_allclose(sorted(found[:, 0]), [-30, 0, 40], atol=0.3)
    wide = charpiat.quantize(rng.uniform(-80, 80, (20_000, 2)))
    assert len(wide) == charpiat.COLORS
    # Cells of equal area would be 19 units wide: no colour is farther than that.
    grid = np.stack(np.meshgrid(*[np.linspace(-80, 80, 30)] * 2), -1).reshape(-1, 2)
    nearest = wide[charpiat.nearest(wide, grid)]
    assert np.linalg.norm(nearest - grid, axis=1).max() < 25
    one = charpiat.quantize(np.tile([[3.0, 7.0]], (50, 1)))
    np.testing.assert_array_equal(one, [[3.0, 7.0]])


def test_gradient_of_a_ramp():
    ab = np.zeros((6, 7, 2))
    ab[..., 0] = 3.0 * np.arange(7)
    ab[..., 1] = 4.0 * np.arange(6)[:, None]
    np.testing.assert_allclose(charpiat.gradient(ab), 5.0)


def test_descriptors_have_64_numbers_a_scale_and_know_texture():
    rng = np.random.default_rng(0)
    lightness = np.full((40, 40), 50.0, np.float32)
    lightness[:, 20:] += rng.uniform(-40, 40, (40, 20))
    found = charpiat.descriptors(lightness).reshape(40, 40, 192)
    assert found.dtype == np.float32
    assert np.abs(found[20, 2, :64]).max() < 1e-3
    assert found[20, 35, :64].sum() > 5.0


@pytest.fixture(scope="module")
def coffee():
    return charpiat.reduced(data.coffee(), 48)


def test_probabilities_are_the_parzen_estimate(coffee):
    """Of the reference itself, and of noise, which nothing in it resembles."""
    model = charpiat.learn([coffee])
    noise = np.random.default_rng(0).uniform(0, 100, (40, 50)).astype("float32")
    for lightness, far in ((coffee[..., 0], False), (noise, True)):
        found, gradients = model.predict(lightness)
        np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
        queries = model.project(charpiat.descriptors(lightness), lightness.ravel())
        for pixel in (0, 777, 1999):
            square = ((queries[pixel] - model.features) ** 2).sum(1)
            assert (2.0 * square.min() > 2.0 * model.bandwidth**2) == far
            width = max(model.bandwidth**2, 2.0 * square.min())
            window = np.exp(-square / (2 * width))
            shares = np.bincount(model.bins, window, len(model.colors)) / window.sum()
            np.testing.assert_allclose(found[pixel], shares, atol=2e-4)
            expected = (window * model.gradients).sum() / window.sum()
            assert gradients[pixel] == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_a_photograph_as_its_own_reference_keeps_its_colours(coffee):
    model = charpiat.learn([coffee])
    labels, ab, energies = model.colorize(coffee[..., 0])
    own = charpiat.nearest(model.colors, coffee[..., 1:].reshape(-1, 2))
    assert len(model.colors) > 20
    assert (labels.ravel() == own).mean() > 0.6
    assert (np.diff(energies) < 0).all()
    assert len(energies) > 3
    error = np.linalg.norm(ab - coffee[..., 1:], axis=-1).mean()
    assert error < 3.0


def test_half_a_photograph_teaches_the_other():
    for name in ("coffee", "astronaut"):
        lab = charpiat.reduced(getattr(data, name)(), 48)
        middle = lab.shape[1] // 2
        reference, picture = lab[:, :middle], lab[:, middle:]
        _, ab, _ = charpiat.learn([reference]).colorize(picture[..., 0])
        mean = reference[..., 1:].mean((0, 1))
        error, plain = (
            np.linalg.norm(x - picture[..., 1:], axis=-1).mean() for x in (ab, mean)
        )
        assert error < 0.95 * plain


@pytest.mark.slow
def test_smoothness_makes_fewer_borders(coffee):
    model = charpiat.learn([coffee])
    borders = []
    for smoothness in (0.0, 3.0):
        labels, *_ = model.colorize(coffee[..., 0], smoothness)
        borders.append(np.count_nonzero(np.diff(labels, axis=1)))
    assert borders[1] < 0.8 * borders[0]


def test_of_several_references_the_one_that_fits_is_used(coffee):
    grass = color.rgb2lab(np.full((48, 48, 3), (40, 160, 40), np.uint8))
    noise = np.random.default_rng(0).uniform(-30, 30, (48, 48))
    grass[..., 0] = 60.0 + noise
    model = charpiat.learn([coffee, grass.astype(np.float32)])
    _, ab, _ = model.colorize(grass[..., 0].astype(np.float32))
    assert np.linalg.norm(ab - grass[..., 1:], axis=-1).mean() < 5.0


def test_colorize_keeps_size_and_lightness():
    image = data.coffee()[::2, ::2]
    grey = (color.rgb2gray(image) * 255).round().astype(np.uint8)
    found = charpiat.colorize(grey, [image], working_size=32)
    assert found.shape == image.shape
    lightness = [color.rgb2lab(x)[..., 0] for x in (found, np.dstack([grey] * 3))]
    assert np.abs(lightness[0] - lightness[1]).max() < 0.5


def test_grey_references_are_refused(coffee):
    grey = coffee.copy()
    grey[..., 1:] = np.clip(grey[..., 1:], -4.9, 4.9)
    with pytest.raises(UsageError, match="reference: grey"):
        charpiat.learn([grey])
    assert len(charpiat.learn([grey, coffee]).colors) > 1


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (2000, 3)])
def test_pictures_of_any_shape(shape, coffee):
    height, width = charpiat.working_shape(*shape, 32)
    assert min(height, width) >= 16
    assert max(height, width) <= 128
    image = np.full(shape, 90, np.uint8)
    found = charpiat.planes(image, charpiat.learn([coffee]), 32)
    assert found.shape == (2, height, width)
    assert np.isfinite(found).all()
