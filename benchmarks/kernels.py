"""The convolutions and matrix products of a traced step, one by one."""

import collections
import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

IN_A_ROW = 4  # copies of a kernel in its graph
KINDS = {
    "Conv2D": "convolution",
    "Conv2DBackpropInput": "convolution, by data",
    "Conv2DBackpropFilter": "convolution, by weights",
    "DepthwiseConv2dNative": "depthwise",
    "DepthwiseConv2dNativeBackpropInput": "depthwise, by data",
    "DepthwiseConv2dNativeBackpropFilter": "depthwise, by weights",
    "MatMul": "product",
    "BatchMatMulV2": "product",
}
# Their input of sizes, which is no tensor of numbers.
SIZES = {
    "Conv2DBackpropInput": 0,
    "Conv2DBackpropFilter": 1,
    "DepthwiseConv2dNativeBackpropInput": 0,
    "DepthwiseConv2dNativeBackpropFilter": 1,
}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kind of node of a graph: its name in `tf.raw_ops`, the shapes and type of
    its tensors, and its attributes as sorted pairs."""

    type: str
    inputs: tuple
    output: tuple
    dtype: str
    settings: tuple

    def run(self, tensors):
        """The result for `tensors`, one for each of `inputs`."""
        given = list(tensors)
        if self.type in SIZES:
            given.insert(SIZES[self.type], tf.constant(self.output, tf.int32))
        names = [arg.name for arg in op_def_registry.get(self.type).input_arg]
        op = getattr(tf.raw_ops, self.type)
        return op(**dict(zip(names, given, strict=True)), **dict(self.settings))

    def tensors(self, seed):
        """Numbers of the shapes of `inputs`."""
        rng = np.random.default_rng(seed)
        return [
            tf.cast(tf.constant(rng.standard_normal(shape), tf.float32), self.dtype)
            for shape in self.inputs
        ]

    def function(self):
        """() -> numbers; runs it IN_A_ROW times, each with other numbers, since
        TensorFlow computes what is equal once."""
        rows = [self.tensors(seed) for seed in range(IN_A_ROW)]

        @tf.function(autograph=False)
        def all_of(rows):
            found = []
            for tensors in rows:
                with tf.control_dependencies(found[-1:]):
                    found.append(self.run(tensors))
            return [tf.reshape(each, [-1])[0] for each in found]

        return lambda: all_of(rows)

    def __str__(self):
        shapes = " ".join("x".join(map(str, shape)) for shape in self.inputs)
        strides = dict(self.settings).get("strides", [1, 1])[1]
        return f"{KINDS[self.type]:24s} {shapes} / {strides}"


def of(graph):
    """{Kernel: how often it is in a traced step}, without what a tape has traced
    and nothing takes, which TensorFlow does not run.

    Raises:
      ValueError: the graph calls others, whose nodes are not seen here.
    """
    found = collections.Counter()
    for node in _taken(graph):
        if "Call" in node.type or node.type in ("While", "StatelessWhile"):
            raise ValueError(f"{node.name}: a {node.type} in the step")
        if node.type in KINDS:
            found[_kernel(node)] += 1
    return found


def _taken(graph):
    """The nodes that the results and the variables' new values follow from."""
    found, left = {}, [x.op for x in graph.outputs] + list(graph.control_outputs)
    while left:
        node = left.pop()
        if node.name not in found:
            found[node.name] = node
            left += [x.op for x in node.inputs] + list(node.control_inputs)
    return list(found.values())


def _kernel(node):
    inputs = list(node.inputs)
    if node.type in SIZES:
        inputs.pop(SIZES[node.type])
    names = {attr.name for attr in op_def_registry.get(node.type).attr} - {"T"}
    settings = tuple(
        (name, _hashable(node.get_attr(name)))
        for name in sorted(names)
        if not name.startswith("grad_")
    )
    return Kernel(
        node.type,
        tuple(tuple(tensor.shape.as_list()) for tensor in inputs),
        tuple(node.outputs[0].shape.as_list()),
        inputs[0].dtype.name,
        settings,
    )


def _hashable(value):
    if isinstance(value, list):
        return tuple(value)
    return value.decode() if isinstance(value, bytes) else value
