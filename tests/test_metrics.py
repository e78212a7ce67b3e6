import numpy as np
import pytest
import skimage.metrics
import tensorflow as tf

from tfcolor import metrics


@pytest.fixture
def pair(rng):
    first = rng.integers(0, 256, (3, 8, 10, 3), dtype=np.uint8)
    noise = rng.integers(-20, 20, first.shape)
    return first, np.clip(first + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def colors(rng):
    return rng.uniform(-90, 90, (2, 3, 6, 7, 2)).astype(np.float32)


def test_psnr_agrees_with_scikit_image(pair):
    expected = [
        skimage.metrics.peak_signal_noise_ratio(a, b, data_range=255)
        for a, b in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(metrics.psnr(*pair), expected, rtol=1e-5)


def test_ab_error_and_auc_agree_with_their_definitions(colors):
    truth, prediction = colors
    distance = np.sqrt(((truth - prediction) ** 2).sum(-1)).reshape(3, -1)
    found = metrics.ab_error(truth, prediction)
    np.testing.assert_allclose(found, distance.mean(1), rtol=1e-5)
    thresholds = np.linspace(0, 150, 15001)
    share = (distance[:, :, None] <= thresholds).mean(1)
    area = np.trapezoid(share, thresholds, axis=-1) / 150 * 100
    np.testing.assert_allclose(metrics.auc(truth, prediction), area, atol=0.01)
    np.testing.assert_allclose(metrics.auc(truth, truth), 100.0)


def test_colorfulness_is_that_of_hasler_and_suesstrunk(pair):
    r, g, b = np.moveaxis(pair[0].astype(float), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    spread = np.sqrt(rg.var((1, 2)) + yb.var((1, 2)))
    middle = np.sqrt(rg.mean((1, 2)) ** 2 + yb.mean((1, 2)) ** 2)
    found = metrics.colorfulness(pair[0])
    np.testing.assert_allclose(found, spread + 0.3 * middle, rtol=1e-5)
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 100
    expected = 0.3 * np.hypot(100, 50)
    np.testing.assert_allclose(metrics.colorfulness(red), [expected], rtol=1e-6)


def test_chroma(colors):
    expected = np.hypot(*np.moveaxis(colors[0], -1, 0)).mean((1, 2))
    np.testing.assert_allclose(metrics.chroma(colors[0]), expected, rtol=1e-5)


def test_histogram_agrees_with_numpy_and_distance_has_its_limits(colors):
    flat = colors[0].reshape(-1, 2)
    edges = np.linspace(-120, 120, 25)
    expected, _, _ = np.histogram2d(flat[:, 0], flat[:, 1], [edges, edges])
    found = metrics.ab_histogram(tf.constant(colors[0]))
    np.testing.assert_array_equal(found, expected.ravel())
    assert float(metrics.histogram_distance(found, found * 3)) == pytest.approx(0.0)
    one = metrics.ab_histogram(tf.fill([1, 4, 4, 2], 60.0))
    other = metrics.ab_histogram(tf.fill([1, 2, 2, 2], -60.0))
    assert float(metrics.histogram_distance(one, other)) == pytest.approx(1.0)
    assert float(metrics.histogram_distance(one, one + 4 * other)) == pytest.approx(0.5)
