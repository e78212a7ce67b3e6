"""What several tests need: small configs, pictures, commands."""

import io
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.config import smoke
from tfcolor.networks import layers
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.runs.folder import Workdir
from tfcolor.training import build

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = config_lib.names()
# All but cyclegan, which makes scans.
COLORIZERS = [n for n in NAMES if config_lib.of(n).generator is not None]

# Of the `data` section: everything that distorts.
AUGMENTED = {"rotation": 20.0, "perspective": 0.5, "blur": 0.5, "erase": 0.5}
AUGMENTED["aging"] = 0.5


def each(names, quick=("cgan", "wgan_gp")):
    """Parameters of a test: all but a few of the names are slow."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in names]


def config_path(name):
    return config_lib.CONFIGS / f"{name}.py"


def toy_config(name, **train):
    """A config of configs/ at smoke size, with two critic updates a step where there
    are several; `train` overrides its section."""
    config = smoke.smoke(config_lib.load(config_path(name)))
    if hasattr(config.loss, "n_critic"):
        config.loss.n_critic = 2
    if config.scanner is not None:
        config.loss.pool = 3  # full after two batches
    for field, value in train.items():
        setattr(config.train, field, value)
    return config


def toy_batch(config, n_critic, seed=0):
    """A random batch that a step of this config takes."""
    rng = np.random.default_rng(seed)
    count, side = config.data.batch_size * n_critic, config.data.image_size
    if config.scanner is not None:
        channels = {"rgb": 3, "scan": 1}
        return {
            name: rng.uniform(-1, 1, (count, side, side, n)).astype("float32")
            for name, n in channels.items()
        }
    l = rng.uniform(-1, 1, (count, side, side, 1)).astype("float32")
    ab = rng.uniform(-0.6, 0.6, (count, side, side, 2)).astype("float32")
    return {"l": l, "ab": ab}


def picture(rng, height=40, width=56):
    """A colourful smooth picture, uint8 [height, width, 3]."""
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def write_pictures(folder, rng, count, extension=".png", **size):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(picture(rng, **size)).save(folder / f"{i:04d}{extension}")
    return folder


def check_network(network, inputs, outputs, tmp_path):
    """Shape, float32 output, gradients, serialization of a network."""
    x = np.random.default_rng(0).uniform(-1, 1, inputs).astype("float32")
    network.build((None, *inputs[1:]))
    y = network(x)
    assert tuple(y.shape) == tuple(outputs)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    path = tmp_path / "network.keras"
    network.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded(x), y)


def convolution_size(inputs, outputs, kernel=4, norm=True):
    """Weights of a convolution with a norm's scale and offset, or a bias."""
    return kernel**2 * inputs * outputs + (2 * outputs if norm else outputs)


def trainable_size(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


_OTHER_BACKEND = """
import sys
import keras
import numpy as np
{build}
assert "tensorflow" not in sys.modules
data = np.load(sys.argv[1])
for name, (network, shape) in networks.items():
    network.build((None, *shape[1:]))
    network.set_weights([data[f"{{name}} {{i}}"] for i in range(len(network.weights))])
    found = keras.tree.flatten(network(data[name]))
    for i, y in enumerate(found):
        y = keras.ops.convert_to_numpy(y)
        np.testing.assert_allclose(y, data[f"{{name}} y{{i}}"], rtol=1e-4, atol=1e-5)
    print(name)
"""


def check_other_backend(build, backend, tmp_path):
    """Outputs of networks are those that TensorFlow gives.

    `build` is code that makes `networks`: {name: (network, shape of input)}.
    """
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    scope, data = {}, {}
    exec(build, scope)
    rng = np.random.default_rng(0)
    for name, (network, shape) in scope["networks"].items():
        network.build((None, *shape[1:]))
        data[name] = rng.normal(size=shape).astype("float32")
        data |= {f"{name} {i}": w for i, w in enumerate(network.get_weights())}
        outputs = keras.tree.flatten(network(data[name]))
        data |= {f"{name} y{i}": y for i, y in enumerate(outputs)}
    np.savez(tmp_path / "data.npz", **data)
    code = _OTHER_BACKEND.format(build=build)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data.npz")],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == list(scope["networks"])


def tensors(workdir):
    path = tf.train.latest_checkpoint(str(workdir / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_dtype_map()
    skip = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    return {name: reader.get_tensor(name) for name in names if name not in skip}


def assert_identical(first, second):
    """Two runs' newest checkpoints, tensor by tensor, bit for bit."""
    first, second = tensors(first), tensors(second)
    assert first.keys() == second.keys()
    assert len(first) > 50
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def step_of(workdir):
    return int(tensors(workdir)["step/.ATTRIBUTES/VARIABLE_VALUE"])


def config_of(name, **train):
    """A toy config with dropout, whose pictures, validation and histograms are of its
    last step alone."""
    config = toy_config(name, **train)
    for field in {"sample_every", "validate_every", "histogram_every"} - train.keys():
        setattr(config.train, field, config.train.steps)
    if config.generator is not None:
        config.generator.dropout = 0.5
    return config


def eagerly(monkeypatch):
    """Trainers built from now on take their steps without being traced."""
    new = build.trainer

    def trainer(*arguments):
        made = new(*arguments)
        made.run_eagerly = True
        return made

    monkeypatch.setattr(build, "trainer", trainer)


def random_weights(trainer):
    """Of the network that colours, so large that it gives colours."""
    rng = np.random.default_rng(0)
    for network in filter(None, (trainer.averaged(), trainer.average)):
        for weight in network.weights:
            if len(weight.shape) > 1:
                scale = (2.0 / np.prod(weight.shape[:-1])) ** 0.5
                weight.assign(rng.normal(0.0, scale, weight.shape))
        layers.advance(network)  # else spectral norms are those of other weights


def new_run(config, workdir):
    """A run's folder with one checkpoint, whose random weights give colours."""
    config = config_lib.resolve(config)
    trainer = build.trainer(config)
    random_weights(trainer)
    folder = Workdir(workdir)
    with folder.claim():
        folder.write_config(config, "none")
        Checkpoints(folder.checkpoints, trainer, 1).save()
    return workdir


def lines(workdir):
    return [json.loads(line) for line in open(workdir / "metrics.jsonl")]


def fit(trainer, batch, steps):
    trainer.run_eagerly = steps < 5  # tracing takes longer than that
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    history = trainer.fit(dataset, steps_per_epoch=1, epochs=steps, verbose=0)
    return history.history


def weights_of(network):
    return [w.numpy() for w in network.trainable_weights]


def run_command(*arguments, tool="train", **options):
    """A command as a user runs it; returns the completed process."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, str(ROOT / "bin" / tool), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        **options,
    )


def assert_refused(done, message, code=2):
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line


def jpeg(image, number, byte_order=b"II", format="JPEG"):
    """The bytes of a file of an orientation; None: without EXIF."""
    data = Image.Exif()
    data.endian = "<" if byte_order == b"II" else ">"
    data[0x010F] = "a maker"
    data[0x0112] = number
    file = io.BytesIO()
    Image.fromarray(image).save(
        file, format, **({} if number is None else {"exif": data})
    )
    return file.getvalue()


def same_picture(found, expected):
    """To one 8-bit level."""
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


# What the texts of a card say in tests.
SAID = {
    "summary": "Photographs of nothing",
    "data": "random numbers",
    "licence": "none needed",
    "limits": "everything",
}
