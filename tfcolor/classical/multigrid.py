"""Large systems of weighted means on a picture's grid, solved to a tolerance.

Black-box multigrid (Dendy 1982, "Black box multigrid") preconditions BiCGSTAB (van der
Vorst 1992). Each grid has every second point of the one before, and the interpolation P
follows the weights, so that it does not cross edges (`coarsening`). P fits equations
that sum to zero; P^T fits columns that do so too (Dendy 1983, "Black box multigrid for
nonsymmetric problems"), which those of I - W do when its rows are weighted by the
stationary distribution of the random walk W. Some steps of that walk are enough, as
only rows near each other need the right proportions.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfcolor.classical import coarsening
from tfcolor.classical import stencils
from tfcolor.classical.affinity import OFFSETS
from tfcolor.classical.stencils import Stencil
from tfcolor.errors import RunError

# Of the residual, over that of zero.
TOLERANCE = 2e-5
ITERATIONS = 200

# Steps of the random walk, how far each goes, and the least weight of a row.
_STEPS = 60
_DAMPING = 0.7
_LEAST = 1e-4

# Unknowns that are solved for directly.
_COARSEST = 600

# BiCGSTAB begins anew where its residual has no more than this in common with the
# first one.
_BREAKDOWN = 1e-5

# Numbers of a block of a product; the border of unknowns.
_BLOCK = 1 << 14
_BORDER = ((0, 0), (0, 0), (1, 1), (1, 1))


@dataclasses.dataclass
class Level:
    """A grid of the hierarchy.

    Attributes:
      system: of its points.
      weights: of the interpolation from the next grid, float32 [h, w]: of the points
        of a quarter, by ((a, b), (dy, dx)), from the point (y + dy, x + dx).
    """

    system: Stencil
    weights: dict[tuple, np.ndarray]

    def restrict(self, residual: np.ndarray) -> np.ndarray:
        """P^T times unknowns: [h, w]."""
        result = np.zeros(self.system.shape, np.float32)
        for (color, (dy, dx)), weight in self.weights.items():
            there = result[dy:, dx:]
            height, width = there.shape
            product = weight * residual[color][1:-1, 1:-1]
            there += product[:height, :width]
        return result

    def correct(self, x: np.ndarray, plane: np.ndarray) -> None:
        """Add P times [h, w] to unknowns."""
        for (color, (dy, dx)), weight in self.weights.items():
            part = plane[dy:, dx:]
            height, width = part.shape
            x[color][1 : 1 + height, 1 : 1 + width] += weight[:height, :width] * part


@dataclasses.dataclass
class Hierarchy:
    """The grids of a system, the finest first, and the inverse of what the last
    interpolates from."""

    levels: list[Level]
    coarsest: np.ndarray

    def cycle(self, work: list[tuple], values: np.ndarray, depth: int = 0) -> None:
        """A V-cycle from 0: the unknowns are work[depth][0] then."""
        level, (x, residual, _) = self.levels[depth], work[depth]
        level.system.start(x, values, residual)
        plane = level.restrict(residual)
        if depth + 1 < len(self.levels):
            given = work[depth + 1][2]
            stencils.put(plane, given, border=1)
            self.cycle(work, given, depth + 1)
            found = stencils.merge(work[depth + 1][0], *plane.shape)
        else:
            found = (self.coarsest @ plane.ravel()).reshape(plane.shape)
        level.correct(x, found)
        level.system.relax(x, values)

    def work(self) -> list[tuple]:
        """What a cycle needs: of each level unknowns, residual and values."""
        return [
            tuple(level.system.unknowns() for _ in range(3 if depth else 2))
            + (() if depth else (None,))
            for depth, level in enumerate(self.levels)
        ]


def stationary(weights: np.ndarray, height: int, width: int) -> np.ndarray:
    """Weights [2, 2, h, w] float32 of the rows of I - W that bring its columns' sums
    nearer to zero: damped steps of the random walk W from equal shares. None is
    below 1e-4, as float32 must hold products with them.

    Args:
      weights: [8, 2, 2, h, w] float32, of W, in quarters; 0 beyond height and width.
    """
    walk = Stencil(weights)
    shares = stencils.split(np.ones((height, width), np.float32), border=1)
    inner = shares[..., 1:-1, 1:-1]
    for _ in range(_STEPS):
        moved = walk.spread(shares)[..., 1:-1, 1:-1]
        moved -= inner
        moved *= _DAMPING
        inner += moved
        np.maximum(inner, _LEAST, out=inner)
    return inner


def hierarchy(system: Stencil) -> Hierarchy:
    """All grids of a system."""
    levels = []
    while True:
        weights, deficit = coarsening.interpolation(system)
        levels.append(Level(system, weights))
        planes, loss = coarsening.galerkin(system, weights, deficit)
        del deficit
        if loss.size <= _COARSEST:
            return Hierarchy(levels, coarsening.inverse(planes, loss))
        quarters = np.stack([stencils.split(planes[o]) for o in OFFSETS])
        system = Stencil(quarters, stencils.split(loss))


def solve(grids: Hierarchy, x: np.ndarray, tolerance: float = TOLERANCE) -> int:
    """Bring the unknowns of the first grid to where its equations make 0.

    Args:
      x: float64 [2, 2, h + 2, w + 2], changed in place: what is known, and where the
        rest starts from.
      tolerance: of the Euclidean norm of what the equations make, over that with 0
        for all that is not known.

    Returns:
      The iterations.

    Raises:
      ValueError: nothing is known.
      RunError: the tolerance is not reached.
    """
    system, work, count = grids.levels[0].system, grids.work(), 0
    vectors = [system.unknowns() for _ in range(5)]
    residual = vectors[0]
    before = x.copy()
    if system.known is None:
        raise ValueError("a system without known points")
    x[~np.pad(system.known, _BORDER)] = 0.0
    limit = _norm(system.product(x, residual))
    if _norm(system.product(before, residual)) < limit:
        x[:] = before
    limit *= tolerance
    del before
    while True:
        np.negative(system.product(x, residual), out=residual)
        if _norm(residual) <= limit:
            return count
        if count >= ITERATIONS:
            break
        count += _bicgstab(grids, work, x, vectors, limit, ITERATIONS - count)
    raise RunError(
        f"multigrid: a residual above {tolerance:g} after {ITERATIONS} iterations"
    )


def _bicgstab(grids, work, x, vectors, limit, most):
    """From a residual, the first of the vectors, until it is below the limit or the
    iteration breaks down; returns the iterations. x, which is finer than they, has the
    sum of all steps, so that what they missed is found by the next start."""
    residual, first, direction, image, other = vectors
    step, spare = work[0][:2]
    first[:] = direction[:] = residual
    rho, start = _dot(first, residual), _norm(residual)
    system = grids.levels[0].system

    def add(place, factor, vector):
        np.multiply(vector, np.float32(factor), out=spare)
        place += spare

    for count in range(1, most + 1):
        grids.cycle(work, direction)
        product = _dot(first, system.product(step, image))
        if not product:
            return count
        alpha = rho / product
        add(x, alpha, step)
        add(residual, -alpha, image)
        if _norm(residual) <= limit:
            return count
        grids.cycle(work, residual)
        square = _dot(system.product(step, other), other)
        omega = _dot(other, residual) / square if square else 0.0
        add(x, omega, step)
        add(residual, -omega, other)
        norm, before, rho = _norm(residual), rho, _dot(first, residual)
        if not limit < norm < np.inf or abs(rho) <= _BREAKDOWN * start * norm:
            return count
        add(direction, -omega, image)
        direction *= np.float32(rho / before * alpha / omega)
        direction += residual
    return most


def _norm(vector):
    return _dot(vector, vector) ** 0.5


def _dot(first, second):
    """In float64 but for the sums of blocks."""
    first, second = first.ravel(), second.ravel()
    blocks = range(0, first.size, _BLOCK)
    return sum(float(first[i : i + _BLOCK] @ second[i : i + _BLOCK]) for i in blocks)
