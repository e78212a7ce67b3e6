import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import check_network
from harness import each
from toys import small

from tfcolor.color import bins
from tfcolor.color import lab
from tfcolor.networks.heads import Head
from tfcolor.networks.unet import UNet
from tfcolor.registry import GENERATORS


@pytest.mark.slow
@pytest.mark.parametrize("name", each(GENERATORS, ["unet"]))
@pytest.mark.parametrize("head", ["ab", "bins"])
def test_every_generator_has_both_heads(name, head, tmp_path):
    network = small(name, head=head, spectral_norm=True, dropout=0.2)
    if head == "ab" or name == "unet":  # a head is saved alike in all of them
        check_network(network, [2, 64, 96, 1], [2, 64, 96, 2], tmp_path)
    x = tf.random.stateless_uniform([2, 64, 96, 1], seed=[0, 1], minval=-1)
    ab, raw = network(x, with_logits=True)
    np.testing.assert_array_equal(ab, network(x))
    assert np.abs(ab).max() <= 1.0
    if head == "bins":
        assert raw.shape == (2, 16, 24, 313)
        assert raw.dtype == "float32"


@pytest.mark.parametrize("name", each(GENERATORS, ["unet"]))
def test_sizes_may_be_known_at_run_time_only(name):
    network = small(name, head="bins")
    network.build((None, 64, 64, 1))
    traced = tf.function(
        lambda x: network(x), input_signature=[tf.TensorSpec([None, None, None, 1])]
    )
    for size in ([1, 64, 96, 1], [2, 32, 64, 1]):
        x = tf.random.stateless_uniform(size, seed=[0, 1], minval=-1)
        np.testing.assert_allclose(traced(x), network(x), atol=1e-5)


def head(kind, scale=1, temperature=None, **settings):
    return Head(
        kind,
        lambda channels: keras.layers.Conv2D(channels, 1, **settings),
        temperature,
        scale,
    )


def test_ab_head_is_a_tanh_and_enlarges_like_tensorflow():
    layer = head("ab", 4, kernel_initializer="glorot_normal")
    x = tf.random.stateless_normal([2, 5, 3, 7], seed=[0, 1])
    ab, raw = layer(x)
    expected = tf.image.resize(tf.tanh(layer.convolution(x)), [20, 12])
    np.testing.assert_allclose(ab, expected, atol=1e-6)
    np.testing.assert_array_equal(raw, layer.convolution(x))


def test_rgb_head_is_the_lab_of_a_tanh_and_learns_to_the_ends(rng):
    layer = head("rgb", use_bias=False)
    x = tf.constant(rng.uniform(-30, 30, (2, 8, 8, 3)), tf.float32)
    layer(x)
    layer.convolution.set_weights([np.eye(3)[None, None]])
    x = tf.concat([x, 3.0 * tf.sign(x)], 0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        color, raw = layer(x)
    l, ab = lab.encode((tf.tanh(x) + 1.0) / 2.0)
    np.testing.assert_allclose(color, tf.concat([l, ab], -1), atol=2e-6)
    np.testing.assert_array_equal(raw, x)
    assert np.isfinite(tape.gradient(color, x)).all()
    # No colour is outside sRGB.
    l, a, b = tf.unstack(color, axis=-1)
    light = lab.linear((l + 1.0) * 50.0, a * 110.0, b * 110.0)
    assert np.min(light) > -1e-5
    assert np.max(light) < 1 + 1e-5


@pytest.mark.parametrize("temperature", [0.38, 1.0])
def test_bins_head_is_the_annealed_mean(temperature):
    layer = head("bins", 1, temperature)
    x = tf.random.stateless_normal([2, 3, 3, 7], seed=[0, 1]) * 3
    ab, logits = layer(x)
    share = np.exp(logits.numpy().astype(np.float64) / temperature)
    share /= share.sum(-1, keepdims=True)
    np.testing.assert_allclose(ab, share @ bins.AB_BINS / 110.0, atol=1e-5)


def test_temperature_is_that_of_the_paper_unless_set():
    assert head("bins").temperature == 0.38


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("unet", {"head": "yuv"}, "generator.head: 'yuv' is not one of ab, bins"),
        (
            "unet",
            {"temperature": 0.5},
            "generator.temperature: 0.5 is not used by generator.head ab",
        ),
        (
            "colorful",
            {"head": "bins", "temperature": 0.0},
            "generator.temperature: 0.0 must be positive",
        ),
        ("colorful", {"norm": "layer"}, "generator.norm: 'layer' is not one of"),
        ("unet", {"white_point": 0.0}, "generator.white_point: 0.0 is not in"),
        ("unet", {"input_channels": 2}, "generator.input_channels: 2 is not one of 1"),
        ("resnet_unet", {"input_channels": 1}, "input_channels: 1, but resnet_unet"),
        ("resnet_unet", {"attention": "all"}, "generator.attention: 'all' is not one"),
        ("resnet_unet", {"attention_at": "8"}, "generator.attention_at: 8 needs a"),
    ],
)
def test_bad_settings_are_named(name, settings, message):
    with pytest.raises(ValueError, match=message):
        small(name, **settings)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("colorful", 36, "36x36: generator Colorful needs multiples of 8"),
        ("resnet_unet", 48, "48x48: generator ResNetUNet needs multiples of 32"),
    ],
)
def test_sizes_that_do_not_fit_are_named(name, size, message):
    with pytest.raises(ValueError, match=message):
        small(name).build((None, size, size, 1))


@pytest.mark.parametrize("name", each(GENERATORS, ["unet"]))
def test_what_is_lighter_than_the_white_point_is_white(name, rng):
    lightness = np.float32([0, 30, 37.5, 75, 90, 100])
    brightened = np.float32([0, 40, 50, 100, 100, 100])
    network = small(name, white_point=75.0)
    plain = small(name)
    for one in (network, plain):
        one.build((None, 32, 32, 1))
    plain.set_weights(network.get_weights())
    places = rng.integers(0, 6, (1, 32, 32, 1))
    found = network(lightness[places] / 50.0 - 1.0)
    expected = plain(brightened[places] / 50.0 - 1.0)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)
    other = plain(lightness[places] / 50.0 - 1.0)
    assert np.abs((found - other) / scale).max() > 0.01


def test_three_input_channels_are_l_repeated():
    one, three = small("unet"), small("unet", input_channels=3)
    for network in (one, three):
        network.build((None, 32, 32, 1))
    kernels = three.get_weights()
    kernels[0] = np.repeat(one.get_weights()[0], 3, 2) / 3.0
    three.set_weights([kernels[0], *one.get_weights()[1:]])
    x = tf.random.stateless_uniform([2, 32, 32, 1], seed=[0, 1], minval=-1)
    np.testing.assert_allclose(one(x), three(x), atol=1e-6)


@pytest.mark.parametrize("head", ["ab", "bins"])
@pytest.mark.parametrize("thick", [False, True])
def test_folded_unet_infers_the_same_without_batch_norm(thick, head, rng):
    network = UNet(depth=3, width=4, thick=thick, head=head)
    network.build((None, 16, 16, 1))
    for weight in network.weights:
        low, high = (0.5, 2.0) if "variance" in weight.path else (-0.5, 0.5)
        weight.assign(rng.uniform(low, high, weight.shape))
    folded = network.folded()
    assert not any("moving" in weight.path for weight in folded.weights)
    x = rng.uniform(-1, 1, (2, 24, 16, 1)).astype("float32")
    for found, expected in zip(
        folded(x, with_logits=True), network(x, with_logits=True), strict=True
    ):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)
    other = UNet(depth=2, width=4, norm="instance")
    assert other.folded() is other
