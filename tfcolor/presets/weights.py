"""From a preset's files to its generator. Importing this needs no TensorFlow."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcolor import config as config_lib
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.types import Network


def restore(name: str) -> tuple[Network, dict[str, Any]]:
    """(generator, info) of a preset, as `restore.of_run` gives them for a run.

    Raises:
      UsageError: its files are damaged, or this version cannot build its network.
    """
    from tfcolor.networks import factory

    card = presets.card(name)
    generator = factory.generator_of(config_of(card))
    arrays = read(name, card)
    shapes, expected = ([x.shape for x in each] for each in (arrays, generator.weights))
    if shapes != [tuple(shape) for shape in expected]:
        raise UsageError(f"{name}: its weights are not those of its generator")
    generator.set_weights(arrays)
    hints = {"hints": True} if generator.settings["hints"] else {}
    return generator, {**info_of(name, card, generator.multiple), **hints}


def info_of(name: str, card: dict[str, Any], multiple: int) -> dict[str, Any]:
    """What `restore` says of a card whose network takes sides that are multiples."""
    return {
        "working_size": card["working_size"],
        "multiple": multiple,
        "head": card["head"],
        "step": card["step"],
        "trainer": card["trainer"],
        "preset": name,
        "sha256": card["sha256"],
    }


def config_of(card: dict[str, Any]) -> config_lib.Config:
    """The Config of a card as far as inference needs it: generator and size.

    Raises:
      UsageError: the generator has a field that this version does not know.
    """
    try:
        generator = config_lib.Generator(**card["generator"])
    except TypeError as error:
        raise UsageError(f"{card['name']}: generator: {error}") from error
    hints = bool(card["training"].get("data.hints"))
    data = config_lib.Data(image_size=card["working_size"], hints=hints)
    return config_lib.Config(trainer=card["trainer"], data=data, generator=generator)


def packed(arrays: Sequence[np.ndarray]) -> bytes:
    """Bytes of an npz of a network's weights in the order of their creation:
    kernels in float16, vectors, such as the statistics of norms, in float32.

    Raises:
      ValueError: a number is not finite, or too large for float16.
    """
    stored: dict[str, Any] = {}
    with np.errstate(over="ignore"):
        for i, x in enumerate(arrays):
            stored[f"{i:04d}"] = x.astype("float16" if x.ndim > 1 else "float32")
            if not np.isfinite(stored[f"{i:04d}"]).all():
                raise ValueError(f"weight {i} {x.shape}: not finite in float16")
    file = io.BytesIO()
    np.savez_compressed(file, **stored)
    return file.getvalue()


def unpacked(data: bytes) -> list[np.ndarray]:
    """The inverse of `packed`: float32 arrays. Nothing in it is executed."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return [stored[key].astype("float32") for key in sorted(stored.files)]


def read(name: str, card: dict[str, Any]) -> list[np.ndarray]:
    """The weights of a preset, float32, in the order of their creation.

    Raises:
      UsageError: their file is not there, or damaged.
    """
    path = presets.FOLDER / f"{name}.npz"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {path}: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != card["sha256"]:
        raise UsageError(
            f"{name}: {path} is damaged: its sha256 is {digest[:12]}..., not "
            f"{card['sha256'][:12]}...; install tfcolor again"
        )
    try:
        return unpacked(data)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise UsageError(f"{name}: {path} is no file of weights: {error}") from error
