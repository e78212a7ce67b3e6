"""PatchGAN: receptive fields, attention, the published layers."""

import numpy as np
import pytest
import tensorflow as tf
from harness import check_network
from harness import convolution_size
from harness import trainable_size

from tfcolor.networks.discriminators import LAYERS
from tfcolor.networks.discriminators import PatchDiscriminator


@pytest.mark.parametrize("receptive_field", list(LAYERS))
def test_receptive_field_is_what_the_gradient_reaches(receptive_field):
    """Positive weights and no norm: no path cancels another."""
    network = PatchDiscriminator(receptive_field, width=1, norm="none")
    size = max(128, -(-(receptive_field + 130) // 32) * 32)
    network.build((None, size, size, 3))
    network.set_weights([np.abs(w) + 0.01 for w in network.get_weights()])
    x = tf.ones([1, size, size, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    reached = tf.reduce_sum(tf.abs(tape.gradient(middle, x)), -1)[0].numpy() > 0
    rows, columns = np.nonzero(reached)
    assert np.ptp(rows) + 1 == receptive_field
    assert np.ptp(columns) + 1 == receptive_field


@pytest.mark.parametrize("norm", ["batch", "instance", "layer", "none"])
def test_patch_discriminator(norm, tmp_path):
    network = PatchDiscriminator(34, width=4, norm=norm)
    check_network(network, [2, 48, 80, 3], [2, 10, 18, 1], tmp_path)


def test_a_discriminator_that_downsamples_sees_only_the_means(tmp_path):
    fine = PatchDiscriminator(34, width=4, norm="none")
    network = PatchDiscriminator(34, width=4, norm="none", downsample=4)
    check_network(network, [2, 128, 96, 3], [2, 6, 4, 1], tmp_path)
    fine.build((None, 32, 24, 3))
    fine.set_weights(network.get_weights())
    x = np.random.default_rng(0).random((2, 128, 96, 3), "float32")
    means = x.reshape(2, 32, 4, 24, 4, 3).mean((2, 4))
    np.testing.assert_allclose(network(x), fine(means), atol=1e-5)
    with pytest.raises(ValueError, match="98x96 is not a multiple of .*downsample 4"):
        anew(network).build((None, 98, 96, 3))
    with pytest.raises(ValueError, match="discriminator.downsample: 3 is not one of"):
        PatchDiscriminator(downsample=3)


def test_patch_discriminator_70_gives_the_published_map():
    network = PatchDiscriminator(70, width=2)
    assert network(tf.zeros([1, 256, 256, 3])).shape == (1, 30, 30, 1)


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["sagan", "simple"])
def test_patch_discriminator_with_attention(attention, tmp_path):
    network = PatchDiscriminator(
        34, 8, spectral_norm=True, attention=attention, attention_at=12
    )
    check_network(network, [2, 48, 80, 3], [2, 10, 18, 1], tmp_path)


@pytest.mark.parametrize(
    ("receptive_field", "size", "at", "level"),
    [
        (70, 256, 128, 0),
        (70, 256, 31, 3),
        (70, 256, None, 2),
        (70, 128, None, 1),
        (286, 128, 3, 5),
        (16, 256, None, 1),
        (1, 64, 64, 0),
    ],
)
def test_attention_is_put_on_the_map_asked_for(receptive_field, size, at, level):
    settings = {"attention": "simple", "attention_at": at}
    network = PatchDiscriminator(receptive_field, 1, "none", **settings)
    network.build((None, size, size, 3))
    places = [i for i, layer in enumerate(network.attention) if layer is not None]
    assert places == [level]
    channels = LAYERS[receptive_field][1][level][0]
    kernel = network.attention[level].convolution.kernel
    assert kernel.shape == (1, 1, channels, channels)
    assert network(tf.zeros([1, 64, 64, 3])).shape[0] == 1


def test_attention_is_put_on_several_maps():
    network = PatchDiscriminator(70, 2, attention="simple", attention_at="64,16")
    network.build((None, 128, 128, 3))
    assert [layer is not None for layer in network.attention] == [1, 0, 1, 0, 0]


def test_patch_discriminator_without_its_last_bias():
    x = tf.zeros([1, 32, 32, 3])
    whole, without = PatchDiscriminator(16, 4), PatchDiscriminator(16, 4, bias=False)
    whole(x)
    without(x)
    assert whole.count_params() == without.count_params() + 1


def test_attention_sees_the_whole_image():
    """Which a logit of 16 pixels alone does not."""
    x = tf.random.stateless_normal([1, 32, 32, 3], seed=[0, 1])
    changed = x + tf.pad(tf.ones([1, 4, 4, 3]), [[0, 0], [28, 0], [28, 0], [0, 0]])
    settings = {"norm": "none", "attention": "sagan", "attention_at": 16}
    for gamma, differs in ((0.0, False), (10.0, True)):
        network = PatchDiscriminator(16, 8, **settings)
        network.build(x.shape)
        next(x for x in network.attention if x).gamma.assign(gamma)
        change = np.abs(network(x) - network(changed))[0, 0, 0, 0]
        assert (change > 0) == differs


@pytest.mark.parametrize("attention", ["sagan", "simple"])
def test_gradient_penalty_passes_attention(attention):
    network = PatchDiscriminator(
        16, 8, "instance", spectral_norm=True, attention=attention
    )
    x = tf.random.stateless_normal([2, 16, 16, 3], seed=[0, 1])
    network.build(x.shape)
    (attention,) = [layer for layer in network.attention if layer is not None]
    attention.gamma.assign(0.5)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x)
        penalty = tf.reduce_sum(tape.gradient(y, x) ** 2)
    gradients = outer.gradient(penalty, attention.trainable_weights)
    assert all(0 < np.abs(g).max() < np.inf for g in gradients)


def test_patch_discriminator_70_has_the_published_layers():
    """Isola et al. 2017, appendix 6.1.2, of three channels."""
    network = PatchDiscriminator()
    network.build((None, 256, 256, 3))
    count = convolution_size(3, 64, norm=False)
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        count += convolution_size(inputs, outputs)
    assert trainable_size(network) == count + convolution_size(512, 1, norm=False)
    assert round(trainable_size(network) / 1e6, 2) == 2.77


def anew(network):
    return type(network).from_config(network.get_config())
