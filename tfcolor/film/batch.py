"""Color for several films."""

import logging
import os
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from tfcolor.errors import UsageError
from tfcolor.film import colorize
from tfcolor.film import encoding
from tfcolor.film import source
from tfcolor.film.marks import Marks
from tfcolor.film.source import Film
from tfcolor.registry import DRAWING
from tfcolor.types import Path

log = logging.getLogger("tfcolor")


def probed(
    tasks: Sequence[Any], inputs: Iterable[Path], codec: str | None, crf: float | None
) -> list[tuple[Any, Film | None]]:
    """The films of inference.planning.Tasks; None of one in a folder that is none,
    which the log names.

    Raises:
      UsageError: one of `inputs` itself is none, or cannot be encoded so.
    """
    encoding.check(codec, crf)
    named = {os.path.realpath(os.path.expanduser(path)) for path in inputs}
    found: list[tuple[Any, Film | None]] = []
    for task in tasks:
        try:
            film = source.probe(task.source)
            encoding.settings(film, task.target.suffix.lower(), codec, crf, 1)
            found.append((task, film))
        except UsageError as error:
            if os.path.realpath(task.source) in named:
                raise
            log.error("%s", error)
            found.append((task, None))
    return found


def marks(films: Sequence[tuple[Any, Film | None]], folder: Path) -> Marks:
    """The Marks in a folder, of the one film of what `probed` gives.

    Raises:
      UsageError: as of Marks.
    """
    ((_, film),) = films
    assert film  # one that is named, or `probed` raises
    return Marks(folder, film)


def check(predictor: Any, marks: Marks | None = None) -> None:
    """Check that a Predictor can color films, with hints if there are `marks`.

    Raises:
      UsageError: it is for line art, or was trained without hints.
    """
    if predictor.info["head"] in DRAWING:
        raise UsageError("films: this model is for line art; choose another")
    if marks and not predictor.info.get("hints"):
        raise UsageError(
            "hints: this model was trained without them; for films take one of "
            "--config.data.hints=true"
        )


def run(
    predictor: Any,
    films: Sequence[tuple[Any, Film | None]],
    settings: dict[str, Any],
    own: dict[str, Any],
    overwrite: bool,
    marks: Marks | None = None,
) -> int:
    """Color films one after the other.

    Args:
      predictor: an inference.predictor.Predictor.
      films: what `probed` gives.
      settings: of the predictor, by name.
      own: codec, crf, steady and deinterlace; None stands for the default.
      overwrite: begin anew what was broken off.
      marks: frames with hints, of the only film.

    Returns:
      How many could not be colored, or not whole.

    Raises:
      UsageError, RunError: as `colorize.run`.
    """
    own = {name: value for name, value in own.items() if value is not None}
    own["strength"] = own.pop("steady", colorize.steady.STRENGTH)
    settings = {name: value for name, value in settings.items() if value is not None}
    options = colorize.Options(settings, overwrite=overwrite, marks=marks, **own)
    failed = 0
    for task, film in films:
        if film is None:
            failed += 1
            continue
        task.target.parent.mkdir(parents=True, exist_ok=True)
        failed += not colorize.run(predictor, film, task.target, options)
    return failed
