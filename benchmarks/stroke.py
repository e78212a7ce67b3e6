#!/usr/bin/env python3
"""Seconds from a stroke to the new preview, without the browser.

python benchmarks/stroke.py [MODEL ...]

For each model a picture of 640 x 480 pixels, at working size 128: strokes are painted
one after the other; the first is left out. Prints the median and the longest of wall
and of CPU seconds.
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
from PIL import Image
from skimage import data

import tfcolor
from tfcolor import presets
from tfcolor.demo.coloring import Settings
from tfcolor.demo.limits import Limits
from tfcolor.demo.visits import Visit

STROKES = 12


def measure(predictor, folder):
    """[(wall, CPU) seconds of each stroke after the first]."""
    visit = Visit(folder, Limits())
    picture = Image.fromarray(data.coffee()).resize((640, 480))
    picture.save(folder / "picture.png")
    visit.take([folder / "picture.png"])
    rng = np.random.default_rng(0)
    layer = np.zeros((480, 640, 4), np.uint8)
    found = []
    for number in range(STROKES + 1):
        top, left = 40 + 30 * number, 100 + 30 * number
        layer[top : top + 12, left : left + 60] = (*rng.integers(60, 200, 3), 255)
        began = time.monotonic(), time.process_time()
        visit.paint([layer.copy()])
        visit.shown(predictor, Settings(1.0, 128))
        ended = time.monotonic(), time.process_time()
        if number:
            found.append(np.subtract(ended, began))
    return np.array(found)


def main():
    """Measure the models named, or those that ship."""
    for model in sys.argv[1:] or presets.names():
        predictor = tfcolor.load(model)
        way = "hints" if predictor.info.get("hints") else "Levin"
        with tempfile.TemporaryDirectory() as folder:
            seconds = measure(predictor, pathlib.Path(folder))
        for name, each in zip(("wall", "CPU"), seconds.T, strict=True):
            said = f"median {np.median(each):.3f} s, longest {each.max():.3f} s"
            print(f"{model} ({way}): {name} {said}")


if __name__ == "__main__":
    main()
