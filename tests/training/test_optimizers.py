import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.training import optimizers


def descend(optimizer, gradients):
    variable = keras.Variable(np.float32([[1.0, -2.0], [0.5, 0.0]]))
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    moments = [np.array(v) for v in optimizer.variables[2:]]
    return np.array(variable), moments


@pytest.mark.parametrize("betas", [(0.5, 0.999), (0.0, 0.9)])
def test_adam_is_that_of_keras(betas):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(7, 2, 2)).astype(np.float32)
    ours = descend(optimizers.Adam(0.1, *betas), gradients)
    keras_adam = keras.optimizers.Adam(0.1, *betas)
    theirs = descend(keras_adam, gradients)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    for one, two in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_first_step_of_adam_is_the_rate():
    """There, m / sqrt(v) is the sign of the gradient, whatever its size."""
    moved, _ = descend(optimizers.Adam(0.25), [np.float32([[3, -1], [0.5, -50]])])
    expected = np.float32([[0.75, -1.75], [0.25, 0.25]])
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_adam_has_no_amsgrad():
    with pytest.raises(ValueError, match="amsgrad: True is not supported"):
        optimizers.Adam(0.1, amsgrad=True)


@pytest.mark.parametrize("cls", [optimizers.Adam, optimizers.RMSprop])
def test_variables_learn_at_their_share_of_the_rate(cls, rng):
    """Powers of two, from zero: to the last bit."""
    gradients = rng.normal(size=(5, 3)).astype("float32")
    variables = [keras.Variable(np.zeros(3, "float32")) for _ in range(3)]
    optimizer = cls(0.1, shares=[0.25, 1.0, 1.0])
    optimizer.build(variables[:2])
    plain = cls.from_config(cls(0.1).get_config())
    plain.build(variables[2:])
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)] * 2, variables[:2])
        plain.apply([tf.constant(gradient)], variables[2:])
    slow, fast, alone = (np.array(v) for v in variables)
    np.testing.assert_array_equal(fast, alone)
    np.testing.assert_array_equal(slow, 0.25 * fast)
    again = cls.from_config(optimizer.get_config())
    assert list(again.shares) == [0.25, 1.0, 1.0]


def test_shares_hold_under_loss_scaling():
    variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(2)]
    inner = optimizers.Adam(0.5, shares=[1.0, 0.25])
    optimizer = keras.optimizers.LossScaleOptimizer(inner)
    optimizer.build(variables)
    scaled = optimizer.scale_loss(tf.constant([3.0, -1.0]))
    optimizer.apply([scaled, scaled], variables)
    fast, slow = (np.array(v) for v in variables)
    np.testing.assert_allclose(fast, [-0.5, 0.5], atol=1e-5)
    np.testing.assert_array_equal(slow, 0.25 * fast)


@pytest.mark.parametrize("updates", [1, 5])
def test_rate_is_constant_and_then_falls_linearly_to_0(updates):
    schedule = optimizers.ConstantThenLinear(0.4, 100, 0.5, updates)
    rates = [float(schedule(step * updates)) for step in (0, 25, 50, 75, 100, 120)]
    np.testing.assert_allclose(rates, [0.4, 0.4, 0.4, 0.2, 0.0, 0.0], atol=1e-6)
    constant = optimizers.ConstantThenLinear(0.4, 100, 1.0, updates)
    assert float(constant(99 * updates)) == pytest.approx(0.4)
