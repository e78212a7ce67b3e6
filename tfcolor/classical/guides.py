"""What the user gives beside a picture: marked pictures of hints, references."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcolor.classical import charpiat
from tfcolor.classical import strokes
from tfcolor.errors import UsageError
from tfcolor.images import hints as hints_of
from tfcolor.images import pictures
from tfcolor.images.decode import EXTENSIONS
from tfcolor.images.decode import Unreadable
from tfcolor.types import Path


def with_hints(tasks: Sequence[Any], hints: Path) -> list[Any]:
    """Tasks that know their hints, which have been looked at.

    Args:
      tasks: of `planning.plan`.
      hints: a file, of the only picture; or a folder, in which each picture's
        have its name, whatever the extension.

    Raises:
      UsageError: some are not there, or of no use.
    """
    place = pathlib.Path(hints).expanduser()
    if not place.is_dir():
        _exists(place, "hints")
        if len(tasks) > 1:
            raise UsageError(
                f"--hints={hints}: one file, but {len(tasks)} pictures; give a folder "
                "with hints of the same names"
            )
        paths = [place]
    else:
        named = _by_name(place, "hints")
        paths = [_named(named, task.place) for task in tasks]
    for task, path in zip(tasks, paths, strict=True):
        if path is None:
            raise UsageError(f"--hints={hints}: none of the name of {task.source}")
        _check_hints(task.source, path)
    return [dataclasses.replace(t, guide=g) for t, g in zip(tasks, paths, strict=True)]


def marked(path: Path | None, image: np.ndarray) -> Any:
    """The Hints of a picture's strokes, for a network.

    Args:
      path: of the marked picture, as of `with_hints`; None: none.
      image: uint8 [H, W] or [H, W, 3].

    Raises:
      UsageError: the marked picture cannot be used.
    """
    if path is None:
        return None
    hints = read(path, "hints")
    try:
        known = strokes.known(image, hints.pixels, hints.alpha)
    except UsageError as error:
        raise UsageError(f"--hints={path}: {error}") from error
    return hints_of.of_marked(hints.pixels, known)


def with_references(tasks: Sequence[Any], references: Sequence[Path]) -> list[Any]:
    """Tasks that know their references, which have been looked at.

    Args:
      references: files and folders. Of a folder a picture has the one of its own
        name, whatever the extension, and all of them where none has its name.

    Raises:
      UsageError: some are not there, or grey.
    """
    common, folders = [], []
    for reference in references:
        place = pathlib.Path(reference).expanduser()
        if place.is_dir():
            folders.append(_by_name(place, "reference"))
        else:
            _exists(place, "reference")
            common.append(place)
    of_tasks = []
    for task in tasks:
        paths = list(common)
        for named in folders:
            own = _named(named, task.place)
            paths += sorted(set(named.values())) if own is None else [own]
        of_tasks.append(tuple(paths))
    for paths in set(of_tasks):
        _check_references(paths)
    return [
        dataclasses.replace(t, guide=g) for t, g in zip(tasks, of_tasks, strict=True)
    ]


def of_references(references: Sequence[Path]) -> list[pathlib.Path]:
    """The files of references; of folders all pictures.

    Raises:
      UsageError: none are given, some are not there, or all are grey.
    """
    paths: list[pathlib.Path] = []
    for reference in references:
        place = pathlib.Path(reference).expanduser()
        if place.is_dir():
            paths += sorted(set(_by_name(place, "reference").values()))
        else:
            _exists(place, "reference")
            paths.append(place)
    if not paths:
        raise UsageError("--reference is missing: --method=charpiat needs pictures")
    _check_references(paths)
    return paths


def read(path: Path, flag: str) -> Any:
    """The Picture of a file that a flag names.

    Raises:
      UsageError: it cannot be read.
    """
    try:
        return pictures.read(path)
    except (Unreadable, OSError) as error:
        raise UsageError(f"--{flag}={path}: {error}") from error


def _exists(path, flag):
    if not path.exists():
        raise UsageError(f"--{flag}={path}: no such file or folder")


def _by_name(folder, flag):
    """{path below a folder, with and without its extension: path}."""
    paths = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(EXTENSIONS) and not name.startswith("."):
                path = pathlib.Path(place) / name
                below = path.relative_to(folder)
                paths[below] = path
                paths.setdefault(below.with_suffix(""), path)
    if not paths:
        raise UsageError(
            f"--{flag}={folder}: no picture in it (looked for {', '.join(EXTENSIONS)})"
        )
    return paths


def _named(named, place):
    return named.get(place) or named.get(place.with_suffix(""))


def _check_hints(source, path):
    hints = read(path, "hints")
    try:
        image = pictures.read(source).pixels
    except (Unreadable, OSError):
        return  # which is said when it is its turn
    try:
        strokes.known(image, hints.pixels, hints.alpha)
    except UsageError as error:
        raise UsageError(f"--hints={path}: {error}") from error


def _check_references(paths):
    """At least one of them has colors."""
    for path in paths:
        image = read(path, "reference").pixels
        if image.ndim == 3:
            small = charpiat.reduced(image, charpiat.WORKING_SIZE)
            if not charpiat.is_grey(small[..., 1:]):
                return
    raise UsageError(f"--reference={paths[0]}: grey; a reference needs colours")
