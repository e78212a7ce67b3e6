import io

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import tensorflow as tf
from harness import picture
from PIL import Image
from toys import photographs
from toys import seeds

from tfcolor import streams
from tfcolor.images import aging

EFFECTS = {
    "GAMMA": 1.0,
    **dict.fromkeys(("BLACK", "WHITE", "SOFTNESS", "GRAIN", "VIGNETTE"), 0.0),
    **dict.fromkeys(("PAPER", "SCRATCHES", "SPOTS", "JPEG"), 0),
}


def drawn(seed):
    """What is drawn of a picture, by name, and of the age times it."""
    first = tf.random.split(tf.constant(seed, tf.int64), 5)[0]
    numbers = tf.random.stateless_uniform([len(aging.NAMES)], first).numpy()
    u = dict(zip(aging.NAMES, numbers, strict=True))
    return u, {name: u["age"] * value for name, value in u.items()}


def test_each_effect_alone_is_its_formula(rng, monkeypatch):
    """All others off: JPEG of quality 100 moves no pixel by more than a level or
    two of 255."""
    t = (photographs(rng, 1, 64)[0, ..., 0] + 1) / 2
    for name, none in EFFECTS.items():
        monkeypatch.setattr(aging, name, none)
    seed = [streams.AGING, 3]
    u, worn = drawn(seed)

    def found(**strengths):
        with monkeypatch.context() as patch:
            for name, value in strengths.items():
                patch.setattr(aging, name, value)
            return aging.aged(tf.constant(t), tf.constant(seed, tf.int64)).numpy()

    np.testing.assert_allclose(found(), t, atol=2.5 / 255)
    exponent = 3.0 ** (u["age"] * (2 * u["gamma"] - 1))
    assert abs(exponent - 1) > 0.05
    np.testing.assert_allclose(found(GAMMA=3.0), t**exponent, atol=2.5 / 255)
    black, white = 0.4 * worn["black"], 1 - 0.3 * worn["white"]
    faded = found(BLACK=0.4, WHITE=0.3, UNEVEN=0.0)
    assert faded.mean() == pytest.approx(black + (white - black) * t.mean(), abs=1e-3)
    assert faded.std() == pytest.approx((white - black) * t.std(), rel=5e-3)
    soft = aging.blurred(t, 4 * worn["softness"])
    np.testing.assert_allclose(found(SOFTNESS=4), soft, atol=2.5 / 255)
    grain = found(GRAIN=0.3, GRAIN_SIZE=(0.6, 0.6)) - t
    weight = 0.3 * worn["grain"] * 4 * t * (1 - t)
    assert grain.std() == pytest.approx(np.sqrt((weight**2).mean()), rel=0.1)


@pytest.mark.slow
def test_fading_never_turns_light_and_dark_round(monkeypatch):
    """However uneven it is, a tenth of the contrast is left."""
    for name, none in EFFECTS.items():
        if name not in ("BLACK", "WHITE"):
            monkeypatch.setattr(aging, name, none)
    monkeypatch.setattr(aging, "UNEVEN", 9.0)
    age = tf.function(aging.aged)
    left = [
        age(tf.fill([24, 24], 0.9), seed) - age(tf.fill([24, 24], 0.1), seed)
        for seed in seeds(100)
    ]
    assert 0.8 * 0.1 - 3 / 255 < np.min(left) < 0.4
    assert np.max(left) > 0.75


def test_fading_and_vignette_by_hand():
    ramp = tf.reshape(tf.linspace(0.0, 1.0, 5), [1, 5])
    np.testing.assert_allclose(
        aging.faded(ramp, 0.2, 0.8), [[0.2, 0.35, 0.5, 0.65, 0.8]], atol=1e-6
    )
    t = tf.fill([11, 21], 0.5)
    # Middles of the corner pixels are 5/11 and 10/21 of height and width away.
    corner = 2 * ((5 / 11) ** 2 + (10 / 21) ** 2)
    for strength, end in ((0.4, 0.0), (-0.4, 1.0)):
        seen = aging.vignetted(t, strength, 0.5, 0.5).numpy()
        assert seen[5, 10] == 0.5
        expected = 0.5 + 0.4 * corner * (end - 0.5)
        np.testing.assert_allclose(seen[[0, 0, -1, -1], [0, -1, 0, -1]], expected)


def test_blur_is_that_of_scipy_and_none_at_0(rng):
    t = rng.uniform(size=(40, 30)).astype(np.float32)
    np.testing.assert_array_equal(aging.blurred(t, 0.0), t)
    seen = aging.blurred(t, 1.3).numpy()
    expected = scipy.ndimage.gaussian_filter(t, 1.3, truncate=8)
    np.testing.assert_allclose(seen[8:-8, 8:-8], expected[8:-8, 8:-8], atol=1e-5)
    np.testing.assert_allclose(aging.blurred(np.full_like(t, 0.3), 1.3), 0.3, rtol=1e-5)


@pytest.mark.slow
def test_noise_has_variance_1_at_every_pixel_and_grows_with_its_cells():
    field = tf.function(aging.field)
    correlations = []
    for cells in ([0.7, 0.7], [1.5, 6.0], [20.0, 20.0]):
        cells = tf.constant(cells)
        many = np.stack([field(s, (12, 15), cells) for s in seeds(600)])
        assert many.shape == (600, 12, 15)
        # Within five standard deviations; that of a square of them is 2.
        assert np.abs(many.mean(0)).max() < 5 / 600**0.5
        assert np.abs((many**2).mean(0) - 1).max() < 5 * (2 / 600) ** 0.5
        correlations.append((many[:, 1:] * many[:, :-1]).mean())
    # Of a white noise under a Gaussian of sigma, at 1: exp(-1 / (4 sigma^2)).
    assert correlations[1] == pytest.approx(np.exp(-0.25 / 0.9**2), abs=0.06)
    assert correlations[0] < correlations[1] < correlations[2]
    assert correlations[2] > 0.99


def test_a_stroke_covers_its_area():
    def covers(size, **stroke):
        stroke = {"y": 0.5, "x": 0.5, "angle": 0.0, "bend": 0.0, **stroke}
        stroke = {
            name: np.full([1, 1, 1], value, np.float32)
            for name, value in stroke.items()
        }
        return aging.covers(size, **stroke).numpy()[0]

    # Of any width, thinner than a pixel or not, wherever it lies.
    for pixels, y in ((0.3, 0.505), (1.0, 0.507), (2.6, 0.4321)):
        line = covers((100, 120), y=y, length=9.0, width=pixels / 100)
        np.testing.assert_allclose(line.sum(0), pixels, atol=1e-4)
        assert line.max() <= min(1.0, pixels) + 1e-6
        middle = np.average(np.arange(100) + 0.5, weights=line.sum(1))
        assert middle == pytest.approx(100 * y, abs=0.3)
    spot = covers((200, 300), length=0.0, width=0.2)
    assert spot.sum() == pytest.approx(np.pi * 20**2, rel=0.01)
    short = covers((200, 300), length=0.5, width=0.02, angle=np.pi / 2)
    assert short.sum() == pytest.approx(100 * 4 + np.pi * 2**2, rel=0.02)
    assert np.ptp(short.sum(1).nonzero()) > 90 > np.ptp(short.sum(0).nonzero())
    # At half the size the same.
    bent = {"length": 0.7, "width": 0.02, "angle": 0.5, "bend": 0.4}
    half = covers((200, 300), **bent).reshape(100, 2, 150, 2).mean((1, 3))
    assert np.abs(half - covers((100, 150), **bent)).mean() < 1e-3
    assert half.sum() > 100


def test_marks_are_none_or_as_many_as_asked(rng):
    t = tf.fill([64, 64], 0.5)
    np.testing.assert_array_equal(aging.marked(t, seeds(1)[0], 0, 0), t)
    spots = np.stack([aging.marked(t, s, 0, 1) for s in seeds(40)]) != 0.5
    lines = np.stack([aging.marked(t, s, 1, 0) for s in seeds(40)]) != 0.5
    for found, least, most in ((spots, 0.2, 3), (lines, 6, 60)):
        extents = [np.ptp(np.argwhere(x), 0).max(initial=0) for x in found if x.any()]
        assert len(extents) > 30
        assert least < np.mean(extents) < most


def test_jpeg_is_the_cosine_transform_rounded_and_near_to_libjpeg(rng):
    levels = np.asarray(Image.fromarray(picture(rng, 43, 58)).convert("L"))
    t = tf.constant(levels / 255.0, tf.float32)
    for quality in (30, 80):
        seen = aging.jpeg(t, tf.constant(float(quality))).numpy()
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "JPEG", quality=quality)
        with Image.open(file) as image:
            table = np.array(image.quantization[0]).reshape(8, 8)
            expected = np.asarray(image)
        assert np.abs(seen * 255 - expected).mean() < 0.4
        block = levels[:8, :8] - 128.0
        kept = np.round(scipy.fft.dctn(block, norm="ortho") / table) * table
        expected = scipy.fft.idctn(kept, norm="ortho") + 128.0
        np.testing.assert_allclose(seen[:8, :8] * 255, expected, atol=0.01)
    flat = aging.jpeg(tf.fill([9, 3], 0.5), tf.constant(30.0))
    np.testing.assert_allclose(flat, 128 / 255, atol=1e-6)


def test_textures_of_a_large_picture_are_those_of_a_small_one(monkeypatch):
    """Above FINEST pixels grain grows with the picture: reduced, it is as strong."""
    for name, none in EFFECTS.items():
        monkeypatch.setattr(aging, name, none)
    monkeypatch.setattr(aging, "GRAIN", 0.3)
    monkeypatch.setattr(aging, "GRAIN_SIZE", (1.3, 1.3))
    monkeypatch.setattr(aging, "FINEST", 32)
    seed = tf.constant([0, 5], tf.int64)
    small, large = (
        aging.aged(tf.fill([n, n], 0.5), seed).numpy() - 0.5 for n in (32, 128)
    )
    reduced = large.reshape(32, 4, 32, 4).mean((1, 3))
    assert large.std() == pytest.approx(small.std(), rel=0.1)
    assert reduced.std() > 0.75 * small.std() > 0.02
