"""4x4 convolutions of stride 2 whose gradient by the kernel is a product."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import toy_batch
from harness import toy_config

from tfcolor.networks import strided
from tfcolor.networks.convolutions import Conv
from tfcolor.networks.convolutions import ConvTranspose
from tfcolor.training import build

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
    """So in bfloat16 it is that of float32, rounded."""
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
        usual, expected_y, expected = traced(*layer, training=training)
        assert "Conv2DBackpropFilter" in usual
        assert "IdentityN" not in usual
        np.testing.assert_array_equal(y, expected_y)
        np.testing.assert_allclose(by_kernel, expected, atol=1e-4)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", ["wgan_gp", "hinge"])
def test_a_step_is_the_same_with_it(name, eagerly, monkeypatch):
    """With a penalty of gradients, and with spectral norm."""
    found, config = [], toy_config(name)
    config.generator.depth = 3
    for least in (0.0, float("inf")):
        monkeypatch.setattr(strided, "LEAST", {"float32": least})
        keras.utils.set_random_seed(0)
        trainer = build.trainer(config)
        batch = toy_batch(config, trainer.n_critic)
        step = trainer.train_step if eagerly else tf.function(trainer.train_step)
        logs = step({key: tf.constant(value) for key, value in batch.items()})
        networks = trainer.networks().values()
        found.append((logs, [w.numpy() for net in networks for w in net.weights]))
    (logs, weights), (expected_logs, expected_weights) = found
    assert logs.keys() == expected_logs.keys()
    for key, value in expected_logs.items():
        assert float(logs[key]) == pytest.approx(float(value), rel=1e-4, abs=1e-5)
    different = 0
    for ours, theirs in zip(weights, expected_weights, strict=True):
        # Adam's first step is of one size, whatever the gradient is.
        assert np.mean(np.abs(ours - theirs) > 1e-5) < 0.01
        different += np.any(ours != theirs)
    assert different > 0


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


def test_gradients_without_a_graph(layer, monkeypatch):
    kernel, x = layer[0].kernel.value, layer[1]
    found, calls, product = [], [], strided.gradient_by_kernel
    monkeypatch.setattr(
        strided, "gradient_by_kernel", lambda *x: calls.append(x) or product(*x)
    )
    for training in (True, False):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer[0](x, training=training)))
        found.append(tape.gradient(loss, kernel))
    np.testing.assert_allclose(*found, atol=1e-4)
    assert len(calls) == 1


def test_mixed_precision_has_float32_gradients_of_its_kernels():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    layer = Conv(128, 4, **SETTINGS)
    x = normal(2, 4, 4, 128, dtype="bfloat16")
    layer.build(x.shape)
    nodes, y, by_kernel = traced(layer, x, training=True)
    assert "Conv2DBackpropFilter" not in nodes
    _, _, expected = traced(layer, x, training=False)
    assert y.dtype == tf.bfloat16
    assert by_kernel.dtype == tf.float32
    scale = np.abs(expected).max()
    np.testing.assert_allclose(by_kernel, expected, atol=0.01 * scale)


def test_activation_is_that_of_keras():
    ours, theirs = (
        kind(8, 4, activation="relu", **SETTINGS)
        for kind in (Conv, keras.layers.Conv2D)
    )
    x = normal(1, 4, 4, 6)
    for one in (ours, theirs):
        one.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(x), theirs(x))
    assert np.min(ours(x)) == 0.0


def test_groups_are_left_to_keras():
    layer, x = Conv(128, 4, groups=2, **SETTINGS), normal(2, 2, 2, 128)
    layer.build(x.shape)
    nodes, _, by_kernel = traced(layer, x, training=True)
    assert "IdentityN" not in nodes
    assert by_kernel.shape == (4, 4, 64, 128)
