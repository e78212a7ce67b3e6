import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.networks.convolutions import ConvTranspose
from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import advance
from tfcolor.networks.layers import convolution


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


def spectral(transpose, shape=(2, 6, 8, 5), filters=7, **settings):
    settings = {"strides": 2, "padding": "same", **settings}
    layer = convolution(filters, 4, transpose, spectral_norm=True, **settings)
    layer.build(shape)
    return layer


def decomposition(layer, transpose):
    """Largest singular value of the kernel [filters, rest] and its vectors."""
    kernel = layer.kernel.numpy().astype("float64")
    kernel = np.swapaxes(kernel, 2, 3) if transpose else kernel
    u, s, v = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]).T, False)
    return u[:, 0], s[0], v[0]


def converge(layer):
    for _ in range(300):
        layer.advance()


@pytest.mark.parametrize("transpose", [False, True])
def test_sigma_is_the_largest_singular_value(transpose):
    layer = spectral(transpose)
    _, expected, _ = decomposition(layer, transpose)
    assert float(layer.sigma()) == pytest.approx(expected, rel=0.05)
    converge(layer)
    assert float(layer.sigma()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("size", [(6, 8), (2, 2)])
def test_kernel_and_its_gradient_are_those_of_the_divided_one(transpose, size):
    """Miyato et al. 2018, equation 10: a gradient G of W / s becomes
    (G - <G, W / s> u v^T) / s."""
    layer = spectral(transpose, (2, *size, 5), bias_initializer="normal")
    converge(layer)
    u, s, v = decomposition(layer, transpose)
    classes = {False: keras.layers.Conv2D, True: keras.layers.Conv2DTranspose}
    plain = classes[transpose](7, 4, strides=2, padding="same")
    x = tf.random.stateless_normal([2, *size, 5], seed=[0, 1])
    plain.build(x.shape)
    plain.set_weights([layer.kernel.numpy() / s, layer.bias.numpy()])
    found = []
    for network in (layer, plain):
        with tf.GradientTape() as tape:
            y = network(x)
            loss = tf.reduce_sum(y * tf.random.stateless_normal(y.shape, seed=[2, 3]))
        found.append((y, tape.gradient(loss, network.kernel.value).numpy()))
    (y, gradient), (expected, g) = found
    np.testing.assert_allclose(y, expected, atol=1e-4)
    uv = np.outer(v, u).reshape(4, 4, 5, 7)
    uv = np.swapaxes(uv, 2, 3) if transpose else uv
    g = (g - np.sum(g * plain.kernel.numpy()) * uv) / s
    np.testing.assert_allclose(gradient, g, atol=1e-4 * np.abs(g).max())


@pytest.mark.parametrize("transpose", [False, True])
def test_first_sigma_is_near(transpose):
    """Of a kernel as large as those of the innermost maps."""
    layer = spectral(transpose, (1, 4, 4, 128), 128)
    kernel = layer.matrix(layer.kernel).numpy()
    expected = np.sqrt(np.linalg.eigvalsh(kernel @ kernel.T)[-1])
    assert 0.95 < float(layer.sigma()) / expected <= 1 + 1e-5


def vectors(network):
    return [w.numpy() for w in network.weights if w.name in ("u", "v")]


def test_only_advance_moves_the_vectors():
    block = ConvBlock(8, norm="none", spectral_norm=True)
    x = tf.random.normal([2, 8, 8, 3])
    first = block(x, training=True)
    before = vectors(block)
    np.testing.assert_array_equal(block(x, training=True), first)
    for one, two in zip(before, vectors(block), strict=True):
        np.testing.assert_array_equal(one, two)
    advance(block)
    advance(block)  # the first v already was that of the first u
    for one, two in zip(before, vectors(block), strict=True):
        assert np.abs(one - two).max() > 1e-8
        assert np.linalg.norm(two) == pytest.approx(1.0)


def test_advance_follows_the_kernel():
    layer = spectral(False)
    layer.kernel.assign(tf.random.normal(layer.kernel.shape))
    _, expected, _ = decomposition(layer, False)
    assert float(layer.sigma()) < 0.9 * expected
    converge(layer)
    assert float(layer.sigma()) == pytest.approx(expected, rel=1e-5)


def test_vectors_follow_the_seed():
    found = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        found.append(spectral(False).u.numpy())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-2


def test_advance_reaches_every_layer_of_a_network():
    network = PatchDiscriminator(34, 8, spectral_norm=True, attention="sagan")
    network.build((None, 32, 32, 3))
    before = vectors(network)
    assert len(before) == 2 * (4 + 4)
    for weight in network.trainable_weights:
        weight.assign(tf.random.normal(weight.shape))
    advance(network)
    moved = [
        np.abs(one - two).max()
        for one, two in zip(before, vectors(network), strict=True)
        if one.size > 1  # a unit vector of one number stays
    ]
    assert min(moved) > 1e-2
    plain = PatchDiscriminator(16, 4)
    plain.build((None, 32, 32, 3))
    weights = plain.get_weights()
    advance(plain)
    for one, two in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_step_advances_on_every_replica():
    layer, same = spectral(False), spectral(False)
    # Another way to reduce than that of the strategy of test_distribute.py.
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        mirrored = spectral(False)
    for one in (same, mirrored):
        one.set_weights(layer.get_weights())

    @tf.function
    def update(layer):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        # As if the replicas had drifted apart: the first is the one to follow.
        step = tf.fill(layer.kernel.shape, 1.0 + tf.cast(replica, tf.float32))
        layer.kernel.assign_add(step)
        layer.advance()
        return layer.sigma()

    for _ in range(2):
        expected, found = update(same), strategy.run(update, (mirrored,))
        value = strategy.experimental_local_results(found)[0]
        assert float(value) == pytest.approx(float(expected), rel=1e-5)
    assert len(mirrored.u.value.values) == 2
    for copy in mirrored.u.value.values:
        np.testing.assert_allclose(copy, same.u.numpy(), atol=1e-6)


def test_vectors_are_right_when_built_in_a_function():
    block = ConvBlock(8, spectral_norm=True)
    x = tf.random.normal([2, 8, 8, 3])
    tf.function(block)(x)
    _, expected, _ = decomposition(block.convolution, False)
    assert float(block.convolution.sigma()) == pytest.approx(expected, rel=0.05)


def test_spectral_norm_is_float32_in_mixed_precision(monkeypatch):
    """The kernel is rounded once, after the division."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    layer = spectral(False)
    used = []
    plain = keras.layers.Conv2D.convolution_op

    def spy(self, x, kernel):
        used.append(kernel)
        return plain(self, x, kernel)

    monkeypatch.setattr(keras.layers.Conv2D, "convolution_op", spy)
    assert layer(tf.random.normal([2, 6, 8, 5])).dtype == tf.bfloat16
    assert {w.dtype for w in layer.weights} == {"float32"}
    expected = layer.kernel.numpy() / layer.sigma().numpy()
    np.testing.assert_array_equal(used[0], tf.cast(expected, tf.bfloat16))
