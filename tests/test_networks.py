import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import ROOT
from harness import check_network

from tfcolor.networks import PatchDiscriminator
from tfcolor.networks import UNet
from tfcolor.networks.discriminators import LAYERS
from tfcolor.networks.layers import ConvTranspose
from tfcolor.networks.layers import ImageNormalization


@pytest.mark.parametrize("norm", ["batch", "instance", "group", "none"])
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


def convolution(inputs, outputs, kernel=4, norm=True):
    """Weights of a convolution with a norm's scale and offset, or a bias."""
    return kernel**2 * inputs * outputs + (2 * outputs if norm else outputs)


def test_unet_256_has_the_published_layers():
    """Isola et al. 2017, appendix 6.1.1, for one channel in and two out."""
    down = [64, 128, 256, 512, 512, 512, 512, 512]
    count = convolution(1, 64, norm=False)
    for i in range(1, 8):
        count += convolution(down[i - 1], down[i], norm=i < 7)
    # A level up sees its own map and the one across, but the innermost.
    up = [512, 512, 512, 512, 256, 128, 64]
    seen = [512, 1024, 1024, 1024, 1024, 512, 256]
    for inputs, outputs in zip(seen, up, strict=True):
        count += convolution(inputs, outputs)
    count += convolution(128, 2, norm=False)
    network = UNet(depth=8, width=64)
    network.build((None, 256, 256, 1))
    trainable = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    assert trainable == count
    assert round(count / 1e6, 1) == 54.4


def test_thick_unet_has_its_extra_convolutions():
    plain, thick = UNet(depth=3, width=4), UNet(depth=3, width=4, thick=True)
    for network in (plain, thick):
        network.build((None, 16, 16, 1))
    normed = [8] + [8, 4] + [8] * 3  # down, up, before the bottleneck
    plain_ones = [4, 16] + [16] * 3  # first and innermost, after the bottleneck
    expected = sum(convolution(c, c, 3) for c in normed)
    expected += sum(convolution(c, c, 3, norm=False) for c in plain_ones)
    counts = [
        sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        for network in (plain, thick)
    ]
    assert counts[1] - counts[0] == expected


def test_unet_dropout_acts_in_training_only():
    network = UNet(depth=3, width=4, norm="none", dropout=0.5)
    x = tf.random.normal([1, 8, 8, 1])
    np.testing.assert_array_equal(network(x), network(x))
    assert np.abs(network(x, training=True) - network(x, training=True)).max() > 0


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
def test_discriminator(norm, tmp_path):
    network = PatchDiscriminator(34, width=4, norm=norm)
    check_network(network, [2, 48, 80, 3], [2, 10, 18, 1], tmp_path)


def test_discriminator_70_gives_the_published_map():
    network = PatchDiscriminator(70, width=2)
    assert network(tf.zeros([1, 256, 256, 3])).shape == (1, 30, 30, 1)


def test_discriminator_logits_are_raw():
    network = PatchDiscriminator(16, width=4, norm="none")
    network.build((None, 32, 32, 3))
    network.set_weights([100 * w for w in network.get_weights()])
    logits = network(tf.random.normal([2, 32, 32, 3])).numpy()
    assert logits.min() < -1
    assert logits.max() > 1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UNet(depth=9), "generator.depth: 9 is not one of 2, 3, 4"),
        (lambda: UNet(norm="bach"), "generator.norm: 'bach' is not one of batch"),
        (lambda: UNet(width=0), "generator.width: 0"),
        (lambda: UNet(dropout=1.0), "generator.dropout: 1.0"),
        (lambda: UNet(head="rgb"), "generator.head: 'rgb' is not one of ab"),
        (lambda: PatchDiscriminator(71), "receptive_field: 71 is not one of 1, 16"),
        (lambda: PatchDiscriminator(norm="group"), "discriminator.norm: 'group'"),
        (
            lambda: PatchDiscriminator(286).build((None, 64, 64, 3)),
            "64x64 leaves no patch",
        ),
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
    unet, critic = UNet(depth=3, width=4), PatchDiscriminator(16, width=4)
    ab = unet(tf.random.normal([2, 16, 16, 1]))
    logits = critic(tf.random.normal([2, 16, 16, 3]))
    assert ab.dtype == logits.dtype == tf.float32
    assert unet.down[0].compute_dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in unet.weights + critic.weights} == {"float32"}


OTHER_BACKEND = """
import sys
import numpy as np
from tfcolor.networks import PatchDiscriminator, UNet
assert "tensorflow" not in sys.modules
data = np.load(sys.argv[1])
weights = lambda name: [data[f"{name}{i}"] for i in range(int(data[name]))]
unet, critic = UNet(depth=3, width=4), PatchDiscriminator(16, 4, "instance")
unet.build((None, 16, 24, 1))
critic.build((None, 16, 24, 3))
unet.set_weights(weights("g"))
critic.set_weights(weights("d"))
for network, x, y in ((unet, "l", "ab"), (critic, "x", "logits")):
    found = network(data[x])
    found = found.detach().numpy() if hasattr(found, "detach") else found
    np.testing.assert_allclose(found, data[y], rtol=1e-4, atol=1e-5)
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_networks_are_the_same_on_another_backend(backend, tmp_path, rng):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    unet, critic = UNet(depth=3, width=4), PatchDiscriminator(16, 4, "instance")
    l, x = rng.normal(size=(2, 16, 24, 1)), rng.normal(size=(2, 16, 24, 3))
    data = {"l": l.astype("f"), "x": x.astype("f")}
    data |= {"ab": unet(data["l"]).numpy(), "logits": critic(data["x"]).numpy()}
    for name, network in (("g", unet), ("d", critic)):
        weights = network.get_weights()
        data[name] = len(weights)
        data |= {f"{name}{i}": weight for i, weight in enumerate(weights)}
    np.savez(tmp_path / "data.npz", **data)
    done = subprocess.run(
        [sys.executable, "-c", OTHER_BACKEND, str(tmp_path / "data.npz")],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 3), (4, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_transposed_convolution_is_that_of_keras(size, bias):
    settings = {"strides": 2, "padding": "same", "use_bias": bias}
    ours = ConvTranspose(5, 4, bias_initializer="normal", **settings)
    theirs = keras.layers.Conv2DTranspose(5, 4, **settings)
    x = tf.random.stateless_normal([3, *size, 7], seed=[0, 1])
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    found = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * tf.random.stateless_normal(y.shape, seed=[2, 3]))
        found.append([y, *tape.gradient(loss, [x, layer.kernel.value])])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
