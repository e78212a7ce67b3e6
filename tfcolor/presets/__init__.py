"""Weights that ship, by name.

A preset NAME is files in this folder: NAME.npz, the weights of a generator; NAME.json,
its card as data; NAME.md, the same card to read; and of some NAME.graph, see
`inference.quick`. Importing this needs no TensorFlow.
"""

import difflib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from tfcolor.errors import UsageError

FOLDER = pathlib.Path(__file__).resolve().parent

# What colors where no model is named, and where hints are given.
DEFAULT = "photo"
HINTED = "photo_hints"

# Of the files. A card of a higher one is refused.
FORMAT = 1

_NEEDED = ("generator", "working_size", "head", "trainer", "step", "sha256", "bytes")


def names() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def find(model: object) -> str | None:
    """The preset that `model` means, or None: then it is a path.

    A name wins over a folder of that name. What has a slash in it, such as
    "./photo", and a pathlib.Path are paths.
    """
    return model if isinstance(model, str) and model in names() else None


def hint(model: object) -> str:
    """What to add to an error about a `model` that is not there: "" without
    presets."""
    known = names()
    close = difflib.get_close_matches(str(model), known, 1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; weights that ship: {', '.join(known)}" if known else ""


def default(hints: bool = False) -> str:
    """The preset that is used where nothing is said.

    Args:
      hints: that it should take hints; where none that does ships it is the usual one.

    Raises:
      UsageError: it does not ship.
    """
    for name in (HINTED, DEFAULT) if hints else (DEFAULT,):
        if name in names():
            return name
    ship = ", ".join(names()) or "none"
    raise UsageError(
        f"--model is missing (weights that ship: {ship}): give a run's folder, an "
        "export, or --method, which needs no training"
    )


def card(name: str) -> dict[str, Any]:
    """The card of a preset: a dict, see `writing.save`.

    Raises:
      UsageError: it is damaged, or of a later version of tfcolor.
    """
    path = FOLDER / f"{name}.json"
    try:
        content = json.loads(path.read_text())
        later = content["format"] > FORMAT
        missing = [key for key in _NEEDED if key not in content]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{name}: {path} cannot be read: {error}") from error
    if later:
        raise UsageError(f"{name}: {path} is of a later version of tfcolor")
    if missing:
        raise UsageError(f"{name}: {path} has no {', '.join(missing)}")
    return content


def lines() -> Iterator[str]:
    """A line a preset: its name, megabytes, working size and summary."""
    for name in names():
        content = card(name)
        size = f"{content['bytes'] / 1e6:.1f} MB, {content['working_size']} pixels"
        yield f"{name:16s} {size:22s} {content.get('summary', '')}"
