import numpy as np
import pytest
import scipy.spatial
import skimage.color
import tensorflow as tf
from published import BINS
from published import GREY
from published import RED

from tfcolor.color import quantize


@pytest.fixture
def colors(rng):
    """In and out of the gamut, as far as tanh reaches."""
    return rng.uniform(-110, 110, (3, 40, 50, 2)).astype(np.float32)


@pytest.fixture
def prior(rng):
    """Counts that leave half of the bins empty."""
    return rng.integers(1, 1000, 313) * (np.arange(313) % 2)


def nearest_by_tree(colors, count):
    """Distances and bins of the nearest: [..., count]."""
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError:
        return scipy.spatial.cKDTree(BINS).query(colors, np.arange(count) + 1)
    neighbors = NearestNeighbors(n_neighbors=count, algorithm="kd_tree").fit(BINS)
    distances, found = neighbors.kneighbors(colors.reshape(-1, 2).astype(float))
    shape = (*colors.shape[:-1], count)
    return distances.reshape(shape), found.reshape(shape)


def test_bins_are_the_published_ones_in_their_order():
    assert quantize.AB_BINS.dtype == np.float32
    np.testing.assert_array_equal(quantize.AB_BINS, BINS)


def test_bins_follow_from_the_whole_gamut():
    levels = np.linspace(0, 1, 17)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1)
    gamut = skimage.color.rgb2lab(cube)[..., 1:].reshape(-1, 2)
    hull = gamut[scipy.spatial.ConvexHull(gamut).vertices]
    moved = [hull + np.array([a, b]) for a in (-10, 10) for b in (-10, 10)]
    inside = scipy.spatial.Delaunay(np.concatenate(moved)).find_simplex
    axis = np.arange(-150, 151, 10)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    np.testing.assert_array_equal(quantize.AB_BINS, grid[inside(grid) >= 0])


def test_nearest_agrees_with_a_tree(colors):
    _, expected = nearest_by_tree(colors, 1)
    found = quantize.nearest(colors)
    assert found.dtype == tf.int32
    np.testing.assert_array_equal(found, expected[..., 0])
    np.testing.assert_array_equal(quantize.nearest(BINS), np.arange(313))


def test_of_bins_as_near_the_first_is_taken():
    corners = BINS[:, None] + np.array([(5, 5), (5, -5), (-5, 5), (-5, -5), (0, 5)])
    square = ((corners[..., None, :] - BINS) ** 2).sum(-1)
    np.testing.assert_array_equal(quantize.nearest(corners), square.argmin(-1))
    found, _ = quantize.soft_encode(corners, 5)
    expected = np.argsort(square, -1, kind="stable")[..., :5]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("neighbors", [1, 5, 10, 313])
def test_soft_encoding_agrees_with_a_tree(colors, neighbors):
    colors = colors[:1] if neighbors == 313 else colors
    distances, expected = nearest_by_tree(colors, neighbors)
    found, weights = quantize.soft_encode(colors, neighbors)
    assert found.dtype == tf.int32
    assert weights.dtype == tf.float32
    # Nearly equal distances may change places in float32.
    apart = (np.diff(distances, axis=-1) > 1e-4).all(-1)
    assert neighbors == 313 or apart.mean() > 0.99
    np.testing.assert_array_equal(found[apart], expected[apart])
    density = np.exp((distances[..., :1] ** 2 - distances**2) / (2 * 5.0**2))
    density /= density.sum(-1, keepdims=True)
    np.testing.assert_allclose(weights, density, atol=2e-5)
    np.testing.assert_allclose(tf.reduce_sum(weights, -1), 1.0, atol=1e-6)


def test_soft_encoding_of_a_bin_by_hand():
    found, weights = quantize.soft_encode([0.0, 0.0], 5, sigma=5.0)
    around = [GREY, *np.flatnonzero(np.abs(BINS).sum(1) == 10)]
    np.testing.assert_array_equal(found, around)
    rest = np.exp(-2.0)
    expected = np.array([1, rest, rest, rest, rest]) / (1 + 4 * rest)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_soft_encoding_far_away_is_that_of_the_border():
    far = [[1e30, 0.0], [-np.inf, np.inf], [0.0, -500.0]]
    found, weights = quantize.soft_encode(far, 5)
    border = [[130.0, 0.0], [-130.0, 130.0], [0.0, -130.0]]
    expected, _ = quantize.soft_encode(border, 5)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(tf.reduce_sum(weights, -1), 1.0, atol=1e-6)
    assert BINS[found[0, 0]].tolist() == [100.0, 0.0]
    assert (quantize.soft_encode([[np.nan, 0.0]], 5)[0].numpy() < 313).all()


@pytest.mark.parametrize("neighbors", [0, -1, 314])
def test_a_wrong_number_of_neighbors_is_named(neighbors):
    message = f"^bins.neighbors: {neighbors} is not in 1 .. 313$"
    with pytest.raises(ValueError, match=message):
        quantize.soft_encode([0.0, 0.0], neighbors)
    with pytest.raises(ValueError, match=message):
        quantize.cross_entropy(
            tf.zeros([1, 1, 1, 313]), tf.zeros([1, 1, 1, 2]), np.ones(313), neighbors
        )


def test_smoothing_of_one_color_is_a_gaussian_around_it():
    counts = np.zeros(313)
    counts[RED] = 40
    found = quantize.smooth(counts)
    assert found.sum() == pytest.approx(1.0)
    square = ((BINS - BINS[RED]) ** 2).sum(1)
    np.testing.assert_allclose(found / found[RED], np.exp(-square / 50), rtol=1e-9)


def test_smoothing_loses_nothing_beyond_the_bins(prior):
    found = quantize.smooth(prior)
    assert found.dtype == np.float64
    assert found.sum() == pytest.approx(1.0)
    kernel = np.exp(-((BINS[:, None] - BINS) ** 2).sum(-1) / 50)
    expected = kernel / kernel.sum(0) @ (prior / prior.sum())
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    narrow = quantize.smooth(prior, sigma=0.5)
    np.testing.assert_allclose(narrow, prior / prior.sum(), atol=1e-9)


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 1.0])
def test_weights_are_1_in_the_mean_over_the_prior(prior, uniform):
    weights = quantize.class_weights(prior, uniform)
    assert weights.dtype == np.float32
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    share = prior / prior.sum()
    assert share @ weights == pytest.approx(1.0, rel=1e-6)
    mixed = (1 - uniform) * share + uniform / 313
    ratio = weights[prior > 0] * mixed[prior > 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


def test_weights_by_hand(prior):
    np.testing.assert_array_equal(quantize.class_weights(prior, 1.0), np.ones(313))
    counts = np.zeros(313)
    counts[GREY], counts[RED] = 3, 1
    weights = quantize.class_weights(counts, 0.5)
    grey, red, empty = 1 / (0.75 + 1 / 313), 1 / (0.25 + 1 / 313), 313
    mean = 0.75 * grey + 0.25 * red
    expected = np.full(313, empty / mean)
    expected[GREY], expected[RED] = grey / mean, red / mean
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


@pytest.mark.parametrize("uniform", [-0.1, 1.5, float("nan")])
def test_a_share_beyond_0_and_1_is_named(prior, uniform):
    with pytest.raises(ValueError, match=f"^bins.uniform: {uniform} is not in 0 .. 1$"):
        quantize.class_weights(prior, uniform)


@pytest.mark.parametrize(
    "prior", [np.ones(312), np.zeros(313), -np.ones(313), np.full(313, np.nan)]
)
def test_what_is_no_histogram_of_the_bins_is_refused(prior):
    for function in (quantize.smooth, quantize.class_weights):
        with pytest.raises(ValueError, match="not a histogram of 313 bins"):
            function(prior)
