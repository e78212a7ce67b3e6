"""From a generator to a preset's files."""

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcolor import atomic
from tfcolor import config as config_lib
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.presets import weights
from tfcolor.types import Network
from tfcolor.types import Path
from tfcolor.version import __version__

# Of a file of weights: it is in every wheel.
MAX_BYTES = 20_000_000

# What people say about the weights: one line; what they learned from, with its
# licences; what may be done with them; what they do badly.
TEXTS = ("summary", "data", "licence", "limits")

# Methods of an evaluation that stand beside the preset in its card.
BESIDE = ("grey", "truth")

# Fields of a config that name places of a machine.
_PLACES = ("source", "validation", "scans", "scanner", "data_dir", "init")


def save(
    generator: Network,
    config: config_lib.Config,
    step: int,
    name: str,
    folder: Path | None = None,
    training: Mapping[str, Any] | None = None,
    **texts: Any,
) -> pathlib.Path:
    """Write NAME.npz, NAME.json and NAME.md.

    Texts that are not given stay as they are in a card that is there. Its
    evaluations stay only where the weights do.

    Args:
      generator: with the weights.
      config: the Config that it was trained with.
      step: of its training.
      name: small letters, digits and _.
      folder: of presets; None: that of the package.
      training: {setting: value} of another program than bin/train that trained
        them; None: those of the config.
      texts: of TEXTS.

    Returns:
      The path of the card.

    Raises:
      UsageError: the name, a weight that float16 cannot show, or more than
        MAX_BYTES.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r}: a name has small letters, digits and _ only")
    config = config_lib.resolve(config)
    folder = pathlib.Path(folder or presets.FOLDER)
    try:
        data = weights.packed(generator.get_weights())
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"{name}: {len(data)} bytes of weights; at most {MAX_BYTES} may ship"
        )
    path = folder / f"{name}.json"
    old = json.loads(path.read_text()) if path.is_file() else {}
    sha256 = hashlib.sha256(data).hexdigest()
    settings = config_lib.to_dict(config)
    section = settings.pop("generator")
    training = training or config_lib.flat_dict(settings)
    card = {
        "format": presets.FORMAT,
        "name": name,
        **{text: texts.get(text) or old.get(text, "") for text in TEXTS},
        "tfcolor": __version__,
        "sha256": sha256,
        "bytes": len(data),
        "parameters": generator.count_params(),
        "working_size": config.data.image_size,
        "head": section["head"],
        "trainer": config.trainer,
        "step": step,
        "generator": _without_places(section),
        "training": _without_places(training),
        "evaluations": old.get("evaluations", {})
        if old.get("sha256") == sha256
        else {},
    }
    atomic.make_folder(folder, "folder")
    atomic.write(folder / f"{name}.npz", data)
    _write_card(path, card)
    return path


def annotate(
    name: str,
    folder: Path | None = None,
    evaluations: Mapping[str, Path] | None = None,
    **texts: Any,
) -> pathlib.Path:
    """Change what a preset's card says, and write NAME.md anew.

    Args:
      evaluations: {what the images are: path of a metrics.json of bin/evaluate
        with --model=NAME}.
      name, folder, texts: as of `save`.

    Raises:
      UsageError: there is no such card, or an evaluation without this model.
    """
    path = pathlib.Path(folder or presets.FOLDER) / f"{name}.json"
    if not path.is_file():
        raise UsageError(f"{path}: no such card")
    card = json.loads(path.read_text())
    card.update({text: value for text, value in texts.items() if value})
    for images, file in (evaluations or {}).items():
        card["evaluations"][images] = _evaluation(name, file)
    _write_card(path, card)
    return path


def _write_card(path, card):
    atomic.write(path, json.dumps(card, indent=2) + "\n")
    atomic.write(path.with_suffix(".md"), text_of(card))


def _without_places(settings):
    """Without paths of the machine: the encoder's weights and the data's."""

    def tells(field, value):
        named = field.rpartition(".")[2] in _PLACES
        return not named and "/" not in str(value)

    return {field: value for field, value in settings.items() if tells(field, value)}


def _evaluation(name, file):
    try:
        metrics = json.loads(pathlib.Path(file).expanduser().read_text())["metrics"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--evaluation: {file} cannot be read: {error}") from error
    if name not in metrics:
        raise UsageError(
            f"--evaluation: {file} judges {', '.join(metrics)}, not {name}"
        )
    return {method: metrics[method] for method in (name, *BESIDE) if method in metrics}


def text_of(card: dict[str, Any]) -> str:
    """The card in Markdown."""
    said = {text: card[text] or "not said" for text in TEXTS}
    parts = [
        f"# {card['name']}",
        said["summary"],
        f"Data: {said['data']}",
        f"Licence: {said['licence']}",
        f"What it does badly: {said['limits']}",
        f"A generator `{card['generator']['name']}` with the head `{card['head']}` of "
        f"{card['parameters']:,} parameters, float16 ({card['bytes'] / 1e6:.1f} MB), "
        f"that works at {card['working_size']} pixels of the shorter side. Trained "
        f"{card['step']:,} steps with `{card['trainer']}`; `{card['name']}.json` has "
        f"all settings. tfcolor {card['tfcolor']}, sha256 of `{card['name']}.npz`\n"
        f"`{card['sha256']}`.",
    ]
    for images, methods in card["evaluations"].items():
        parts.append(f"## {images}\n\nMeans, and intervals of 95 %.")
        parts.append("\n".join(_table(methods)))
    return "\n\n".join(parts) + "\n"


def _table(methods):
    metrics = list(dict.fromkeys(m for values in methods.values() for m in values))
    yield "| | " + " | ".join(methods) + " |"
    yield "|---" * (len(methods) + 1) + "|"
    for metric in metrics:
        cells = [_cell(values.get(metric)) for values in methods.values()]
        yield f"| {metric} | " + " | ".join(cells) + " |"


def _cell(measured):
    values: list[Any] = [(measured or {}).get(key) for key in ("value", "low", "high")]
    if values[0] is None or not np.isfinite(values[0]):
        return ""
    if None in values or values[1] == values[2]:
        return f"{values[0]:.4g}"
    return "{:.4g} ({:.4g} to {:.4g})".format(*values)
