"""What `working` does, on tensors: in an exported graph too."""

from typing import Any

import tensorflow as tf

from tfcolor.color import lab
from tfcolor.images.working import LONGEST
from tfcolor.types import Tensor


def working_shape(height: Any, width: Any, working_size: int) -> tuple[Tensor, Tensor]:
    """As of `working`, ints or scalar int tensors."""
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    size = tf.cast(working_size, tf.float32)
    shorter, longer = tf.minimum(height, width), tf.maximum(height, width)
    scale = tf.minimum(size / shorter, LONGEST * size / longer)
    height, width = (
        tf.maximum(tf.cast(tf.round(side * scale), tf.int32), 1)
        for side in (height, width)
    )
    return height, width


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
