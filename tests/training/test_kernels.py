"""What benchmarks/limit.py times: the kernels of a traced step."""

import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

import kernels


@pytest.fixture(scope="module")
def traced():
    """Two equal convolutions of stride 2 and their gradients, and a product."""

    @tf.function(autograph=False)
    def step(x, one, two, matrix):
        with tf.GradientTape() as tape:
            tape.watch([x, one, two])
            y = sum(tf.nn.conv2d(x, w, 2, "SAME") for w in (one, two))
        product = tf.matmul(matrix, matrix, False, True)
        return y, tape.gradient(y, [x, one, two]), product

    shapes = ((2, 8, 8, 3), (4, 4, 3, 5), (4, 4, 3, 5), (6, 7))
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return step.get_concrete_function(*specs).graph


def test_every_kernel_is_counted_with_its_shapes(traced):
    found = kernels.of(traced)
    by_type = {kernel.type: (kernel, count) for kernel, count in found.items()}
    assert {name: count for name, (_, count) in by_type.items()} == {
        "Conv2D": 2,
        "Conv2DBackpropInput": 2,
        "Conv2DBackpropFilter": 2,
        "MatMul": 1,
    }
    shapes = {n: (k.inputs, k.output) for n, (k, _) in by_type.items()}
    image, kernel, result = (2, 8, 8, 3), (4, 4, 3, 5), (2, 4, 4, 5)
    assert shapes["Conv2D"] == ((image, kernel), result)
    assert shapes["Conv2DBackpropInput"] == ((kernel, result), image)
    assert shapes["Conv2DBackpropFilter"] == ((image, result), kernel)
    assert shapes["MatMul"] == (((6, 7), (6, 7)), (6, 6))


def test_what_nothing_takes_is_not_counted():
    """The tape traces both gradients, and the step takes one."""

    @tf.function(autograph=False)
    def step(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(x, w, 2, "SAME")
        return tape.gradient(y, w)

    specs = tf.TensorSpec((2, 8, 8, 3)), tf.TensorSpec((4, 4, 3, 5))
    found = kernels.of(step.get_concrete_function(*specs).graph)
    assert [kernel.type for kernel in found] == ["Conv2DBackpropFilter"]


def test_a_kernel_alone_computes_what_it_does_in_the_step(traced):
    for kernel in kernels.of(traced):
        first, second = kernel.tensors(3)
        with tf.GradientTape() as tape:
            if kernel.type == "MatMul":
                wanted = first @ tf.transpose(second)
            elif kernel.type == "Conv2D":
                wanted = tf.nn.conv2d(first, second, 2, "SAME")
            else:
                variable = tf.zeros(kernel.output)
                tape.watch(variable)
                pair = (variable, first)
                if kernel.type == "Conv2DBackpropFilter":
                    pair = (first, variable)
                y = tf.nn.conv2d(*pair, 2, "SAME")
        if "Backprop" in kernel.type:
            wanted = tape.gradient(y, variable, output_gradients=second)
        found = kernel.run((first, second))
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        firsts = kernel.function()()
        assert len(firsts) == kernels.IN_A_ROW
        assert len({float(value) for value in firsts}) == kernels.IN_A_ROW


def test_a_loop_whose_kernels_are_not_seen_is_refused():
    @tf.function(autograph=False)
    def step(x):
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 9.0, lambda y: y @ y, [x])

    graph = step.get_concrete_function(tf.TensorSpec((2, 2))).graph
    with pytest.raises(ValueError, match="While"):
        kernels.of(graph)
