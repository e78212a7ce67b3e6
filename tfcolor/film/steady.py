"""Colors that hold still while a film moves.

A network that colors each frame alone flickers. Here each frame's a* and b* are
averaged with those of the frames before, along the motion: dense optical flow on the
small lightness (DIS, Kroeger et al. 2016, as OpenCV has it) tells where each pixel was,
and the result of the frame before is carried from there. It counts as far as the
lightness carried along agrees with the frame's own. This is a running mean over the
frames in which a point has been in sight, forgetting as an exponential mean does once
their count has reached a limit.

Nothing is carried over a cut.
"""

import dataclasses
from typing import Any

import cv2
import numpy as np

# How much of the mean the past is, at most; the same as a mean over 1 / (1 - STRENGTH)
# frames.
STRENGTH = 0.9

# Two frames belong to one shot if the lightness of the one, carried along the motion,
# has at least this correlation with the other's. Correlation does not see brightness
# and contrast, which flicker in old film; motion is taken out before. See
# benchmarks/film.py, which prints it: at least 0.94 within shots, at most 0.41 over
# cuts.
SAME_SHOT = 0.7

# A frame whose lightness varies by less (standard deviation, L*) shows nothing, and
# nothing is carried into or out of it.
_EMPTY = 0.25

# Difference of lightness, in L*, of the mean of AREA x AREA pixels that makes a point
# count exp(-1/2) as much.
_AGREEMENT = 4.0
_AREA = 5

# DIS cannot look at sides that are shorter than its patches at two scales.
_SMALLEST = 16


@dataclasses.dataclass
class Motion:
    """Where the points of a frame were in the frame before.

    Attributes:
      x, y: float32 [h, w], pixels.
      agreement: float32 [h, w], 0..1: how far the lightness agrees; 0 where the point
        was out of sight.
    """

    x: np.ndarray
    y: np.ndarray
    agreement: np.ndarray


class Steady:
    """The filter of one film.

    Args:
      strength: 0, which changes nothing, up to less than 1: how much of the mean the
        past is, at most.

    Attributes:
      before: None, or the lightness of the last frame that was followed.
      past: None, or ab and count by name, the mean after the last frame and over how
        many frames it is.
    """

    def __init__(self, strength: float = STRENGTH) -> None:
        self.limit = strength / (1.0 - strength)
        self.before: np.ndarray | None = None
        self.past: dict[str, np.ndarray] | None = None

    def __call__(self, lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
        """The next frame's colors, steadied: `average` of what `follow` gives.

        Args:
          lightness: float32 [h, w], L* 0..100.
          ab: float32 [2, h, w], a* and b* predicted for it.
        """
        return self.average(ab, self.follow(lightness))

    def follow(self, lightness: np.ndarray) -> Motion | None:
        """The motion to the next frame.

        Args:
          lightness: float32 [h, w], L* 0..100.

        Returns:
          None at the first frame of a shot.
        """
        before, self.before = self.before, lightness
        if before is None:
            return None
        x, y, moved, inside = followed(lightness, before)
        if not same_shot(lightness, moved, inside):
            return None
        return Motion(x, y, agreement(lightness, moved, inside))

    def average(self, ab: np.ndarray, motion: Motion | None) -> np.ndarray:
        """The next frame's colors, steadied.

        Args:
          ab: float32 [2, h, w], a* and b* predicted for it.
          motion: to it; None: the mean begins anew.

        Returns:
          float32 [2, h, w]; `ab` itself where the mean begins.
        """
        if not self.limit:
            return ab
        count = np.ones(ab.shape[1:], np.float32)
        if self.past is not None and motion is not None:
            planes = np.stack([self.past["count"], *self.past["ab"]], -1)
            moved = _moved(planes, motion.x, motion.y)
            past = np.ascontiguousarray(np.moveaxis(moved[..., 1:], -1, 0))
            count += motion.agreement * np.minimum(moved[..., 0], self.limit)
            ab = past + (ab - past) / count
        self.past = {"ab": ab, "count": count}
        return ab


def followed(lightness: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, ...]:
    """A frame's lightness, carried along the motion to the next frame.

    Args:
      lightness, before: [h, w], L*, of the next frame and of the frame.

    Returns:
      x, y, float32 [h, w]: where each point was; `before` as it is carried; and
      bool [h, w]: the point was in sight.
    """
    x, y = places(flow(lightness, before))
    height, width = lightness.shape
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return x, y, _moved(before, x, y), inside


def _moved(planes, x, y):
    edge = cv2.BORDER_REPLICATE
    return cv2.remap(planes, x, y, cv2.INTER_LINEAR, borderMode=edge)


def flow(lightness: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where each point of a frame was in the frame before.

    Args:
      lightness, before: float32 [h, w], L* 0..100.

    Returns:
      float32 [h, w, 2], to be added to (x, y), in pixels.
    """
    if min(lightness.shape) < _SMALLEST:
        return np.zeros((*lightness.shape, 2), np.float32)
    images = [_stretched(x) for x in (lightness, before)]
    finder: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return finder.calc(*images, None)


def _stretched(lightness):
    """In 8 bits, of even brightness and contrast, which may flicker or fade."""
    scale = 50.0 / max(lightness.std(), 2.0)
    levels = (lightness - lightness.mean()) * scale + 127.5
    return np.clip(levels, 0, 255).astype(np.uint8)


def places(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The x and y, float32 [h, w] each, to which a flow [h, w, 2] leads."""
    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x, y


def same_shot(lightness: np.ndarray, before: np.ndarray, inside: np.ndarray) -> bool:
    """Whether two frames belong to one shot.

    Args:
      lightness, before: [h, w], L*; the latter carried along the motion.
      inside: bool [h, w], where it counts.
    """
    return correlation(lightness, before, inside) >= SAME_SHOT


def correlation(lightness: np.ndarray, before: np.ndarray, inside: np.ndarray) -> float:
    """Pearson's correlation, -1..1, of two frames [h, w] where `inside`, bool [h, w];
    0 if one of them shows nothing."""
    x, y = lightness[inside], before[inside]
    if not x.size or min(x.std(), y.std()) < _EMPTY:
        return 0.0
    return float(np.mean((x - x.mean()) * (y - y.mean())) / (x.std() * y.std()))


def agreement(
    lightness: np.ndarray, before: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """How far two frames agree, 0..1 float32 [h, w]; arguments as of `same_shot`.

    Brightness and contrast may flicker or fade: `before` is given those of the frame.
    The mean over a few pixels keeps noise and grain from counting.
    """
    if not inside.any():
        return np.zeros(lightness.shape, np.float32)
    x, y = before[inside], lightness[inside]
    gain = np.dot(x - x.mean(), y - y.mean()) / max(x.size * x.var(), 1e-6)
    difference = lightness - gain * before
    difference -= np.median(difference[inside])
    difference = cv2.blur(difference, (_AREA, _AREA))
    agree = np.exp(-0.5 * (difference / _AGREEMENT) ** 2)
    return np.where(inside, agree, 0.0).astype(np.float32)
