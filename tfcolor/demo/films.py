"""A film that was uploaded: its first frames and the whole in color. Needs the extra
`video`."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import pathlib
import shutil
import tempfile
from typing import Any

import numpy as np

from tfcolor.demo import coloring
from tfcolor.demo.coloring import Settings
from tfcolor.demo.limits import Limits
from tfcolor.errors import UsageError
from tfcolor.images import compose
from tfcolor.inference.predictor import Predictor
from tfcolor.types import Path

# Frames that are shown of a film, and seconds between them.
SHOWN = 4
BETWEEN = 0.5


@dataclasses.dataclass
class Clip:
    """An uploaded film.

    Attributes:
      name: of the file as it was uploaded.
      path: of the visit's own copy.
      film: film.source.Film.
      frames: uint8 [h, w, 3] each, previews of the first SHOWN ones, BETWEEN seconds
        apart.
    """

    name: str
    path: pathlib.Path
    film: Any
    frames: list[np.ndarray]


def available() -> bool:
    """Whether the extra `video` is installed."""
    return all(importlib.util.find_spec(name) for name in ("av", "cv2"))


class Films:
    """The film of one visitor, and what is made of it.

    Args:
      folder: of the visit, which deletes it.

    Attributes:
      clip: the Clip that was uploaded last, or None.
    """

    def __init__(self, folder: pathlib.Path, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.clip: Clip | None = None

    def take(self, path: Path | None) -> None:
        """Take an uploaded film in place of the one before; None: no more.

        Raises:
          UsageError: no film, one that is too large or too long, or a container that
            cannot be written.
        """
        self.clip = None
        for old in self.folder.glob("film-*"):
            shutil.rmtree(old)
        if path is None:
            return
        folder = pathlib.Path(tempfile.mkdtemp(prefix="film-", dir=self.folder))
        try:
            self.clip = _taken(pathlib.Path(path), folder, self.limits)
        finally:
            if self.clip is None:
                shutil.rmtree(folder)

    def first(self, predictor: Predictor, settings: Settings) -> list[np.ndarray]:
        """The first frames in color, uint8 [h, w, 3] each.

        Raises:
          UsageError: there is no film, a setting that the model cannot follow, or a
            model for line art.
        """
        clip = self._checked(predictor, settings)
        size, intensity = settings.working_size, settings.intensity
        planes = predictor.predict_ab(clip.frames, size, None, intensity)
        return [compose.join(*x) for x in zip(clip.frames, planes, strict=True)]

    def color(self, predictor: Predictor, settings: Settings) -> pathlib.Path:
        """The path of the whole film in color, written as bin/colorize does.

        Raises:
          UsageError: as of `first`, or it takes too long.
        """
        from tfcolor.film import colorize

        clip = self._checked(predictor, settings)
        stem, suffix = pathlib.PurePath(clip.name).stem, clip.path.suffix
        target = clip.path.parent / "result" / f"{stem}_color{suffix}"
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        own: dict[str, Any] = {"saturation": settings.intensity}
        if settings.working_size:
            own["working_size"] = settings.working_size
        watched = _Watched(predictor, self.limits.deadline())
        colorize.run(watched, clip.film, target, colorize.Options(own))
        return target

    def _checked(self, predictor, settings):
        """The film, if it can be colored so."""
        if self.clip is None:
            raise UsageError("no film given: upload one")
        from tfcolor.film import batch

        batch.check(predictor)
        self.limits.check_working_size(settings.working_size or 0)
        predictor.check(settings.working_size, saturation=settings.intensity)
        return self.clip


class _Watched:
    """A predictor that calls `check` before each batch."""

    def __init__(self, predictor, check):
        self.predictor, self.check = predictor, check
        self.info = predictor.info
        self.working_shape = predictor.working_shape

    def predict_lightness(self, lightness, **settings):
        self.check()
        return self.predictor.predict_lightness(lightness, **settings)


def _taken(source, folder, limits):
    """The Clip of a file, which is copied into a folder."""
    from tfcolor.film import encoding
    from tfcolor.film import source as source_of

    path = folder / f"film{source.suffix}"
    shutil.copyfile(source, path)
    try:
        film = source_of.probe(path, limits.film_pixels)
        encoding.settings(film, path.suffix.lower(), None, None, 1)
    except UsageError as error:
        raise UsageError(str(error).replace(str(path), source.name)) from error
    seconds = float(film.count / film.rate)
    if seconds > limits.film_seconds:
        raise UsageError(
            f"{source.name}: {seconds:.1f} seconds are more than "
            f"--film_seconds={limits.film_seconds}"
        )
    return Clip(source.name, path, film, _first(film))


def _first(film):
    from tfcolor.film import reading

    numbers = [round(i * BETWEEN * film.rate) for i in range(SHOWN)]
    reader = reading.Reader(film, (16, 16), shown=numbers)
    found = []
    with contextlib.closing(reader.frames()) as frames:
        for frame in frames:
            if frame.rgb is not None:
                found.append(np.array(coloring.preview(frame.rgb)))
            if frame.number >= numbers[-1]:
                break
    return found
