"""Alpha expansion: labels for the pixels of a grid by graph cuts (Boykov, Veksler
and Zabih 2001, "Fast approximate energy minimization via graph cuts")."""

from typing import TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

# The pixel numbers of the two of each pair, [P] each.
Pairs: TypeAlias = tuple[np.ndarray, np.ndarray]

# Costs become whole numbers for SciPy's maximum flow: this many to a unit.
_UNIT = 1000

# To the right, below, and to both sides below: each pair of the 8-neighborhood
# once.
_PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1))


def neighbor_pairs(height: int, width: int) -> Pairs:
    """The pixel numbers, row by row, of all pairs of 8-neighbors: two [P]."""
    numbers = np.arange(height * width).reshape(height, width)
    firsts, seconds = [], []
    for down, right in _PAIRS:
        left = max(0, -right)
        firsts.append(numbers[: height - down, left : width - max(0, right)])
        seconds.append(numbers[down:, max(0, right) : width - left])
    first, second = (
        np.concatenate([p.ravel() for p in part]) for part in (firsts, seconds)
    )
    return first, second


def energy(
    labels: np.ndarray,
    unary: np.ndarray,
    distances: np.ndarray,
    pairs: Pairs,
    weights: np.ndarray,
) -> float:
    """Sum of the labels' costs, and of the distances of neighbors' labels.

    Args:
      labels: int [N].
      unary: [N, K], the cost of each label at each pixel.
      distances: [K, K], a metric.
      pairs: two int [P], of `neighbor_pairs`.
      weights: [P], what the distance counts between each, not negative.
    """
    first, second = (labels[part] for part in pairs)
    own = np.take_along_axis(unary, labels[:, None], 1).sum()
    return float(own + (weights * distances[first, second]).sum())


def expand(
    labels: np.ndarray,
    unary: np.ndarray,
    distances: np.ndarray,
    pairs: Pairs,
    weights: np.ndarray,
    cycles: int = 5,
) -> tuple[np.ndarray, list[float]]:
    """Lower the energy, one label after the other taking over what pixels it
    pays for, until none pays any more or all have had `cycles` turns.

    Arguments as of `energy`.

    Returns:
      int [N], and the energies: that of the start, then after each expansion that
      lowered it.
    """
    labels = labels.copy()
    energies = [energy(labels, unary, distances, pairs, weights)]
    unpaid = 0
    for turn in range(cycles * unary.shape[1]):
        alpha = turn % unary.shape[1]
        taken = _best_move(labels, alpha, unary, distances, pairs, weights)
        candidate = np.where(taken, alpha, labels)
        value = energy(candidate, unary, distances, pairs, weights)
        # Costs are rounded, so that a move may not pay after all.
        if value < energies[-1]:
            labels, unpaid = candidate, 0
            energies.append(value)
        else:
            unpaid += 1
        if unpaid == unary.shape[1]:
            break
    return labels, energies


def _best_move(labels, alpha, unary, distances, pairs, weights):
    """Which pixels take the label alpha in the best expansion: bool [N].

    With x_p = 1 for those that do, a pair costs A + (C - A) x_p - C x_q
    + (B + C - A)(1 - x_p) x_q, A, B and C being the distances between both old
    labels, the first old one and alpha, and alpha and the second old one; the
    triangle inequality keeps the last term from being negative (Kolmogorov and
    Zabih 2004).
    """
    first, second = pairs
    count = len(labels)
    to_alpha = distances[labels, alpha]
    stay = weights * distances[labels[first], labels[second]]
    second_goes, first_goes = weights * to_alpha[first], weights * to_alpha[second]
    own = np.take_along_axis(unary, labels[:, None], 1)[:, 0]
    cost = unary[:, alpha] - own
    # By going a pixel saves at most its distance to alpha from each neighbor's
    # share: where even that does not pay, it stays.
    strength = np.bincount(first, weights, count) + np.bincount(second, weights, count)
    may = (cost < strength * to_alpha) & (labels != alpha)
    both = second_goes + first_goes - stay
    cost += np.bincount(first, first_goes - stay, count)
    cost -= np.bincount(second, first_goes, count)
    alone = may[second] & ~may[first]
    cost += np.bincount(second[alone], both[alone], count)
    inner = may[first] & may[second]
    places = np.cumsum(may) - 1
    taken = np.zeros(count, bool)
    taken[may] = _minimum_cut(
        cost[may], places[first[inner]], places[second[inner]], both[inner]
    )
    return taken


def _minimum_cut(cost, first, second, both):
    """The x in {0, 1}^N of least sum of cost x + both (1 - x_first) x_second:
    bool [N], those that the source cannot reach any more."""
    count = len(cost)
    numbers, source, sink = np.arange(count), count, count + 1
    capacities = np.concatenate([both, np.maximum(cost, 0.0), np.maximum(-cost, 0.0)])
    capacities = np.rint(capacities * _UNIT).astype(np.int32)
    start = np.concatenate([first, np.full(count, source), numbers])
    end = np.concatenate([second, numbers, np.full(count, sink)])
    positive = capacities > 0
    graph = sparse.csr_matrix(
        (capacities[positive], (start[positive], end[positive])), (count + 2, count + 2)
    )
    left = graph - csgraph.maximum_flow(graph, source, sink).flow
    left.data = (left.data > 0).astype(np.int8)
    left.eliminate_zeros()
    reached = csgraph.breadth_first_order(left, source, return_predecessors=False)
    taken = np.ones(count + 2, bool)
    taken[reached] = False
    return taken[:count]
