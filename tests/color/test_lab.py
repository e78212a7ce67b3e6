import numpy as np
import pytest
import skimage.color
import tensorflow as tf

from tfcolor.color import lab

# CIE L*a*b* of the sRGB primaries (Lindbloom's calculator, D65), white, black
# and the mid grey of level 119.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (119, 119, 119): (50.03, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48),
}


def eager(function, x):
    return function(x).numpy()


def in_tf_data(function, x):
    dataset = tf.data.Dataset.from_tensors(x).map(function)
    return next(iter(dataset)).numpy()


@pytest.mark.parametrize("run", [eager, in_tf_data])
def test_known_colours(run):
    rgb = np.array(list(KNOWN), np.uint8)
    found = run(lab.rgb_to_lab, rgb)
    np.testing.assert_allclose(found, list(KNOWN.values()), atol=0.03)


def test_agrees_with_scikit_image_on_levels_and_floats(rng):
    rgb = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = skimage.color.rgb2lab(rgb)
    assert np.abs(lab.rgb_to_lab(rgb) - expected).max() < 2e-4
    floats = rng.uniform(0, 1, (64, 64, 3))
    expected = skimage.color.rgb2lab(floats)
    assert np.abs(lab.rgb_to_lab(floats) - expected).max() < 2e-4
    back = skimage.color.lab2rgb(expected)
    assert np.abs(lab.lab_to_rgb(expected) - back).max() < 1e-5


def test_agrees_with_tensorflow_io(rng):
    tfio = pytest.importorskip(
        "tensorflow_io", reason="tensorflow-io has no wheel for this Python"
    )
    rgb = rng.uniform(0, 1, (64, 64, 3)).astype(np.float32)
    expected = tfio.experimental.color.rgb_to_lab(rgb).numpy()
    assert np.abs(lab.rgb_to_lab(rgb) - expected).max() < 2e-4
    back = tfio.experimental.color.lab_to_rgb(expected).numpy()
    assert np.abs(lab.lab_to_rgb(expected) - back).max() < 2e-4


@pytest.mark.slow
def test_every_colour_survives_the_round_trip_to_one_level():
    green, blue = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    plane = np.stack([np.zeros_like(green), green, blue], -1).astype(np.uint8)
    worst = tf.function(
        lambda rgb: tf.reduce_max(
            tf.abs(
                tf.round(lab.lab_to_rgb(lab.rgb_to_lab(rgb)) * 255.0)
                - tf.cast(rgb, tf.float32)
            )
        )
    )
    for red in range(256):
        plane[..., 0] = red
        assert worst(tf.constant(plane)) <= 1, f"red {red}"


def test_lightness_alone_is_that_of_lab():
    for rgb in (list(KNOWN), [[237, 12, 101]]):
        levels = np.array(rgb, np.uint8)
        expected = skimage.color.rgb2lab(levels[None])[0, :, 0]
        np.testing.assert_allclose(lab.lightness(levels), expected, atol=2e-4)
        np.testing.assert_allclose(lab.lightness(levels / 255), expected, atol=2e-4)


def test_encode_scales_lab(rng):
    rgb = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    l, ab = lab.encode(rgb)
    expected = lab.rgb_to_lab(rgb).numpy()
    np.testing.assert_allclose(l[..., 0], expected[..., 0] / 50 - 1, atol=1e-6)
    np.testing.assert_allclose(ab, expected[..., 1:] / 110, atol=1e-6)


def test_out_of_gamut_clips_without_nan_in_value_and_gradient():
    grid = np.stack(
        np.meshgrid([-20, 0, 8, 50, 100, 130], [-300, 0, 300], [-300, 0, 300]), -1
    )
    colors = tf.constant(grid, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(colors)
        rgb = lab.lab_to_rgb(colors)
    gradient = tape.gradient(rgb, colors).numpy()
    assert rgb.numpy().min() >= 0
    assert rgb.numpy().max() <= 1
    assert np.isfinite(gradient).all()
    assert np.isfinite(lab.rgb_to_lab(np.float32([[-1, 0, 2]])).numpy()).all()


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (lab.lab_to_rgb, [55.0, 10.0, -20.0]),
        (lab.lab_to_rgb, [3.0, 0.5, -0.5]),
        (lab.rgb_to_lab, [0.3, 0.6, 0.2]),
        (lab.rgb_to_lab, [0.01, 0.02, 0.01]),
    ],
)
def test_gradient_is_the_difference_quotient(function, point):
    point = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    jacobian = tape.jacobian(value, point).numpy()
    step = 1e-3 * max(1.0, float(tf.reduce_max(tf.abs(point))))
    for i in range(3):
        move = np.eye(3, dtype=np.float32)[i] * step
        quotient = (function(point + move) - function(point - move)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, i], quotient, rtol=0.02, atol=2e-3)


def test_cube_root_to_the_last_bits():
    t = np.geomspace(1e-4, 2.0, 10001).astype(np.float32)
    np.testing.assert_allclose(lab.cube_root(t), np.cbrt(t), rtol=3e-7)


def test_low_precision_input_is_converted_in_float32(rng):
    colors = tf.constant(rng.uniform(-50, 90, (4, 3)), tf.bfloat16)
    assert lab.lab_to_rgb(colors).dtype == tf.float32
    expected = lab.lab_to_rgb(tf.cast(colors, tf.float32))
    np.testing.assert_array_equal(lab.lab_to_rgb(colors), expected)


def test_grey_has_the_lightness():
    levels = np.arange(256, dtype=np.uint8)
    l = lab.lightness(np.repeat(levels[:, None], 3, -1))
    np.testing.assert_allclose(255.0 * lab.grey(l), levels, atol=2e-3)
