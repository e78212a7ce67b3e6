"""What a person would have said of a picture's colors, simulated.

As in Zhang et al. 2017, "Real-time user-guided image colorization with learned deep
priors", section 3.1: a geometric number of square patches about the middle of the
picture, each shown as the mean of its true colors.
"""

import math

import tensorflow as tf

# Probability that no further point is given; so also that there is none, or all.
STOP = 1 / 8

# Share of the examples that show all their colors, so that copying is learned.
ALL = 1 / 100

SIDES = 9  # of patches: 1 to 9 pixels
POINTS = 48  # at most; one example in 600 would have more

# Uniform numbers of an example: how much is shown, how many points, and of each its
# side and its place.
NUMBERS = 2 + 3 * POINTS


def simulated(ab: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Hints about the true colors of pictures.

    Args:
      ab: [B, S, S, 2] float32, (a*, b*)/110.
      numbers: [B, NUMBERS] float32, uniform in [0, 1).

    Returns:
      [B, S, S, 3] float32: ab where there is a hint and 0 elsewhere, and 1 where
      there is one. Where patches overlap it is the mean of theirs.
    """
    size = ab.shape[1]
    share, count, places = tf.split(numbers, [1, 1, 3 * POINTS], 1)
    sides, y, x = tf.split(places, 3, 1)  # [B, POINTS] each
    sides = 1 + tf.cast(sides * min(SIDES, size), tf.int32)
    shown = tf.range(POINTS, dtype=tf.float32) < _geometric(count)
    sides = tf.where(shown & (share >= STOP), sides, 0)
    pixels, inside = _pixels(
        sides, _start(y, sides, size), _start(x, sides, size), size
    )
    patches = _painted(ab, pixels, inside)
    everything = tf.concat([ab, tf.ones_like(ab[..., :1])], -1)
    return tf.where(share[..., None, None] < ALL, everything, patches)


def _geometric(u):
    """1, 2, ... with probability STOP (1 - STOP)^(n - 1), from a uniform number."""
    return 1.0 + tf.floor(tf.math.log1p(-u) / math.log(1.0 - STOP))


def _start(u, sides, size):
    """[B, POINTS] int32, first pixels of intervals of `sides` pixels: normal about the
    middle, with a deviation of a quarter, and inside the picture."""
    free = tf.cast(size - sides, tf.float32)
    normal = tf.math.ndtri(tf.clip_by_value(u, 1e-6, 1.0 - 1e-6))
    start = tf.floor((free + 1.0) * (0.5 + 0.25 * normal))
    return tf.cast(tf.clip_by_value(start, 0.0, free), tf.int32)


def _pixels(sides, y, x, size):
    """Numbers of the pixels of squares of SIDES pixels, int32 [B, POINTS, SIDES^2],
    and which of them are in the patch and so in the picture."""
    down, right = tf.meshgrid(tf.range(SIDES), tf.range(SIDES), indexing="ij")
    down, right = tf.reshape(down, [-1]), tf.reshape(right, [-1])
    inside = tf.maximum(down, right) < sides[..., None]
    found = (y[..., None] + down) * size + x[..., None] + right
    return tf.where(inside, found, 0), inside


def _painted(ab, pixels, inside):
    """[B, S, S, 3]: patches of the mean color of their pixels, and 1."""
    batch, size = tf.shape(ab)[0], ab.shape[1]
    counted = tf.cast(inside, tf.float32)[..., None]
    colors = tf.gather(tf.reshape(ab, [-1, size * size, 2]), pixels, batch_dims=1)
    total = tf.reduce_sum(counted, 2, keepdims=True)
    means = tf.reduce_sum(colors * counted, 2, keepdims=True) / tf.maximum(total, 1.0)
    added = counted * tf.concat([means, tf.ones_like(total)], -1)
    image = tf.range(batch)[:, None, None] * size * size
    painted = tf.math.unsorted_segment_sum(
        tf.reshape(added, [-1, 3]),
        tf.reshape(image + pixels, [-1]),
        batch * size * size,
    )
    painted = tf.reshape(painted, [-1, size, size, 3])
    count = painted[..., 2:]
    covered = tf.cast(count > 0.5, tf.float32)
    return tf.concat([painted[..., :2] / tf.maximum(count, 1.0), covered], -1)
