import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcolor.networks.attention import SelfAttention
from tfcolor.networks.attention import SimpleSelfAttention
from tfcolor.networks.attention import attention

GAMMA = 0.7


def built(layer, shape):
    layer.build(shape)
    layer.gamma.assign(GAMMA)
    return layer


def sagan(x, theta, phi, g, back):
    """Zhang et al. 2019 for one image [H, W, C], pixel by pixel."""
    height, width, _ = x.shape
    keys, values = [], []
    for i in range(0, height - 1, 2):
        for j in range(0, width - 1, 2):
            block = x[i : i + 2, j : j + 2].reshape(4, -1)
            keys.append((block @ phi).max(0))
            values.append((block @ g).max(0))
    y = np.empty_like(x)
    for i in range(height):
        for j in range(width):
            share = np.exp([x[i, j] @ theta @ key for key in keys])
            mean = sum(s * v for s, v in zip(share / share.sum(), values, strict=True))
            y[i, j] = GAMMA * mean @ back + x[i, j]
    return y


def simple(x, kernel):
    height, width, channels = x.shape
    products = np.zeros((channels, channels))
    for i in range(height):
        for j in range(width):
            products += np.outer(x[i, j], x[i, j]) / (height * width)
    kernel = kernel / np.linalg.svd(kernel)[1][0]
    y = np.empty_like(x)
    for i in range(height):
        for j in range(width):
            y[i, j] = GAMMA * products @ (x[i, j] @ kernel) + x[i, j]
    return y


def matrices(rng, layer):
    """Random kernels of the 1x1 convolutions, in the layer and as arrays."""
    convolutions = [w for w in layer.trainable_weights if w.name == "kernel"]
    kernels = [rng.normal(size=w.shape) for w in convolutions]
    for weight, kernel in zip(convolutions, kernels, strict=True):
        weight.assign(kernel)
    return [kernel[0, 0] for kernel in kernels]


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (4, 3)])
@pytest.mark.parametrize("channels", [16, 4])
def test_self_attention_is_that_of_the_paper(size, channels, rng):
    x = rng.normal(size=(2, *size, channels))
    layer = built(SelfAttention(), x.shape)
    kernels = matrices(rng, layer)
    wide = max(channels // 8, 1)
    inner = [(channels, wide), (channels, wide), (channels, channels // 2)]
    assert [k.shape for k in kernels] == [*inner, (channels // 2, channels)]
    expected = [sagan(image, *kernels) for image in x]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (1, 1)])
def test_simple_self_attention_is_that_of_the_formula(size, rng):
    x = rng.normal(size=(2, *size, 6))
    layer = built(SimpleSelfAttention(), x.shape)
    (kernel,) = matrices(rng, layer)
    for _ in range(100):
        layer.convolution.advance()
    expected = [simple(image, kernel) for image in x]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-3, atol=1e-3)


def test_gain_of_simple_self_attention_is_that_of_any_size(rng):
    """A picture tiled is attended to as the picture."""
    x = rng.normal(size=(1, 8, 8, 16)).astype("float32")
    layer = built(SimpleSelfAttention(), x.shape)
    expected = layer(x).numpy()
    assert np.abs(expected - x).max() > 0.1
    for n in (2, 4):
        found = layer(np.tile(x, (1, n, n, 1)))
        np.testing.assert_allclose(found, np.tile(expected, (1, n, n, 1)), rtol=1e-4)


def test_weights_of_the_sum_over_the_pixels_are_refused(tmp_path):
    layer = attention("simple")
    network = keras.Sequential([keras.layers.Input((6, 8, 16)), layer])
    network.save_weights(tmp_path / "new.weights.h5")
    network.load_weights(tmp_path / "new.weights.h5")
    with pytest.MonkeyPatch.context() as patch:
        own = keras.layers.Layer.save_own_variables
        patch.setattr(SimpleSelfAttention, "save_own_variables", own)
        network.save_weights(tmp_path / "old.weights.h5")
    with pytest.raises(ValueError, match="simple was a sum over the pixels"):
        network.load_weights(tmp_path / "old.weights.h5")


@pytest.mark.parametrize("name", ["sagan", "simple"])
def test_attention_starts_as_the_identity(name, rng):
    x = rng.normal(size=(2, 6, 8, 16)).astype("float32")
    layer = attention(name)
    np.testing.assert_array_equal(layer(x), x)
    layer.gamma.assign(GAMMA)
    assert np.abs(layer(x) - x).max() > 1e-3


@pytest.mark.parametrize("name", ["sagan", "simple"])
def test_attention_takes_any_size(name, rng):
    layer = built(attention(name), (None, None, None, 8))
    function = tf.function(
        layer, input_signature=[tf.TensorSpec([None, None, None, 8], tf.float32)]
    )
    for shape in ((1, 6, 8, 8), (3, 5, 7, 8)):
        x = rng.normal(size=shape).astype("float32")
        y = function(x)
        assert y.shape == x.shape
        np.testing.assert_allclose(y, layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [SelfAttention(True), SimpleSelfAttention()])
def test_attention_is_saved(layer, tmp_path, rng):
    x = rng.normal(size=(2, 6, 8, 16)).astype("float32")
    network = keras.Sequential([keras.layers.Input(x.shape[1:]), layer])
    layer.gamma.assign(GAMMA)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(x), network(x))


def test_spectral_norm_is_where_it_is_asked_for():
    counts = []
    for layer in (attention("sagan"), attention("sagan", True), attention("simple")):
        layer.build((None, 8, 8, 16))
        counts.append(sum(w.name == "u" for w in layer.weights))
    assert counts == [0, 4, 1]


@pytest.mark.parametrize("name", ["sagan", "simple"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_sums_over_pixels_stay_finite_in_mixed_precision(name, policy):
    """30^2 * 32 * 32 is out of the range of float16."""
    keras.mixed_precision.set_global_policy(policy)
    layer = attention(name)
    x = tf.fill([1, 32, 32, 8], 30.0)
    y = layer(x)
    assert y.dtype == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(tf.cast(y, tf.float32), x)


def test_errors_of_attention():
    assert attention("none") is None
    with pytest.raises(ValueError, match="attention: 'all' is not one of none, sagan"):
        attention("all")
    with pytest.raises(ValueError, match="attention: a map of 1x8 is below 2x2"):
        SelfAttention().build((None, 1, 8, 16))
