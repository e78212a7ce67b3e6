"""Networks in fewer bits, as graphs: weights of 8 bits, or convolutions in bfloat16.

Both keep kernels of few numbers in float32. Those are the first layers and the
depthwise ones: they hold one percent of the numbers and make most of the error.

int8: a scale for each output channel (Krishnamoorthi 2018, "Quantizing deep
convolutional networks for efficient inference", section 3.1.3) and each block of its
weights, which are quantized alone: 0.3 of the size, and TensorFlow makes float32 of
them when it first runs the graph, so neither faster nor slower. bfloat16: half the
size, and faster where the processor multiplies such numbers (AVX512_BF16, AMX).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.inference.predictor import Info
from tfcolor.inference.predictor import Predictor
from tfcolor.types import Batch
from tfcolor.types import Tensor

# Numbers of a kernel, at least.
LEAST = 1 << 15

# Weights that share a scale, at most: of fewer the largest is nearer to the others.
BLOCK = 64

# Mean distance in a*, b* from the colors of float32, at most.
LIMIT = 0.5

PHOTOGRAPHS = 8  # that it is the mean of, at most

_CONVOLUTIONS = ("Conv2D", "MatMul")


def reduced(network: Any, kind: str) -> Callable[[Tensor], Batch]:
    """A network of `restore.network_of` in "bfloat16" or "int8": the same function,
    l [N, h, w, 1 or 4] to {"ab": [N, h, w, 2], ...}, both float32."""
    function = network.get_concrete_function()
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        function, lower_control_flow=False
    )
    source = frozen.inputs[0].op.name
    targets = [output.name for output in frozen.outputs]
    graph = _REWRITTEN[kind](frozen.graph.as_graph_def())
    for node in graph.node:  # of constants nothing has to wait for anything
        node.input[:] = [name for name in node.input if not name.startswith("^")]
    _prune(graph, [source, *(output.op.name for output in frozen.outputs)])
    names = sorted(function.structured_outputs)  # the order in which they are flattened

    signature = [tf.TensorSpec(frozen.inputs[0].shape, tf.float32)]

    @tf.function(input_signature=signature, autograph=False)
    def run(l):
        found = tf.graph_util.import_graph_def(graph, {source: l}, targets)
        return dict(zip(names, found, strict=True))

    return run


def difference(network: Any, other: Any, info: Info) -> float:
    """Mean distance in a*, b* of what two networks make of the photographs that ship
    with scikit-image.

    Raises:
      RunError: it is above LIMIT.
    """
    photographs, distances = sources.sample(), []
    for number in range(min(len(photographs), PHOTOGRAPHS)):
        image = photographs.read(number)
        both = [Predictor(each, info).predict_ab([image]) for each in (network, other)]
        distances.append(np.linalg.norm((both[0] - both[1])[0, :2], axis=0).mean())
    found = float(np.mean(distances))
    if not found <= LIMIT:
        raise RunError(
            f"--precision={info['precision']}: {found:.2f} from the colours of "
            f"float32, mean ab; more than {LIMIT} is not exported. Take "
            "--precision=float32"
        )
    return found


def _int8(graph):
    result = tf.compat.v1.GraphDef(library=graph.library, versions=graph.versions)
    for node in graph.node:
        kernel = _kernel(node)
        if kernel is None:
            result.node.append(node)
            continue
        blocks = kernel.reshape(-1, _block(kernel), kernel.shape[-1])
        scale = np.abs(blocks).max(1, keepdims=True) / 127.0
        scale = np.where(scale > 0.0, scale, 1.0).astype(np.float32)
        levels = np.round(blocks / scale).astype(np.int8)
        name = node.name
        _constant(result, f"{name}/int8", levels, tf.int8)
        _constant(result, f"{name}/scale", scale, tf.float32)
        _constant(result, f"{name}/shape", np.array(kernel.shape, np.int32), tf.int32)
        _cast(result, f"{name}/cast", f"{name}/int8", tf.int8, tf.float32)
        product = result.node.add(name=f"{name}/product", op="Mul")
        product.input.extend([f"{name}/cast", f"{name}/scale"])
        product.attr["T"].type = tf.float32.as_datatype_enum
        shaped = result.node.add(name=name, op="Reshape")
        shaped.input.extend([product.name, f"{name}/shape"])
        shaped.attr["T"].type = tf.float32.as_datatype_enum
        shaped.attr["Tshape"].type = tf.int32.as_datatype_enum
    return result


def _block(kernel):
    """How many weights of an output channel share a scale: a divisor of their number,
    all of them where only small ones are below BLOCK."""
    rows = kernel.size // kernel.shape[-1]
    found = max(n for n in range(1, BLOCK + 1) if rows % n == 0)
    return found if 4 * found >= BLOCK else rows


def _bfloat16(graph):
    result = tf.compat.v1.GraphDef(library=graph.library, versions=graph.versions)
    by_name = {node.name: node for node in graph.node}
    for node in graph.node:
        kernel = None
        if node.op in _CONVOLUTIONS:
            kernel = _kernel(_origin(node.input[1], by_name))
        if kernel is None:
            result.node.append(node)
            continue
        name = node.name
        _constant(result, f"{name}/kernel", kernel, tf.bfloat16)
        _cast(result, f"{name}/input", node.input[0], tf.float32, tf.bfloat16)
        inner = result.node.add()
        inner.CopyFrom(node)
        inner.name = f"{name}/bfloat16"
        inner.attr["T"].type = tf.bfloat16.as_datatype_enum
        inner.input[:2] = [f"{name}/input", f"{name}/kernel"]
        _cast(result, name, inner.name, tf.bfloat16, tf.float32)
    return result


_REWRITTEN = {"int8": _int8, "bfloat16": _bfloat16}
KINDS = ("float32", *_REWRITTEN)


def _kernel(node):
    """The value of a node if it is a kernel of many numbers, else None."""
    if node.op != "Const" or node.attr["dtype"].type != tf.float32.as_datatype_enum:
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return value if value.ndim > 1 and value.size >= LEAST else None


def _origin(name, by_name):
    node = by_name[name.partition(":")[0]]
    while node.op == "Identity":
        node = by_name[node.input[0].partition(":")[0]]
    return node


def _prune(graph, names):
    """Leave the nodes of these names and what they are made of."""
    by_name = {node.name: node for node in graph.node}
    left, needed = list(names), set()
    while left:
        name = left.pop().partition(":")[0]
        if name not in needed:
            needed.add(name)
            left += by_name[name].input
    kept = [node for node in graph.node if node.name in needed]
    del graph.node[:]
    graph.node.extend(kept)


def _constant(graph, name, value, dtype):
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype))


def _cast(graph, name, source, before, after):
    node = graph.node.add(name=name, op="Cast")
    node.input.append(source)
    node.attr["SrcT"].type = before.as_datatype_enum
    node.attr["DstT"].type = after.as_datatype_enum
