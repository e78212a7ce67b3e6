"""What is known at some pixels, spread to the others along the lightness.

As Levin, Lischinski and Weiss 2004 ("Colorization using optimization") spread colors,
a pixel gets the weighted mean of its neighbors, weighted by how alike their lightness
is; and a little of 0, so that what is spread fades. With weights that are the same
from both sides that is a symmetric system, and what solves it is a graph: conjugate
gradients with a V-cycle of multigrid on halved grids as the preconditioner.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

# The difference of L* that lets a third of it through, and the least that any does.
EDGE = 6.0
LEAST = 1e-3

# What is spread fades over so many times the shorter side of the picture.
REACH = 1.0

# Steps of conjugate gradients. What remains is about 1 % of what was to be found, 5 %
# where the lightness jumps everywhere; more steps change ab errors by less than 0.01.
STEPS = 16

# Grids beside the finest, each of half the size; steps of Jacobi on the smallest.
GRIDS = 6
_STEPS_ON_SMALLEST = 4
_DAMPING = 0.8

# Four cells in one have twice the weights of neighbors between them, at twice the
# distance.
_DISTANCE = 0.5


class Grid(NamedTuple):
    """A system: (own + right + left + down + up) x - the sum of the four times what
    the neighbors have. All are [N, 1, h, w] float32.

    Attributes:
      right, down: weights between a cell and its neighbor on the right and below;
        0 at the border and where either is known.
      own: weight of 0 and of what is known beside it.
      diagonal, inverse: the sum of all; 1 over it, 0 where that is 0.
    """

    right: tf.Tensor
    down: tf.Tensor
    own: tf.Tensor
    diagonal: tf.Tensor
    inverse: tf.Tensor


def spread(given: tf.Tensor, known: tf.Tensor, lightness: tf.Tensor) -> tf.Tensor:
    """What is given at some pixels, at all.

    Args:
      given: [N, C, h, w] float32, used where it is known.
      known: bool [N, 1, h, w].
      lightness: [N, 1, h, w] float32, L*.

    Returns:
      [N, C, h, w]: exactly what is given where it is known; elsewhere between 0 and
      the extremes of that; 0 in pictures where nothing is known.
    """
    given = tf.where(known, given, 0.0)
    finest, values = system(given, known, lightness)
    found = given + solved(finest, values)
    lowest = tf.minimum(tf.reduce_min(given, [2, 3], keepdims=True), 0.0)
    highest = tf.maximum(tf.reduce_max(given, [2, 3], keepdims=True), 0.0)
    return tf.clip_by_value(found, lowest, highest)


def system(
    given: tf.Tensor, known: tf.Tensor, lightness: tf.Tensor
) -> tuple[Grid, tf.Tensor]:
    """The system of `spread`, arguments as there, but given 0 where it is not known:
    the finest Grid, and values [N, C, h, w]; both 0 where it is known."""
    free = 1.0 - tf.cast(known, tf.float32)
    right, down = (
        moved(tf.ones_like(lightness))
        * tf.maximum(tf.exp(-tf.square((moved(lightness) - lightness) / EDGE)), LEAST)
        for moved in (_from_right, _from_below)
    )
    side = tf.cast(tf.reduce_min(tf.shape(lightness)[2:]), tf.float32)
    beside = _neighbors(right, down, 1.0 - free)
    own = free * (tf.square(1.0 / (REACH * side)) + beside)
    values = free * _neighbors(right, down, given)
    right, down = (
        w * free * moved(free)
        for w, moved in ((right, _from_right), (down, _from_below))
    )
    return _grid(right, down, own), values


def solved(finest: Grid, values: tf.Tensor) -> tf.Tensor:
    """The solution [N, C, h, w] of a system, by preconditioned conjugate gradients
    (Hestenes and Stiefel 1952), each channel of each picture for itself."""
    grids = [finest]
    for _ in range(GRIDS):
        grids.append(_halved(grids[-1]))
    precondition = functools.partial(_cycle, grids)

    def step(number, x, residual, direction, product):
        nearer = precondition(residual)
        new = _dot(residual, nearer)
        direction = nearer + tf.math.divide_no_nan(new, product) * direction
        image = _product(finest, direction)
        length = tf.math.divide_no_nan(new, _dot(direction, image))
        x += length * direction
        return number + 1, x, residual - length * image, direction, new

    nothing = tf.zeros_like(values)
    start = (0, nothing, values, nothing, _dot(nothing, nothing))
    return tf.while_loop(lambda number, *_: number < STEPS, step, start)[1]


def _cycle(grids, values):
    """A V-cycle from 0, symmetric: a step of Jacobi before, one after."""
    grid, smaller = grids[0], grids[1:]
    x = _DAMPING * grid.inverse * values
    if not smaller:
        for _ in range(_STEPS_ON_SMALLEST):
            x = _relaxed(grid, x, values)
        return x
    rest = _summed(_even(values - _product(grid, x)))
    x += _doubled(_cycle(smaller, rest), grid)
    return _relaxed(grid, x, values)


def _relaxed(grid, x, values):
    return x + _DAMPING * grid.inverse * (values - _product(grid, x))


def _product(grid, x):
    return grid.diagonal * x - _neighbors(grid.right, grid.down, x)


def _neighbors(right, down, x):
    """The weighted sum of what the four neighbors have."""
    return (
        right * _from_right(x)
        + _to_right(right * x)
        + down * _from_below(x)
        + _to_below(down * x)
    )


def _grid(right, down, own):
    diagonal = own + _neighbors(right, down, tf.ones_like(own))
    return Grid(right, down, own, diagonal, tf.math.divide_no_nan(1.0, diagonal))


def _halved(grid):
    """The system of cells of 2x2."""
    right, down, own = (_even(x) for x in (grid.right, grid.down, grid.own))
    between = right[..., ::2, 1::2] + right[..., 1::2, 1::2]
    below = down[..., 1::2, ::2] + down[..., 1::2, 1::2]
    return _grid(_DISTANCE * between, _DISTANCE * below, _summed(own))


def _even(x):
    height, width = tf.unstack(tf.shape(x)[2:])
    return tf.pad(x, [[0, 0], [0, 0], [0, height % 2], [0, width % 2]])


def _summed(x):
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return rows[..., ::2] + rows[..., 1::2]


def _doubled(x, grid):
    """Each cell of [N, C, h/2, w/2] as 2x2, of a grid's size; 0 where that is known."""
    count, _, height, width = tf.unstack(tf.shape(x))
    channels = x.shape[1]  # in a graph too
    x = tf.broadcast_to(
        x[:, :, :, None, :, None], [count, channels, height, 2, width, 2]
    )
    x = tf.reshape(x, [count, channels, 2 * height, 2 * width])
    height, width = tf.unstack(tf.shape(grid.own)[2:])
    return tf.where(grid.diagonal > 0.0, x[..., :height, :width], 0.0)


def _dot(a, b):
    return tf.reduce_sum(a * b, [2, 3], keepdims=True)


def _from_right(x):
    return tf.pad(x[..., 1:], [[0, 0], [0, 0], [0, 0], [0, 1]])


def _to_right(x):
    return tf.pad(x[..., :-1], [[0, 0], [0, 0], [0, 0], [1, 0]])


def _from_below(x):
    return tf.pad(x[..., 1:, :], [[0, 0], [0, 0], [0, 1], [0, 0]])


def _to_below(x):
    return tf.pad(x[..., :-1, :], [[0, 0], [0, 0], [1, 0], [0, 0]])
