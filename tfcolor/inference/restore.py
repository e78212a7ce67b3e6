"""What a trained colorizer is on disk: a run's folder, a SavedModel, or weights
that ship."""

import json
import os
import pathlib
import zipfile
from collections.abc import Callable

import keras
import tensorflow as tf
from google.protobuf import message

from tfcolor import presets
from tfcolor.config import Config
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.inference import operations
from tfcolor.inference.predictor import Info
from tfcolor.inference.predictor import Predictor
from tfcolor.networks import factory
from tfcolor.presets import weights
from tfcolor.registry import DRAWING
from tfcolor.runs import checkpoints
from tfcolor.runs import folder as run_folder
from tfcolor.types import Batch
from tfcolor.types import Network
from tfcolor.types import Path
from tfcolor.types import Tensor

# What TensorFlow and protobuf raise where a file is damaged.
_DAMAGED = (tf.errors.OpError, message.DecodeError)

# Beside the SavedModel's own files; TensorFlow Serving ignores it.
INFO = pathlib.Path("assets.extra") / "tfcolor.json"


def load(model: Path) -> Predictor:
    """The Predictor of weights that ship, of a run's folder or of a SavedModel.

    Args:
      model: a name of `presets.names`, a folder of `bin/train`, a SavedModel of
        `bin/export`, or the folder that holds its versions, of which the highest
        is taken. A name wins over a folder of that name; ./NAME and a
        pathlib.Path are folders.

    Raises:
      UsageError: it is none of them. RunError: it holds no whole checkpoint.
    """
    path = pathlib.Path(model).expanduser()
    if presets.find(model) or run_folder.Workdir(path).exists():
        generator, info = of_model(model)
        draw = drawing_of(generator) if generator.settings.get("dropout") else None
        return Predictor(network_of(generator.folded()), info, draw)
    return _saved_model(path)


def of_model(model: Path) -> tuple[Network, Info]:
    """(generator with its weights, info) of weights that ship or of a run.

    Args:
      model: as of `load`, but no SavedModel; a pathlib.Path is a run's folder.

    Raises:
      UsageError: there are no such weights.
    """
    preset = presets.find(model)
    if preset:
        return weights.restore(preset)
    path = pathlib.Path(model).expanduser()
    if path == model or run_folder.Workdir(path).exists():
        return of_run(path)
    if path.exists():
        raise UsageError(f"--model={model}: no run in it, nor weights that ship")
    raise UsageError(f"--model={model}: no such folder{presets.hint(model)}")


def of_run(path: Path) -> tuple[Network, Info]:
    """(generator with the weights that evaluation uses, info) of a run.

    Raises:
      UsageError: it is no run, or one without a generator. RunError: it holds no whole
        checkpoint.
    """
    config = run_folder.load_config(path)
    if config.generator is None:
        raise UsageError(
            f"{path}: a run of {config.trainer.rpartition(':')[2]}, which makes scans "
            "and colours nothing; train configs/experiments/line_art.py with it"
        )
    generator = factory.generator_of(config)
    folder = run_folder.Workdir(path).checkpoints
    part = "average" if config.train.ema_decay else "generator"
    step = checkpoints.restore_network(folder, generator, part)
    return generator, {
        "working_size": config.data.image_size,
        "multiple": generator.multiple,
        "head": config.generator.head,
        "step": step,
        "trainer": config.trainer,
        **({"hints": True} if config.data.hints else {}),
    }


def scanner_of_run(path: Path) -> Network:
    """The scan generator of a run of cyclegan, as evaluation uses it.

    Raises:
      UsageError: it is not such a run, or holds no whole checkpoint.
    """
    try:
        return _scanner_of_run(path)
    except (UsageError, RunError) as error:
        raise UsageError(f"data.scanner: {error}") from error


def _scanner_of_run(path):
    folder = run_folder.Workdir(path)
    if not folder.exists():
        raise UsageError(f"{path}: no run in it")
    config = run_folder.load_config(path)
    if config.scanner is None:
        kind = config.trainer.rpartition(":")[2]
        raise UsageError(f"{path}: a run of {kind}, not of cyclegan")
    scanner = factory.translator(config, "scanner", 3, 1)
    part = "average" if config.train.ema_decay else "scanner"
    checkpoints.restore_network(folder.checkpoints, scanner, part)
    scanner.trainable = False
    return scanner


def scanner_for(
    config: Config, folder: run_folder.Workdir | None = None
) -> Network | None:
    """The scanner of a run with `data.scanner`, of others None: the one that is
    kept in the run's folder, or else that of the run which the field names.

    Raises:
      UsageError: that is not a run of cyclegan, or what is kept is damaged.
    """
    if not config.data.scanner:
        return None
    path = folder and folder.scanner
    if not path or not path.exists():
        return scanner_of_run(config.data.scanner)
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: {str(error).splitlines()[0]}") from error


def keep_scanner(scanner: Network, folder: run_folder.Workdir) -> None:
    """Save a scanner in a run's folder, unless it is there."""
    path = folder.scanner
    if not path.exists():
        part = path.with_name(f".{path.name}.part.keras")
        scanner.save(part)
        os.replace(part, path)


def network_of(generator: Network) -> Callable[[Tensor], Batch]:
    """A generator as the function that Predictor takes, traced once."""
    return _network_of(generator, training=False)


def drawing_of(generator: Network) -> Callable[[Tensor, int], Batch]:
    """A generator as the function `draw` that Predictor takes: with its dropout, but
    the statistics of inference; of l [B, H, W, 1] and a seed. The generator trains no
    more."""
    generator.trainable = False  # so norms keep theirs
    network = _network_of(generator, training=True)
    layers = [
        layer
        for layer in generator._flatten_layers()
        if isinstance(layer, keras.layers.Dropout)
    ]

    def draw(l, seed):
        for number, layer in enumerate(layers):
            layer.seed_generator.state.assign([seed, number])
        return network(l)

    return draw


def _network_of(generator, training):
    head = generator.settings["head"]
    channels = 4 if generator.settings["hints"] else 1

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, channels], tf.float32)],
        autograph=False,
    )
    def network(l):
        color, logits = generator(l, training=training, with_logits=True)
        if head in DRAWING:
            return {"l": color[..., :1], "ab": color[..., 1:]}
        return {"ab": color, "logits": logits} if head == "bins" else {"ab": color}

    return network


def versions(base: pathlib.Path) -> list[int]:
    """The version numbers in the folder of an exported model."""
    return [int(path.name) for path in base.glob("*") if path.name.isdigit()]


def _saved_model(path):
    numbers = versions(path)
    if numbers and not (path / "saved_model.pb").exists():
        path = path / str(max(numbers))
    if not (path / "saved_model.pb").is_file():
        what = "is neither a run's folder nor a SavedModel"
        missing = f"no such folder{presets.hint(path)}"
        raise UsageError(f"--model={path}: {what if path.exists() else missing}")
    if not (path / INFO).is_file():
        raise UsageError(f"--model={path}: a SavedModel, but not one of tfcolor's")
    try:
        operations.check(path)
        loaded = tf.saved_model.load(str(path))
        info = json.loads((path / INFO).read_text())
        # Not loaded.network itself, which does not keep its variables alive.
        return Predictor(lambda l: loaded.network(tf.convert_to_tensor(l)), info)
    except UsageError:
        raise
    except (OSError, ValueError, AttributeError, *_DAMAGED) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--model={path}: cannot be loaded: {reason}") from error
