"""Adversarial pairs, penalties and reconstruction terms: pure functions.

Logits are raw and high for real. They are [B, 1] or patches [B, h, w, 1];
every mean is over all of them. Everything is computed in float32. Nothing here
is weighted and nothing divided by the number of replicas: the trainers do both.
"""

import tensorflow as tf

# Inside the root of a gradient's norm: the root of zero has no derivative.
NORM_EPSILON = 1e-12


def bce_d(real_logits, fake_logits):
    """-log s(D(real)) - log(1 - s(D(fake))) (Goodfellow et al. 2014, eq. 1)."""
    real = tf.reduce_mean(tf.nn.softplus(-_float(real_logits)))
    return real + tf.reduce_mean(tf.nn.softplus(_float(fake_logits)))


def bce_g(fake_logits):
    """-log s(D(fake)), the non-saturating form (Goodfellow et al. 2014, 3)."""
    return tf.reduce_mean(tf.nn.softplus(-_float(fake_logits)))


def wasserstein_d(real_logits, fake_logits):
    """E D(fake) - E D(real) (Arjovsky et al. 2017, eq. 2, to be minimised).

    Its negative is the critic's estimate of the Wasserstein distance.
    """
    real = tf.reduce_mean(_float(real_logits))
    return tf.reduce_mean(_float(fake_logits)) - real


def wasserstein_g(fake_logits):
    """-E D(fake) (Arjovsky et al. 2017)."""
    return -tf.reduce_mean(_float(fake_logits))


def gradient_penalty(critic, real, fake, uniform):
    """E (|grad D(x)| - 1)^2 between real and fake (Gulrajani et al. 2017, 4).

    An image's score is the mean of its patches, as in the Wasserstein terms,
    and its gradient's norm is over all pixels and channels of that image.

    Args:
      critic: a function of [B, H, W, C], such as ab given l -> logits.
      real, fake: [B, H, W, C] float.
      uniform: [B] float in 0..1: x = real + uniform (fake - real).

    Returns:
      Scalar float32, not weighted.
    """
    share = tf.reshape(uniform, [-1, 1, 1, 1])
    x = _float(real) + share * (_float(fake) - _float(real))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = critic(x)
    patches = tf.cast(tf.size(logits) / tf.shape(logits)[0], tf.float32)
    # The sum's gradient divided in float32: in float16 that of a mean over
    # many patches would vanish.
    slope = _float(tape.gradient(logits, x)) / patches
    norm = tf.sqrt(tf.reduce_sum(slope**2, [1, 2, 3]) + NORM_EPSILON)
    return tf.reduce_mean((norm - 1.0) ** 2)


def l1(truth, prediction):
    """Mean absolute difference, in the unit of the arguments."""
    return tf.reduce_mean(tf.abs(_float(truth) - _float(prediction)))


def l2(truth, prediction):
    """Mean squared difference, in the unit of the arguments squared."""
    return tf.reduce_mean((_float(truth) - _float(prediction)) ** 2)


def _float(x):
    return tf.cast(x, tf.float32)
