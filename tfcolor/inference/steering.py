"""Hints as tensors: for a network, for what remains after it, and in an exported
graph."""

import tensorflow as tf

from tfcolor.color import lab
from tfcolor.color.cie import AB_MAX
from tfcolor.images.hints import MOST
from tfcolor.inference import spreading


@tf.function(
    input_signature=[
        tf.TensorSpec([None, 2, None, None], tf.float32),
        tf.TensorSpec([None, None, None], tf.float32),
        tf.TensorSpec([None, None, None, 3], tf.float32),
    ],
    autograph=False,
)
def corrected(ab: tf.Tensor, lightness: tf.Tensor, hints: tf.Tensor) -> tf.Tensor:
    """Predicted colors that obey hints: what they miss them by is added, and spread
    along the lightness, see `spreading.spread`.

    Args:
      ab: [N, 2, h, w] float32, a* and b*.
      lightness: [N, h, w] float32, L*.
      hints: [N, h, w, 3] float32, (a*, b*)/110 and 1 where there is one.

    Returns:
      [N, 2, h, w]; at the places of the hints their colors; pictures without a hint
      as they are.
    """
    hints = tf.transpose(hints, [0, 3, 1, 2])
    known = hints[:, 2:] > 0.0
    missing = hints[:, :2] * AB_MAX - ab
    return ab + tf.cond(
        tf.reduce_any(known),
        lambda: spreading.spread(missing, known, lightness[:, None]),
        lambda: tf.zeros_like(ab),
    )


def rasterized(rows: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Hints as pixels, as `images.hints.of_rows` makes them.

    Args:
      rows: [N, k, 6] float32: y, x, r, g, b, radius; those of radius 0 are none.

    Returns:
      [N, height, width, 3] float32: a* and b* where there is a hint, CIE units, and
      1; elsewhere 0. InvalidArgumentError for what is no hint.
    """
    _check(rows, height, width)
    ab = lab.rgb_to_lab(tf.clip_by_value(rows[..., 2:5], 0.0, 255.0) / 255.0)[..., 1:]
    colors = tf.concat([ab, tf.ones_like(ab[..., :1])], -1)
    y = tf.cast(tf.range(height), tf.float32)[:, None]
    x = tf.cast(tf.range(width), tf.float32)

    def put(found, hint):
        place, color = hint
        down, right, radius = (p[:, None, None] for p in tf.unstack(place, 3, 1))
        inside = tf.square(y - down) + tf.square(x - right) <= tf.square(radius)
        own = (y == tf.floor(down)) & (x == tf.floor(right))
        inside = (inside | own) & (radius > 0.0)
        return tf.where(inside[..., None], color[:, None, None], found)

    places = tf.gather(rows, [0, 1, 5], axis=2)
    hints = tuple(tf.transpose(x, [1, 0, 2]) for x in (places, colors))
    return tf.foldl(put, hints, tf.zeros([tf.shape(rows)[0], height, width, 3]))


def reduced(hints: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """What `rasterized` gives, as networks see it: [N, height, width, 3], see
    `images.hints.Hints.reduced`."""
    rows, columns = (
        tf.one_hot(tf.range(full) * cells // full, cells, axis=0)
        for full, cells in ((tf.shape(hints)[1], height), (tf.shape(hints)[2], width))
    )
    planes = tf.transpose(hints, [0, 3, 1, 2])
    sums = tf.matmul(tf.matmul(rows, planes), columns, transpose_b=True)
    count = sums[:, 2:]
    means = sums[:, :2] / tf.maximum(count, 1.0) / AB_MAX
    known = tf.cast(count > 0.5, tf.float32)
    return tf.transpose(tf.concat([means, known], 1), [0, 2, 3, 1])


def _check(rows, height, width):
    said = tf.strings.format(
        "hints: outside the picture, {} x {} pixels, or a radius below 0",
        (width, height),
    )
    size = tf.cast(tf.stack([height, width]), tf.float32)
    place, radius = rows[..., :2], rows[..., 5:]
    inside = tf.reduce_all((place >= 0.0) & (place < size), -1, keepdims=True)
    for right, message in (
        (tf.shape(rows)[1] <= MOST, f"hints: at most {MOST} are allowed"),
        (tf.reduce_all(tf.math.is_finite(rows)), "hints: not a finite number"),
        (tf.reduce_all((inside & (radius > 0.0)) | (radius == 0.0)), said),
    ):
        tf.debugging.Assert(right, [message])
