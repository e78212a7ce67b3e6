import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import check_network
from harness import convolution_size
from harness import each
from harness import trainable_size

from tfcolor.networks import UNet
from tfcolor.networks.layers import ImageNormalization


@pytest.mark.parametrize(
    "norm", each(["batch", "instance", "group", "none"], ["batch"])
)
@pytest.mark.parametrize("thick", [False, True])
def test_unet_keeps_sizes_that_are_multiples(norm, thick, tmp_path):
    network = UNet(depth=4, width=4, norm=norm, dropout=0.2, thick=thick)
    check_network(network, [2, 48, 80, 1], [2, 48, 80, 2], tmp_path)


@pytest.mark.parametrize("depth", range(2, 9))
def test_unet_of_every_depth(depth):
    network = UNet(depth=depth, width=2)
    size = 2**depth
    assert network(tf.zeros([2, size, 2 * size, 1])).shape == (2, size, 2 * size, 2)
    with pytest.raises(ValueError, match=f"depth {depth} needs multiples of {size}"):
        network(tf.zeros([2, size, size + 1, 1]))


def test_unet_256_has_the_published_layers():
    """Isola et al. 2017, appendix 6.1.1, for one channel in and two out."""
    down = [64, 128, 256, 512, 512, 512, 512, 512]
    count = convolution_size(1, 64, norm=False)
    for i in range(1, 8):
        count += convolution_size(down[i - 1], down[i], norm=i < 7)
    # A level up sees its own map and the one across, but the innermost.
    up = [512, 512, 512, 512, 256, 128, 64]
    seen = [512, 1024, 1024, 1024, 1024, 512, 256]
    for inputs, outputs in zip(seen, up, strict=True):
        count += convolution_size(inputs, outputs)
    count += convolution_size(128, 2, norm=False)
    network = UNet(depth=8, width=64)
    network.build((None, 256, 256, 1))
    assert trainable_size(network) == count
    assert round(count / 1e6, 1) == 54.4


def test_thick_unet_has_its_extra_convolutions():
    plain, thick = UNet(depth=3, width=4), UNet(depth=3, width=4, thick=True)
    for network in (plain, thick):
        network.build((None, 16, 16, 1))
    normed = [8] + [8, 4] + [8] * 3  # down, up, before the bottleneck
    plain_ones = [4, 16] + [16] * 3  # first and innermost, after the bottleneck
    expected = sum(convolution_size(c, c, 3) for c in normed)
    expected += sum(convolution_size(c, c, 3, norm=False) for c in plain_ones)
    assert trainable_size(thick) - trainable_size(plain) == expected


def test_unet_dropout_acts_in_training_only():
    network = UNet(depth=3, width=4, norm="none", dropout=0.5)
    x = tf.random.normal([1, 8, 8, 1])
    np.testing.assert_array_equal(network(x), network(x))
    assert np.abs(network(x, training=True) - network(x, training=True)).max() > 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNet(depth=9), "generator.depth: 9 is not one of 2, 3, 4"),
        (lambda: UNet(norm="bach"), "generator.norm: 'bach' is not one of batch"),
        (lambda: UNet(width=0), "generator.width: 0"),
        (lambda: UNet(dropout=1.0), "generator.dropout: 1.0"),
        (lambda: UNet(head="yuv"), "generator.head: 'yuv' is not one of ab"),
    ],
)
def test_bad_settings_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(("groups", "channels"), [(-1, 6), (1, 6), (3, 6), (32, 6)])
def test_normalisation_is_that_of_the_groups(groups, channels, rng):
    x = rng.normal(2.0, 3.0, (2, 5, 7, channels)).astype(np.float32)
    layer = ImageNormalization(groups)
    layer.build(x.shape)
    scale, offset = rng.normal(size=(2, channels)).astype(np.float32)
    layer.set_weights([scale, offset])
    n = channels if groups < 1 else min(groups, channels)
    split = x.reshape(2, 5, 7, n, -1)
    mean = split.mean((1, 2, 4), keepdims=True)
    deviation = np.sqrt(split.var((1, 2, 4), keepdims=True) + 1e-5)
    expected = ((split - mean) / deviation).reshape(x.shape) * scale + offset
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_low_and_returns_float32(policy):
    keras.mixed_precision.set_global_policy(policy)
    unet = UNet(depth=3, width=4)
    assert unet(tf.random.normal([2, 16, 16, 1])).dtype == tf.float32
    assert unet.down[0].compute_dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in unet.weights} == {"float32"}
