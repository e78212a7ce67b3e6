"""What a person would have said of a picture's colours, simulated.

As in Zhang et al. 2017, "Real-time user-guided image colorization with learned deep
priors", section 3.1: a geometric number of square patches about the middle of the
picture, each shown as the mean of its true colours.
"""

import math

import tensorflow as tf

# Probability that no further point is given; so also that there is none, or all.
STOP = 1 / 8

# Share of the examples that show all their colours, so that copying is learned.
ALL = 1 / 100

SIDES = 9  # of patches: 1 to 9 pixels
POINTS = 48  # at most; one example in 600 would have more

# Uniform numbers of an example: how much is shown, how many points, and of each its
# side and its place.
NUMBERS = 2 + 3 * POINTS


def simulated(ab: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Hints about the true colours of pictures.

    Args:
      ab: [B, S, S, 2] float32, (a*, b*)/110.
      numbers: [B, NUMBERS] float32, uniform in [0, 1).

    Returns:
      [B, S, S, 3] float32: ab where there is a hint and 0 elsewhere, and 1 where
      there is one. Where patches overlap it is the mean of theirs.
    """
    size = ab.shape[1]
    share, count, places = tf.split(numbers, [1, 1, 3 * POINTS], 1)
    sides, y, x = tf.split(places[..., None], 3, 1)  # [B, POINTS, 1] each
    sides = tf.floor(1.0 + sides * min(SIDES, size))
    shown = tf.range(POINTS, dtype=tf.float32) < _geometric(count)
    shown = tf.cast(shown & (share >= STOP), tf.float32)[..., None]
    rows = _interval(y, sides, size) * shown
    columns = _interval(x, sides, size)
    painted = _painted(ab, rows, columns, sides)
    covered = tf.cast(painted[..., 2:] > 0.5, tf.float32)
    patches = tf.concat(
        [painted[..., :2] / tf.maximum(painted[..., 2:], 1.0), covered], -1
    )
    everything = tf.concat([ab, tf.ones_like(ab[..., :1])], -1)
    return tf.where(share[..., None, None] < ALL, everything, patches)


def _geometric(u):
    """1, 2, ... with probability STOP (1 - STOP)^(n - 1), from a uniform number."""
    return 1.0 + tf.floor(tf.math.log1p(-u) / math.log(1.0 - STOP))


def _interval(u, sides, size):
    """[B, POINTS, S], 1 in intervals of `sides` pixels whose start is normal about
    the middle, with a deviation of a quarter, and inside the picture."""
    free = size - sides
    normal = tf.math.ndtri(tf.clip_by_value(u, 1e-6, 1.0 - 1e-6))
    start = tf.floor((free + 1.0) * (0.5 + 0.25 * normal))
    start = tf.clip_by_value(start, 0.0, free)
    place = tf.range(size, dtype=tf.float32)
    return tf.cast((place >= start) & (place < start + sides), tf.float32)


def _painted(ab, rows, columns, sides):
    """[B, S, S, 3]: the sums of the patches' mean colours, and how many there are.
    By matrix products: a patch is its rows times its columns."""
    size = ab.shape[1]
    lines = tf.matmul(rows, tf.reshape(ab, [-1, size, 2 * size]))
    lines = tf.reshape(lines, [-1, POINTS, size, 2])
    means = tf.reduce_sum(lines * columns[..., None], 2) / tf.square(sides)
    means = tf.concat([means, tf.ones_like(sides)], -1)
    across = columns[..., None] * means[:, :, None]
    across = tf.reshape(across, [-1, POINTS, 3 * size])
    painted = tf.matmul(rows, across, transpose_a=True)
    return tf.reshape(painted, [-1, size, size, 3])
