import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.networks.batch_norm import BatchNormalization
from tfcolor.networks.layers import normalization


def pair(channels, **settings):
    """Ours and Keras', with equal weights that are no longer the first ones."""
    layers = BatchNormalization(**settings), keras.layers.BatchNormalization(**settings)
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, (4, channels)).astype("float32")
    for layer in layers:
        layer.build((None, None, None, channels))
        layer.set_weights(list(weights))
    return layers


def normal(shape, seed=0, dtype="float32"):
    return tf.cast(2.0 + tf.random.stateless_normal(shape, [seed, 1]), dtype)


def trained(layer, x):
    """(result, gradients by x, gamma and beta, moving statistics) of one step."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        weight = tf.cast(tf.random.stateless_normal(y.shape, [2, 3]), y.dtype)
        loss = tf.reduce_sum(tf.cast(y * weight, "float32"))
    by = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
    return [y, *by, layer.moving_mean, layer.moving_variance]


@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (2, 1, 1, 6), (1, 1, 1, 6)])
@pytest.mark.parametrize("traced", [False, True])
def test_a_step_is_that_of_keras(shape, traced):
    found = []
    for layer in pair(6, momentum=0.9, epsilon=1e-5):
        step = tf.function(trained) if traced else trained
        found.append(step(layer, normal(shape)))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def test_statistics_are_float32_in_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    x = normal((8, 16, 16, 4), dtype="bfloat16")
    found = [trained(layer, x) for layer in pair(4, epsilon=1e-5)]
    assert found[0][0].dtype == found[0][1].dtype == tf.bfloat16
    for ours, theirs in zip(*(one[4:] for one in found), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for ours, theirs in zip(*(one[:2] for one in found), strict=True):
        ours, theirs = (tf.cast(each, "float32") for each in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, rtol=2.0**-7, atol=2.0**-7)
    by_weights, expected_by_weights = (one[2:4] for one in found)
    for ours, theirs in zip(by_weights, expected_by_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=0.5)


def test_second_derivatives_are_those_of_keras():
    found, x = [], normal((3, 4, 2, 6))
    for layer in pair(6, momentum=0.9, epsilon=1e-5):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
            penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        found.append(outer.gradient(penalty, [x, layer.gamma.value]))
    for ours, theirs in zip(*found, strict=True):
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def nodes(layer, **settings):
    function = tf.function(lambda x: layer(x, **settings), autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec((2, 4, 4, 6))).graph
    return [node.type for node in graph.get_operations()]


def test_it_is_one_kernel_in_training_only():
    layer, _ = pair(6)
    assert "FusedBatchNormV3" in nodes(layer, training=True)
    assert "Mean" not in nodes(layer, training=True)
    for training in (False, None):
        assert "FusedBatchNormV3" not in nodes(layer, training=training)
    layer.trainable = False
    before = layer.moving_mean.numpy()
    assert "FusedBatchNormV3" not in nodes(layer, training=True)
    layer(normal((2, 4, 4, 6)), training=True)
    np.testing.assert_array_equal(layer.moving_mean, before)


def test_replicas_share_their_statistics():
    """Half of a batch each, whose means are far apart."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    x = normal((4, 3, 3, 6)) + tf.constant([0.0, 0.0, 5.0, 5.0])[:, None, None, None]
    alone = normalization("batch")
    expected = alone(x, training=True)
    with strategy.scope():
        layer = normalization("batch")
        layer.build((None, 3, 3, 6))

    @tf.function
    def step():
        def replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return layer(tf.gather(tf.stack([x[:2], x[2:]]), number), training=True)

        return strategy.experimental_local_results(strategy.run(replica))

    np.testing.assert_allclose(tf.concat(step(), 0), expected, atol=1e-5)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(
            getattr(layer, name), getattr(alone, name), rtol=1e-5
        )
