import numpy as np
import pytest
import tensorflow as tf

from tfcolor import resize


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
