"""The network of Zhang et al. 2016."""

import numpy as np
import pytest
import tensorflow as tf
from harness import convolution_size
from harness import trainable_size
from toys import small

from tfcolor.networks.colorful import COLORFUL
from tfcolor.registry import GENERATORS


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "channels"), [("bins", 313), ("ab", 2)])
def test_colorful_has_the_published_layers(kind, channels):
    """All convolutions with bias, a norm of 2 C weights after each block but the
    last; 32.2 million in all (Table 1 of DDColor gives 32.2 for the classifier).
    """
    expected, seen = 0, 1
    for factor, count, _, _ in COLORFUL:
        for _ in range(count):
            expected += convolution_size(seen, 64 * factor, 3, norm=False)
            seen = 64 * factor
        expected += 2 * seen
    for inputs, outputs, kernel in (
        (512, 256, 4),
        (256, 256, 3),
        (256, 256, 3),
        (256, channels, 1),
    ):
        expected += convolution_size(inputs, outputs, kernel, norm=False)
    network = GENERATORS["colorful"].load()(width=64, head=kind)
    network.build((None, 64, 64, 1))
    assert trainable_size(network) == expected
    assert round(expected / 1e6, 1) == 32.2


def test_colorful_sees_as_far_as_its_dilation_lets_it():
    """The gradient of one colour on the input, from the layers' arithmetic."""
    network = small("colorful", width=2, norm="none")
    x = tf.random.stateless_uniform([1, 448, 448, 1], seed=[0, 1], minval=-1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        _, raw = network(x, with_logits=True)
        middle = tf.reduce_sum(raw[0, 56, 56])
    rows = np.flatnonzero(np.abs(tape.gradient(middle, x)[0, :, :, 0]).max(1))
    reach, step = 1, 1
    for _, count, stride, dilation in COLORFUL:
        for i in range(count):
            reach += 2 * dilation * step
            step *= stride if i == count - 1 else 1
    reach += step  # the transposed convolution: two pixels of its input
    reach += 2 * 2 * step // 2  # two convolutions on the map it makes
    # A dead ReLU on the rim may hide the last pixels.
    assert reach - 24 <= rows[-1] - rows[0] + 1 <= reach + step
