"""What is known at some pixels, spread to the others along the lightness."""

import functools
import math

import numpy as np
import tensorflow as tf
from scipy import sparse
from scipy.sparse import linalg

from tfcolor.inference import spreading
from tfcolor.inference import steering


@functools.cache
def traced(reach, steps, channels):
    """`spreading.spread` as a graph with these settings, which is faster."""
    shapes = ([None, count, None, None] for count in (channels, 1, 1))
    kinds = tf.float32, tf.bool, tf.float32
    signature = [tf.TensorSpec(*x) for x in zip(shapes, kinds, strict=True)]
    return tf.function(spreading.spread, input_signature=signature, autograph=False)


def spread_all(*tensors):
    function = traced(spreading.REACH, spreading.STEPS, tensors[0].shape[1])
    return function(*tensors).numpy()


def spread(given, lightness):
    """Of a picture with one channel, which is known where it is not NaN."""
    given = np.asarray(given, np.float32)[None, None]
    lightness = np.broadcast_to(np.float32(lightness), given.shape)
    known = np.isfinite(given)
    return spread_all(*map(tf.constant, (given, known, lightness)))[0, 0]


def line(*values):
    return np.array([[np.nan if v is None else v for v in values]])


def unfading(monkeypatch):
    monkeypatch.setattr(spreading, "REACH", 1e6)


def exact(given, known, lightness):
    """[C, h, w] by sparse LU: another way to write the system."""
    height, width = lightness.shape
    number = np.arange(lightness.size).reshape(lightness.shape)
    fade = 1.0 / (spreading.REACH * min(height, width)) ** 2
    matrix = sparse.lil_matrix((lightness.size,) * 2)
    for i, j in [
        *zip(number[:, :-1].flat, number[:, 1:].flat, strict=True),
        *zip(number[:-1].flat, number[1:].flat, strict=True),
    ]:
        difference = float(lightness.flat[i]) - float(lightness.flat[j])
        weight = max(math.exp(-((difference / spreading.EDGE) ** 2)), spreading.LEAST)
        matrix[i, j] = matrix[j, i] = -weight
    matrix.setdiag(fade - np.asarray(matrix.sum(1)).ravel())
    free, known = np.flatnonzero(~known), np.flatnonzero(known)
    result = given.reshape(len(given), -1).T.astype(float)
    rows = matrix.tocsc()[free]
    values = -rows[:, known] @ result[known]
    result[free] = linalg.splu(rows[:, free].tocsc()).solve(values)
    return result.T.reshape(given.shape)


def test_where_the_lightness_is_constant_it_is_harmonic(monkeypatch):
    unfading(monkeypatch)
    found = spread(line(0, None, None, None, None, None, None, None, 8), 50)
    np.testing.assert_allclose(found[0], np.arange(9), atol=1e-4)
    # The mean of the four neighbors of each pixel, from a border of such values.
    y, x = np.mgrid[:12, :17].astype(float)
    expected = x * x - y * y + x * y
    given = expected.copy()
    given[1:-1, 1:-1] = np.nan
    np.testing.assert_allclose(spread(given, 50), expected, atol=0.3)
    monkeypatch.setattr(spreading, "STEPS", 40)
    np.testing.assert_allclose(spread(given, 50), expected, atol=1e-3)


def test_an_edge_of_lightness_lets_little_through(monkeypatch):
    unfading(monkeypatch)
    for difference, weight in (
        (6.0, math.exp(-1.0)),
        (3.0, math.exp(-0.25)),
        (60, 1e-3),
    ):
        lightness = [[40.0, 40.0, 40.0 + difference]]
        found = spread(line(6, None, 0), lightness)[0]
        np.testing.assert_allclose(found, [6, 6 / (1 + weight), 0], rtol=1e-5)
        across = spread(line(0, None, 6).T, np.transpose(lightness))[:, 0]
        np.testing.assert_allclose(across, [0, 6 * weight / (1 + weight), 6], rtol=1e-5)


def test_it_fades():
    # The shorter side is 1, so that 0 counts as much as one neighbor.
    np.testing.assert_allclose(spread(line(None, 6, None), 50), [[3, 6, 3]], rtol=1e-6)
    # x1 = (6 + x2)/3 and x2 = x1/2.
    found = spread(line(6, None, None), 50)
    np.testing.assert_allclose(found, [[6, 12 / 5, 6 / 5]], rtol=1e-5)
    # Of a longer line cosh(k (n - i)), where cosh(k) = 1 + 1/2.
    found = spread(line(6, *[None] * 30), 50)[0]
    expected = np.cosh(math.acosh(1.5) * (30.5 - np.arange(31)))
    np.testing.assert_allclose(found, 6 * expected / expected[0], atol=1e-4)
    # As far in a picture of four times the size, over the picture.
    small, large = (np.full((n, n), np.nan) for n in (17, 68))
    small[7:11, 7:11] = large[28:44, 28:44] = 1.0
    means = spread(large, 50).reshape(17, 4, 17, 4).mean((1, 3))
    np.testing.assert_allclose(means[8, ::4], spread(small, 50)[8, ::4], atol=0.08)


def test_it_is_the_solution_of_the_system(rng, monkeypatch):
    height, width = 45, 58  # odd on some of the grids
    lightness = rng.uniform(20, 80, (2, 5, 6)).repeat(10, 1).repeat(10, 2)
    lightness = lightness[:, :height, :width] + rng.normal(0, 2, (2, height, width))
    known = rng.uniform(size=(2, height, width)) < 0.006
    known[0, 20, 10:40] = True
    given = rng.normal(0, 20, (2, 2, height, width)) * known[:, None]
    expected = np.stack([exact(*x) for x in zip(given, known, lightness, strict=True)])
    size = np.sqrt(np.mean(expected**2))
    tensors = [
        tf.constant(x)
        for x in (given.astype("f4"), known[:, None], lightness[:, None].astype("f4"))
    ]
    found = spread_all(*tensors)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.08 * size
    places = known[:, None].repeat(2, 1)
    np.testing.assert_array_equal(found[places], tensors[0][places])
    monkeypatch.setattr(spreading, "STEPS", 48)
    found = spread_all(*(x[1:] for x in tensors))
    assert np.sqrt(np.mean((found - expected[1:]) ** 2)) < 2e-3 * size


def test_nothing_explodes(rng, monkeypatch):
    given = np.full((24, 31), np.nan)
    given[10, 4:20:2], given[10, 5:20:2], given[11, 4:20] = 120.0, -120.0, 90.0
    for lightness in (50.0, rng.uniform(0, 100, given.shape)):
        found = spread(given, lightness)
        assert (np.abs(found) <= 120.0).all()
        np.testing.assert_array_equal(
            found[np.isfinite(given)], given[np.isfinite(given)]
        )
    for shape in ((1, 1), (1, 6), (5, 1), (2, 2)):
        given = np.full(shape, np.nan)
        assert not spread(given, 50).any()
        given[-1, -1] = 7.0
        found = spread(given, 50)
        assert (found > 0).all()
        assert found.max() == found[-1, -1] == 7.0
        given[:] = 7.0
        np.testing.assert_array_equal(spread(given, 50), given)
    # Steps go too far at first.
    monkeypatch.setattr(spreading, "STEPS", 1)
    known = rng.uniform(size=(24, 31)) < 0.05
    assert spread(np.where(known, 7.0, np.nan), 50).max() == 7.0


def test_pictures_without_a_hint_stay_to_the_last_bit(rng):
    ab = rng.normal(0, 30, (2, 2, 20, 23)).astype("f4")
    lightness = np.linspace(40, 60, 920, dtype="f4").reshape(2, 20, 23)
    hints = np.zeros((2, 20, 23, 3), "f4")
    np.testing.assert_array_equal(steering.corrected(ab, lightness, hints), ab)
    hints[1, 5, 5] = [0.3, -0.2, 1.0]
    found = steering.corrected(ab, lightness, hints).numpy()
    np.testing.assert_array_equal(found[0], ab[0])
    np.testing.assert_allclose(found[1, :, 5, 5], [33, -22], rtol=1e-6)
    assert (found[1] != ab[1]).mean() > 0.9
