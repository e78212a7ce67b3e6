"""Inputs that are blurred or lose a rectangle: pure functions of images and of given
random numbers.

They are what the layers RandomGaussianBlur and RandomErasing of Keras do, on its
operations. Those layers draw from a state, and blur a whole batch alike.
"""

import keras
import tensorflow as tf

from tfcolor.types import Tensor

# Random numbers that an example takes: chosen and size of the blur, and chosen, area,
# aspect, top, left and lightness of what is erased.
INPUT_NUMBERS = 8

# Sizes of the blur's kernel, pixels, and its standard deviations, as OpenCV
# takes them for these sizes.
KERNELS = {3: 0.8, 5: 1.1}

# Of the erased rectangle: share of the picture, and height over width (Zhong et
# al. 2020, with the smaller areas of line art).
ERASED_AREA = (0.005, 0.1)

ERASED_ASPECT = (0.3, 1.0 / 0.3)


def degrade(l: Tensor, numbers: Tensor, blur: float, erase: float) -> Tensor:
    """Some of the images blurred, and a rectangle of some erased.

    Args:
      l: [B, H, W, 1] float32 in [-1, 1].
      numbers: [B, INPUT_NUMBERS] float32 in [0, 1).
      blur, erase: shares of the images, 0..1.

    Returns:
      [B, H, W, 1] float32 in [-1, 1]; images that are not chosen are bit-equal.
    """
    numbers = tf.unstack(numbers[:, tf.newaxis, tf.newaxis, tf.newaxis], axis=-1)
    if blur:
        l = tf.where(numbers[0] < blur, blurred(l, numbers[1]), l)
    if erase:
        *place, lightness = numbers[3:]
        gone = (numbers[2] < erase) & rectangle(tf.shape(l), *place)
        l = tf.where(gone, 2.0 * lightness - 1.0, l)
    return l


def blurred(l: Tensor, size: Tensor) -> Tensor:
    """Images under a Gaussian kernel of 3x3 or, where `size` [B, 1, 1, 1] is at
    least 1/2, 5x5 pixels; beyond the edge they are mirrored, which keeps their
    means."""
    margin = max(KERNELS) // 2
    edges = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
    padded = tf.pad(l, edges, "SYMMETRIC")
    small, large = (
        keras.ops.image.gaussian_blur(
            padded, (kernel, kernel), (sigma, sigma), data_format="channels_last"
        )[:, margin:-margin, margin:-margin]
        for kernel, sigma in KERNELS.items()
    )
    return tf.where(size < 0.5, small, large)


def rectangle(
    shape: Tensor, area: Tensor, aspect: Tensor, top: Tensor, left: Tensor
) -> Tensor:
    """Masks [B, H, W, 1] of random rectangles inside images of a shape, from
    numbers [B, 1, 1, 1] in [0, 1)."""
    least, most = ERASED_AREA
    flattest, steepest = ERASED_ASPECT
    side = tf.sqrt(least + (most - least) * area)
    stretch = tf.sqrt(flattest * (steepest / flattest) ** aspect)
    rows = tf.range(shape[1], dtype=tf.float32)[:, tf.newaxis, tf.newaxis]
    columns = tf.range(shape[2], dtype=tf.float32)[:, tf.newaxis]
    return _inside(rows, shape[1], side * stretch, top) & _inside(
        columns, shape[2], side / stretch, left
    )


def _inside(pixels, length, share, place):
    """Which pixels have their middles in an interval of this share of a length."""
    length = tf.cast(length, tf.float32)
    first = place * (1.0 - share) * length
    middles = pixels + 0.5
    return (middles >= first) & (middles < first + share * length)
