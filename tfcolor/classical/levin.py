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

from tfcolor.classical import strokes
from tfcolor.classical.affinity import AFFINITIES as AFFINITIES
from tfcolor.classical.affinity import OFFSETS as OFFSETS
from tfcolor.classical.affinity import affinities
from tfcolor.classical.affinity import neighbors
from tfcolor.classical.canvas import Canvas
from tfcolor.errors import RunError
from tfcolor.types import Size

log = logging.getLogger("tfcolor")

# Pixels of a picture, at most, that are solved for: about 8 GB.
LARGEST = 50_000_000

# Free pixels up to which the system is solved directly; up to which it is where
# multigrid fails, with memory of about 4 GB a megapixel.
EXACT = 20_000
LARGEST_EXACT = 1_500_000


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
    return Painting(image, affinity, chroma, working_size).planes(hints, alpha)


class Painting:
    """A picture on which strokes come and go: what follows from it alone is kept, and
    each solution starts from the last one.

    Args:
      image: uint8 [H, W] or [H, W, 3].
      affinity, chroma, working_size: as in `planes`.
    """

    def __init__(
        self,
        image: np.ndarray,
        affinity: str = "gaussian",
        chroma: str = "lab",
        working_size: int | None = None,
    ) -> None:
        self.image, self.affinity = image, affinity
        self._conversion = _CONVERSIONS[chroma]
        height, width = image.shape[:2]
        self.shape = working_shape(height, width, working_size)
        forth, _, scale = self._conversion
        self._luminance = strokes.converted(image, forth)[..., 0] / scale
        self._canvas: Canvas | None = None

    def planes(self, hints: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
        """`planes` of the picture with these strokes, the same to the tolerance of
        the solver, whatever strokes there were before.

        Raises:
          UsageError: hints of another size, or without a stroke in color.
        """
        known = strokes.known(self.image, hints, alpha)
        forth, back, scale = self._conversion
        luminance, given = self._luminance, np.zeros((*known.shape, 2), np.float32)
        given[known] = forth(strokes.as_rgb(hints)[known])[..., 1:]
        if self.shape != known.shape:
            luminance, given, known = reduced(luminance, given, known, self.shape)
        if self._canvas is None and _free(known) > EXACT:
            self._canvas = Canvas(luminance, self.affinity)
        result = spread(luminance, given, known, self.affinity, canvas=self._canvas)
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
    canvas: Canvas | None = None,
) -> np.ndarray:
    """The chroma of every pixel from that of some.

    Args:
      luminance: [H, W] float, 0..1.
      chroma: [H, W, K] float; used where it is known.
      known: bool [H, W], some of it True.
      affinity: of AFFINITIES.
      exact: solve by sparse LU instead of multigrid; None: if at most EXACT
        pixels are free. Its time and memory grow faster than the picture.
      canvas: of this luminance and affinity, whose last solution multigrid starts
        from; None: it starts from nothing.

    Returns:
      [H, W, K] float32, each value within the range of the known ones.

    Raises:
      RunError: multigrid fails on a picture too large to be solved directly.
    """
    if known.all():
        return chroma.astype(np.float32)
    if exact is None:
        exact = _free(known) <= EXACT
    if exact:
        result = _directly(luminance, chroma, known, affinity)
    else:
        canvas = canvas or Canvas(luminance, affinity)
        result = _iterated(canvas, luminance, chroma, known, affinity)
    given = chroma[known].astype(np.float32)
    np.clip(result, given.min(0), given.max(0), out=result)
    result[known] = given
    return result


def _iterated(canvas, luminance, chroma, known, affinity):
    try:
        return canvas.spread(chroma, known)
    except RunError as error:
        if _free(known) > LARGEST_EXACT:
            raise
        log.warning("%s: solved directly, which takes longer", error)
    return _directly(luminance, chroma, known, affinity)


def _directly(luminance, chroma, known, affinity):
    given = chroma[known].astype(np.float64)
    # So that strokes of one color give that color to the last digit.
    middle = given.mean(0)
    matrix, from_known = system(affinities(luminance.astype(float), affinity), known)
    result = np.empty(chroma.shape, np.float32)
    values = from_known @ (given - middle)
    result[~known] = linalg.splu(matrix.tocsc()).solve(values) + middle
    return result


def _free(known):
    return known.size - np.count_nonzero(known)


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
        mean = (weights * neighbors(plane, 0.0)).sum(0)
        total += float(np.square((plane - mean)[~known], dtype=np.float64).sum())
    return total


def _neighbor_numbers(of, free):
    """The numbers, among the pixels `of`, of the neighbors of each free pixel,
    [free, 8] int32; -1 for a neighbor that is none of them."""
    numbers = np.where(of, np.cumsum(of, dtype=np.int32).reshape(of.shape), 0) - 1
    return np.stack([plane[free] for plane in neighbors(numbers, -1)], -1)


def _csr(values, columns, width):
    """CSR [n, width] of the entries [n, K] whose column is not negative."""
    inside = columns >= 0
    pointers = np.concatenate([[0], np.cumsum(inside.sum(1))]).astype(np.int32)
    return sparse.csr_matrix(
        (values[inside], columns[inside], pointers), (len(values), width)
    )
