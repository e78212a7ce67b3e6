"""Which picture and film files are read, and what is written for each."""

import collections
import dataclasses
import logging
import os
import pathlib
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from tfcolor import atomic
from tfcolor.errors import UsageError
from tfcolor.images.decode import EXTENSIONS
from tfcolor.types import Path

log = logging.getLogger("tfcolor")

# The extensions of films, which keep their container, and of what only sounds.
FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts")
FILMS += (".m2ts", ".mts", ".wmv", ".flv", ".ogv", ".3gp")
SOUNDS = (".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus", ".wma")


def is_film(path: Path) -> bool:
    """Whether a file's extension is that of a film."""
    return pathlib.Path(path).suffix.lower() in FILMS


@dataclasses.dataclass(frozen=True)
class Task:
    """A picture or film file to read, and the one to write.

    Attributes:
      place: the source's path below the output folder, with its own extension.
      guide: of a classical method, the path of its hints or those of its
        references.
    """

    source: pathlib.Path
    target: pathlib.Path
    place: pathlib.Path
    guide: pathlib.Path | tuple | None = None


def plan(
    inputs: Iterable[Path], output: Path, same_format: bool = False
) -> tuple[list[Task], int]:
    """The Tasks for files and folders, in the order of their names, and how many
    folders could not be read, which the log names.

    A folder's pictures keep their places below it; of several folders each
    gets one of its name. NAME.jpg becomes NAME.png, a film keeps its name; where two
    pictures would become the same file, both keep their extension in the name:
    NAME.jpg.png.

    Raises:
      UsageError: an input that is not there, a folder without a picture, two files, an
        input among them, that would be written to one, or a link that leads out of the
        output.
    """
    output = pathlib.Path(output).expanduser()
    paths = [pathlib.Path(path).expanduser() for path in inputs]
    folders = [path for path in paths if path.is_dir()]
    unreadable: list[OSError] = []
    entries = []  # (source, its path below output)
    for path in paths:
        if path in folders:
            below = pathlib.Path(path.resolve().name) if len(folders) > 1 else ""
            below_it = _walk(path, output, unreadable.append)
            entries += [(s, below / s.relative_to(path)) for s in below_it]
        elif path.suffix.lower() in SOUNDS:
            raise UsageError(f"{path}: sound only; neither a picture nor a film")
        elif path.exists():
            entries.append((path, pathlib.Path(path.name)))
        else:
            raise UsageError(f"{path}: no such file or folder")
    # A file that is named twice, or is in a folder that is named too, once.
    # Not by Path.resolve, which raises at a link to itself.
    known = {os.path.realpath(s): (s, place) for s, place in reversed(entries)}
    entries = list(known.values())
    entries.reverse()
    named = collections.Counter(name_of(place, same_format) for _, place in entries)
    tasks = []
    for source, place in entries:
        name = name_of(place, same_format)
        if named[name] > 1 and not same_format and not is_film(source):
            name = full_name_of(place)
        tasks.append(Task(source, output / name, place))
    _check_targets(tasks)
    _check_inside(tasks, output)
    for error in unreadable:
        log.error("%s: %s", error.filename, error.strerror)
    return tasks, len(unreadable)


def beside(inputs: Sequence[Path], same_format: bool = False) -> Task:
    """The Task of one picture file whose result is NAME_color.png beside it, of a film
    and with `same_format` NAME_color and the input's extension.

    Raises:
      UsageError: `inputs` are not one file, or the folder cannot be written to.
    """
    path = pathlib.Path(inputs[0]).expanduser()
    if len(inputs) > 1 or path.is_dir():
        raise UsageError("--output is missing: only one file can do without it")
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    if path.suffix.lower() in SOUNDS:
        raise UsageError(f"{path}: sound only; neither a picture nor a film")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{path.parent}: no permission to write; give --output")
    place = pathlib.Path(path.name)
    suffix = name_of(place, same_format).suffix
    task = Task(path, path.with_name(f"{path.stem}_color{suffix}"), place)
    _check_targets([task])
    return task


def is_input(name: str) -> bool:
    """Whether a file of a folder is taken for a picture or film: by its extension, and
    it is not hidden."""
    return name.lower().endswith(EXTENSIONS + FILMS) and not name.startswith(".")


def name_of(place: pathlib.Path, same_format: bool = False) -> pathlib.Path:
    """The path below the output for an input's, where no other input's is the same."""
    if is_film(place) or (same_format and is_input(place.name)):
        return place
    return place.with_suffix(".png")


def full_name_of(place: pathlib.Path) -> pathlib.Path:
    """As `name_of`, where another input's is the same: NAME.jpg.png."""
    return place.with_name(place.name + ".png")


def npz_of(target: pathlib.Path) -> pathlib.Path:
    """The path of the ab planes that go with a picture: NAME.png.npz."""
    return target.with_name(target.name + ".npz")


def sheet_of(target: pathlib.Path) -> pathlib.Path:
    """The path of the contact sheet for a picture that would be `target`."""
    return target.with_name(f"{target.stem}_suggestions.png")


def is_missing(task: Task, ab_npz: bool, suggested: bool = False) -> bool:
    """Whether its file is not there yet, or not whole; with `ab_npz` one of both; of
    what is `suggested` the contact sheet."""
    if task.target.with_name(task.target.name + atomic.UNFINISHED).exists():
        return True
    if suggested:
        return not sheet_of(task.target).exists()
    files = [task.target, npz_of(task.target)] if ab_npz else [task.target]
    return not all(path.exists() for path in files)


def leads_out(folder: Path, output: Path) -> bool:
    """Whether a folder below the output is not in it, for a link or for its name."""
    root = os.path.realpath(output)
    return os.path.commonpath([root, os.path.realpath(folder)]) != root


def check_films(
    tasks: Sequence[Task],
    own: dict[str, Any],
    of_pictures: dict[str, Any],
    hints: Path | None = None,
) -> None:
    """Raise UsageError for settings, by name, that films alone take where there is
    none, or that pictures alone take where there is a film; and for hints of a film
    that is not the only input."""
    first = next((task.source for task in tasks if is_film(task.source)), None)
    for name, value in own.items():
        if value is not None and first is None:
            raise UsageError(f"--{name}: no film among the inputs")
    steady = own["steady"]
    if steady is not None and not 0 <= steady < 1:
        raise UsageError(f"--steady={steady}: must be at least 0 and less than 1")
    for name, value in of_pictures.items():
        if value and first is not None:
            raise UsageError(f"--{name}: {first} is a film; it is for pictures")
    if hints and first is not None and len(tasks) > 1:
        raise UsageError(
            f"--hints: numbers the frames of one film, but there are {len(tasks)} "
            "pictures and films"
        )


def _walk(folder, output, on_error):
    """The picture and film files below a folder, those below `output` left out."""
    if folder.resolve() == output.resolve():
        raise UsageError(f"--output={output}: is an input itself; give another folder")
    paths = []
    for place, folders, names in os.walk(folder, onerror=on_error):
        place = pathlib.Path(place)
        folders[:] = [f for f in folders if (place / f).resolve() != output.resolve()]
        paths += [place / name for name in names if is_input(name)]
    if not paths:
        raise UsageError(
            f"{folder}: no picture in it (looked for {', '.join(EXTENSIONS + FILMS)})"
        )
    return sorted(paths)


def _check_targets(tasks):
    sources = {os.path.realpath(task.source) for task in tasks}
    written: dict[str, pathlib.Path] = {}
    for task in tasks:
        target = os.path.realpath(task.target)
        if target in sources:
            raise UsageError(
                f"--output: {task.source} would be written onto the input "
                f"{task.target}; give another folder"
            )
        other = written.setdefault(target, task.source)
        if other != task.source:
            raise UsageError(
                f"--output: {other} and {task.source} would both be {task.target}; "
                "colour them one after the other"
            )


def _check_inside(tasks, output):
    for folder in {task.target.parent for task in tasks}:
        if leads_out(folder, output):
            raise UsageError(
                f"--output={output}: {folder} is a link that leads out of it, to "
                f"{os.path.realpath(folder)}; remove it, or give another folder"
            )
