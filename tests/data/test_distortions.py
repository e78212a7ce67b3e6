"""Rotation and perspective, against SciPy and by hand."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tfcolor.config import validation
from tfcolor.data import distortions


def middle():
    """Numbers that distort nothing."""
    numbers = np.full(distortions.MATRIX_NUMBERS, 0.5, np.float32)
    numbers[1] = 0.0  # a perspective, of no strength
    return numbers


def turned(rgb, degrees, fill="reflect"):
    numbers = middle()
    numbers[0] = 1.0
    row = distortions.matrix(tf.constant(numbers), rgb.shape[1], degrees, 0.0)
    return distortions.warp(rgb, row[tf.newaxis], fill).numpy()


def smooth(rng, side, count=1):
    image = rng.uniform(0, 255, (count, side, side, 3))
    image = scipy.ndimage.gaussian_filter(image, (0, side / 16, side / 16, 0))
    image = (image - image.min()) * (255 / np.ptp(image))
    return image.astype(np.uint8)


def test_middle_numbers_change_nothing(rng):
    for side in (7, 16, 64):
        rgb = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
        row = distortions.matrix(tf.constant(middle()), side, 45.0, 1.0)
        np.testing.assert_array_equal(row, np.float32([1, 0, 0, 0, 1, 0, 0, 0]))
        for fill in validation.FILLS:
            seen = distortions.warp(rgb, tf.stack([row, row]), fill)
            np.testing.assert_array_equal(seen, rgb)


def test_a_pixel_turns_counter_clockwise_to_where_it_should(rng):
    """(row 2, column 7) of 11x11 is 2 right of and 3 above the middle: a quarter
    turn takes it 3 left of and 2 above it."""
    rgb = np.zeros([1, 11, 11, 3], np.uint8)
    rgb[0, 2, 7] = [200, 100, 50]
    seen = turned(rgb, 90.0)
    np.testing.assert_array_equal(seen[0, 3, 2], [200, 100, 50])
    assert seen.sum() == 350
    rgb = rng.integers(0, 256, (1, 12, 12, 3), dtype=np.uint8)
    np.testing.assert_array_equal(turned(rgb, 90.0), np.rot90(rgb, 1, (1, 2)))


@pytest.mark.parametrize("degrees", [7.0, 30.0, 45.0])
def test_rotation_is_that_of_scipy(rng, degrees):
    rgb = smooth(rng, 64)
    seen = turned(rgb, degrees)[0].astype(float)
    expected = scipy.ndimage.rotate(
        rgb[0].astype(float), degrees, reshape=False, order=1, mode="reflect"
    )
    assert np.abs(seen - expected)[1:-1, 1:-1].mean() < 0.6
    assert np.abs(seen - rgb[0]).mean() > 5


@pytest.mark.parametrize("degrees", [0.0, 20.0])
def test_perspective_takes_corners_to_where_the_numbers_say(rng, degrees):
    """By hand, and as the operation under Keras' RandomPerspective maps them."""
    side, strength = 33, 0.8
    numbers = rng.uniform(size=distortions.MATRIX_NUMBERS).astype(np.float32)
    numbers[:2] = 1.0, 0.0
    row = distortions.matrix(tf.constant(numbers), side, degrees, strength).numpy()
    a, b, c = np.append(row.astype(float), 1.0).reshape(3, 3)
    corners = np.array([[0, 0], [32, 0], [32, 32], [0, 32]], float)
    shifts = (2 * numbers[2:].reshape(4, 2) - 1) * strength / 4 * 32
    points = np.column_stack([corners, np.ones(4)])
    found = np.column_stack([points @ a, points @ b]) / (points @ c)[:, None]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    shown = (corners + shifts - 16) @ [[cos, sin], [-sin, cos]] + 16
    np.testing.assert_allclose(found, shown, atol=1e-3)

    rgb = smooth(rng, side)
    seen = distortions.warp(rgb, row[None], "white")
    expected = keras.ops.image.perspective_transform(
        tf.cast(rgb, tf.float32),
        tf.constant(shown, tf.float32),
        tf.constant(corners, tf.float32),
        fill_value=255.0,
    )
    assert np.abs(tf.cast(seen, tf.float32) - expected).max() <= 1.0


@pytest.mark.slow
def test_perspective_stays_in_front_of_the_horizon(rng):
    """K of every corner is positive, at every strength, and every other image
    has none."""
    corners = np.array([[0, 0, 1], [31, 0, 1], [31, 31, 1], [0, 31, 1]])
    none = 0
    for _ in range(400):
        numbers = rng.uniform(size=distortions.MATRIX_NUMBERS).astype(np.float32)
        numbers[2:] = np.where(rng.uniform(size=8) < 0.5, 0.02, 0.98)
        row = distortions.matrix(tf.constant(numbers), 32, 0.0, 1.0).numpy()
        assert (corners @ np.append(row[6:], 1.0)).min() > 0
        none += np.array_equal(row, np.float32([1, 0, 0, 0, 1, 0, 0, 0]))
    assert 160 < none < 240


@pytest.mark.parametrize("fill", validation.FILLS)
def test_beyond_the_edge_is_white_or_the_mirrored_picture(fill):
    rgb = np.full([1, 32, 32, 3], [40, 160, 90], np.uint8)
    seen = turned(rgb, 45.0, fill)
    np.testing.assert_array_equal(seen[0, 16, 16], [40, 160, 90])
    if fill == "white":
        np.testing.assert_array_equal(seen[0, 0, 0], 255)
        assert 0.1 < (seen == 255).all(-1).mean() < 0.2
    else:
        np.testing.assert_array_equal(seen, rgb)
