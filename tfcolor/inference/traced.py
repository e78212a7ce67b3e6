"""The graph of weights that ship, for `quick`."""

import json
import pathlib
import zlib
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from tfcolor import atomic
from tfcolor import presets
from tfcolor.config import Config
from tfcolor.inference import restore
from tfcolor.presets import weights
from tfcolor.presets import writing
from tfcolor.types import Network

# Numbers in a constant, at most, that is no weight.
_SMALL = 1000


def write(generator: Network, sha256: str, path: pathlib.Path) -> bool:
    """Write NAME.graph of a generator whose weights the file of that sha256 has.

    Returns:
      False where `quick` does not run such, and no file is left: one with hints or
      another head than "ab", or whose graph has other numbers than its weights.
    """
    path.unlink(missing_ok=True)
    settings = generator.settings
    if settings["hints"] or settings["head"] != "ab":
        return False
    network: Any = restore.network_of(generator.folded())
    function = network.get_concrete_function()
    frozen = convert_to_constants.convert_variables_to_constants_v2(function)
    graph = frozen.graph.as_graph_def()
    numbers = {_key(value): i for i, value in enumerate(generator.get_weights())}
    places = _opened(graph, numbers)
    if places is None:
        return False
    head = {
        "sha256": sha256,
        "multiple": generator.multiple,
        "input": frozen.inputs[0].op.name,
        "output": frozen.outputs[0].op.name,
        "weights": places,
    }
    data = graph.SerializeToString(deterministic=True)
    line = json.dumps(head, sort_keys=True).encode()
    atomic.write(path, zlib.compress(line + b"\n" + data, 9))
    return True


def save(generator: Network, config: Config, *place: Any, **texts: Any) -> pathlib.Path:
    """Write a preset and its graph; arguments, result and errors as of
    `presets.writing.save`."""
    path = writing.save(generator, config, *place, **texts)
    sha256 = json.loads(path.read_text())["sha256"]
    write(generator, sha256, path.with_suffix(".graph"))
    return path


def of_preset(name: str) -> None:
    """Write the graph of weights that ship, if there is such; raises as
    `presets.weights.restore`."""
    generator, info = weights.restore(name)
    write(generator, info["sha256"], presets.FOLDER / f"{name}.graph")


def _key(value):
    return value.dtype.name, value.shape, value.tobytes()


def _opened(graph, numbers):
    """Make placeholders of the constants that are weights: {name: number of the
    weight}; None if another one is large."""
    places = {}
    for node in graph.node:
        if node.op != "Const":
            continue
        value = tf.make_ndarray(node.attr["value"].tensor)
        number = numbers.get(_key(value))
        if number is not None:
            places[node.name] = number
            node.op = "Placeholder"
            del node.attr["value"]
            shape = tf.TensorShape(value.shape).as_proto()
            node.attr["shape"].shape.CopyFrom(shape)
        elif value.size > _SMALL:
            return None
    return places
