"""Old photographs: what exposure, grain, light, hands and scanners do to the
lightness of a picture, as a pure function of it and of a seed.

A plane is t = L*/100, [H, W] float32 in 0..1. Vignette, uneven fading, scratches
and spots scale with the picture. Grain, paper and softness are of the scale of a
pixel, as what is finer is lost when a scan is reduced; in pictures whose shorter
side is above FINEST they grow with the picture. Blocks of JPEG are 8 pixels.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfcolor.images import resize
from tfcolor.types import Tensor

# What is drawn of a picture: how old it is, and of each effect its share of
# that; where an effect may go either way, 1/2 is none of it.
NAMES = (
    "age",
    "gamma",
    "black",
    "white",
    "uneven",
    "softness",
    "grain",
    "grain_size",
    "vignette",
    "vignette_y",
    "vignette_x",
    "paper",
    "paper_height",
    "paper_width",
    "scratches",
    "spots",
    "jpeg",
)

# What a share of 1 means. Many pictures show little of most effects, as the age
# that all are multiplied by is uniform, too.
GAMMA = 2.0  # the exponent of t, or one over it
BLACK, WHITE = 0.3, 0.3  # how far black rises and white falls
UNEVEN = 0.4  # standard deviation of the fading from place to place, over its mean
SOFTNESS = 1.3  # standard deviation of the blur, units
GRAIN = 0.08  # standard deviation of t at t = 1/2
GRAIN_SIZE = (0.6, 1.3)  # units
VIGNETTE = 0.5  # what is lost, or covered with white, in the corners
PAPER = 0.03  # standard deviation of t
PAPER_SIZE = (1.0, 6.0)  # units, of each axis
SCRATCHES, SPOTS = 7, 16  # at most
LIGHT = 0.6  # share of these that are white
JPEG = 70  # what the quality is less than 100

# Pixels of the shorter side up to which a unit is a pixel.
FINEST = 256

# Of the luminance, for quality 50 (ITU-T T.81, table K.1).
QUANTIZATION = """
16 11 10 16  24  40  51  61
12 12 14 19  26  58  60  55
14 13 16 24  40  57  69  56
14 17 22 29  51  87  80  62
18 22 37 56  68 109 103  77
24 35 55 64  81 104 113  92
49 64 78 87 103 121 120 101
72 92 95 98 112 100 103  99
"""
_TABLE = np.array(QUANTIZATION.split(), np.float32).reshape(8, 8)
_MIDDLE = 128.0 / 255.0
_K = np.arange(8)
_DCT = np.float32(np.cos(np.pi / 8 * _K[:, None] * (_K + 0.5)) / 2)
_DCT[0] /= np.sqrt(np.float32(2))


def age(l: Tensor, seeds: Tensor, share: float) -> Tensor:
    """Some of the images as old photographs.

    Each depends on its own pixels and its own seed only.

    Args:
      l: [B, H, W, 1] float32 in [-1, 1].
      seeds: [B, 2] int64, of each image.
      share: of the images, 0..1.

    Returns:
      [B, H, W, 1] float32 in [-1, 1]; images that are not chosen are bit-equal.
    """

    def one(example):
        plane, seed = example
        seed, own = tf.unstack(tf.random.split(seed))
        chosen = tf.random.stateless_uniform([], seed) < share
        return tf.cond(
            chosen, lambda: 2.0 * aged(0.5 + 0.5 * plane, own) - 1.0, lambda: plane
        )

    return tf.map_fn(one, (l[..., 0], seeds), fn_output_signature=tf.float32)[..., None]


def aged(t: Tensor, seed: Tensor) -> Tensor:
    """A plane as an old photograph; `seed`: [2] int64.

    In the order of a picture's life: lens, exposure, film; light and paper;
    hands; scanner.
    """
    drawn, uneven, grain, paper, marks = tf.unstack(tf.random.split(seed, 5))
    numbers = tf.random.stateless_uniform([len(NAMES)], drawn)
    u = dict(zip(NAMES, tf.unstack(numbers), strict=True))
    one_sided = {name: u["age"] * u[name] for name in NAMES}
    two_sided = {name: u["age"] * (2.0 * u[name] - 1.0) for name in NAMES}
    shape = tf.shape(t)
    unit = tf.maximum(tf.cast(tf.reduce_min(shape), tf.float32) / FINEST, 1.0)

    t = blurred(t, unit * SOFTNESS * one_sided["softness"])
    t = tf.clip_by_value(t, 0.0, 1.0) ** (GAMMA ** two_sided["gamma"])
    t = vignetted(t, VIGNETTE * two_sided["vignette"], u["vignette_y"], u["vignette_x"])
    noise = field(grain, shape, [unit * _between(GRAIN_SIZE, u["grain_size"])] * 2)
    t += GRAIN * one_sided["grain"] * 4.0 * t * (1.0 - t) * noise
    third = tf.cast(tf.reduce_min(shape), tf.float32) / 3.0
    patches = 1.0 + UNEVEN * u["uneven"] * field(uneven, shape, [third, third])
    patches = tf.clip_by_value(patches, 0.0, 1.5)
    t = faded(
        t,
        BLACK * one_sided["black"] * patches,
        1.0 - WHITE * one_sided["white"] * patches,
    )
    cells = [
        unit * _between(PAPER_SIZE, u[f"paper_{side}"]) for side in ("height", "width")
    ]
    t += PAPER * one_sided["paper"] * field(paper, shape, cells)
    lines, spots = (
        tf.cast(most * one_sided[name] + 0.5, tf.int32)
        for name, most in (("scratches", SCRATCHES), ("spots", SPOTS))
    )
    t = marked(t, marks, lines, spots)
    return tf.clip_by_value(jpeg(t, 100.0 - JPEG * one_sided["jpeg"]), 0.0, 1.0)


def _between(limits, u):
    least, most = limits
    return least * (most / least) ** u


def faded(t: Tensor, black: Tensor | float, white: Tensor | float) -> Tensor:
    """0 and 1 become `black` and `white`, each a number or [H, W]."""
    return black + (white - black) * t


def vignetted(t: Tensor, strength: Tensor | float, y: Tensor, x: Tensor) -> Tensor:
    """A plane [H, W] darker, or with a negative strength whiter, towards the corners.

    It grows with the square of the distance from a point of the middle third, at the
    shares y and x of that, and is 1 at half a diagonal.
    """
    height, width = tf.unstack(tf.cast(tf.shape(t), tf.float32))
    rows = (tf.range(height) + 0.5) / height - (1.0 + y) / 3.0
    columns = (tf.range(width) + 0.5) / width - (1.0 + x) / 3.0
    lost = strength * 2.0 * (tf.square(rows)[:, None] + tf.square(columns))
    lost = tf.clip_by_value(lost, -1.0, 1.0)
    return t + tf.abs(lost) * (tf.cast(lost < 0.0, tf.float32) - t)


def blurred(t: Tensor, sigma: Tensor | float) -> Tensor:
    """A plane [H, W] under a Gaussian of a standard deviation in pixels, 0 is none;
    beyond the edge there is nothing, and the weights inside have the sum 1."""

    def weights(size):
        matrix = _gaussians(
            size, tf.cast(size, tf.float32), 1.0, tf.maximum(sigma, 0.05)
        )
        return matrix / tf.reduce_sum(matrix, 1, keepdims=True)

    height, width = tf.unstack(tf.shape(t))
    return resize.apply(t, weights(height), weights(width))


def field(seed: Tensor, shape: Tensor, cells: Sequence[Tensor | float]) -> Tensor:
    """Smooth noise [H, W], at each pixel normal with mean 0 and variance 1.

    Normal numbers on a grid of `cells` [2] pixels, under a Gaussian of 0.6 of
    them, over the root of the sum of its squared weights.
    """

    def weights(size, cell):
        count = tf.math.ceil(tf.cast(size, tf.float32) / cell) + 4.0
        matrix = _gaussians(size, count, cell, 0.6, first=-2.0)
        return matrix / tf.norm(matrix, axis=1, keepdims=True)

    rows, columns = (weights(shape[i], cells[i]) for i in range(2))
    grid = tf.stack([tf.shape(rows)[1], tf.shape(columns)[1]])
    return resize.apply(tf.random.stateless_normal(grid, seed), rows, columns)


def _gaussians(size, count, cell, sigma, first=0.0):
    """[size, count]: how near each pixel's middle is to that of each of `count`
    cells from number `first` on, in cells of so many pixels."""
    pixels = (tf.range(tf.cast(size, tf.float32)) + 0.5) / cell
    middles = tf.range(count) + (first + 0.5)
    return tf.exp(-0.5 * tf.square((pixels[:, None] - middles) / sigma))


def marked(t: Tensor, seed: Tensor, scratches: Tensor, spots: Tensor) -> Tensor:
    """A plane [H, W] with so many random scratches, and spots and hairs of dust,
    lighter or darker."""
    count = scratches + spots
    u = tf.unstack(tf.random.stateless_uniform([8, count, 1, 1], seed))
    long = (tf.range(count) < scratches)[:, tf.newaxis, tf.newaxis]
    length = tf.where(long, 0.1 + 1.1 * u[2] ** 2, 0.05 * u[2] ** 4)
    width = tf.where(long, 0.001 + 0.004 * u[3] ** 2, 0.003 + 0.01 * u[3] ** 3)
    bend = tf.where(long, 0.6, 8.0) * (u[4] - 0.5)
    cover = covers(tf.shape(t), u[0], u[1], length, width, np.pi * u[5], bend)
    cover *= 0.15 + 0.65 * u[6]
    light = tf.cast(u[7] < LIGHT, tf.float32)
    for color, these in ((1.0, light), (0.0, 1.0 - light)):
        t = color + (t - color) * tf.reduce_prod(1.0 - cover * these, 0)
    return t


def covers(
    shape: Tensor,
    y: Tensor,
    x: Tensor,
    length: Tensor,
    width: Tensor,
    angle: Tensor,
    bend: Tensor,
) -> Tensor:
    """How much of each pixel a stroke with round ends covers.

    Across a line it is the share of the pixel, to the last digit where the line
    runs along the pixels.

    Args:
      shape: [H, W].
      y, x: of its middle, shares of height and width, [N, 1, 1] as all others.
      length, width: over the picture's shorter side.
      angle: radians, clockwise from the horizontal.
      bend: how far it is off its line, over the square of the distance from its
        middle, in shorter sides.

    Returns:
      [N, H, W] float32, 0..1.
    """
    height, width_of = tf.unstack(tf.cast(shape, tf.float32))
    side = tf.minimum(height, width_of)
    down = ((tf.range(height) + 0.5 - y * height) / side)[..., tf.newaxis]
    down = tf.reshape(down, [-1, shape[0], 1])
    right = (tf.range(width_of) + 0.5 - x * width_of) / side
    cos, sin = tf.cos(angle), tf.sin(angle)
    along = right * cos + down * sin
    across = down * cos - right * sin + bend * tf.square(along)
    beyond = tf.maximum(tf.abs(along) - 0.5 * length, 0.0)
    distance = side * tf.sqrt(tf.square(across) + tf.square(beyond))
    width *= side
    return tf.clip_by_value(0.5 * (width + 1.0) - distance, 0.0, tf.minimum(width, 1.0))


def jpeg(t: Tensor, quality: Tensor | float) -> Tensor:
    """A plane [H, W] as a JPEG keeps it: the cosine transforms of its 8x8 blocks,
    rounded to multiples of the usual table for a quality (1..100) of libjpeg.

    The last blocks are filled up with the pixels of the edge.
    """
    height, width = tf.unstack(tf.shape(t))
    rows, columns = -(-height // 8), -(-width // 8)
    for axis, size, blocks in ((0, height, rows), (1, width, columns)):
        t = tf.gather(t, tf.minimum(tf.range(8 * blocks), size - 1), axis=axis)
    scale = tf.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality)
    table = tf.clip_by_value(tf.floor((_TABLE * scale + 50.0) / 100.0), 1.0, 255.0)
    table = table[:, tf.newaxis] / 255.0
    coefficients = _transformed(t - _MIDDLE, _DCT, rows, columns)
    coefficients = tf.round(coefficients / table) * table
    coefficients = _transformed(coefficients, _DCT.T, rows, columns)
    return _MIDDLE + tf.reshape(coefficients, [8 * rows, 8 * columns])[:height, :width]


def _transformed(x, matrix, rows, columns):
    """Each 8x8 block B as matrix B matrix^T, [rows, 8, columns, 8]."""
    x = tf.matmul(tf.constant(matrix), tf.reshape(x, [rows, 8, 8 * columns]))
    x = tf.matmul(tf.reshape(x, [-1, 8]), tf.constant(matrix), transpose_b=True)
    return tf.reshape(x, [rows, 8, columns, 8])
