"""Pictures from lightness and colors.

Colors that sRGB cannot show are brought back at the same lightness and hue.
Whatever is judged, shown or written is made here.
"""

import tensorflow as tf

from tfcolor.color import lab
from tfcolor.color.cie import AB_MAX
from tfcolor.color.cie import L_HALF
from tfcolor.types import Tensor

# Linear light beyond 0..1 that rounding to 8 bits hides.
_SLACK = 1e-5

# Each halves what the factor may be wrong by.
_HALVINGS = 14


def picture(l: Tensor, ab: Tensor) -> Tensor:
    """L [..., 1] and ab [..., 2] in the networks' units to sRGB, [..., 3] uint8,
    as `to_uint8`."""
    l, ab = tf.cast(l, tf.float32), tf.cast(ab, tf.float32) * AB_MAX
    return to_uint8((l[..., 0] + 1.0) * L_HALF, ab[..., 0], ab[..., 1])


def to_uint8(l: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """CIELAB to sRGB, out-of-gamut colors at less chroma.

    a* and b* are multiplied by the largest factor, at most 1, that sRGB can
    show. L* and the hue angle stay, so a picture keeps its lightness to the
    last level, where clipping the channels would change it. Grey is always
    inside, so a bisection between grey and the color ends at the edge of the
    gamut, to 1/16384 of the chroma.

    Args:
      l, a, b: [...] float32 each, L* in 0..100.

    Returns:
      [..., 3] uint8.
    """
    light = lab.linear(l, a, b)
    outside = tf.where(~_inside(light))
    edges = _at_the_edge(*(tf.gather_nd(plane, outside) for plane in (l, a, b)))
    return tf.stack(
        [
            _to_8_bit(lab.gamma(tf.tensor_scatter_nd_update(channel, outside, edge)))
            for channel, edge in zip(light, edges, strict=True)
        ],
        -1,
    )


@tf.function(input_signature=[tf.TensorSpec([None])] * 3, autograph=False)
def _at_the_edge(l, a, b):
    """Linear light of the most colorful inside colors of this L* and hue."""
    low, high = tf.zeros_like(l), tf.ones_like(l)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fits = _inside(lab.linear(l, middle * a, middle * b))
        low, high = tf.where(fits, middle, low), tf.where(fits, high, middle)
    return lab.linear(l, low * a, low * b)


def _inside(light):
    """Three [...] of linear light -> [...] bool: sRGB has the color."""
    lowest = tf.minimum(tf.minimum(light[0], light[1]), light[2])
    highest = tf.maximum(tf.maximum(light[0], light[1]), light[2])
    return (lowest >= -_SLACK) & (highest <= 1.0 + _SLACK)


def _to_8_bit(rgb):
    return tf.cast(rgb * 255.0 + 0.5, tf.uint8)
