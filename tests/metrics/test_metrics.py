import itertools

import numpy as np
import pytest
import skimage.metrics
import tensorflow as tf
from harness import toy_config

from tfcolor.color import quantize
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.metrics import color as metrics


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


def test_psnr_is_at_most_that_of_rounding(rng):
    """A prediction right before it is rounded, and one that is exact."""
    true = rng.uniform(0, 255, (4, 64, 64, 3)).astype("float32")
    rounded = np.rint(true).astype("uint8")
    limit = 10.0 * np.log10(12 * 255.0**2)
    assert limit == pytest.approx(58.92, abs=0.005)
    np.testing.assert_allclose(metrics.psnr(rounded, true), limit, atol=0.1)
    np.testing.assert_allclose(metrics.psnr(rounded, rounded), limit, rtol=1e-6)
    one = rounded.copy()
    one[:, 0, 0] = np.where(one[:, 0, 0] > 0, one[:, 0, 0] - 1, 1)
    np.testing.assert_allclose(metrics.psnr(rounded, one), limit, rtol=1e-6)


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


def test_ssim_agrees_with_scikit_image(rng):
    first = rng.integers(0, 256, (2, 24, 31, 3), dtype=np.uint8)
    second = np.clip(first + rng.normal(0, 30, first.shape), 0, 255).astype(np.uint8)
    expected = [
        skimage.metrics.structural_similarity(
            *pair,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for pair in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(metrics.ssim(first, second), expected, atol=1e-4)


def test_balanced_auc_agrees_with_its_definition(colors):
    """By thresholds, each pixel weighted by 1 / the share of its colour."""
    truth, prediction = colors
    distance = np.sqrt(((truth - prediction) ** 2).sum(-1)).ravel()
    square = ((truth.reshape(-1, 1, 2) - quantize.AB_BINS) ** 2).sum(-1)
    bins = square.argmin(-1)
    share = np.bincount(bins, minlength=313) / len(bins)
    weights = 1.0 / share[bins]
    thresholds = np.linspace(0, 150, 15001)
    inside = (distance[:, None] <= thresholds).astype(float)
    curve = 100.0 * (weights @ inside) / weights.sum()
    expected = np.trapezoid(curve, thresholds) / 150
    places = quantize.nearest(truth)
    closeness = tf.reduce_sum(metrics.closeness_by_bin(places, truth, prediction), 0)
    count = tf.reduce_sum(metrics.count_by_bin(places), 0)
    np.testing.assert_array_equal(count, np.bincount(bins, minlength=313))
    assert float(metrics.balanced_auc(closeness, count)) == pytest.approx(
        expected, abs=0.02
    )
    perfect = tf.reduce_sum(metrics.closeness_by_bin(places, truth, truth), 0)
    assert float(metrics.balanced_auc(perfect, count)) == pytest.approx(100.0)


def test_absolute_colorfulness_takes_magnitudes_first(pair):
    r, g, b = np.moveaxis(pair[0].astype(float), -1, 0)
    rg, yb = abs(r - g), abs((r + g) / 2 - b)
    spread = np.sqrt(rg.var((1, 2)) + yb.var((1, 2)))
    middle = np.sqrt(rg.mean((1, 2)) ** 2 + yb.mean((1, 2)) ** 2)
    found = metrics.colorfulness(pair[0], "abs")
    np.testing.assert_allclose(found, spread + 0.3 * middle, rtol=1e-5)
    with pytest.raises(ValueError, match="variant: 'signed' is not one of"):
        metrics.colorfulness(pair[0], "signed")


def test_histogram_agrees_with_numpy_and_distance_has_its_limits(colors):
    edges = np.linspace(-120, 120, 25)
    found = metrics.count_by_cell(tf.constant(colors[0]))
    for counts, ab in zip(found, colors[0], strict=True):
        expected, _, _ = np.histogram2d(*ab.reshape(-1, 2).T, [edges, edges])
        np.testing.assert_array_equal(counts, expected.ravel())
    far = tf.constant([[[[130.0, -500.0], [119.0, -119.0], [-121.0, 0.0]]]])
    counts = metrics.count_by_cell(far)[0].numpy().reshape(24, 24)
    assert (counts[23, 0], counts[0, 12], counts.sum()) == (2, 1, 3)
    one, other = (
        metrics.count_by_cell(tf.fill([1, 4, size, 2], value))[0]
        for size, value in ((4, 60.0), (1, -60.0))
    )
    for second, distance in ((3 * one, 0.0), (other, 1.0), (one + 4 * other, 0.5)):
        found = metrics.histogram_distance(one, second)
        assert float(found) == pytest.approx(distance)


# Real pictures, of which the two measures below are made worse step by step.


@pytest.fixture(scope="module")
def photographs():
    """L* and ab of the sample photographs, 64x64."""
    config = toy_config("cgan")
    config.data.image_size = 64
    batches = pipeline.validation(
        sources.open_source("sample"), config.data, 8, lambda *_: None
    )
    batch = next(iter(batches.unbatch().batch(8)))
    return (batch["l"].numpy() + 1) * 50, batch["ab"].numpy() * 110


def with_blobs(ab, count, strength, seed=0):
    """Ab with Gaussian spots of colour at random places."""
    rng = np.random.default_rng(seed)
    found, (y, x) = ab.copy(), np.mgrid[: ab.shape[1], : ab.shape[2]]
    for image in found:
        for _ in range(count):
            hue, place = rng.uniform(0, 2 * np.pi), rng.uniform(6, 58, 2)
            distance = (y - place[0]) ** 2 + (x - place[1]) ** 2
            spot = strength * np.exp(-distance / (2 * 3.0**2))
            image += spot[..., None] * [np.cos(hue), np.sin(hue)]
    return found


def mean_blobs(l, ab):
    return float(np.mean(metrics.blobs(l, ab)))


def test_blobs_rise_with_their_number_and_strength(photographs):
    l, ab = photographs
    clean = mean_blobs(l, ab)
    assert clean < 0.015
    numbers = [mean_blobs(l, with_blobs(ab, n, 60.0)) for n in (1, 2, 4)]
    assert clean < numbers[0] < numbers[1] < numbers[2]
    strengths = [mean_blobs(l, with_blobs(ab, 2, s)) for s in (20.0, 40.0, 60.0, 80.0)]
    assert strengths == sorted(strengths)
    assert strengths[-1] > 3 * clean


def test_blobs_are_not_mere_saturation_nor_true_edges(photographs):
    l, ab = photographs
    colorful = np.linalg.norm(ab, axis=-1).mean((1, 2)) > 10
    assert colorful.sum() > 4
    l, ab = l[colorful], ab[colorful]
    spotted = with_blobs(ab, 2, 60.0)
    np.testing.assert_allclose(
        metrics.blobs(l, 0.3 * spotted), metrics.blobs(l, spotted), rtol=1e-3
    )
    # A spot that differs in lightness as an object does is explained by it.
    spot = with_blobs(np.zeros((1, 64, 64, 2), "float32"), 1, 60.0)
    strength = np.linalg.norm(spot, axis=-1, keepdims=True)
    flat = mean_blobs(np.full_like(strength, 50.0), spot + 5.0)
    explained = mean_blobs(50.0 + 0.5 * strength, spot + 5.0)
    assert explained < 0.2 * flat
    assert mean_blobs(l, np.zeros_like(ab)) == 0.0


def hue(ab):
    return metrics.one_hue(
        ab[..., 0].mean(), ab[..., 1].mean(), np.linalg.norm(ab, axis=-1).mean()
    )


def test_sepia_rises_as_pictures_are_blended_into_it(photographs):
    _, ab = photographs
    brown = np.array([12.0, 25.0], "float32")
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    found = [
        float(metrics.sepia(hue((1 - s) * ab + s * brown), hue(ab))) for s in shares
    ]
    assert found[0] == 0.0
    assert found[-1] == pytest.approx(1.0, abs=1e-5)
    assert all(a < b for a, b in itertools.pairwise(found))
    paler = float(metrics.sepia(hue(0.3 * ab), hue(ab)))
    assert paler == pytest.approx(0.0, abs=1e-6)
    other = float(metrics.sepia(hue(0.3 * (0.5 * ab + 0.5 * brown)), hue(ab)))
    same = float(metrics.sepia(hue(0.5 * ab + 0.5 * brown), hue(ab)))
    assert other == pytest.approx(same, abs=1e-5)


def test_one_hue_is_the_mean_resultant_length(rng):
    angles = rng.uniform(0, 1.5, 1000)
    expected = abs(np.exp(1j * angles).mean())
    found = metrics.one_hue(np.cos(angles).mean(), np.sin(angles).mean(), 1.0)
    assert float(found) == pytest.approx(expected)
