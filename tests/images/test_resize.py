import numpy as np
import pytest
import tensorflow as tf

from tfcolor.images import resize


@pytest.mark.parametrize(
    ("size", "target"), [((7, 5), (19, 23)), ((31, 40), (8, 9)), ((6, 11), (6, 4))]
)
@pytest.mark.parametrize(
    ("kernel", "theirs"), [("linear", "triangle"), ("cubic", "keyscubic")]
)
def test_resized_as_tensorflow_does(size, target, kernel, theirs, rng):
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    expected = tf.raw_ops.ScaleAndTranslate(
        images=x,
        size=target,
        scale=np.divide(target, size).astype("float32"),
        translation=np.zeros(2, "float32"),
        kernel_type=theirs,
        antialias=True,
    )
    rows, columns = (
        resize.weights(n, m, kernel) for n, m in zip(size, target, strict=True)
    )
    found = resize.apply(np.moveaxis(x, -1, 1), rows, columns)
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), expected, atol=1e-5)


@tf.function(input_signature=[tf.TensorSpec([2], tf.int32)] * 2)
def reducing(size, target):
    return resize.reducing(tf.unstack(size), tf.unstack(target))


@pytest.mark.parametrize(
    ("size", "target", "factor"),
    [
        ((40, 60), (40, 60), 1),
        ((23, 31), (50, 40), 1),
        ((127, 160), (32, 40), 1),
        ((128, 160), (32, 40), 2),
        ((128, 160), (32, 41), 1),
        ((531, 307), (30, 17), 8),
        ((1024, 33), (4, 3), 4),
    ],
)
def test_a_picture_is_reduced_by_its_weights(size, target, factor, rng, monkeypatch):
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    assert resize.reduction(size, target) == factor
    found = resize.picture(image, *target)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(resize.picture(image[..., 1], *target), found[..., 1])
    rows, columns = reducing(size, target)
    unrounded = np.einsum("ah,hwc,bw->abc", rows, image, columns, optimize=True)
    # Pillow rounds the cells, and between the axes.
    assert np.abs(found - unrounded).max() < 1.5
    monkeypatch.setattr(resize, "_BAND", 500)
    np.testing.assert_array_equal(resize.picture(image, *target), found)


def test_cells_are_averaged_before_the_triangle():
    """Nine samples in cells of 4, 4 and 1."""
    found = resize.weights(9, 2, "linear", factor=4)
    scale = 9 / 8
    centres = np.array([0.5, 1.5]) * scale - 0.5
    cells = np.maximum(1 - np.abs(np.arange(3) - centres[:, None]) / scale, 0)
    cells /= cells.sum(1, keepdims=True)
    expected = np.repeat(cells, [4, 4, 1], 1) / np.repeat([4, 4, 1], [4, 4, 1])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_same_size_is_the_same(kernel):
    np.testing.assert_array_equal(resize.weights(9, 9, kernel), np.eye(9))


def test_a_band_is_a_part_of_the_whole():
    whole = resize.weights(10, 33, "cubic").numpy()
    band = resize.weights(10, 33, "cubic", first=8, count=5)
    np.testing.assert_array_equal(band, whole[8:13])
    np.testing.assert_allclose(whole.sum(1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "before", "after"), [(5, 3, 7), (2, 2, 3), (4, 0, 0)]
)
def test_reflected_as_numpy_pads(count, before, after):
    expected = np.pad(np.arange(count), (before, after), "reflect")
    np.testing.assert_array_equal(resize.reflected(count, before, after), expected)


def test_a_single_sample_is_repeated():
    np.testing.assert_array_equal(resize.reflected(1, 2, 2), [0] * 5)


@pytest.mark.parametrize("side", [64, 128, 256, 1000])
def test_the_reduction_is_the_same_for_sizes_known_at_run_time_only(side):
    size, target = (3 * side, 4 * side), (side, side + 1)
    expected = resize.reducing(size, target)
    found = resize.reducing(*(tuple(map(tf.constant, each)) for each in (size, target)))
    for plain, tensor in zip(expected, found, strict=True):
        np.testing.assert_array_equal(plain, tensor)
        np.testing.assert_allclose(np.sum(tensor, 1), 1.0, rtol=1e-5)
