"""A picture at the size that a network looks at it: its lightness, reduced as in
training. The functions on tensors hold in an exported graph too.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor.color import lab
from tfcolor.images import compose
from tfcolor.images import resize
from tfcolor.types import Tensor

# A picture's longer side at the network, over the working size, at most.
LONGEST = 4


def working_shape(height: Any, width: Any, working_size: int) -> tuple[Tensor, Tensor]:
    """(height, width) at the network: the aspect ratio kept, the shorter side
    `working_size`, or less where the longer would pass LONGEST of it."""
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    size = tf.cast(working_size, tf.float32)
    shorter, longer = tf.minimum(height, width), tf.maximum(height, width)
    scale = tf.minimum(size / shorter, LONGEST * size / longer)
    height, width = (
        tf.maximum(tf.cast(tf.round(side * scale), tf.int32), 1)
        for side in (height, width)
    )
    return height, width


def reduced_lightness(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """L* [h, w] of a picture at a smaller size, or a larger one, as networks
    are shown it in training."""
    full_height, full_width = image.shape[:2]
    rows, columns = resize.reducing((full_height, full_width), (height, width))
    lines = tf.zeros([height, 3 * full_width])
    count = max(1, compose.BAND // full_width)
    for first in range(0, full_height, count):
        band = slice(first, first + count)
        lines += _reduced_lines(compose.as_rgb(image[band]), rows[:, band])
    return reduced_columns(lines, columns).numpy()


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, None], tf.float32),
    ],
    autograph=False,
)
def _reduced_lines(rgb, rows):
    return reduced_lines(rgb, rows)


def reduced_lines(rgb: Tensor, rows: Tensor) -> Tensor:
    """[..., H, W, 3] with as many rows as the weights [h, H] have: [..., h, 3W]."""
    shape = tf.shape(rgb)
    lines = tf.concat([shape[:-2], shape[-2:-1] * shape[-1:]], 0)
    return tf.matmul(rows, tf.reshape(tf.cast(rgb, tf.float32), lines))


def reduced_columns(lines: Tensor, columns: Tensor) -> Tensor:
    """L* [..., h, w] of such lines [..., h, 3W] of levels 0..255, brought to as
    many columns as the weights [w, W] have."""
    shape = tf.concat([tf.shape(lines)[:-1], [-1, 3]], 0)
    return lab.lightness(tf.matmul(columns, tf.reshape(lines, shape)) / 255.0)
