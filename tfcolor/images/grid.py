"""Sample pictures: rows of input, prediction and truth."""

import io
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from tfcolor import atomic
from tfcolor.color import gamut
from tfcolor.types import Path
from tfcolor.types import Tensor

GAP = 2  # pixels between the pictures


def of_rows(rows: Sequence[tuple[Tensor, Tensor]]) -> np.ndarray:
    """uint8 [h, w, 3] of rows of pictures.

    Args:
      rows: list of (l [N, S, S, 1], ab [N, S, S, 2]), normalized.
    """
    l, ab = (tf.stack(planes) for planes in zip(*rows, strict=True))
    rgb = gamut.picture(l, ab).numpy()
    framed = np.pad(
        rgb, [(0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)], constant_values=255
    )
    count, height, width = framed.shape[1:4]
    picture = framed.transpose(0, 2, 1, 3, 4)
    picture = picture.reshape(len(rows) * height, count * width, 3)
    return picture[:-GAP, :-GAP]


def write_png(path: Path, picture: np.ndarray) -> None:
    """A uint8 [h, w, 3] picture, enlarged where it is small, to a PNG file."""
    image = Image.fromarray(picture)
    factor = max(1, round(600 / min(image.size)))
    if factor > 1:
        size = image.width * factor, image.height * factor
        image = image.resize(size, Image.Resampling.NEAREST)
    data = io.BytesIO()
    image.save(data, "PNG")
    atomic.write(path, data.getvalue())
