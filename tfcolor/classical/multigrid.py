"""Large sparse systems whose rows are weighted means, solved to a tolerance.

Algebraic multigrid (Ruge and Stueben 1987) preconditions BiCGSTAB. Its
interpolation P fits the rows of I - W, which sum to zero; as a restriction P^T
fits only columns that sum to zero too (Notay 2012, "Aggregation-based algebraic
multigrid for convection-diffusion equations"), which those of I - W do when its
rows are weighted by the stationary distribution of the random walk W. Some steps
of that walk are enough, as only rows near each other need the right proportions.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses

import numpy as np
from pyamg import strength
from pyamg.classical import interpolate
from pyamg.classical import split
from scipy import sparse
from scipy.sparse import linalg

from tfcolor.errors import RunError

# Of the residual, over that of the start.
TOLERANCE = 2e-5
ITERATIONS = 200

# Steps of the random walk, how far each goes, and the least weight of a row.
_STEPS = 30
_DAMPING = 0.7
_LEAST = 1e-4

# Unknowns that are solved for directly.
_COARSEST = 600


@dataclasses.dataclass
class Level:
    """A grid of the hierarchy. Its fine points, which the next grid lacks, come
    before the coarse ones.

    Attributes:
      fine, coarse: the rows of the matrix [n, n], CSR float32.
      inverse: of the diagonal, [n].
      interpolation: CSR [n, m] from the next grid.
      restriction: CSR [m, n].
    """

    fine: sparse.csr_matrix
    coarse: sparse.csr_matrix
    inverse: np.ndarray
    interpolation: sparse.csr_matrix
    restriction: sparse.csr_matrix = None


def solve(
    matrix: sparse.csr_matrix, values: np.ndarray, tolerance: float = TOLERANCE
) -> tuple[np.ndarray, list[int]]:
    """Solve matrix x = values, each column in a thread of its own.

    Args:
      matrix: CSR [n, n] float32: of I - W, W a stochastic matrix, the rows and
        columns of the unknowns, each of which leads to one that is known.
      values: [n, K] float.
      tolerance: of the Euclidean norm of the residual with weighted rows, over
        that of the values.

    Returns:
      [n, K] float32, and the iterations that each column took.

    Raises:
      RunError: the tolerance is not reached.
    """
    weights = stationary(matrix)
    levels, coarsest, order = hierarchy(_scaled(matrix, weights))
    values = (weights[:, None] * values).astype(np.float32)[order]
    result, counts = np.empty_like(values), []
    with concurrent.futures.ThreadPoolExecutor(values.shape[1]) as pool:
        columns = [np.ascontiguousarray(column) for column in values.T]
        runs = pool.map(lambda b: _solve(levels, coarsest, b, tolerance), columns)
        for k, (x, count) in enumerate(runs):
            result[order, k] = x
            counts.append(count)
    return result, counts


def stationary(matrix: sparse.csr_matrix, steps: int = _STEPS) -> np.ndarray:
    """Weights [n] float32 of the rows of I - W that bring its columns' sums
    nearer to zero: damped steps of the random walk W from equal shares. None is
    below 1e-4, as float32 must hold products with them."""
    columns, weights = matrix.T, np.ones(matrix.shape[0], np.float32)
    for _ in range(steps):
        weights -= _DAMPING * (columns @ weights)
        np.maximum(weights, _LEAST, out=weights)
    return weights


def hierarchy(matrix: sparse.csr_matrix) -> tuple[list[Level], np.ndarray, np.ndarray]:
    """The Levels for a matrix, the inverse of the coarsest one's, and the order
    in which the first of them has the unknowns."""
    levels, orders = [], [np.arange(matrix.shape[0])]
    while matrix.shape[0] > _COARSEST:
        interpolation, coarse = _interpolation(matrix)
        product = interpolation.T.tocsr() @ (matrix @ interpolation).tocsr()
        order = np.argsort(coarse, kind="stable")
        levels.append(_level(matrix, interpolation, order, np.count_nonzero(~coarse)))
        orders.append(order)
        matrix = product.tocsr()
    orders = orders[1:] or orders
    for level, order in zip(levels, orders[1:], strict=False):
        _reorder_columns(level.interpolation, order)
    for level in levels:
        level.restriction = level.interpolation.T.tocsr()
    coarsest = matrix.toarray().astype(np.float64)
    # It may be singular to the precision of float32.
    coarsest[np.diag_indices_from(coarsest)] *= 1.0 + 1e-7
    return levels, np.linalg.inv(coarsest).astype(np.float32), orders[0]


def _interpolation(matrix):
    """Direct interpolation from a part of the points, and which those are."""
    strong = strength.classical_strength_of_connection(matrix, theta=0.25)
    coarse = split.RS(strong)
    interpolation = interpolate.direct_interpolation(matrix, strong, coarse)
    return interpolation.tocsr(), coarse == 1


def _level(matrix, interpolation, order, fine):
    matrix, interpolation = matrix[order], interpolation[order]
    _reorder_columns(matrix, order)
    return Level(
        _rows(matrix, 0, fine),
        _rows(matrix, fine, len(order)),
        1.0 / matrix.diagonal(),
        interpolation,
    )


def _rows(matrix, first, last):
    """Rows of a CSR matrix, which share its memory."""
    pointers = matrix.indptr[first : last + 1]
    entries = slice(pointers[0], pointers[-1])
    return sparse.csr_matrix(
        (matrix.data[entries], matrix.indices[entries], pointers - pointers[0]),
        shape=(last - first, matrix.shape[1]),
    )


def _reorder_columns(matrix, order):
    places = np.empty(len(order), matrix.indices.dtype)
    places[order] = np.arange(len(order))
    matrix.indices = places[matrix.indices]
    matrix.has_sorted_indices = False


def _scaled(matrix, weights):
    """The matrix with weighted rows."""
    data = matrix.data * np.repeat(weights, np.diff(matrix.indptr))
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def _solve(levels, coarsest, values, tolerance):
    """BiCGSTAB (van der Vorst 1992) on the first level, and its iterations."""
    if not levels:
        return coarsest @ values, 0
    matrix, cycle = (
        linalg.LinearOperator((len(values), len(values)), function, dtype=np.float32)
        for function in (
            lambda x: _product(levels[0], x),
            lambda r: _cycle(levels, coarsest, r, 0),
        )
    )
    iterations = []
    x, info = linalg.bicgstab(
        matrix,
        values,
        rtol=tolerance,
        maxiter=ITERATIONS,
        M=cycle,
        callback=lambda _: iterations.append(1),
    )
    if info or not np.isfinite(x).all():
        raise RunError(
            f"multigrid: a residual above {tolerance:g} after {ITERATIONS} iterations"
        )
    return x, len(iterations)


def _product(level, x):
    return np.concatenate([level.fine @ x, level.coarse @ x])


def _cycle(levels, coarsest, values, depth):
    """Multigrid from 0: a V at the first level, Ws below it; relaxed at fine, then
    coarse points on the way down, in the opposite order on the way up."""
    if depth == len(levels):
        return coarsest @ values
    level = levels[depth]
    split = level.fine.shape[0]
    x = level.inverse * values
    x[split:] = 0.0
    _relax(level, x, values, slice(split, None), level.coarse)
    for _ in range(2 if depth else 1):
        residual = level.restriction @ (values - _product(level, x))
        x += level.interpolation @ _cycle(levels, coarsest, residual, depth + 1)
        _relax(level, x, values, slice(split, None), level.coarse)
        _relax(level, x, values, slice(split), level.fine)
    return x


def _relax(level, x, values, part, rows):
    """A Jacobi step at a part of the points."""
    x[part] += level.inverse[part] * (values[part] - rows @ x)
