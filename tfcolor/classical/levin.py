"""Color spread from strokes: Levin, Lischinski and Weiss 2004, "Colorization
using optimization".

A pixel without a stroke has the weighted mean of its neighbors' chroma, weighted
by how alike their luminance is: U(r) = sum over s of w_rs U(s). That is one linear
system, whose only solution is solved for; it brings the paper's energy J, summed
over the pixels without a stroke, to 0, its least value. (Summed over those with
one too, as the paper's eq. 1 is written, J has another minimum, which bends the
colors near strokes; the authors' own program solves the system.)
"""

import logging
import math
from typing import Any

import numpy as np
from PIL import Image
from scipy import sparse
from scipy.sparse import linalg
from skimage import color

from tfcolor.classical import multigrid
from tfcolor.classical import strokes
from tfcolor.errors import RunError
from tfcolor.types import Size

log = logging.getLogger("tfcolor")

# Pixels of a picture, at most, that are solved for: about 4 GB.
LARGEST = 8_000_000

# Free pixels up to which the system is solved directly; up to which it is where
# multigrid fails, with memory of about 4 GB a megapixel.
EXACT = 20_000
LARGEST_EXACT = 1_500_000

# Of the Gaussian: its variance over that of the window; the affinity that the
# most similar neighbor has at least; the least variance (luminance in 0..1).
_SPREAD = 0.6
_NEAREST = 0.01
_VARIANCE = 2e-6

# Of the correlation, which may be negative: the least affinity.
_LEAST = 0.01

OFFSETS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)


def colorize(
    image: np.ndarray,
    hints: np.ndarray,
    alpha: np.ndarray | None = None,
    **settings: Any,
) -> np.ndarray:
    """A picture in the colors of the strokes on it.

    Args:
      image: uint8 [H, W] or [H, W, 3], whose lightness is kept.
      hints: uint8 [H, W, 3], the same with strokes in color; or, with `alpha`,
        strokes on a ground where that is below 128.
      alpha: uint8 [H, W], or None.
      settings: affinity, chroma and working_size as in `planes`.

    Returns:
      uint8 [H, W, 3].

    Raises:
      UsageError: hints of another size, or without a stroke in color.
    """
    from tfcolor.images import compose

    return compose.join(image, planes(image, hints, alpha, **settings))


def planes(
    image: np.ndarray,
    hints: np.ndarray,
    alpha: np.ndarray | None = None,
    affinity: str = "gaussian",
    chroma: str = "lab",
    working_size: int | None = None,
) -> np.ndarray:
    """The colors of `colorize`.

    Args:
      affinity: of AFFINITIES.
      chroma: of CHROMAS: what is spread is a* and b*, by L*; or U and V, by Y.
      working_size: pixels of the shorter side at which it is solved; None: that
        of the picture, or less where it has more than LARGEST pixels.

    Returns:
      float32 [2, h, w]: a* and b*, CIE units.
    """
    known = strokes.known(image, hints, alpha)
    forth, back, scale = _CONVERSIONS[chroma]
    luminance = strokes.converted(image, forth)[..., 0] / scale
    given = np.zeros((*known.shape, 2), np.float32)
    given[known] = forth(strokes.as_rgb(hints)[known])[..., 1:]
    height, width = known.shape
    shape = working_shape(height, width, working_size)
    if shape != known.shape:
        luminance, given, known = reduced(luminance, given, known, shape)
    result = spread(luminance, given, known, affinity)
    if back:
        whole = np.concatenate([luminance[..., None] * scale, result], -1)
        result = strokes.converted(whole, back)[..., 1:]
    return np.ascontiguousarray(np.moveaxis(result, -1, 0))


def working_shape(height: int, width: int, working_size: int | None = None) -> Size:
    """(height, width) at which a picture is solved, never more than its own."""
    scale = min(1.0, math.sqrt(LARGEST / (height * width)))
    if working_size:
        scale = min(1.0, working_size / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def reduced(
    luminance: np.ndarray, chroma: np.ndarray, known: np.ndarray, shape: Size
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smaller picture: the means of its luminance and of its known chroma.

    Arguments as of `spread`; `shape` is the smaller (height, width).

    Returns:
      Luminance [h, w] and chroma [h, w, K], float32, and known, bool [h, w].
    """
    small = Image.fromarray(luminance).resize(shape[::-1], Image.Resampling.BOX)
    y, x = np.nonzero(known)
    cell = y * shape[0] // known.shape[0] * shape[1] + x * shape[1] // known.shape[1]
    size = shape[0] * shape[1]
    count = np.bincount(cell, minlength=size).reshape(shape)
    sums = [np.bincount(cell, c, size).reshape(shape) for c in chroma[y, x].T]
    means = np.stack(sums, -1) / np.maximum(count, 1)[..., None]
    return np.asarray(small), means.astype(np.float32), count > 0


def _lab_of_yuv(yuv):
    return color.rgb2lab(np.clip(color.yuv2rgb(yuv), 0.0, 1.0))


# From RGB, to Lab where it is not that, and the luminance of white.
_CONVERSIONS = {
    "lab": (color.rgb2lab, None, 100.0),
    "yuv": (color.rgb2yuv, _lab_of_yuv, 1.0),
}
CHROMAS = tuple(_CONVERSIONS)


def spread(
    luminance: np.ndarray,
    chroma: np.ndarray,
    known: np.ndarray,
    affinity: str = "gaussian",
    exact: bool | None = None,
) -> np.ndarray:
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

    Raises:
      RunError: multigrid fails on a picture too large to be solved directly.
    """
    if exact is None:
        exact = known.size - np.count_nonzero(known) <= EXACT
    given = chroma[known].astype(np.float64)
    # So that strokes of one color give that color to the last digit.
    middle = given.mean(0)
    result = np.empty(chroma.shape, np.float32)
    result[known] = given
    if known.all():
        return result
    solution = _solved(luminance, given - middle, known, affinity, exact)
    result[~known] = np.clip(solution + middle, given.min(0), given.max(0))
    return result


def _solved(luminance, given, known, affinity, exact):
    dtype = np.float64 if exact else np.float32
    matrix, from_known = system(affinities(luminance.astype(dtype), affinity), known)
    values = from_known @ given.astype(dtype)
    if exact:
        return linalg.splu(matrix.tocsc()).solve(values)
    try:
        return multigrid.solve(matrix, values)[0]
    except RunError as error:
        if len(values) > LARGEST_EXACT:
            raise
        log.warning("%s: solved directly, which takes longer", error)
    return _solved(luminance, given, known, affinity, exact=True)


def affinities(luminance: np.ndarray, kind: str = "gaussian") -> np.ndarray:
    """How much each pixel counts for each of its neighbors in 3x3 windows.

    "gaussian" (eq. 2): exp(-(Y_r - Y_s)^2 / (2 sigma_r^2)), 2 sigma_r^2 being 0.6
    of the window's variance, but so much that the nearest in luminance gets 0.01.
    "correlation" (eq. 3): 1 + (Y_r - mu_r)(Y_s - mu_r) / sigma_r^2, but at least
    0.01: below 0 colors would leave the range of the strokes.

    Args:
      luminance: [H, W] float32 or float64, 0..1.

    Returns:
      [8, H, W] of the same dtype, neighbors in the order of OFFSETS; their sum
      is 1, those beyond the border have 0.
    """
    neighbors = _neighbors(luminance, np.nan)
    # From the window's own pixel, so that float32 has digits to spare.
    d = neighbors - luminance
    inside = np.isfinite(d)
    d[~inside] = 0.0
    count = (1 + inside.sum(0)).astype(d.dtype)
    mean = d.sum(0) / count
    variance = (d * d).sum(0) / count - mean * mean
    weights = _KINDS[kind](d, inside, mean, np.maximum(variance, 0.0)) * inside
    return weights / weights.sum(0)


def _gaussian(d, inside, mean, variance):
    square = d * d
    nearest = np.where(inside, square, np.inf).min(0)
    spread = np.maximum(_SPREAD * variance, nearest / -math.log(_NEAREST))
    return np.exp(-square / np.maximum(spread, _VARIANCE))


def _correlation(d, inside, mean, variance):
    weights = 1.0 - mean * (d - mean) / np.maximum(variance, _VARIANCE)
    return np.maximum(weights, _LEAST)


_KINDS = {"gaussian": _gaussian, "correlation": _correlation}
AFFINITIES = tuple(_KINDS)


def system(
    weights: np.ndarray, known: np.ndarray
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
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
            np.concatenate([own, _neighbor_numbers(free, free)], 1),
            counts[0],
        ),
        _csr(values, _neighbor_numbers(known, free), counts[1]),
    )


def energy(chroma: np.ndarray, weights: np.ndarray, known: np.ndarray) -> float:
    """The paper's J (eq. 1) over the free pixels: the sum of squares of what
    each differs by from the weighted mean of its neighbors.

    Args:
      chroma: [H, W, K]; weights: [8, H, W] of `affinities`; known: bool [H, W].
    """
    total = 0.0
    for plane in np.moveaxis(chroma, -1, 0):
        mean = (weights * _neighbors(plane, 0.0)).sum(0)
        total += float(np.square((plane - mean)[~known], dtype=np.float64).sum())
    return total


def _neighbor_numbers(of, free):
    """The numbers, among the pixels `of`, of the neighbors of each free pixel,
    [free, 8] int32; -1 for a neighbor that is none of them."""
    numbers = np.where(of, np.cumsum(of, dtype=np.int32).reshape(of.shape), 0) - 1
    return np.stack([plane[free] for plane in _neighbors(numbers, -1)], -1)


def _neighbors(plane, outside):
    """[8, H, W]: at each pixel its neighbors, in the order of OFFSETS."""
    height, width = plane.shape
    padded = np.pad(plane, 1, constant_values=outside)
    return np.stack(
        [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in OFFSETS]
    )


def _csr(values, columns, width):
    """CSR [n, width] of the entries [n, K] whose column is not negative."""
    inside = columns >= 0
    pointers = np.concatenate([[0], np.cumsum(inside.sum(1))]).astype(np.int32)
    return sparse.csr_matrix(
        (values[inside], columns[inside], pointers), (len(values), width)
    )
