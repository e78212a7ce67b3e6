"""The weight network of the robust WGAN."""

import numpy as np
import pytest
import tensorflow as tf
from by_hand import convolve
from harness import check_network
from harness import convolution_size
from harness import trainable_size

from tfcolor.networks.weight_network import WeightNetwork


def test_weight_network_has_the_published_layers():
    network = WeightNetwork()
    network.build((None, 32, 32, 3))
    # Published with a bias in the last layer, which 1 stands for here.
    count = convolution_size(256, 1, norm=False) - 1
    for inputs, outputs in ((3, 64), (64, 128), (128, 256)):
        count += convolution_size(inputs, outputs, kernel=3, norm=False)
    assert trainable_size(network) == count


@pytest.mark.parametrize(
    ("size", "pools"), [((32, 32), 3), ((40, 56), 3), ((16, 20), 2), ((4, 9), 0)]
)
def test_weight_network_is_that_of_the_formula(size, pools, rng):
    network = WeightNetwork(4)
    network.build((None, *size, 3))
    randomise(network, rng)
    x = y = rng.normal(size=(3, *size, 3))
    for i, block in enumerate(network.blocks):
        y = np.maximum(convolve(y, block, 1, 1), 0)
        if i < pools:
            b, h, w, c = y.shape
            y = y[:, : h // 2 * 2, : w // 2 * 2]
            y = y.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))
    score = 1.0 + convolve(y, network.score, 1, 0).mean((1, 2, 3))
    expected = np.maximum(score, 0) + 1e-4
    np.testing.assert_allclose(network(x), expected, rtol=1e-4, atol=1e-4)


def test_weights_start_near_one_and_are_positive(tmp_path):
    network = WeightNetwork(16)
    check_network(network, [4, 32, 48, 3], [4], tmp_path)
    x = tf.random.stateless_uniform([64, 32, 32, 3], [0, 1], -1, 1)
    weights = network(x).numpy()
    assert 0.8 < weights.min() < weights.max() < 1.2
    network.score.kernel.assign(tf.fill(network.score.kernel.shape, -1e4))
    np.testing.assert_array_equal(network(x), np.full(64, 1e-4, np.float32))


def randomise(network, rng):
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
