"""Sizes by NumPy alone, held to the functions on tensors."""

import numpy as np
import pytest
import tensorflow as tf

from tfcolor.color import lab
from tfcolor.images import axes
from tfcolor.images import graph
from tfcolor.images import resize
from tfcolor.images import working


@pytest.mark.parametrize(
    ("size", "target", "kernel", "factor"),
    [(31, 8, "linear", 1), (531, 30, "linear", 8), (9, 33, "cubic", 1)],
)
def test_blocks_are_the_weights(size, target, kernel, factor, rng):
    expected = resize.weights(size, target, kernel, factor=factor).numpy()
    found = axes.weights(size, target, kernel, 0, target, factor)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    x = rng.normal(size=(2, 3, size)).astype("float32")
    parts = axes.blocks(size, target, kernel, factor, most=7)
    assert sum(part.size for _, _, part in parts) < 0.9 * expected.size
    np.testing.assert_allclose(axes.columns(x, parts), x @ expected.T, atol=1e-5)


@pytest.mark.parametrize("size", [(130, 97), (531, 307), (40, 700), (20, 33)])
def test_lightness_is_reduced_as_in_a_graph(size, rng):
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    shape = working.working_shape(*size, 32)
    rows, columns = resize.reducing(size, shape)
    lines = graph.reduced_lines(tf.constant(image), rows)
    expected = graph.reduced_columns(lines, columns).numpy()
    found = working.reduced_lightness(image, *shape)
    assert found.shape == shape
    np.testing.assert_allclose(found, expected, atol=2e-4)
    grey = image[..., 0]
    same = working.reduced_lightness(np.repeat(grey[..., None], 3, -1), *shape)
    np.testing.assert_allclose(working.reduced_lightness(grey, *shape), same, atol=1e-4)


def test_lightness_at_its_own_size_is_itself(rng):
    image = rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)
    found = working.reduced_lightness(image, 32, 40)
    np.testing.assert_allclose(found, lab.lightness(image).numpy(), atol=1e-4)


def test_working_shape_is_that_of_a_graph(rng):
    for height, width, size in rng.integers([1, 1, 8], [6000, 6000, 600], (300, 3)):
        height, width, size = int(height), int(width), int(size)
        expected = [int(side) for side in graph.working_shape(height, width, size)]
        assert list(working.working_shape(height, width, size)) == expected
