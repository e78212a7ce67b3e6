"""The solver, against LU and dense systems."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import linalg
from toys import lab_of
from toys import random_known

from tfcolor.classical import levin
from tfcolor.classical import multigrid
from tfcolor.errors import RunError


@pytest.mark.parametrize("share", [0.01, 0.0005])
@pytest.mark.parametrize("kind", levin.AFFINITIES)
def test_multigrid_agrees_with_lu(kind, share):
    luminance, ab = lab_of("astronaut", 120)
    known = random_known(luminance.shape, share)
    exact, found = (levin.spread(luminance, ab, known, kind, e) for e in (True, False))
    difference = np.abs(found - exact)
    assert difference.mean() < 0.01
    assert np.quantile(difference, 0.999) < 0.5
    assert difference.max() > 0.0  # it was not LU


def test_multigrid_solves_what_has_no_level_at_all():
    """Fewer unknowns than the coarsest grid may have."""
    luminance, ab = lab_of("coffee", 16)
    known = random_known(luminance.shape, 0.05)
    exact, found = (levin.spread(luminance, ab, known, "gaussian", e) for e in (1, 0))
    np.testing.assert_allclose(found, exact, atol=1e-2)


def test_iterations_hardly_grow_with_the_picture():
    counts = []
    for size in (80, 240):
        luminance, ab = lab_of("astronaut", size, 50, 50)
        known = random_known(luminance.shape, 0.01)
        matrix, from_known = levin.system(levin.affinities(luminance), known)
        counts.append(max(multigrid.solve(matrix, from_known @ ab[known])[1]))
    assert counts[1] <= counts[0] + 6
    assert counts[1] <= 15


def test_rows_weighted_by_the_stationary_distribution_take_fewer(monkeypatch):
    luminance, ab = lab_of("astronaut", 240, 50, 50)
    known = random_known(luminance.shape, 0.0005)
    matrix, from_known = levin.system(levin.affinities(luminance), known)
    values = from_known @ ab[known]
    weighted = max(multigrid.solve(matrix, values)[1])
    ones = np.ones(matrix.shape[0], np.float32)
    monkeypatch.setattr(multigrid, "stationary", lambda _: ones)
    assert weighted < 0.8 * max(multigrid.solve(matrix, values)[1])


def test_stationary_weights_bring_the_sums_of_columns_nearer_to_zero():
    """And of the random walk's own distribution they are a fixed point."""
    luminance, _ = lab_of("chelsea", 40)
    known = np.zeros(luminance.shape, bool)
    matrix, _ = levin.system(levin.affinities(luminance), known)
    ones = np.ones(matrix.shape[0], np.float32)
    before, after = (
        np.abs(matrix.T @ w).sum() / w.sum()
        for w in (ones, multigrid.stationary(matrix))
    )
    assert after < before / 4
    symmetric = sparse.csr_matrix(np.array([[1, -1], [-1, 1]], np.float32))
    np.testing.assert_array_equal(multigrid.stationary(symmetric), 1.0)


def test_where_multigrid_fails_it_is_solved_directly(monkeypatch, caplog):
    monkeypatch.setattr(multigrid, "ITERATIONS", 1)
    luminance, ab = lab_of("astronaut", 100)
    known = random_known(luminance.shape, 0.001)
    with caplog.at_level("WARNING", "tfcolor"):
        found = levin.spread(luminance, ab, known, exact=False)
    assert "a residual above 2e-05 after 1 iterations: solved dir" in caplog.text
    np.testing.assert_array_equal(found, levin.spread(luminance, ab, known, exact=True))
    monkeypatch.setattr(levin, "LARGEST_EXACT", 100)
    with pytest.raises(RunError, match="a residual above"):
        levin.spread(luminance, ab, known, exact=False)


def test_direct_solution_of_scipy_is_the_exact_one():
    luminance, ab = lab_of("chelsea", 50)
    known = random_known(luminance.shape, 0.02)
    weights = levin.affinities(luminance.astype(np.float64))
    matrix, from_known = levin.system(weights, known)
    expected = linalg.spsolve(matrix, from_known @ ab[known].astype(np.float64))
    found = levin.spread(luminance, ab, known)
    np.testing.assert_allclose(found[~known], expected, atol=1e-3)
