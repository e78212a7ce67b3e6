"""Adversarial pairs, penalties and reconstruction terms: pure functions.

Logits are raw and high for real. They are [B, 1] or patches [B, h, w, 1];
every mean is over all of them. Everything is computed in float32. Nothing here
is weighted and nothing divided by the number of replicas: the trainers do both.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

from tfcolor.types import Tensor

# From images [B, H, W, C] to logits.
Critic: TypeAlias = Callable[[Tensor], Tensor]

# Inside the root of a gradient's norm: the root of zero has no derivative.
NORM_EPSILON = 1e-12

# Side in pixels of the pictures at which a slope is the plain gradient's norm.
SLOPE_SIDE = 64.0

# Of `feature_distance`: the least mean magnitude of a map that is divided by.
LEAST_FEATURE = 1e-3


def bce_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-log s(D(real)) - log(1 - s(D(fake))) (Goodfellow et al. 2014, eq. 1): scalar."""
    real = tf.reduce_mean(tf.nn.softplus(-_float(real_logits)))
    return real + tf.reduce_mean(tf.nn.softplus(_float(fake_logits)))


def bce_g(fake_logits: Tensor) -> Tensor:
    """-log s(D(fake)), the non-saturating form (Goodfellow et al. 2014, 3): scalar."""
    return tf.reduce_mean(tf.nn.softplus(-_float(fake_logits)))


def wasserstein_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E D(fake) - E D(real) (Arjovsky et al. 2017, eq. 2, to be minimized): scalar.

    Its negative is the critic's estimate of the Wasserstein distance.
    """
    real = tf.reduce_mean(_float(real_logits))
    return tf.reduce_mean(_float(fake_logits)) - real


def wasserstein_g(fake_logits: Tensor) -> Tensor:
    """-E D(fake) (Arjovsky et al. 2017): scalar."""
    return -tf.reduce_mean(_float(fake_logits))


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, uniform: Tensor
) -> Tensor:
    """E (s |grad D(x)| - 1)^2 between real and fake (Gulrajani et al. 2017, 4).

    An image's score is the mean of its patches, as in the Wasserstein terms,
    and its gradient's norm is over all pixels and channels of that image. The
    scale s = sqrt(H W) / 64 makes one slope of all sizes: enlarged s times, a
    picture is s times as far from another by the norm over its pixels, and a D
    that judges it as before has a gradient of 1/s the norm. So D's gradient
    beside that of `l1`, a mean over pixels, is what it is at 64 pixels.

    At 64 pixels s is 1 and the weight of this term the lambda of the paper. At
    other sizes s D is the critic of the paper with a lambda of s times the
    weight: 1/s of its losses is E D(fake) - E D(real) + weight * this term, and
    what G minimizes beside its other terms is 1/s of the paper's -E D(fake).

    Args:
      critic: a function of [B, H, W, C], such as ab given l -> logits.
      real, fake: [B, H, W, C] float.
      uniform: [B] float in 0..1: x = real + uniform (fake - real).

    Returns:
      Scalar float32, not weighted.
    """
    share = tf.reshape(uniform, [-1, 1, 1, 1])
    x = _float(real) + share * (_float(fake) - _float(real))
    squares = _squared_slopes(critic, x)
    return tf.reduce_mean((tf.sqrt(squares + NORM_EPSILON) - 1.0) ** 2)


def _squared_slopes(critic, x):
    """[B] float32: s^2 |grad D(x)|^2 of each image's score, the mean of its
    patches, with s = sqrt(H W) / SLOPE_SIDE."""
    x = _float(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = critic(x)
    patches = tf.cast(tf.size(logits) / tf.shape(logits)[0], tf.float32)
    # The sum's gradient divided in float32: in float16 that of a mean over
    # many patches would vanish.
    slopes = _float(tape.gradient(logits, x)) / patches
    pixels = tf.cast(tf.reduce_prod(tf.shape(x)[1:3]), tf.float32)
    return tf.reduce_sum(slopes**2, [1, 2, 3]) * (pixels / SLOPE_SIDE**2)


def least_squares_d(
    real_logits: Tensor, fake_logits: Tensor, fake_label: float, real_label: float
) -> Tensor:
    """1/2 (D(real) - b)^2 + 1/2 (D(fake) - a)^2 (Mao et al. 2017, eq. 2): scalar.

    Args:
      fake_label, real_label: a and b of the paper.
    """
    real = tf.reduce_mean((_float(real_logits) - real_label) ** 2)
    return 0.5 * (real + tf.reduce_mean((_float(fake_logits) - fake_label) ** 2))


def least_squares_g(fake_logits: Tensor, wanted_label: float) -> Tensor:
    """1/2 (D(fake) - c)^2 (Mao et al. 2017, eq. 2): scalar."""
    return 0.5 * tf.reduce_mean((_float(fake_logits) - wanted_label) ** 2)


def hinge_d(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E relu(1 - D(real)) + E relu(1 + D(fake)) (Zhang et al. 2019, eq. 4): scalar.

    The generator's side is `wasserstein_g`.
    """
    real = tf.reduce_mean(tf.nn.relu(1.0 - _float(real_logits)))
    return real + tf.reduce_mean(tf.nn.relu(1.0 + _float(fake_logits)))


def energy_d(real_energy: Tensor, fake_energy: Tensor, margin: float) -> Tensor:
    """E(real) + relu(margin - E(fake)) (Zhao et al. 2017, eq. 1): means of [B]."""
    real = tf.reduce_mean(_float(real_energy))
    return real + tf.reduce_mean(tf.nn.relu(margin - _float(fake_energy)))


def energy_g(fake_energy: Tensor) -> Tensor:
    """E(fake) (Zhao et al. 2017, eq. 2): the mean of [B]."""
    return tf.reduce_mean(_float(fake_energy))


def pulling_away(code: Tensor) -> Tensor:
    """Mean squared cosine between the codes of different images.

    Zhao et al. 2017, eq. 4. Keeps a generator from making all images alike.

    Args:
      code: [B, d] float; B at least 2, or the result is 0.
    """
    code = _float(code)
    unit = code * tf.math.rsqrt(tf.reduce_sum(code**2, 1, True) + NORM_EPSILON)
    cosines = tf.linalg.matmul(unit, unit, transpose_b=True)
    count = tf.cast(tf.shape(code)[0], tf.float32)
    others = tf.reduce_sum(cosines**2) - tf.reduce_sum(
        tf.linalg.diag_part(cosines) ** 2
    )
    return tf.math.divide_no_nan(others, count * (count - 1.0))


def image_scores(logits: Tensor) -> Tensor:
    """[B]: the mean of the patches of each image."""
    logits = _float(logits)
    return tf.reduce_mean(tf.reshape(logits, [tf.shape(logits)[0], -1]), 1)


def weighted_wasserstein_d(
    real_logits: Tensor, fake_logits: Tensor, weights: Tensor
) -> Tensor:
    """E D(fake) - E w D(real) (Balaji et al. 2020, eq. 7).

    Args:
      weights: [B] of the real images, mean 1 over the whole minibatch.
    """
    real = tf.reduce_mean(weights * image_scores(real_logits))
    return tf.reduce_mean(_float(fake_logits)) - real


def chi_square(weights: Tensor) -> Tensor:
    """1/2 E (w - 1)^2: how far weights [B] of mean 1 are from equal ones."""
    return 0.5 * tf.reduce_mean((_float(weights) - 1.0) ** 2)


def unbalanced_d(
    real_scores: Tensor,
    fake_scores: Tensor,
    costs: Tensor,
    conjugate: Callable[[Tensor], Tensor],
) -> Tensor:
    """E Psi*(v(T(x)) - c(x, T(x))) + E Psi*(-v(y)) (Choi et al. 2023, eq. 11).

    Args:
      real_scores, fake_scores, costs: [B]: v(y), v(T(x)) and c.
      conjugate: one of CONJUGATES' functions, Psi*.
    """
    fake = tf.reduce_mean(conjugate(_float(fake_scores) - _float(costs)))
    return fake + tf.reduce_mean(conjugate(-_float(real_scores)))


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """E s^2 |grad D(x)|^2 at real x (Mescheder et al. 2018, eq. 9, without 1/2).

    The slope is scaled as in `gradient_penalty`, for the same reason: a D that
    judges enlarged pictures as before is then worth the same penalty, and has
    the same share beside terms that are means over pixels. At 64 pixels a
    weight is gamma of the paper, at others gamma is s^2 = H W / 64^2 times the
    weight. (Choi et al. 2023, of sums over pixels, take a gamma of 0.2 at 32
    pixels and of 5 at 256.)

    Args:
      critic, real: as of `gradient_penalty`.

    Returns:
      Scalar float32, not weighted.
    """
    return tf.reduce_mean(_squared_slopes(critic, real))


# Psi* of unbalanced transport (Choi et al. 2023, section 3 and appendix): convex,
# not decreasing, with value 0 and slope 1 at 0. Their Psi: x log x - x + 1;
# (x - 1)^2; x log x + (2 - x) log(2 - x); 0 at 1 alone, which is balanced
# transport.
CONJUGATES = {
    "kl": lambda t: tf.exp(t) - 1.0,
    "chi_square": lambda t: tf.where(t >= -2.0, t * t / 4.0 + t, -1.0),
    "softplus": lambda t: 2.0 * tf.nn.softplus(t) - 2.0 * tf.math.log(2.0),
    "linear": lambda t: t,
}


def l1(truth: Tensor, prediction: Tensor) -> Tensor:
    """Mean absolute difference, in the unit of the arguments [...]: scalar."""
    return tf.reduce_mean(tf.abs(_float(truth) - _float(prediction)))


def l2(truth: Tensor, prediction: Tensor) -> Tensor:
    """Mean squared difference, in the unit of the arguments [...] squared: scalar."""
    return tf.reduce_mean((_float(truth) - _float(prediction)) ** 2)


def edges(truth: Tensor, prediction: Tensor) -> Tensor:
    """Mean absolute difference of the two maps' slopes: of the differences
    between neighbors to the right and below (Mathieu et al. 2016, eq. 6, with
    signs and alpha 1), in the unit of the arguments a pixel.

    Args:
      truth, prediction: [B, H, W, C] float; H and W at least 2.
    """
    error = _float(prediction) - _float(truth)
    rows = tf.reduce_mean(tf.abs(error[:, 1:] - error[:, :-1]))
    return rows + tf.reduce_mean(tf.abs(error[:, :, 1:] - error[:, :, :-1]))


def feature_distance(
    truth: Sequence[Tensor],
    prediction: Sequence[Tensor],
    over: Callable[[Tensor], Tensor] = lambda x: x,
) -> Tensor:
    """Mean over maps of features of mean |u - v| / max(mean |v|, 1e-3), v of the
    truth (as Johnson et al. 2016, eq. 2, with magnitudes for squares, and maps of
    all sizes alike), 0..

    Args:
      truth, prediction: lists of [B, h, w, C] float.
      over: takes mean |v| of this replica to that of all of them.
    """
    terms = []
    for v, u in zip(truth, prediction, strict=True):
        magnitude = over(tf.reduce_mean(tf.abs(_float(v))))
        terms.append(l1(v, u) / tf.maximum(magnitude, LEAST_FEATURE))
    return tf.add_n(terms) / len(terms)


def colorfulness(rgb: Tensor) -> Tensor:
    """1 - colorfulness, mean over the images (Kang et al. 2023, DDColor): of
    |R - G| and |(R + G)/2 - B| the root of the summed variances + 0.3 of that of
    the summed squared means. To be minimized; 1 is grey.

    DDColor's code sums over the images, so that its weight grows with them, and
    its variances have n - 1 for n.

    Args:
      rgb: [B, H, W, 3] float, sRGB in 0..1.

    Returns:
      Scalar float32 with a finite gradient, 0 where all is grey.
    """
    r, g, b = tf.unstack(_float(rgb), axis=-1)
    opponents = tf.abs(tf.stack([r - g, 0.5 * (r + g) - b], -1))
    mean, variance = tf.nn.moments(opponents, [1, 2])
    spread = tf.sqrt(tf.reduce_sum(variance, -1) + NORM_EPSILON)
    strength = tf.sqrt(tf.reduce_sum(mean**2, -1) + NORM_EPSILON)
    return 1.0 - tf.reduce_mean(spread + 0.3 * strength)


def _float(x):
    return tf.cast(x, tf.float32)
