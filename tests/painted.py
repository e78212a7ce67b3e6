"""Grey pictures and what is painted on them, for tests of the page."""

import numpy as np
from harness import picture

# A color that sRGB has at the lightness of the pictures below.
RED = (176, 80, 72)


def grey_picture(height=48, width=64, seed=0):
    """uint8 [height, width, 3], grey, of a middling lightness."""
    levels = picture(np.random.default_rng(seed), height, width)[..., :1]
    return np.repeat(100 + levels // 4, 3, -1).astype(np.uint8)


def painted(height, width, box, color=RED):
    """A layer uint8 [height, width, 4] with a box of one color."""
    layer = np.zeros((height, width, 4), np.uint8)
    layer[box] = (*color, 255)
    return layer
