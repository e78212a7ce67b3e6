"""Crops: pure functions of an image and of given random numbers.

Nothing here changes a hue. A box is (top, left, height, width) in whole pixels,
a size (height, width).
"""

import math

import numpy as np

from tfcolor.images.decode import cut
from tfcolor.types import Box
from tfcolor.types import Size

# Crops are up to this much wider or higher than the square they end as.
LARGEST_ASPECT = 4.0 / 3.0

# Windows that "smart" chooses from, the random numbers that one takes, and all
# that an example takes: the last is for the flip.
CANDIDATES = 4
BOX_NUMBERS = 4
NUMBERS = CANDIDATES * BOX_NUMBERS + 1


# A picture more than this many times as long as it is wide loses most of itself
# in any one square.
EXTREME_ASPECT = 2.0


def is_extreme(size: Size) -> bool:
    """Whether an image is a panorama or a strip: its aspect above 2 or below
    1/2."""
    return max(size) > EXTREME_ASPECT * min(size)


def center_box(size: Size) -> Box:
    """The largest square in the middle of an image."""
    side = min(size)
    return (size[0] - side) // 2, (size[1] - side) // 2, side, side


def random_box(size: Size, numbers: np.ndarray, smallest_area: float) -> Box:
    """A window with a random share of the area, an aspect of 3/4 to 4/3 and a
    random place (Szegedy et al. 2015), shrunk to fit where needed.

    Args:
      numbers: four uniform in [0, 1): of area, aspect, top and left.
      smallest_area: least share, relative to the largest square; the largest
        is 1.
    """
    area, aspect, top, left = (float(number) for number in numbers)
    side = min(size) * math.sqrt(smallest_area + (1.0 - smallest_area) * area)
    stretch = LARGEST_ASPECT ** (aspect - 0.5)
    height = max(1, min(round(side * stretch), size[0]))
    width = max(1, min(round(side / stretch), size[1]))
    top, left = int(top * (size[0] - height + 1)), int(left * (size[1] - width + 1))
    return top, left, height, width


def smart_box(image: np.ndarray, numbers: np.ndarray, smallest_area: float) -> Box:
    """Of several random windows the one whose colors vary most: a window of
    bare sky or paper teaches little.

    Args:
      image: [H, W, 3] uint8 array.
      numbers: [CANDIDATES * BOX_NUMBERS] uniform in [0, 1).
    """
    rows = numbers.reshape(CANDIDATES, BOX_NUMBERS)
    boxes = [random_box(image.shape[:2], row, smallest_area) for row in rows]
    return max(boxes, key=lambda box: _variation(cut(image, box)))


def _variation(window):
    """Sum of the channels' variances over a grid of about 16x16 pixels."""
    rows, columns = (max(1, size // 16) for size in window.shape[:2])
    return window[::rows, ::columns].reshape(-1, 3).var(0).sum()
