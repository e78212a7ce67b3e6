"""4x4 convolutions of stride 2 whose gradient by the kernel is a product."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.networks import strided
from tfcolor.networks.convolutions import Conv
from tfcolor.networks.convolutions import ConvTranspose

SETTINGS = {"strides": 2, "padding": "same"}


def plain(x, kernel):
    return tf.nn.conv2d(x, kernel, 2, "SAME")


def plain_transpose(x, kernel):
    b, h, w, _ = x.shape
    shape = (b, 2 * h, 2 * w, kernel.shape[2])
    return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")


def normal(*shape, seed=0, dtype="float32"):
    return tf.cast(tf.random.stateless_normal(shape, [seed, 1]), dtype)


def test_patches_are_what_the_kernel_sees():
    x = normal(2, 6, 4, 3).numpy()
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    found = strided.patches(tf.constant(x)).numpy()
    assert found.shape == (2, 3, 2, 48)
    for i in range(3):
        for j in range(2):
            seen = padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
            np.testing.assert_array_equal(found[:, i, j], seen.reshape(2, -1))


def derivatives(convolve, transpose, x, kernel):
    """Of a loss of both and of a penalty of its gradient by x, as of a critic."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = convolve(x, kernel)
            z = transpose(y * tf.tanh(y), kernel)
            loss = tf.reduce_mean(z**2)
        by_x = inner.gradient(loss, x)
        penalty = loss + tf.reduce_sum(by_x**2)
    return [y, z, by_x, *outer.gradient(penalty, [x, kernel])]


@pytest.mark.parametrize("traced", [False, True])
def test_derivatives_of_two_orders_are_those_of_tensorflow(traced):
    pairs = (strided.convolve, strided.convolve_transpose), (plain, plain_transpose)
    kernel, x = 0.1 * normal(4, 4, 5, 7), normal(2, 8, 12, 5, seed=1)
    found = []
    for pair in pairs:
        function = tf.function(derivatives) if traced else derivatives
        found.append(function(*pair, x, kernel))
    for ours, theirs in zip(*found, strict=True):
        scale = float(tf.reduce_max(tf.abs(theirs)))
        assert scale > 1e-3
        np.testing.assert_allclose(ours, theirs, atol=2e-6 * scale)


def test_gradient_by_kernel_is_summed_before_it_is_rounded():
    """In bfloat16 as near to float32 as the convolution's own."""
    x = normal(16, 8, 8, 32, dtype="bfloat16")
    gradient = normal(16, 4, 4, 16, seed=1, dtype="bfloat16")
    exact = strided.gradient_by_kernel(
        tf.cast(x, "float32"), tf.cast(gradient, "float32")
    )
    found = strided.gradient_by_kernel(x, gradient)
    assert found.dtype == tf.bfloat16
    # Half of the last of 8 bits.
    np.testing.assert_allclose(
        tf.cast(found, "float32"), exact, rtol=2.0**-8, atol=1e-4
    )


@pytest.fixture(params=["shrinks", "grows"])
def layer(request):
    """(a built layer, an input on which the product is the faster one)."""
    if request.param == "shrinks":
        layer, x = Conv(128, 4, bias_initializer="normal", **SETTINGS), (2, 4, 4, 128)
    else:
        layer, x = ConvTranspose(96, 4, **SETTINGS), (2, 2, 3, 128)
    layer.build(x)
    return layer, normal(*x)


def traced(layer, x, training):
    """(types of the nodes of a gradient by the kernel, result, gradient)."""

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            y = layer(x, training=training)
            loss = tf.reduce_sum(tf.sin(y))
        return y, tape.gradient(loss, layer.kernel.value)

    graph = gradient.get_concrete_function(x).graph
    return [node.type for node in graph.get_operations()], *gradient(x)


def test_layers_take_it_in_training_only(layer):
    nodes, y, by_kernel = traced(*layer, training=True)
    assert "MatMul" in nodes
    assert "Conv2DBackpropFilter" not in nodes
    for training in (False, None):
        plain, expected_y, expected = traced(*layer, training=training)
        assert "Conv2DBackpropFilter" in plain
        assert "IdentityN" not in plain
        np.testing.assert_array_equal(y, expected_y)
        np.testing.assert_allclose(by_kernel, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((1, 8, 8, 64), "float32", True),  # 4 * 4 * 64 * 512 / 16 = 32,768
        ((1, 8, 10, 64), "float32", False),
        ((1, 16, 32, 64), "bfloat16", True),  # 4,096
        ((1, 18, 32, 64), "bfloat16", False),
        ((1, 2, 3, 64), "float32", False),  # padded differently
        ((1, 4, 4, 64), "float16", False),
    ],
)
def test_product_is_taken_for_small_maps_of_even_sides(shape, dtype, expected):
    kernel = tf.zeros((4, 4, 64, 512), dtype)
    assert strided.takes(tf.zeros(shape, dtype), kernel, shrinks=True) == expected


def test_product_is_not_taken_where_sizes_are_unknown():
    x = keras.KerasTensor((None, None, 4, 64))
    assert not strided.takes(x, tf.zeros((4, 4, 64, 64)), shrinks=True)


def test_groups_are_left_to_keras():
    layer, x = Conv(128, 4, groups=2, **SETTINGS), normal(2, 2, 2, 128)
    layer.build(x.shape)
    nodes, _, by_kernel = traced(layer, x, training=True)
    assert "IdentityN" not in nodes
    assert by_kernel.shape == (4, 4, 64, 128)
