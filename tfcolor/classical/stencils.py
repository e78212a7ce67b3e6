"""Systems in which each point of a grid has an equation with its eight neighbors.

A plane of a grid is held in quarters, [2, 2, h, w]: the points of even and odd rows
and columns, [a, b, y, x] for row 2 y + a, column 2 x + b. So the points of a quarter
are no neighbors of each other, and each operation is one of NumPy on whole quarters,
a band of rows at a time, which stays in the cache. Unknowns have a border of zeros
around each quarter, [2, 2, h + 2, w + 2].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tfcolor.classical.affinity import OFFSETS

COLORS = ((0, 0), (0, 1), (1, 0), (1, 1))

# Numbers of a band.
_BAND = 24_000


class Stencil:
    """At each point: the sum over the neighbors of weight times (own unknown minus
    theirs), plus loss times the own one.

    Attributes:
      weights: [8, 2, 2, h, w] float32, in the order of OFFSETS; 0 beyond the border.
      loss: [2, 2, h, w] float32; None: 0.
      inverse: [2, 2, h, w] float32, of the sum of weights and loss; 0 where there is
        no unknown.
      known: bool [2, 2, h, w], where there is none though the weights say otherwise;
        None: nowhere.
    """

    def __init__(
        self,
        weights: np.ndarray,
        loss: np.ndarray | None = None,
        known: np.ndarray | None = None,
    ) -> None:
        self.weights, self.loss, self.known = weights, loss, known
        total = weights.sum(0)
        if loss is not None:
            total += loss
        has = total > 0.0
        if known is not None:
            has &= ~known
        self.inverse = np.divide(1.0, total, out=np.zeros_like(total), where=has)

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of a quarter, without a border."""
        return self.inverse.shape[2:]

    def unknowns(self, dtype: type = np.float32) -> np.ndarray:
        """Zeros, [2, 2, h + 2, w + 2]."""
        height, width = self.shape
        return np.zeros((2, 2, height + 2, width + 2), dtype)

    def product(self, x: np.ndarray, out: np.ndarray) -> np.ndarray:
        """What the equations make of unknowns x, into `out`, which may be of a smaller
        dtype; 0 where a point is known."""
        for color, rows, own in self._bands():
            value = x[color][own]
            total, term = np.zeros_like(value), np.empty_like(value)
            if self.loss is not None:
                np.multiply(self.loss[color][rows], value, out=total)
            for k in range(len(OFFSETS)):
                # Of the differences, as x may be nearly the same everywhere.
                np.subtract(value, neighbor(x, color, rows, k), out=term)
                term *= self.weights[k][color][rows]
                total += term
            if self.known is not None:
                total[self.known[color][rows]] = 0.0
            out[color][own] = total
        return out

    def relax(self, x: np.ndarray, values: np.ndarray) -> None:
        """A step of Gauss and Seidel, a quarter after the other, the last first."""
        for color, rows, own in self._bands(reverse=True):
            self._relax(x, values, color, rows, own, range(len(OFFSETS)))

    def start(self, x: np.ndarray, values: np.ndarray, residual: np.ndarray) -> None:
        """The same from zero, the first quarter first; and what it leaves."""
        for color, rows, own in self._bands():
            earlier = [k for k, other in _others(color) if other < color]
            self._relax(x, values, color, rows, own, earlier)
        for color, rows, own in self._bands():
            total = np.zeros_like(x[color][own])
            for k, other in _others(color):
                if other > color:  # those that changed since
                    _add(total, self.weights[k][color][rows], x, color, rows, k)
            residual[color][own] = total

    def spread(self, x: np.ndarray) -> np.ndarray:
        """What a random walk whose steps are the weights makes of shares x."""
        out = self.unknowns()
        for color, rows, own in self._bands():
            value = x[color][own]
            for k in range(len(OFFSETS)):
                there = neighbor(out, color, rows, k)
                there += self.weights[k][color][rows] * value
        return out

    def _relax(self, x, values, color, rows, own, neighbors):
        total = values[color][own].copy()
        for k in neighbors:
            _add(total, self.weights[k][color][rows], x, color, rows, k)
        np.multiply(total, self.inverse[color][rows], out=x[color][own])

    def _bands(self, reverse: bool = False) -> Iterator[tuple]:
        """(quarter, its rows, the same of unknowns) one after the other."""
        height, width = self.shape
        count = max(1, _BAND // width)
        for color in COLORS[::-1] if reverse else COLORS:
            for first in range(0, height, count):
                last = min(height, first + count)
                own = slice(first + 1, last + 1), slice(1, width + 1)
                yield color, slice(first, last), own


def place(color: tuple[int, int], k: int) -> tuple[tuple[int, int], int, int]:
    """Where the k-th neighbor of a quarter's point is: (quarter, dy, dx)."""
    y, x = color[0] + OFFSETS[k][0], color[1] + OFFSETS[k][1]
    return (y % 2, x % 2), y // 2, x // 2


def split(plane: np.ndarray, border: int = 0) -> np.ndarray:
    """A plane [H, W] in quarters, each with a border of zeros."""
    height, width = (-(-n // 2) + 2 * border for n in plane.shape)
    result = np.zeros((2, 2, height, width), plane.dtype)
    put(plane, result, border)
    return result


def put(plane: np.ndarray, quarters: np.ndarray, border: int = 0, row: int = 0) -> None:
    """Put rows [n, W] of a plane, from an even one on, into quarters [2, 2, h, w]."""
    for color in COLORS:
        part = plane[color[0] :: 2, color[1] :: 2]
        first = row // 2 + border
        columns = slice(border, border + part.shape[1])
        quarters[color][first : first + len(part), columns] = part


def merge(quarters: np.ndarray, height: int, width: int) -> np.ndarray:
    """The plane [H, W] of quarters with a border of 1."""
    result = np.empty((height, width), quarters.dtype)
    for color in COLORS:
        part = result[color[0] :: 2, color[1] :: 2]
        part[:] = quarters[color][1 : 1 + part.shape[0], 1 : 1 + part.shape[1]]
    return result


def _others(color):
    return [(k, place(color, k)[0]) for k in range(len(OFFSETS))]


def neighbor(x: np.ndarray, color: tuple[int, int], rows: slice, k: int) -> np.ndarray:
    """What the k-th neighbors of rows of a quarter have: a view [n, w] of unknowns."""
    other, dy, dx = place(color, k)
    width = x.shape[3] - 2
    return x[other][1 + dy + rows.start : 1 + dy + rows.stop, 1 + dx : 1 + dx + width]


def _add(total, weights, x, color, rows, k):
    total += weights * neighbor(x, color, rows, k)
