"""A U-Net over a ResNet-50."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.registry import GENERATORS


def small(name, **settings):
    return GENERATORS[name].load()(width=4, **{"weights": "none", **settings})


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_encoder_is_not_trained_and_keeps_its_statistics(frozen):
    network = small("resnet_unet", frozen=frozen)
    network.build((None, 32, 32, 1))
    encoder = {id(weight) for weight in network.encoder.weights}
    trained = [id(w) for w in network.trainable_weights]
    assert encoder.isdisjoint(trained) == frozen
    before = [w.numpy() for w in network.encoder.non_trainable_weights]
    network(tf.random.stateless_uniform([2, 32, 32, 1], seed=[0, 1]), training=True)
    after = [w.numpy() for w in network.encoder.non_trainable_weights]
    same = all((a == b).all() for a, b in zip(before, after, strict=True))
    assert same == frozen


def test_encoder_is_resnet50():
    network = small("resnet_unet")
    network.build((None, 32, 32, 1))
    assert network.encoder.count_params() == 23_587_712  # of keras.applications


def test_encoder_weights_come_from_a_file(tmp_path):
    keras.utils.set_random_seed(7)
    trained = keras.applications.ResNet50(include_top=False, weights=None)
    path = tmp_path / "resnet.weights.h5"
    trained.save_weights(path)
    network = small("resnet_unet", weights=str(path))
    network.build((None, 32, 32, 1))
    network.load_pretrained()
    for one, two in zip(trained.weights, network.encoder.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_that_do_not_fit_are_named(tmp_path):
    missing = small("resnet_unet", weights="nowhere.h5")
    with pytest.raises(ValueError, match="generator.weights: nowhere.h5: no such file"):
        missing.load_pretrained()
    other = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    path = tmp_path / "other.weights.h5"
    other.save_weights(path)
    network = small("resnet_unet", weights=str(path))
    network.build((None, 32, 32, 1))
    with pytest.raises(ValueError, match="cannot be loaded into a ResNet50"):
        network.load_pretrained()
    path.write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match="cannot be loaded into a ResNet50"):
        network.load_pretrained()


def test_attention_sits_where_it_was_asked_for():
    network = small("resnet_unet", attention="sagan", attention_at="8,32")
    network.build((None, 64, 64, 1))
    places = [i for i, layer in enumerate(network.attention) if layer is not None]
    assert places == [1, 3]  # of maps of 4, 8, 16, 32 and 64
    network = small("resnet_unet", attention="simple", attention_at="24")
    with pytest.raises(ValueError, match="attention_at: 24 is not one of 4, 8, 16, 32"):
        network.build((None, 64, 64, 1))


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_spectral_norm_is_of_the_attention_too(spectral_norm):
    """As of a discriminator's: all four convolutions, which `advance` then finds."""
    network = small("resnet_unet", attention="sagan", spectral_norm=spectral_norm)
    network.build((None, 32, 32, 1))
    (layer,) = [layer for layer in network.attention if layer is not None]
    found = [weight for weight in layer.weights if weight.name == "u"]
    assert len(found) == (4 if spectral_norm else 0)
    known = {id(weight) for weight in network.weights}
    assert all(id(weight) in known for weight in found)
