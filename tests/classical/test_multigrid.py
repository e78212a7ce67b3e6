"""The solver, against LU and dense systems."""

import numpy as np
import pytest
from scipy.sparse import linalg
from toys import lab_of
from toys import random_known

from tfcolor.classical import coarsening
from tfcolor.classical import levin
from tfcolor.classical import multigrid
from tfcolor.classical import stencils
from tfcolor.classical.canvas import Canvas
from tfcolor.classical.canvas import _weights
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


def iterations(canvas, ab, known):
    canvas.spread(ab, known)
    return max(canvas.iterations)


def test_iterations_hardly_grow_with_the_picture():
    counts = []
    for size in (80, 240):
        luminance, ab = lab_of("astronaut", size, 50, 50)
        known = random_known(luminance.shape, 0.01)
        counts.append(iterations(Canvas(luminance), ab, known))
    assert counts[1] <= counts[0] + 6
    assert counts[1] <= 15


def test_rows_weighted_by_the_stationary_distribution_take_fewer(monkeypatch):
    luminance, ab = lab_of("astronaut", 240, 50, 50)
    known = random_known(luminance.shape, 0.0005)
    weighted = iterations(Canvas(luminance), ab, known)
    monkeypatch.setattr(multigrid, "_STEPS", 2)
    assert weighted < 0.8 * iterations(Canvas(luminance), ab, known)


def test_stationary_weights_bring_the_sums_of_columns_nearer_to_zero():
    """And of the random walk's own distribution they are a fixed point."""
    luminance, _ = lab_of("chelsea", 41)
    matrix, _ = levin.system(levin.affinities(luminance), np.zeros((41, 41), bool))
    canvas = Canvas(luminance)
    shares = multigrid.stationary(_weights(luminance, "gaussian"), 41, 41)
    after = stencils.merge(np.pad(shares, multigrid._BORDER), 41, 41).ravel()
    ones = np.ones(matrix.shape[0], np.float32)
    sums = [np.abs(matrix.T @ w).sum() / w.sum() for w in (ones, after)]
    assert sums[1] < sums[0] / 4
    np.testing.assert_allclose(canvas.weights.sum(0), shares, atol=2e-4)
    alike = np.zeros((8, 2, 2, 1, 1), np.float32)
    alike[4, :, 0], alike[3, :, 1] = 1.0, 1.0  # right and left neighbours of 2x2
    np.testing.assert_array_equal(multigrid.stationary(alike, 2, 2), 1.0)


@pytest.fixture(scope="module")
def grid():
    """A small picture of odd sides with a few known: (canvas, system, dense matrix
    of its free pixels scaled as the system, free)."""
    luminance, _ = lab_of("coffee", 13)
    luminance, known = luminance[:, :11], random_known((13, 11), 0.1)
    canvas = Canvas(luminance)
    system = stencils.Stencil(canvas.weights, known=stencils.split(known))
    shares = stencils.merge(np.pad(canvas.weights.sum(0), multigrid._BORDER), 13, 11)
    matrix, _ = levin.system(levin.affinities(luminance), known)
    dense = shares[~known][:, None] * matrix.toarray()
    return canvas, system, dense, ~known


def planes_of(system, free, vectors, function):
    """A function of unknowns, of each of some vectors of free pixels."""
    found = []
    for vector in vectors:
        plane, out = np.zeros(free.shape, np.float32), system.unknowns()
        plane[free] = vector
        function(stencils.split(plane, border=1), out)
        found.append(stencils.merge(out, *free.shape)[free])
    return np.array(found).T


def test_products_and_relaxation_are_those_of_the_matrix(grid):
    _, system, dense, free = grid
    product = planes_of(system, free, np.eye(len(dense)), system.product)
    np.testing.assert_allclose(product, dense, atol=1e-5)
    vector = np.random.default_rng(0).normal(size=len(dense))

    def start(values, x):
        residual = system.unknowns()
        system.start(x, values, residual)
        left = stencils.merge(residual, *free.shape)[free]
        moved = stencils.merge(x, *free.shape)[free]
        np.testing.assert_allclose(left, vector - dense @ moved, atol=1e-4)
        system.relax(x, values)

    found = planes_of(system, free, [vector], start)[:, 0]
    # Gauss and Seidel by hand, in the order of the quarters.
    y, x = np.nonzero(free)
    quarter, expected = 2 * (y % 2) + x % 2, np.zeros(len(dense))
    for number in (0, 1, 2, 3, 3, 2, 1, 0):
        of = quarter == number
        rest = vector - dense @ expected
        expected[of] += rest[of] / np.diag(dense)[of]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_next_grid_is_the_galerkin_product(grid):
    _, system, dense, free = grid
    weights, deficit = coarsening.interpolation(system)
    level = multigrid.Level(system, weights)
    height, width = system.shape
    columns = []
    for unit in np.eye(height * width, dtype=np.float32):
        x = system.unknowns()
        level.correct(x, unit.reshape(height, width))
        columns.append(stencils.merge(x, *free.shape))
        residual = stencils.split(np.where(free, columns[-1], 0.0), border=1)
        assert level.restrict(residual).ravel() @ unit == pytest.approx(
            np.square(columns[-1]).sum(), rel=1e-5
        )
    interpolation = np.array([plane[free] for plane in columns]).T
    assert not any(plane[~free].any() for plane in columns)
    missing = stencils.merge(deficit, *free.shape)
    np.testing.assert_allclose(interpolation.sum(1), 1.0 - missing[free], atol=1e-5)
    planes, loss = coarsening.galerkin(system, weights, deficit)
    expected = interpolation.T @ dense @ interpolation
    np.testing.assert_allclose(loss.ravel(), expected.sum(1), atol=1e-4)
    inverse = coarsening.inverse(planes, loss)
    # A point that interpolates nothing has an equation of its own.
    unit = np.diag((expected.diagonal() > 0.0).astype(float))
    np.testing.assert_allclose(inverse @ expected, unit, atol=2e-2)


def test_a_solution_from_the_last_one_is_the_same():
    """Strokes that come, change and go; and of those that are gone nothing stays."""
    luminance, ab = lab_of("coffee", 160, 100, 200)
    canvas, known = Canvas(luminance), np.zeros(luminance.shape, bool)
    known[20:24, 10:60] = known[120:126, 90:140] = True
    first = levin.spread(luminance, ab, known, exact=False, canvas=canvas)
    assert levin.spread(luminance, ab, known, exact=False, canvas=canvas) is not first
    assert canvas.iterations == [0, 0]  # it was the solution already
    more, changed = known.copy(), ab.copy()
    more[70:74, 60:100], changed[70:74, 60:100] = True, (50.0, -30.0)
    for chroma, shown in ((changed, more), (ab, known)):
        warm, cold = (
            levin.spread(luminance, chroma, shown, exact=False, canvas=c)
            for c in (canvas, None)
        )
        exact = levin.spread(luminance, chroma, shown, exact=True)
        assert np.abs(warm - exact).mean() < 0.01
        assert np.abs(cold - exact).mean() < 0.01
        assert np.quantile(np.abs(warm - cold), 0.999) < 0.1
    one = np.full_like(ab, -31.7)
    found = levin.spread(luminance, one, known, exact=False, canvas=canvas)
    np.testing.assert_array_equal(found, np.float32(-31.7))


def test_few_strokes_on_much_that_is_smooth():
    """Where sums in float32 would lose what goes to the strokes."""
    ramp = np.add.outer(np.arange(150), np.arange(150)).astype(np.float32) / 300
    known = np.zeros(ramp.shape, bool)
    known[0, 0] = known[-1, -1] = True
    chroma = np.zeros((*ramp.shape, 1))
    chroma[-1, -1] = 100.0
    exact, found = (levin.spread(ramp, chroma, known, exact=e) for e in (1, 0))
    np.testing.assert_allclose(found, exact, atol=0.05)


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
