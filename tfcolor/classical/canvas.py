"""A picture on which colors are spread again and again, as strokes come and go."""

from __future__ import annotations

import concurrent.futures

import numpy as np

from tfcolor.classical import affinity
from tfcolor.classical import multigrid
from tfcolor.classical import stencils

# Numbers of a band of rows whose affinities are found at a time.
_BAND = 1 << 18

# Pixels up to which the planes are solved for at the same time.
_TOGETHER = 2_000_000


class Canvas:
    """The system of a picture, and the last solution, from which the next one starts.

    Args:
      luminance: [H, W] float, 0..1.
      kind: of affinity.AFFINITIES.

    Attributes:
      weights: [8, 2, 2, h, w] float32, as of `stencils.Stencil`.
      last: float32 [H, W, K], of the last `spread`; None: none was.
      iterations: of its planes.
    """

    def __init__(self, luminance: np.ndarray, kind: str = "gaussian") -> None:
        self.shape = luminance.shape
        self.weights = _weights(luminance, kind)
        shares = multigrid.stationary(self.weights, *self.shape)
        for weights in self.weights:
            weights *= shares
        self.last: np.ndarray | None = None
        self.iterations: list[int] = []

    def spread(self, chroma: np.ndarray, known: np.ndarray) -> np.ndarray:
        """The chroma of every pixel from that of some.

        Args:
          chroma: [H, W, K] float; used where it is known.
          known: bool [H, W], some of it True, but not all.

        Returns:
          float32 [H, W, K], which is `last` too.

        Raises:
          RunError: the tolerance of `multigrid.solve` is not reached.
        """
        system = stencils.Stencil(self.weights, known=stencils.split(known))
        grids = multigrid.hierarchy(system)
        result = np.empty(chroma.shape, np.float32)
        last = self.last if self._fits(chroma) else None

        def solve(k):
            # So that strokes of one color give that color to the last digit.
            middle = chroma[..., k][known].mean(dtype=np.float64)
            x = system.unknowns(np.float64)
            start = 0.0 if last is None else last[..., k] - middle
            plane = np.where(known, chroma[..., k] - middle, start)
            stencils.put(plane, x, border=1)
            del plane, start
            count = multigrid.solve(grids, x)
            result[..., k] = stencils.merge(x, *self.shape) + middle
            return count

        workers = chroma.shape[-1] if known.size <= _TOGETHER else 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            self.iterations = list(pool.map(solve, range(chroma.shape[-1])))
        self.last = result
        return result

    def _fits(self, chroma):
        return self.last is not None and self.last.shape == chroma.shape


def _weights(luminance, kind):
    """The affinities of a picture in quarters, found a band of rows at a time."""
    height, width = luminance.shape
    shape = len(affinity.OFFSETS), 2, 2, -(-height // 2), -(-width // 2)
    result = np.zeros(shape, np.float32)
    count = 2 * max(1, _BAND // (2 * width))
    for row in range(0, height, count):
        first, last = max(0, row - 1), min(height, row + count + 1)
        band = affinity.affinities(luminance[first:last].astype(np.float32), kind)
        for plane, quarters in zip(band, result, strict=True):
            part = plane[row - first :][: min(count, height - row)]
            stencils.put(part, quarters, row=row)
    return result
