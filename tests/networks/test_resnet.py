"""A U-Net over a ResNet-50."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.networks.resnet import ResNetUNet

pytestmark = pytest.mark.slow  # its encoder is large at any size


def small(**settings):
    return ResNetUNet(width=4, **{"weights": "none", **settings})


@pytest.fixture(scope="module")
def frozen():
    network = small(attention="sagan", attention_at="8,32")
    network.build((None, 64, 64, 1))
    return network


@pytest.fixture(scope="module")
def trained():
    network = small(frozen=False, attention="sagan", spectral_norm=True)
    network.build((None, 32, 32, 1))
    return network


def test_frozen_encoder_is_not_trained_and_keeps_its_statistics(frozen, trained):
    for network in (frozen, trained):
        encoder = {id(weight) for weight in network.encoder.weights}
        learned = [id(w) for w in network.trainable_weights]
        assert encoder.isdisjoint(learned) == (network is frozen)
        before = [w.numpy() for w in network.encoder.non_trainable_weights]
        x = tf.random.stateless_uniform([2, 64, 64, 1], seed=[0, 1])
        network(x, training=True)
        after = [w.numpy() for w in network.encoder.non_trainable_weights]
        same = all((a == b).all() for a, b in zip(before, after, strict=True))
        assert same == (network is frozen)


def test_encoder_is_resnet50(frozen):
    assert frozen.encoder.count_params() == 23_587_712  # of keras.applications


def test_encoder_weights_come_from_a_file_that_fits(tmp_path):
    path = tmp_path / "resnet.weights.h5"
    network = small(weights=str(path))
    message = f"generator.weights: {path}: no such file"
    with pytest.raises(ValueError, match=message):
        network.load_pretrained()
    other = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    other.save_weights(path)
    network.build((None, 32, 32, 1))
    with pytest.raises(ValueError, match="cannot be loaded into a ResNet50"):
        network.load_pretrained()
    path.write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match="cannot be loaded into a ResNet50"):
        network.load_pretrained()
    keras.utils.set_random_seed(7)
    resnet = keras.applications.ResNet50(include_top=False, weights=None)
    resnet.save_weights(path)
    network.load_pretrained()
    for one, two in zip(resnet.weights, network.encoder.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_attention_sits_where_it_was_asked_for(frozen):
    places = [i for i, layer in enumerate(frozen.attention) if layer is not None]
    assert places == [1, 3]  # of maps of 4, 8, 16, 32 and 64
    network = small(attention="simple", attention_at="24")
    with pytest.raises(ValueError, match="attention_at: 24 is not one of 4, 8, 16, 32"):
        network.build((None, 64, 64, 1))


def test_spectral_norm_is_of_the_attention_too(frozen, trained):
    """As of a discriminator's: all four convolutions, which `advance` then finds."""
    for network, count in ((frozen, 0), (trained, 4)):
        layers = [layer for layer in network.attention if layer is not None]
        for layer in layers:
            found = [weight for weight in layer.weights if weight.name == "u"]
            assert len(found) == count
            known = {id(weight) for weight in network.weights}
            assert all(id(weight) in known for weight in found)
        assert layers
