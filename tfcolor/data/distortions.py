"""Rotation, perspective, blur and erasing: pure functions of images and of given
random numbers.

They are what the layers RandomRotation, RandomPerspective, RandomGaussianBlur and
RandomErasing of Keras do, on its operations. Those layers draw from a state,
blur a whole batch alike, and fill what a perspective leaves empty with one
colour only.
"""

import math

import keras
import tensorflow as tf

# Random numbers that an example takes: angle, whether there is a perspective,
# and (x, y) of four corners; chosen and size of the blur, and chosen, area,
# aspect, top, left and lightness of what is erased.
MATRIX_NUMBERS = 10
INPUT_NUMBERS = 8

# Share of the images that are seen in perspective, as in Keras' layer.
PERSPECTIVE_SHARE = 0.5

# Sizes of the blur's kernel, pixels, and its standard deviations, as OpenCV
# takes them for these sizes.
KERNELS = {3: 0.8, 5: 1.1}

# Of the erased rectangle: share of the picture, and height over width (Zhong et
# al. 2020, with the smaller areas of line art).
ERASED_AREA = (0.005, 0.1)
ERASED_ASPECT = (0.3, 1.0 / 0.3)


def matrix(numbers, side, rotation, perspective):
    """Where each pixel of a distorted square comes from: first its corners show
    points up to perspective/4 of the side from those of the picture, to either
    side; then all turns about the middle.

    A strength below 1 keeps the four points convex, so that no horizon comes
    into the picture.

    Args:
      numbers: [MATRIX_NUMBERS] float32 in [0, 1).
      side: of the square, pixels, at least 2.
      rotation: degrees that it turns, at most, to either side; positive is
        counter-clockwise.
      perspective: strength, 0..1.

    Returns:
      [8] float32 a0 a1 a2 b0 b1 b2 c0 c1: output (x, y) shows the input's ((a0 x +
      a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
    """
    signed = 2.0 * numbers - 1.0
    last, middle = side - 1.0, (side - 1.0) / 2.0
    chosen = tf.cast(numbers[1] < PERSPECTIVE_SHARE, tf.float32)
    shifts = chosen * (perspective / 4.0 * last) * tf.reshape(signed[2:], [4, 2])
    (x_x, x_y, x_1), (y_x, y_y, y_1), (k_x, k_y) = _quadrilateral(shifts, last)
    angle = signed[0] * (rotation * math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    right = middle - middle * cos + middle * sin
    down = middle - middle * sin - middle * cos
    return tf.stack(
        [
            cos * x_x - sin * y_x + right * k_x,
            cos * x_y - sin * y_y + right * k_y,
            cos * x_1 - sin * y_1 + right,
            sin * x_x + cos * y_x + down * k_x,
            sin * x_y + cos * y_y + down * k_y,
            sin * x_1 + cos * y_1 + down,
            k_x,
            k_y,
        ]
    )


def _quadrilateral(shifts, last):
    """Coefficients of x, y and 1 in the projective map of a square onto the
    quadrilateral whose corners are `shifts` from its own (Heckbert 1989,
    section 2.2.3): of x', of y' and of their divisor, whose last is 1.

    Args:
      shifts: [4, 2] of (x, y), clockwise from the top left.
      last: the square's far corner is (last, last).
    """
    square = tf.constant([[0, 0], [1, 0], [1, 1], [0, 1]], tf.float32) * last
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = (
        tf.unstack(corner) for corner in tf.unstack(square + shifts)
    )
    bent_x, bent_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    area = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2)
    g = (bent_x * (y3 - y2) - (x3 - x2) * bent_y) / area
    h = ((x1 - x2) * bent_y - bent_x * (y1 - y2)) / area
    return (
        ((x1 - x0 + g * x1) / last, (x3 - x0 + h * x3) / last, x0),
        ((y1 - y0 + g * y1) / last, (y3 - y0 + h * y3) / last, y0),
        (g / last, h / last),
    )


def warp(rgb, matrices, fill):
    """Images seen through `matrix`, interpolated bilinearly, once.

    Args:
      rgb: uint8 [B, S, S, 3].
      matrices: [B, 8] float32.
      fill: one of augment.FILLS, what is beyond the edge: the mirrored picture,
        or white.

    Returns:
      uint8 [B, S, S, 3].
    """
    mode = {"reflect": "reflect", "white": "constant"}[fill]
    seen = keras.ops.image.affine_transform(
        tf.cast(rgb, tf.float32),
        matrices,
        fill_mode=mode,
        fill_value=255.0,
        data_format="channels_last",
    )
    return tf.cast(seen + 0.5, tf.uint8)


def degrade(l, numbers, blur, erase):
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


def blurred(l, size):
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


def rectangle(shape, area, aspect, top, left):
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
