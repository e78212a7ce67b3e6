"""What a colorization is judged by: pure functions, one value an image.

rgb is [B, H, W, 3] uint8 or float in 0..255; ab is [B, H, W, 2] in CIE units.
"""

import tensorflow as tf

# The two-dimensional histogram of ab: 24 bins a side on [-120, 120].
AB_RANGE = 120.0
AB_SIDE = 24


def psnr(truth, prediction):
    """10 log10(255^2 / MSE) over all channels of RGB, dB: [B]."""
    error = tf.cast(truth, tf.float32) - tf.cast(prediction, tf.float32)
    mse = tf.reduce_mean(error**2, [1, 2, 3])
    return 10.0 * tf.math.log(255.0**2 / tf.maximum(mse, 1e-10)) / tf.math.log(10.0)


def ab_error(truth, prediction):
    """Mean Euclidean distance in (a*, b*), CIE units: [B]."""
    return tf.reduce_mean(tf.norm(truth - prediction, axis=-1), [1, 2])


def auc(truth, prediction):
    """Area under the share of pixels within t of the truth, t = 0..150, in %.

    Raw accuracy of Zhang et al. 2016 (section 3.1) in closed form: [B].
    """
    distance = tf.norm(truth - prediction, axis=-1)
    return 100.0 * tf.reduce_mean(tf.nn.relu(1.0 - distance / 150.0), [1, 2])


def chroma(ab):
    """Mean of sqrt(a*^2 + b*^2), CIE units: [B]."""
    return tf.reduce_mean(tf.norm(ab, axis=-1), [1, 2])


def colorfulness(rgb):
    """M3 of Hasler and Suesstrunk 2003, signed opponent channels: [B].

    0 is grey, 15 slightly, 45 averagely, 82 highly colourful.
    """
    r, g, b = tf.unstack(tf.cast(rgb, tf.float32), axis=-1)
    opponents = tf.stack([r - g, 0.5 * (r + g) - b], -1)
    mean, variance = tf.nn.moments(opponents, [1, 2])
    spread = tf.sqrt(tf.reduce_sum(variance, -1))
    return spread + 0.3 * tf.sqrt(tf.reduce_sum(mean**2, -1))


def ab_histogram(ab):
    """Counts of all pixels in AB_SIDE^2 bins of (a*, b*): [AB_SIDE**2] float64.

    Colours beyond +-120 fall in the outermost bins.
    """
    step = 2.0 * AB_RANGE / AB_SIDE
    bins = tf.cast(tf.floor((ab + AB_RANGE) / step), tf.int32)
    bins = tf.clip_by_value(bins, 0, AB_SIDE - 1)
    flat = tf.reshape(bins[..., 0] * AB_SIDE + bins[..., 1], [-1])
    return tf.cast(tf.math.bincount(flat, minlength=AB_SIDE**2), tf.float64)


def histogram_distance(first, second):
    """Total variation between two histograms, 0 (alike) to 1 (disjoint)."""
    first = first / tf.reduce_sum(first)
    second = second / tf.reduce_sum(second)
    return 0.5 * tf.reduce_sum(tf.abs(first - second))
