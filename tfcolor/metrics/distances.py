"""Distances between sets of pictures, from what a network sees in them: NumPy."""

import numpy as np

# Rows of a matrix of pairs at a time.
BLOCK = 1000


def gaussian_distance(
    mean: np.ndarray,
    covariance: np.ndarray,
    other_mean: np.ndarray,
    other_covariance: np.ndarray,
) -> float:
    """The Frechet distance of two Gaussians (Dowson and Landau 1982): |m1 - m2|^2 +
    tr(C1 + C2 - 2 (C1 C2)^(1/2)).

    The trace of the root goes through the symmetric C1^(1/2) C2 C1^(1/2), which has the
    same eigenvalues.

    Args:
      mean, other_mean: [d].
      covariance, other_covariance: [d, d].
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    both = np.linalg.eigvalsh(root @ other_covariance @ root)
    trace = np.trace(covariance) + np.trace(other_covariance)
    trace -= 2.0 * np.sqrt(np.maximum(both, 0.0)).sum()
    return float(((mean - other_mean) ** 2).sum() + trace)


def won_back(names: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """What color wins back of the names that grey has lost: 0 where as many are
    kept as in grey, 1 where all are; not finite where grey has lost none.

    Args:
      names, grey: [...], shares of the truth's names that are kept.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return (names - grey) / (1.0 - grey)


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance of Gaussians of the mean and covariance of the rows of x
    and y, [N, d] each with N at least 2 (Heusel et al. 2017, section 2). With few
    rows it is far too large: 1280 columns want several thousand."""
    if len(x) > x.shape[1]:
        moments = [(z.mean(0), np.cov(z, rowvar=False)) for z in (x, y)]
        return gaussian_distance(*moments[0], *moments[1])
    # With covariances A^T A and B^T B the root's trace is the sum of the singular
    # values of A B^T, a smaller matrix.
    means = [z.mean(0, dtype=np.float64) for z in (x, y)]
    a, b = (
        (z - mean) / np.sqrt(len(z) - 1) for z, mean in zip((x, y), means, strict=True)
    )
    trace = (a**2).sum() + (b**2).sum()
    trace -= 2.0 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(((means[0] - means[1]) ** 2).sum() + trace)


def kernel_distance(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The squared maximum mean discrepancy of the kernel (x.y/d + 1)^3, without
    bias (KID, Binkowski et al. 2018, section 3): [R] float64.

    Row i of y is of the same image as row i of x, so such pairs are left out of
    the term of x and y too (Gretton et al. 2012, eq. 4): it is 0 of y = x, and 0
    in the mean of two draws from one set. Of all pairs, in blocks.

    Args:
      x, y: [N, d] float, N at least 2.
      weights: [R, N], how often each image counts.
    """
    sums = np.zeros(len(weights))
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        values = _kernel(x[rows], x) + _kernel(y[rows], y) - 2.0 * _kernel(x[rows], y)
        places = np.arange(len(values))
        values[places, start + places] = 0.0
        sums += ((weights[:, rows] @ values) * weights).sum(1)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample of one image
        return sums / pairs


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1.0) ** 3
