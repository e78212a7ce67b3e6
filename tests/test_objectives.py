import math

import keras
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
        (objectives.hinge_d, objectives.wasserstein_g),
        (
            lambda real, fake: objectives.least_squares_d(real, fake, 0.0, 1.0),
            lambda fake: objectives.least_squares_g(fake, 1.0),
        ),
        (
            lambda real, fake: objectives.weighted_wasserstein_d(real, fake, 1.0),
            objectives.wasserstein_g,
        ),
        *(
            (
                lambda real, fake, psi=psi: objectives.unbalanced_d(
                    real[:, 0], fake[:, 0], 0.1, psi
                ),
                objectives.wasserstein_g,
            )
            for psi in objectives.CONJUGATES.values()
        ),
    ],
)
def test_descent_moves_real_up_and_fake_down_for_d_and_fake_up_for_g(d_loss, g_loss):
    real, fake = tf.constant([[0.3]]), tf.constant([[0.2]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        d, g = d_loss(real, fake), g_loss(fake)
    assert tape.gradient(d, real) < 0
    assert tape.gradient(d, fake) > 0
    assert tape.gradient(g, fake) < 0


def test_bce_is_finite_for_extreme_logits():
    assert float(objectives.bce_d(vector([-1e4]), vector([1e4]))) == pytest.approx(2e4)


def test_penalty_of_a_plane_is_its_known_slope(rng):
    """Mean over patches of w . x has the gradient w everywhere; 16x4 pixels make
    it a slope of sqrt(16 * 4) / 64 |w|."""
    weight = 8.0 * rng.normal(size=(16, 4, 2)).astype(np.float32)
    real, fake = rng.normal(size=(2, 3, 16, 4, 2)).astype(np.float32)

    def plane(x):
        score = tf.reduce_sum(weight * x, [1, 2, 3])
        return tf.tile(score[:, None, None, None], [1, 2, 3, 1])

    found = objectives.gradient_penalty(
        plane, real, fake, rng.uniform(size=3).astype("f")
    )
    slope = np.linalg.norm(weight) / 8.0
    assert float(found) == pytest.approx((slope - 1) ** 2, rel=1e-5)


def test_penalty_is_taken_between_real_and_fake_and_for_each_image_alone():
    """D(x) = 16 |x|^2 has the gradient 32 x, and on 2x2 pixels the slope |x|,
    which shows the point itself."""
    real, fake = np.zeros((2, 2, 2, 1), np.float32), np.ones((2, 2, 2, 1), np.float32)
    shares = np.array([0.25, 1.0], np.float32)

    def bowl(x):
        return 16.0 * tf.reduce_sum(x**2, [1, 2, 3])[:, None]

    found = objectives.gradient_penalty(bowl, real, fake, shares)
    norms = 2.0 * shares  # four pixels of that value
    assert float(found) == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-5)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_slopes_scale_as_the_reconstruction_terms_do(size):
    """The same picture and the same judge of it at every size: the penalties are
    those of 64 pixels, and the critic of slope 1 stands to 100 L1 as there, 100 /
    sqrt(64 * 64 * 2) = 1.105 to 1."""
    picture = np.float32([[0.1, 0.3], [-0.2, 0.5]])[None, ..., None]
    x = tf.constant(picture.repeat(size // 2, 1).repeat(size // 2, 2).repeat(2, -1))
    truth, gain = x + 0.1, tf.constant(64.0 * 2**0.5)

    def judge(x):
        return gain * tf.reduce_mean(x, [1, 2, 3])[:, None]

    for factor in (1.0, 3.0):
        penalty = objectives.gradient_penalty(
            lambda x, factor=factor: factor * judge(x), x, x, [0.5]
        )
        assert float(penalty) == pytest.approx((factor - 1.0) ** 2, abs=1e-5)
        r1 = objectives.r1_penalty(lambda x, factor=factor: factor * judge(x), x)
        assert float(r1) == pytest.approx(factor**2, rel=1e-5)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        score, l1 = judge(x), 100.0 * objectives.l1(truth, x)
    shares = [tf.norm(tape.gradient(y, x)) for y in (l1, score)]
    assert float(shares[0] / shares[1]) == pytest.approx(1.105, abs=0.001)


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


@pytest.mark.parametrize("shape", [vector, patches])
def test_hand_computed_values_of_other_pairs(shape):
    real, fake = shape([2.0, 0.0]), shape([-1.0, 3.0])
    # 1/2 ((2-1)^2 + (0-1)^2)/2 + 1/2 ((-1)^2 + 3^2)/2
    found = objectives.least_squares_d(real, fake, 0.0, 1.0)
    assert float(found) == pytest.approx(0.5 + 2.5)
    # 1/2 (3^2 + 1^2)/2 with real, 1/2 ((-1+2)^2 + (3+2)^2)/2 with fake
    found = objectives.least_squares_d(real, fake, -2.0, -1.0)
    assert float(found) == pytest.approx(2.5 + 6.5)
    assert float(objectives.least_squares_g(fake, 1.0)) == pytest.approx(2.0)
    # relu(1 - 2), relu(1 - 0); relu(1 - 1), relu(1 + 3)
    assert float(objectives.hinge_d(real, fake)) == pytest.approx(0.5 + 2.0)
    np.testing.assert_allclose(objectives.image_scores(real), [2.0, 0.0])
    weights = tf.constant([0.5, 1.5])
    found = objectives.weighted_wasserstein_d(real, fake, weights)
    assert float(found) == pytest.approx(1.0 - 0.5)
    assert float(objectives.chi_square(weights)) == pytest.approx(0.125)


def test_energy_pair():
    real, fake = tf.constant([0.25, 0.75]), tf.constant([0.5, 3.0])
    # E(real) + (relu(2 - 0.5) + relu(2 - 3)) / 2
    assert float(objectives.energy_d(real, fake, 2.0)) == pytest.approx(0.5 + 0.75)
    assert float(objectives.energy_g(fake)) == pytest.approx(1.75)


def test_pulling_away_is_the_mean_squared_cosine_of_pairs(rng):
    assert float(objectives.pulling_away(tf.eye(4))) == pytest.approx(0.0)
    same = tf.tile(tf.constant([[3.0, -4.0]]), [5, 1])
    assert float(objectives.pulling_away(same)) == pytest.approx(1.0)
    assert float(objectives.pulling_away(-same)) == pytest.approx(1.0)
    code = rng.normal(size=(6, 9))
    total = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                product = code[i] @ code[j]
                total += product**2 / (code[i] @ code[i]) / (code[j] @ code[j])
    assert float(objectives.pulling_away(code)) == pytest.approx(total / 30, rel=1e-5)
    assert float(objectives.pulling_away(code[:1])) == 0.0
    assert np.isfinite(objectives.pulling_away(tf.zeros([3, 4])))


# Psi of the conjugates, over the x where it is finite.
PSI = {
    "kl": (lambda x: x * np.log(x) - x + 1, np.linspace(1e-9, 60, 600_001)),
    "chi_square": (lambda x: (x - 1) ** 2, np.linspace(0, 60, 600_001)),
    "softplus": (
        lambda x: x * np.log(x) + (2 - x) * np.log(2 - x),
        np.linspace(1e-9, 2 - 1e-9, 600_001),
    ),
    "linear": (lambda x: 0.0 * x, np.ones(1)),
}


@pytest.mark.parametrize("name", list(objectives.CONJUGATES))
@pytest.mark.parametrize("t", [-30.0, -2.5, -2.0, -0.7, 0.0, 0.4, 3.0])
def test_conjugate_is_the_supremum(name, t):
    """Psi*(t) = sup_x (x t - Psi(x)), found on a fine grid."""
    psi, x = PSI[name]
    found = float(objectives.CONJUGATES[name](tf.constant(t)))
    assert found == pytest.approx((x * t - psi(x)).max(), abs=2e-4)


@pytest.mark.parametrize("name", list(objectives.CONJUGATES))
def test_conjugate_has_value_0_and_slope_1_at_0(name):
    t = tf.constant(0.0)
    with tf.GradientTape() as tape:
        tape.watch(t)
        value = objectives.CONJUGATES[name](t)
    assert float(value) == pytest.approx(0.0, abs=1e-6)
    assert float(tape.gradient(value, t)) == pytest.approx(1.0)


def test_unbalanced_transport_with_the_linear_conjugate_is_wasserstein(rng):
    real, fake, cost = rng.normal(size=(3, 8)).astype(np.float32)
    linear = objectives.CONJUGATES["linear"]
    found = objectives.unbalanced_d(real, fake, cost, linear)
    expected = float(objectives.wasserstein_d(real, fake)) - cost.mean()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_r1_is_the_mean_squared_slope(rng):
    """The gradient of the sum of x^2 over the patches' number is 2 x / 16, and
    the slope 4 / 64 of its norm."""
    x = rng.normal(size=(3, 4, 4, 2)).astype(np.float32)
    found = objectives.r1_penalty(
        lambda x: tf.reduce_sum(x**2, -1, keepdims=True), tf.constant(x)
    )
    expected = ((2.0 * x / 16.0 * 4.0 / 64.0) ** 2).sum((1, 2, 3)).mean()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def closed_form_weights(scores, rho):
    """The minimum of E w s over w >= 0, E w = 1, 1/2 E (w - 1)^2 <= rho: by the
    conditions of Karush, Kuhn and Tucker w = relu(1 - (s - nu) / kappa)."""

    def weights(kappa):
        low, high = scores.min() - kappa, scores.max()
        for _ in range(60):
            nu = 0.5 * (low + high)
            w = np.maximum(0.0, 1.0 - (scores - nu) / kappa)
            low, high = (nu, high) if w.mean() < 1.0 else (low, nu)
        return w

    low, high = 1e-6, 1e6
    for _ in range(60):
        kappa = np.sqrt(low * high)
        spent = 0.5 * ((weights(kappa) - 1.0) ** 2).mean()
        low, high = (kappa, high) if spent > rho else (low, kappa)
    return weights(high)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.02, 0.3])
def test_weights_learnt_by_the_penalty_are_those_of_the_closed_form(rho, rng):
    """Plain descent on free weights by the loss of the weight network."""
    scores = rng.normal(size=12).astype(np.float32)
    expected = closed_form_weights(scores, rho)
    assert expected.mean() == pytest.approx(1.0)
    assert 0.5 * ((expected - 1.0) ** 2).mean() == pytest.approx(rho, rel=1e-3)
    free = tf.Variable(tf.ones(12))
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.02, 100, 0.85)
    )
    optimizer.build([free])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            w = tf.nn.relu(free) + 1e-4
            w /= tf.reduce_mean(w)
            excess = tf.nn.relu(objectives.chi_square(w) - rho)
            loss = tf.reduce_mean(w * scores) + 100.0 * excess
        optimizer.apply(tape.gradient(loss, [free]), [free])
        return w

    for _ in range(3000):
        w = step()
    assert float(objectives.chi_square(w)) <= 1.02 * rho
    best = (expected * scores).mean()
    assert (w.numpy() * scores).mean() == pytest.approx(best, abs=0.01)
    assert np.abs(w - expected).max() < 0.2
