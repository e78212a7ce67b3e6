"""Weights that ship, run as a graph that was traced before: without Keras and without
TensorFlow's Python modules, whose import takes longer than coloring a picture.

NAME.graph beside the weights is a line of JSON (the sha256 of the weights that it
belongs to, what a picture's sides must be multiples of, its input and output, and
which weights its placeholders are) and the GraphDef, both compressed.
"""

import json
import pathlib
import zlib

from tfcolor import presets
from tfcolor.inference import session
from tfcolor.inference.predictor import Predictor
from tfcolor.presets import weights

# More pictures than these gain by an optimized graph.
MANY = 30

# A driver of graphics cards, for which TensorFlow itself is worth its import.
_DRIVER = pathlib.Path("/dev/nvidiactl")


def available(model: object) -> bool:
    """Whether `load` can load a model: weights that ship with their graph, where there
    is the C library and no graphics card."""
    name = presets.find(model)
    if name is None or _DRIVER.exists() or session.library() is None:
        return False
    try:
        head, _ = _read(presets.FOLDER / f"{name}.graph")
    except (OSError, ValueError, zlib.error):
        return False
    return head.get("sha256") == presets.card(name)["sha256"]


def load(name: str, optimized: bool = False) -> Predictor:
    """The Predictor of weights that ship, as `restore.load` makes it, and to the bit
    the same unless it is optimized, for many pictures.

    Raises:
      UsageError: their files are damaged. RuntimeError: TensorFlow does not take the
        graph.
    """
    card = presets.card(name)
    head, graph = _read(presets.FOLDER / f"{name}.graph")
    arrays = weights.read(name, card)
    constants = {place: arrays[i] for place, i in head["weights"].items()}
    ends = head["input"], head["output"]
    run = session.Session(graph, constants, *ends, optimized)
    info = weights.info_of(name, card, head["multiple"])
    return Predictor(lambda l: {"ab": run(l)}, info)


def _read(path):
    line, _, graph = zlib.decompress(path.read_bytes()).partition(b"\n")
    return json.loads(line), graph
