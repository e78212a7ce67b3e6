"""The annealed mean and the cross-entropy, and their gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from published import BINS
from published import BLUE
from published import RED

from tfcolor.color import quantize


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 0.38])
def test_annealed_mean_is_an_expectation(rng, temperature):
    logits = rng.normal(0, 3, (2, 4, 5, 313))
    expected = softmax(logits / temperature) @ BINS
    found = quantize.annealed_mean(logits.astype(np.float32), temperature)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-300])
def test_annealed_mean_goes_to_the_mode(rng, temperature):
    logits = rng.normal(0, 3, (7, 313)).astype(np.float32)
    found = quantize.annealed_mean(logits, temperature)
    np.testing.assert_allclose(found, BINS[logits.argmax(-1)], atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_annealed_mean_bears_huge_logits_in_any_precision(rng, dtype):
    huge = {"float32": 1e38, "bfloat16": 1e38, "float16": 6e4}[dtype]
    logits = np.full((2, 313), -huge)
    logits[0, RED] = logits[1, BLUE] = huge
    found = quantize.annealed_mean(tf.cast(logits, dtype), 0.38)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(found, BINS[[RED, BLUE]])
    logits = tf.cast(rng.normal(0, 3, (6, 313)), dtype)
    expected = softmax(tf.cast(logits, tf.float64).numpy() / 0.38) @ BINS
    found = quantize.annealed_mean(logits, 0.38)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_gradient_of_annealed_mean_is_that_of_a_softmax(rng):
    logits = rng.normal(0, 2, 313)
    variable = tf.constant(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        a = quantize.annealed_mean(variable[None], 0.5)[0, 0]
    shares = softmax(logits / 0.5)
    expected = shares * (BINS[:, 0] - shares @ BINS[:, 0]) / 0.5
    np.testing.assert_allclose(tape.gradient(a, variable), expected, atol=1e-4)


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 0.38])
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e38])
def test_gradient_of_annealed_mean_is_finite(rng, scale, temperature):
    logits = tf.constant(rng.uniform(-1, 1, (4, 313)) * scale, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        color = quantize.annealed_mean(logits, temperature)
    assert np.isfinite(color).all()
    assert np.isfinite(tape.gradient(color, logits)).all()


def test_annealed_mean_can_be_part_of_a_network(rng):
    inputs = keras.Input((4, 4, 313))
    network = keras.Model(inputs, quantize.annealed_mean(inputs, 0.38))
    logits = rng.normal(0, 3, (2, 4, 4, 313)).astype(np.float32)
    expected = quantize.annealed_mean(logits, 0.38)
    np.testing.assert_allclose(network(logits), expected, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 0, float("nan")])
def test_a_temperature_that_is_not_positive_is_named(temperature):
    message = f"^generator.temperature: {temperature} must be positive$"
    with pytest.raises(ValueError, match=message):
        quantize.annealed_mean(tf.zeros([1, 313]), temperature)


def dense_cross_entropy(logits, ab, weights, neighbors):
    """Mean and gradient, with a target for each of the bins, in float64."""
    square = ((ab[..., None, :].astype(float) - BINS) ** 2).sum(-1)
    bound = np.sort(square, -1)[..., neighbors - 1, None]
    targets = np.where(square <= bound, np.exp(-square / 50), 0)
    targets /= targets.sum(-1, keepdims=True)
    weight = np.asarray(weights, float)[targets.argmax(-1)]
    shares = softmax(logits.astype(float))
    losses = -(targets * np.log(shares)).sum(-1)
    gradient = weight[..., None] * (shares - targets) / weight.size
    return (weight * losses).mean(), gradient, targets


@pytest.mark.parametrize("neighbors", [1, 5, 10])
def test_cross_entropy_agrees_with_dense_targets(rng, neighbors):
    logits = rng.normal(0, 3, (2, 5, 6, 313)).astype(np.float32)
    ab = rng.uniform(-80, 80, (2, 5, 6, 2)).astype(np.float32)
    weights = rng.uniform(0.1, 3, 313).astype(np.float32)
    variable = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        found = quantize.cross_entropy(variable, ab, weights, neighbors)
    loss, gradient, targets = dense_cross_entropy(logits, ab, weights, neighbors)
    assert float(found) == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(tape.gradient(found, variable), gradient, atol=1e-6)

    ones = np.ones(313, np.float32)
    expected = keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
    found = quantize.cross_entropy(logits, ab, ones, neighbors)
    assert float(found) == pytest.approx(float(np.mean(expected)), rel=1e-5)


def test_cross_entropy_is_of_float32_and_bears_huge_logits():
    ab = np.tile(BINS[RED].astype(np.float32), (1, 2, 2, 1))
    logits = np.full((1, 2, 2, 313), -1e4, np.float32)
    logits[..., RED] = 1e4
    weights = np.linspace(1, 2, 313, dtype=np.float32)
    mistaken = logits[..., ::-1]
    for loss in (quantize.cross_entropy, tf.function(quantize.cross_entropy)):
        right = loss(tf.cast(logits, tf.bfloat16), ab, weights, 1)
        assert right.dtype == tf.float32
        assert float(right) == 0.0
        wrong = loss(mistaken, ab, weights, 1)
        assert float(wrong) == pytest.approx(2e4 * weights[RED], rel=1e-5)
