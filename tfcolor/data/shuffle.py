"""The order of the images: a stateless permutation of each epoch."""

import tensorflow as tf

from tfcolor import streams
from tfcolor.types import Tensor

# Shuffles after one another. One takes as few as 24 bits of its key (three
# words of half as many bits as number the images, 8 at least), too few to keep
# the orders of many epochs and seeds apart.
_SHUFFLES = 2


def file_number(example: Tensor, seed: int, count: int) -> Tensor:
    """The image that example number `example` shows: each epoch of `count`
    examples is a permutation of its own.

    Args:
      example: int64 scalar tensor.
    """
    stream = tf.convert_to_tensor(seed + streams.ORDER, tf.int64)
    keys = tf.random.stateless_uniform(
        [_SHUFFLES, 3],
        seed=tf.stack([stream, example // count]),
        minval=None,
        maxval=None,
        dtype=tf.uint32,
    )
    place, last = example % count, tf.constant(count - 1, tf.int64)
    for key in tf.unstack(keys):
        # tf.random.experimental.index_shuffle fixes one of the three words.
        place = tf.raw_ops.RandomIndexShuffle(
            index=place, seed=key, max_index=last, rounds=4
        )
    return place
