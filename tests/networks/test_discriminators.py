import keras
import numpy as np
import pytest
import tensorflow as tf
from by_hand import convolve
from harness import check_network
from harness import convolution_size
from harness import each
from harness import trainable_size

from tfcolor import networks as networks_lib
from tfcolor import registry
from tfcolor.networks.autoencoder import AutoencoderDiscriminator
from tfcolor.networks.discriminators import ImageDiscriminator
from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.weight_network import WeightNetwork

ALL = [
    PatchDiscriminator(34, 4, "instance", spectral_norm=True, attention="sagan"),
    PatchDiscriminator(16, 4, "none", attention="simple", attention_at=31),
    ImageDiscriminator(4, spectral_norm=True),
    AutoencoderDiscriminator(4, depth=2),
    WeightNetwork(4),
]


def anew(network):
    return type(network).from_config(network.get_config())


def test_image_discriminator_has_the_published_layers():
    """Radford et al. 2016, figure 1 backwards: 64x64 pixels to 4x4x512."""
    network = ImageDiscriminator()
    network.build((None, 64, 64, 3))
    count = convolution_size(3, 64, norm=False)
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        count += convolution_size(inputs, outputs)
    assert trainable_size(network) == count + convolution_size(512, 1, norm=False)
    assert network.blocks[-1].convolution.kernel.shape == (4, 4, 512, 1)


def test_autoencoder_has_the_published_layers():
    """Zhao et al. 2017, appendix C: (64)4c2s-(128)4c2s-(256)4c2s and back."""
    network = AutoencoderDiscriminator()
    network.build((None, 64, 64, 3))
    count = convolution_size(3, 64, norm=False) + convolution_size(64, 2, norm=False)
    for inputs, outputs in ((64, 128), (128, 256), (256, 128), (128, 64)):
        count += convolution_size(inputs, outputs)
    assert trainable_size(network) == count


def randomise(network, rng):
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])


@pytest.mark.parametrize("side", [8, 32])
def test_image_discriminator_is_that_of_the_formula(side, rng):
    network = ImageDiscriminator(4, norm="none")
    network.build((None, side, side, 3))
    randomise(network, rng)
    x = y = rng.normal(size=(2, side, side, 3))
    for block in network.blocks[:-1]:
        y = convolve(y, block, 2, 1)
        y = np.maximum(y, 0.2 * y)
    assert y.shape == (2, 4, 4, 4 * side // 8)
    expected = convolve(y, network.blocks[-1], 1, 0)[:, 0, 0]
    np.testing.assert_allclose(network(x), expected, rtol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "instance", "layer", "none"])
def test_image_discriminator(norm, tmp_path):
    network = ImageDiscriminator(4, norm, spectral_norm=norm == "none")
    check_network(network, [2, 32, 32, 3], [2, 1], tmp_path)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_autoencoder(norm, tmp_path, rng):
    network = AutoencoderDiscriminator(4, norm)
    x = rng.normal(size=(2, 24, 40, 3)).astype("float32")
    energy, code = network(x)
    assert energy.shape == (2,)
    assert code.shape == (2, 3 * 5 * 16)
    assert energy.dtype == code.dtype == tf.float32
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    for one, two in zip(loaded(x), (energy, code), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_energy_is_the_mean_squared_error_of_ab(policy, rng):
    """Of a decoder that gives a constant colour, whatever its input."""
    keras.mixed_precision.set_global_policy(policy)
    network = AutoencoderDiscriminator(4, depth=2)
    x = rng.normal(size=(3, 8, 12, 3)).astype("float32")
    network.build(x.shape)
    last = network.decoder[-1].convolution
    color = np.array([0.25, -3.0])
    last.kernel.assign(tf.zeros(last.kernel.shape))
    last.bias.assign(color)
    expected = ((x[..., 1:] - color) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(network(x)[0], expected, rtol=1e-5)


def test_energy_depends_on_the_lightness(rng):
    network = AutoencoderDiscriminator(4, "none", depth=2)
    x = rng.normal(size=(1, 8, 8, 3)).astype("float32")
    network.build(x.shape)
    randomise(network, rng)
    other = x.copy()
    other[..., 0] += 1
    (one, code), (two, other_code) = network(x), network(other)
    assert abs(float(one[0]) - float(two[0])) > 1e-3
    assert np.abs(code - other_code).max() > 1e-3
    flat = code.numpy().reshape(1, 2, 2, 8)
    y = x
    for block in network.encoder:
        y = convolve(y, block, 2, 1)
        y = np.maximum(y, 0.2 * y)
    np.testing.assert_allclose(flat, y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "network", [PatchDiscriminator(16, 4, "none"), ImageDiscriminator(4, "none")]
)
def test_logits_are_raw(network):
    network = anew(network)
    network.build((None, 32, 32, 3))
    network.set_weights([100 * w for w in network.get_weights()])
    logits = network(tf.random.stateless_normal([8, 32, 32, 3], [0, 1])).numpy()
    assert logits.min() < -1
    assert logits.max() > 1


@pytest.mark.parametrize(
    "policy", each(["mixed_bfloat16", "mixed_float16"], ["mixed_bfloat16"])
)
@pytest.mark.parametrize("network", ALL)
def test_mixed_precision_computes_low_and_returns_float32(network, policy):
    keras.mixed_precision.set_global_policy(policy)
    network = anew(type(network)(**network.settings))
    for y in keras.tree.flatten(network(tf.random.normal([2, 64, 64, 3]))):
        assert y.dtype == tf.float32
        assert np.isfinite(y).all()
    blocks = [b for b in network._flatten_layers() if hasattr(b, "convolution")]
    assert {b.compute_dtype for b in blocks} == {policy.removeprefix("mixed_")}
    assert {w.dtype for w in network.weights} == {"float32"}


@pytest.mark.parametrize("network", ALL)
def test_networks_run_in_a_function(network):
    network = anew(network)
    x = tf.random.stateless_normal([2, 64, 64, 3], [0, 1])
    network.build((None, 64, 64, 3))
    signature = [tf.TensorSpec([None, 64, 64, 3], tf.float32)]
    function = tf.function(network, input_signature=signature)
    outputs = [keras.tree.flatten(one(x)) for one in (network, function)]
    for one, two in zip(*outputs, strict=True):
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        (lambda: PatchDiscriminator(71), None, "receptive_field: 71 is not one of 1"),
        (lambda: PatchDiscriminator(norm="group"), None, "discriminator.norm: 'group'"),
        (lambda: PatchDiscriminator(width=0), None, "discriminator.width: 0 must"),
        (lambda: PatchDiscriminator(286), (64, 64), "64x64 leaves no patch"),
        (
            lambda: PatchDiscriminator(attention="all"),
            None,
            "attention: 'all' is not one of none, sagan, simple",
        ),
        (
            lambda: PatchDiscriminator(attention_at=32),
            None,
            "discriminator.attention_at: 32 needs a discriminator.attention",
        ),
        (
            lambda: PatchDiscriminator(34, attention="sagan", attention_at=20),
            (64, 64),
            "discriminator.attention_at: 20 is not one of 32, 16, 15",
        ),
        (
            lambda: PatchDiscriminator(attention="sagan"),
            (None, None),
            "discriminator.attention needs a fixed image height",
        ),
        (lambda: ImageDiscriminator(), (48, 48), "48x48.*side of 8, 16, 32"),
        (lambda: ImageDiscriminator(), (32, 64), "32x64.*needs a square"),
        (lambda: ImageDiscriminator(), (4, 4), "4x4.*side of 8, 16, 32"),
        (lambda: ImageDiscriminator(), (None, None), "NonexNone.*square"),
        (lambda: ImageDiscriminator(norm="group"), None, "discriminator.norm: 'group'"),
        (lambda: AutoencoderDiscriminator(depth=0), None, "discriminator.depth: 0"),
        (
            lambda: AutoencoderDiscriminator(),
            (36, 40),
            "36x40: discriminator.depth 3 needs multiples of 8",
        ),
        (lambda: WeightNetwork(0), None, "width: 0 must be at least 1"),
        (lambda: WeightNetwork(), (3, 8), "3x8: the weight network needs at least 4x4"),
    ],
)
def test_bad_settings_are_named(network, size, message):
    if size is None:
        with pytest.raises(ValueError, match=message):
            network()
        return
    network = network()
    with pytest.raises(ValueError, match=message):
        network.build((None, *size, 3))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (ImageDiscriminator(4), "16x16: this discriminator was built for 32x32"),
        (AutoencoderDiscriminator(4, depth=5), "depth 5 needs multiples of 32"),
    ],
)
def test_another_size_than_that_of_the_build_is_refused(network, message):
    network.build((None, 32, 32, 3))
    with pytest.raises(ValueError, match=message):
        network(tf.zeros([1, 16, 16, 3]))


def test_discriminators_have_names():
    assert {
        "patch": PatchDiscriminator,
        "image": ImageDiscriminator,
        "autoencoder": AutoencoderDiscriminator,
    } == {name: entry.load() for name, entry in registry.DISCRIMINATORS.items()}
    assert networks_lib.WeightNetwork is WeightNetwork
