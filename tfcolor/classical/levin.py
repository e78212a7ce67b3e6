"""Colour spread from strokes: Levin, Lischinski and Weiss 2004, "Colorization
using optimization".

A pixel without a stroke has the weighted mean of its neighbours' chroma, weighted
by how alike their luminance is: U(r) = sum over s of w_rs U(s). That is one linear
system, whose only solution is solved for; it brings the paper's energy J, summed
over the pixels without a stroke, to 0, its least value. (Summed over those with
one too, as the paper's eq. 1 is written, J has another minimum, which bends the
colours near strokes; the authors' own program solves the system.)
"""

import math

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from tfcolor.classical import multigrid

# Free pixels up to which the system is solved directly.
EXACT = 20_000

# Of the Gaussian: its variance over that of the window; the affinity that the
# most similar neighbour has at least; the least variance (luminance in 0..1).
_SPREAD = 0.6
_NEAREST = 0.01
_VARIANCE = 2e-6

# Of the correlation, which may be negative: the least affinity.
_LEAST = 0.01

OFFSETS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)


def spread(luminance, chroma, known, affinity="gaussian", exact=None):
    """The chroma of every pixel from that of some.

    Args:
      luminance: [H, W] float, 0..1.
      chroma: [H, W, K] float; used where it is known.
      known: bool [H, W], some of it True.
      affinity: of AFFINITIES.
      exact: solve by sparse LU instead of multigrid; None: if at most EXACT
        pixels are free. Its time and memory grow faster than the picture.

    Returns:
      [H, W, K] float32, each value within the range of the known ones.
    """
    if exact is None:
        exact = known.size - np.count_nonzero(known) <= EXACT
    given = chroma[known].astype(np.float64)
    # So that strokes of one colour give that colour to the last digit.
    middle = given.mean(0)
    result = np.empty(chroma.shape, np.float32)
    result[known] = given
    if known.all():
        return result
    dtype = np.float64 if exact else np.float32
    matrix, from_known = system(affinities(luminance.astype(dtype), affinity), known)
    values = from_known @ (given - middle).astype(dtype)
    if exact:
        found = linalg.splu(matrix.tocsc()).solve(values)
    else:
        found, _ = multigrid.solve(matrix, values)
    result[~known] = np.clip(found + middle, given.min(0), given.max(0))
    return result


def affinities(luminance, kind="gaussian"):
    """How much each pixel counts for each of its neighbours in 3x3 windows.

    "gaussian" (eq. 2): exp(-(Y_r - Y_s)^2 / (2 sigma_r^2)), 2 sigma_r^2 being 0.6
    of the window's variance, but so much that the nearest in luminance gets 0.01.
    "correlation" (eq. 3): 1 + (Y_r - mu_r)(Y_s - mu_r) / sigma_r^2, but at least
    0.01: below 0 colours would leave the range of the strokes.

    Args:
      luminance: [H, W] float32 or float64, 0..1.

    Returns:
      [8, H, W] of the same dtype, neighbours in the order of OFFSETS; their sum
      is 1, those beyond the border have 0.
    """
    neighbours = _neighbours(luminance, np.nan)
    # From the window's own pixel, so that float32 has digits to spare.
    d = neighbours - luminance
    inside = np.isfinite(d)
    d[~inside] = 0.0
    count = (1 + inside.sum(0)).astype(d.dtype)
    mean = d.sum(0) / count
    variance = (d * d).sum(0) / count - mean * mean
    found = _KINDS[kind](d, inside, mean, np.maximum(variance, 0.0)) * inside
    return found / found.sum(0)


def _gaussian(d, inside, mean, variance):
    square = d * d
    nearest = np.where(inside, square, np.inf).min(0)
    spread = np.maximum(_SPREAD * variance, nearest / -math.log(_NEAREST))
    return np.exp(-square / np.maximum(spread, _VARIANCE))


def _correlation(d, inside, mean, variance):
    found = 1.0 - mean * (d - mean) / np.maximum(variance, _VARIANCE)
    return np.maximum(found, _LEAST)


_KINDS = {"gaussian": _gaussian, "correlation": _correlation}
AFFINITIES = tuple(_KINDS)


def system(weights, known):
    """The rows of I - W of the free pixels.

    Args:
      weights: [8, H, W] of `affinities`.
      known: bool [H, W], some of it True.

    Returns:
      CSR [free, free] and CSR [free, known]: the first times the free pixels'
      chroma is the second times the known ones', pixels row by row. dtype of
      the weights.
    """
    free = ~known
    counts = np.count_nonzero(free), np.count_nonzero(known)
    values = np.stack([plane[free] for plane in weights], -1)
    own = np.arange(counts[0], dtype=np.int32)[:, None]
    return (
        _csr(
            np.concatenate([np.ones_like(own, values.dtype), -values], 1),
            np.concatenate([own, _neighbour_numbers(free, free)], 1),
            counts[0],
        ),
        _csr(values, _neighbour_numbers(known, free), counts[1]),
    )


def _neighbour_numbers(of, free):
    """The numbers, among the pixels `of`, of the neighbours of each free pixel,
    [free, 8] int32; -1 for a neighbour that is none of them."""
    numbers = np.where(of, np.cumsum(of, dtype=np.int32).reshape(of.shape), 0) - 1
    return np.stack([plane[free] for plane in _neighbours(numbers, -1)], -1)


def _neighbours(plane, outside):
    """[8, H, W]: at each pixel its neighbours, in the order of OFFSETS."""
    height, width = plane.shape
    padded = np.pad(plane, 1, constant_values=outside)
    return np.stack(
        [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in OFFSETS]
    )


def _csr(values, columns, width):
    """CSR [n, width] of the entries [n, K] whose column is not negative."""
    kept = columns >= 0
    pointers = np.concatenate([[0], np.cumsum(kept.sum(1))]).astype(np.int32)
    return sparse.csr_matrix(
        (values[kept], columns[kept], pointers), (len(values), width)
    )
