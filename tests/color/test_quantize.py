import keras
import numpy as np
import pytest
import scipy.spatial
import skimage.color
import tensorflow as tf

from tfcolor.color import quantize

# The published table: for each a, the first and the last b, in steps of 10.
RUNS = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}
BINS = np.array(
    [(a, b) for a, (low, high) in RUNS.items() for b in range(low, high + 1, 10)],
    float,
)
GREY, RED, BLUE = (
    int(np.flatnonzero((color == BINS).all(1))[0])
    for color in [(0, 0), (70, 60), (70, -100)]
)


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


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


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


@pytest.mark.parametrize("temperature", [1.0, 0.38])
def test_annealed_mean_is_an_expectation(rng, temperature):
    logits = rng.normal(0, 3, (2, 4, 5, 313))
    expected = softmax(logits / temperature) @ BINS
    found = quantize.annealed_mean(logits.astype(np.float32), temperature)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-300])
def test_annealed_mean_goes_to_the_mode(rng, temperature):
    logits = rng.normal(0, 3, (7, 313)).astype(np.float32)
    found = quantize.annealed_mean(logits, temperature)
    np.testing.assert_allclose(found, BINS[logits.argmax(-1)], atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_annealed_mean_bears_huge_logits_in_any_precision(rng, dtype):
    huge = {"float32": 1e38, "bfloat16": 1e38, "float16": 6e4}[dtype]
    logits = np.full((2, 313), -huge)
    logits[0, RED] = logits[1, BLUE] = huge
    found = quantize.annealed_mean(tf.cast(logits, dtype), 0.38)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, BINS[[RED, BLUE]])
    logits = tf.cast(rng.normal(0, 3, (6, 313)), dtype)
    expected = softmax(tf.cast(logits, tf.float64).numpy() / 0.38) @ BINS
    found = quantize.annealed_mean(logits, 0.38)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_gradient_of_annealed_mean_is_that_of_a_softmax(rng):
    logits = rng.normal(0, 2, 313)
    variable = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        a = quantize.annealed_mean(variable[None], 0.5)[0, 0]
    shares = softmax(logits / 0.5)
    expected = shares * (BINS[:, 0] - shares @ BINS[:, 0]) / 0.5
    np.testing.assert_allclose(tape.gradient(a, variable), expected, atol=1e-4)


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 0.38])
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e38])
def test_gradient_of_annealed_mean_is_finite(rng, scale, temperature):
    logits = tf.constant(rng.uniform(-1, 1, (4, 313)) * scale, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        color = quantize.annealed_mean(logits, temperature)
    assert np.isfinite(color).all()
    assert np.isfinite(tape.gradient(color, logits)).all()


def test_annealed_mean_can_be_part_of_a_network(rng):
    inputs = keras.Input((4, 4, 313))
    network = keras.Model(inputs, quantize.annealed_mean(inputs, 0.38))
    logits = rng.normal(0, 3, (2, 4, 4, 313)).astype(np.float32)
    expected = quantize.annealed_mean(logits, 0.38)
    np.testing.assert_allclose(network(logits), expected, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 0, float("nan")])
def test_a_temperature_that_is_not_positive_is_named(temperature):
    message = f"^generator.temperature: {temperature} must be positive$"
    with pytest.raises(ValueError, match=message):
        quantize.annealed_mean(tf.zeros([1, 313]), temperature)


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


def dense_cross_entropy(logits, ab, weights, neighbors):
    """Mean and gradient, with a target for each of the bins, in float64."""
    square = ((ab[..., None, :].astype(float) - BINS) ** 2).sum(-1)
    bound = np.sort(square, -1)[..., neighbors - 1, None]
    targets = np.where(square <= bound, np.exp(-square / 50), 0)
    targets /= targets.sum(-1, keepdims=True)
    weight = np.asarray(weights, float)[targets.argmax(-1)]
    shares = softmax(logits.astype(float))
    losses = -(targets * np.log(shares)).sum(-1)
    gradient = weight[..., None] * (shares - targets) / weight.size
    return (weight * losses).mean(), gradient, targets


@pytest.mark.parametrize("neighbors", [1, 5, 10])
def test_cross_entropy_agrees_with_dense_targets(rng, neighbors):
    logits = rng.normal(0, 3, (2, 5, 6, 313)).astype(np.float32)
    ab = rng.uniform(-80, 80, (2, 5, 6, 2)).astype(np.float32)
    weights = rng.uniform(0.1, 3, 313).astype(np.float32)
    variable = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        found = quantize.cross_entropy(variable, ab, weights, neighbors)
    loss, gradient, targets = dense_cross_entropy(logits, ab, weights, neighbors)
    assert float(found) == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(tape.gradient(found, variable), gradient, atol=1e-6)

    ones = np.ones(313, np.float32)
    expected = keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
    found = quantize.cross_entropy(logits, ab, ones, neighbors)
    assert float(found) == pytest.approx(float(np.mean(expected)), rel=1e-5)


def test_cross_entropy_is_of_float32_and_bears_huge_logits():
    ab = np.tile(BINS[RED].astype(np.float32), (1, 2, 2, 1))
    logits = np.full((1, 2, 2, 313), -1e4, np.float32)
    logits[..., RED] = 1e4
    weights = np.linspace(1, 2, 313, dtype=np.float32)
    mistaken = logits[..., ::-1]
    for loss in (quantize.cross_entropy, tf.function(quantize.cross_entropy)):
        right = loss(tf.cast(logits, tf.bfloat16), ab, weights, 1)
        assert right.dtype == tf.float32
        assert float(right) == 0.0
        wrong = loss(mistaken, ab, weights, 1)
        assert float(wrong) == pytest.approx(2e4 * weights[RED], rel=1e-5)
