"""Hints of a film: from the frames that somebody has marked they are carried along the
motion to the frames after, to the end of the shot."""

import logging

import numpy as np
from scipy import ndimage

from tfcolor.errors import UsageError
from tfcolor.film.marks import Marks
from tfcolor.film.reading import Frame
from tfcolor.film.steady import Motion
from tfcolor.types import Size

log = logging.getLogger("tfcolor")

# What is carried ends so near to a new hint, in pixels of the working size.
NEAR = 4.0

# A point is lost where the agreement of the lightness is less: where it counts less
# than half as much as at its best, a difference of 4.7 L*.
LEAST = 0.5

# Rounds in which the place is found from which a flow leads to a point, and by how
# much, in pixels, it may be missed.
_ROUNDS = 8
_MISSED = 1.0

NONE = np.zeros((0, 4), np.float32)


class Hinter:
    """Gives the frames of a film, one after the other, their hints.

    Args:
      marks: of the film.
      working: (height, width) of the working size, upright.

    Attributes:
      points: float32 [n, 4], what is known in the last frame: y, x in pixels of the
        working size, (a*, b*)/110.
      failed: how many marked frames could not be used; the log names them.
    """

    def __init__(self, marks: Marks, working: Size) -> None:
        self.marks, self.working = marks, working
        self.points = NONE
        self.failed = 0

    def __call__(self, frame: Frame) -> None:
        """Give the next frame its `hints`, `points`, and if it is marked `marked`."""
        self.points = carried(self.points, frame.motion)
        if frame.number in self.marks:
            self._add(frame)
        frame.points = self.points
        if len(self.points):
            frame.hints = drawn(self.points, self.working)

    def end(self, count: int) -> None:
        """The film had so many frames."""
        for number, path in self.marks.paths.items():
            if number >= count:
                log.error("--hints=%s: the film has %d frames", path, count)
                self.failed += 1

    def _add(self, frame):
        try:
            frame.marked = self.marks.hints(frame.number, frame.rgb)
            frame.rgb = None
        except UsageError as error:
            log.error("%s", error)
            self.failed += 1
            return
        self.points = added(self.points, frame.marked.reduced(*self.working))


def carried(points: np.ndarray, motion: Motion | None) -> np.ndarray:
    """Points of a frame as they lie in the next one; without those that have left the
    picture or sight.

    Args:
      points: float32 [n, 4], y, x and what belongs to them.
      motion: to the next frame, which leads back; None: it begins a shot.
    """
    if motion is None or not len(points):
        return NONE
    height, width = motion.x.shape
    flow = motion.y - np.arange(height)[:, None], motion.x - np.arange(width)
    start = points[:, :2].T.astype(np.float64)
    place = start
    for _ in range(_ROUNDS):  # the place whose flow leads to the start
        place = start - _sampled(flow, place)
    missed = np.hypot(*(place + _sampled(flow, place) - start))
    size = np.array([[height], [width]])
    kept = (missed < _MISSED) & np.all((place > -0.5) & (place < size - 0.5), 0)
    y, x = np.rint(place[:, kept]).astype(int)
    kept[kept] = motion.agreement[y, x] >= LEAST
    return np.concatenate([place.T, points[:, 2:]], 1)[kept].astype(np.float32)


def _sampled(flow, place):
    """A flow, [h, w] twice, at places [2, n]; beyond the edge that of the edge."""
    found = [ndimage.map_coordinates(x, place, order=1, mode="nearest") for x in flow]
    return np.stack(found)


def added(points: np.ndarray, hints: np.ndarray) -> np.ndarray:
    """Points [n, 4] and new ones, which replace those that are NEAR.

    Args:
      hints: float32 [h, w, 3]: (a*, b*)/110 and 1 where there is one.
    """
    known = hints[..., 2] > 0
    y, x = np.nonzero(known)
    new = np.stack([y, x, *hints[y, x, :2].T], -1)
    away = ndimage.distance_transform_edt(~known)
    y, x = np.rint(points[:, :2].T).astype(int)
    kept = points[away[y, x] > NEAR]
    return np.concatenate([kept, new]).astype(np.float32)


def drawn(points: np.ndarray, size: Size) -> np.ndarray:
    """Points [n, 4] as networks see them: float32 [h, w, 3], (a*, b*)/110 and 1 in
    each pixel with one, their mean where there are several, elsewhere 0."""
    height, width = size
    y, x = np.rint(points[:, :2].T).astype(int)
    cells, most = y * width + x, height * width
    count = np.bincount(cells, minlength=most)
    sums = [np.bincount(cells, plane, most) for plane in points[:, 2:].T]
    means = [plane / np.maximum(count, 1) for plane in sums]
    found = np.stack([*means, count > 0], -1)
    return found.reshape(height, width, 3).astype(np.float32)
