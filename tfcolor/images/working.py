"""A picture at the size that a network looks at it: its lightness, reduced as in
training. Importing this needs no TensorFlow; `graph` does the same on tensors.
"""

import numpy as np

from tfcolor.color import arrays
from tfcolor.images import axes
from tfcolor.types import Size

# A picture's longer side at the network, over the working size, at most.
LONGEST = 4

# Rows at the network that are made at a time.
_ROWS = 16


def working_shape(height: int, width: int, working_size: int) -> Size:
    """(height, width) at the network: the aspect ratio kept, the shorter side
    `working_size`, or less where the longer would pass LONGEST of it."""
    sides, size = np.array([height, width], np.float32), np.float32(working_size)
    scale = min(size / sides.min(), np.float32(LONGEST) * size / sides.max())
    found = np.maximum(np.round(sides * scale).astype(int), 1)
    return int(found[0]), int(found[1])


def reduced_lightness(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """L* [h, w] of a picture at a smaller size, or a larger one, as networks
    are shown it in training."""
    full_height, full_width = image.shape[:2]
    factor = axes.reduction((full_height, full_width), (height, width))
    levels = np.empty((height, full_width * image[0, 0].size), np.float32)
    down = axes.blocks(full_height, height, "linear", factor, _ROWS)
    for rows, span, matrix in down:
        band = image[span].reshape(-1, levels.shape[1])
        np.matmul(matrix, band.astype(np.float32), out=levels[rows])
    across = axes.blocks(full_width, width, "linear", factor)
    lines = np.moveaxis(levels.reshape(height, full_width, -1), -1, 0)
    small = axes.columns(np.ascontiguousarray(lines), across) / np.float32(255.0)
    small = np.broadcast_to(small, (3, height, width))  # also of a grey picture
    return arrays.lightness(np.moveaxis(small, 0, -1))
