"""What presets make of one picture, kept so that later versions can be held to it.

  python tests/golden_presets.py NAME...

writes tests/golden/presets/NAME.npz: an input, its colours, and the sha256 of the
weights. Make it once, when the weights are new.
"""

import pathlib
import sys

import numpy as np
from PIL import Image
from skimage import data

import tfcolor
from tfcolor import presets

FOLDER = pathlib.Path(__file__).resolve().parent / "golden"
PAIRS = FOLDER / "presets"
WEIGHTS = FOLDER / "weights"  # of presets that do not ship
SIZE = (144, 96)  # width, height


def make(name):
    """Write the pair of a preset; returns its path."""
    image = np.asarray(Image.fromarray(data.coffee()).resize(SIZE))
    path = PAIRS / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        image=image,
        colored=tfcolor.load(name)(image),
        sha256=presets.card(name)["sha256"],
    )
    return path


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(make(argument))
