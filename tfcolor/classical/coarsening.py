"""The next coarser grid of a system on a picture's grid: Dendy 1982, "Black box
multigrid".

It has every second point. The interpolation P follows the weights, so that it does not
cross edges; the system is P^T A P, whose equations have eight neighbors again.

A point's own coefficient is never stored: it is the sum of its weights and of what is
lost to known points. That sum is kept by itself, since far from all strokes it is less
than float32 could tell in the difference (Grassmann, Taksar and Heyman 1985).
"""

from __future__ import annotations

import numpy as np

from tfcolor.classical import stencils
from tfcolor.classical.affinity import OFFSETS
from tfcolor.classical.stencils import COLORS
from tfcolor.classical.stencils import Stencil

# The points of a 3x3 stencil.
_WINDOW = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))


def interpolation(system: Stencil) -> tuple[dict[tuple, np.ndarray], np.ndarray]:
    """Level.weights of a system, and how much less than 1 they sum to, of unknowns
    [2, 2, h + 2, w + 2]; 1 where a point is known.

    A point between two of the next grid is as those above and below it, or beside it;
    one between four takes the mean of all eight around it.
    """
    free = np.pad(system.inverse > 0.0, [(0, 0), (0, 0), (1, 1), (1, 1)])
    rows = slice(0, system.shape[0])
    found = {((0, 0), (0, 0)): free[0, 0, 1:-1, 1:-1].astype(np.float32)}
    deficit = np.zeros(free.shape, np.float32)

    def parts(color):
        """Neighbors' weights, and what is lost."""
        lost = np.zeros(system.shape, np.float32)
        if system.loss is not None:
            np.maximum(system.loss[color], 0.0, out=lost)
        positive = []
        for k in range(len(OFFSETS)):
            weight = np.maximum(system.weights[k][color], 0.0)
            inside = stencils.neighbor(free, color, rows, k)
            lost += weight * ~inside
            positive.append(weight * inside)
        return positive, lost

    for color, axis in (((0, 1), 1), ((1, 0), 0)):
        positive, lost = parts(color)
        sides = [
            sum(w for w, o in zip(positive, OFFSETS, strict=True) if o[axis] == side)
            for side in (-1, 1)
        ]
        inside = free[color][1:-1, 1:-1]
        total = sides[0] + sides[1] + lost
        alone = total <= 0.0
        total[alone] = 1.0
        for number, side in enumerate(sides):
            offset = (0, number) if axis else (number, 0)
            found[color, offset] = np.where(alone, 0.5, side / total) * inside
        deficit[color][1:-1, 1:-1] = lost / total
    positive, lost = parts((1, 1))
    total = sum(positive) + lost
    total[total <= 0.0] = 1.0
    middle = {o: np.zeros(system.shape, np.float32) for o in COLORS}
    for k, weight in enumerate(positive):
        other, dy, dx = stencils.place((1, 1), k)
        lost += weight * stencils.neighbor(deficit, (1, 1), rows, k)
        for (color, offset), theirs in list(found.items()):
            if color == other:
                part = np.pad(theirs, [(0, dy), (0, dx)])[dy:, dx:]
                middle[dy + offset[0], dx + offset[1]] += weight * part
    for offset, sums in middle.items():
        found[(1, 1), offset] = sums / total * free[1, 1, 1:-1, 1:-1]
    deficit[1, 1, 1:-1, 1:-1] = lost / total
    if system.known is not None:
        deficit[..., 1:-1, 1:-1][system.known] = 1.0
    return found, deficit


def galerkin(
    system: Stencil, weights: dict[tuple, np.ndarray], deficit: np.ndarray
) -> tuple[dict[tuple, np.ndarray], np.ndarray]:
    """The system of the next grid, P^T A P: the weights of its neighbors by offset,
    each [h, w] float32, and the loss."""
    height, width = system.shape
    planes = {o: np.zeros(system.shape, np.float32) for o in _WINDOW}
    loss = np.zeros(system.shape, np.float32)
    # A P 1, without the difference of what is nearly alike.
    sums = -system.product(deficit, system.unknowns())
    if system.loss is not None:
        sums[..., 1:-1, 1:-1] += system.loss
    padded = {key: np.pad(weight, 2) for key, weight in weights.items()}

    def at(plane, dy, dx):
        return plane[2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width]

    for window in _WINDOW:
        color, y, x = (window[0] % 2, window[1] % 2), window[0] // 2, window[1] // 2
        back = at(padded[color, (-y, -x)], y, x)
        loss += back * sums[color][1 + y : 1 + y + height, 1 + x : 1 + x + width]
        total = np.pad(system.weights[:, color[0], color[1]].sum(0), 2)
        if system.loss is not None:
            total[2:-2, 2:-2] += system.loss[color]
        for k in range(len(OFFSETS)):
            row = back * at(np.pad(system.weights[k][color], 2), y, x)
            other, dy, dx = stencils.place(color, k)
            _scatter(planes, row, padded, other, y + dy, x + dx, at)
        _scatter(planes, -back * at(total, y, x), padded, color, y, x, at)
    return planes, loss


def _scatter(planes, row, padded, color, y, x, at):
    """Add a row's entries at a fine point to those at the points it interpolates."""
    for (quarter, (dy, dx)), weight in padded.items():
        if quarter == color:
            planes[y + dy, x + dx] += row * at(weight, y, x)


def inverse(planes: dict[tuple, np.ndarray], loss: np.ndarray) -> np.ndarray:
    """Of the matrix of a grid as `galerkin` has it: dense, float32 [h w, h w]."""
    height, width = loss.shape
    number = np.arange(height * width).reshape(height, width)
    matrix, own = np.zeros((height * width,) * 2), loss.astype(np.float64)
    for y, x in OFFSETS:
        here = (
            slice(max(0, -y), height - max(0, y)),
            slice(max(0, -x), width - max(0, x)),
        )
        there = (
            slice(max(0, y), height + min(0, y)),
            slice(max(0, x), width + min(0, x)),
        )
        matrix[number[here].ravel(), number[there].ravel()] = -planes[y, x][
            here
        ].ravel()
        own += planes[y, x]
    matrix[np.diag_indices_from(matrix)] = np.where(own > 0.0, own, 1.0).ravel()
    return np.linalg.inv(matrix).astype(np.float32)
