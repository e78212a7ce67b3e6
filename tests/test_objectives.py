import math

import numpy as np
import pytest
import tensorflow as tf

from tfcolor import objectives

SOFTPLUS = {x: math.log1p(math.exp(x)) for x in (-2, -1, 0, 1, 3)}


def vector(values):
    return tf.constant(values, tf.float32)[:, None]


def patches(values):
    """The same values as a 2x2 map of patches of as many images."""
    return tf.tile(vector(values)[:, :, None, None], [1, 2, 2, 1])


@pytest.mark.parametrize("shape", [vector, patches])
def test_hand_computed_values(shape):
    real, fake = shape([2.0, 0.0]), shape([-1.0, 3.0])
    expected = (SOFTPLUS[-2] + SOFTPLUS[0]) / 2 + (SOFTPLUS[-1] + SOFTPLUS[3]) / 2
    assert float(objectives.bce_d(real, fake)) == pytest.approx(expected, rel=1e-6)
    expected = (SOFTPLUS[1] + math.log1p(math.exp(-3))) / 2
    assert float(objectives.bce_g(fake)) == pytest.approx(expected, rel=1e-6)
    assert float(objectives.wasserstein_d(real, fake)) == pytest.approx(1.0 - 1.0)
    assert float(objectives.wasserstein_d(real, fake + 2.0)) == pytest.approx(2.0)
    assert float(objectives.wasserstein_g(fake)) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("d_loss", "g_loss"),
    [
        (objectives.bce_d, objectives.bce_g),
        (objectives.wasserstein_d, objectives.wasserstein_g),
    ],
)
def test_descent_moves_real_up_and_fake_down_for_d_and_fake_up_for_g(d_loss, g_loss):
    real, fake = tf.constant([[0.3]]), tf.constant([[-0.2]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        d, g = d_loss(real, fake), g_loss(fake)
    assert tape.gradient(d, real) < 0
    assert tape.gradient(d, fake) > 0
    assert tape.gradient(g, fake) < 0


def test_bce_is_finite_for_extreme_logits():
    assert float(objectives.bce_d(vector([-1e4]), vector([1e4]))) == pytest.approx(2e4)


def test_penalty_of_a_plane_is_its_known_slope(rng):
    """Mean over patches of w . x has the gradient w everywhere."""
    weight = rng.normal(size=(4, 4, 2)).astype(np.float32)
    real, fake = rng.normal(size=(2, 3, 4, 4, 2)).astype(np.float32)

    def plane(x):
        score = tf.reduce_sum(weight * x, [1, 2, 3])
        return tf.tile(score[:, None, None, None], [1, 2, 3, 1])

    found = objectives.gradient_penalty(
        plane, real, fake, rng.uniform(size=3).astype("f")
    )
    slope = np.linalg.norm(weight)
    assert float(found) == pytest.approx((slope - 1) ** 2, rel=1e-5)


def test_penalty_is_taken_between_real_and_fake_and_for_each_image_alone():
    """D(x) = |x|^2 / 2 has the gradient x: the norm shows the point itself."""
    real, fake = np.zeros((2, 2, 2, 1), np.float32), np.ones((2, 2, 2, 1), np.float32)
    shares = np.array([0.25, 1.0], np.float32)

    def bowl(x):
        return 0.5 * tf.reduce_sum(x**2, [1, 2, 3])[:, None]

    found = objectives.gradient_penalty(bowl, real, fake, shares)
    norms = 2.0 * shares  # four pixels of that value
    assert float(found) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-5)


def test_penalty_has_a_finite_gradient_where_the_slope_is_zero():
    weight = tf.Variable(0.0)
    x = tf.ones([2, 2, 2, 1])
    with tf.GradientTape() as tape:
        loss = objectives.gradient_penalty(
            lambda x: weight * tf.reduce_sum(x, [1, 2, 3])[:, None], x, x, [0.5, 0.5]
        )
    assert float(loss) == pytest.approx(1.0, rel=1e-5)
    assert np.isfinite(tape.gradient(loss, weight))


def test_reconstruction_terms():
    truth, prediction = tf.constant([[1.0, -1.0]]), tf.constant([[0.5, 1.0]])
    assert float(objectives.l1(truth, prediction)) == pytest.approx((0.5 + 2.0) / 2)
    assert float(objectives.l2(truth, prediction)) == pytest.approx((0.25 + 4.0) / 2)


def test_low_precision_is_summed_in_float32():
    logits = tf.fill([100_000, 1], tf.constant(0.1, tf.bfloat16))
    exact = float(tf.cast(logits[0, 0], tf.float32))
    assert float(objectives.wasserstein_g(logits)) == pytest.approx(-exact, rel=1e-4)
