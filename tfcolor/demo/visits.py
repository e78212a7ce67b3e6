"""What a visitor has uploaded, painted and chosen; deleted when the visit ends."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tfcolor.demo import coloring
from tfcolor.demo import films
from tfcolor.demo.coloring import Settings
from tfcolor.demo.limits import Limits
from tfcolor.errors import UsageError
from tfcolor.errors import visible
from tfcolor.images import decode
from tfcolor.images import pictures
from tfcolor.images.decode import Unreadable
from tfcolor.inference.predictor import Predictor
from tfcolor.types import Path


@dataclasses.dataclass
class Photo:
    """An uploaded picture.

    Attributes:
      source: the file as it was uploaded.
      path: of the visit's own copy.
      shown: uint8 [h, w] or [h, w, 3], its preview.
      layer: uint8 [h, w, 4], what was painted on that; None: nothing.
      suggestion: the number of the one that was chosen, or None.
      referred: float32 [2, h, w], what the reference suggests; None: not yet known.
      paintings: of the preview, as of `coloring.color`.
    """

    source: pathlib.Path
    path: pathlib.Path
    shown: np.ndarray
    layer: np.ndarray | None = None
    suggestion: int | None = None
    referred: np.ndarray | None = None
    paintings: dict[int, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the file, as it is shown."""
        return _shown(self.source)


class Visit:
    """The pictures of one visitor, in a folder that `close` deletes.

    Args:
      folder: an empty one, which belongs to the visit.
    """

    def __init__(self, folder: pathlib.Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self.lock = threading.RLock()  # a visitor's requests, one after the other
        self.photos: list[Photo] = []
        self.chosen = 0
        self.reference: Any = None
        self.films = films.Films(folder, limits)

    @property
    def photo(self) -> Photo:
        """The one that was chosen.

        Raises:
          UsageError: nothing was uploaded.
        """
        if not self.photos:
            raise UsageError("no picture given: upload one")
        return self.photos[self.chosen]

    def take(self, paths: Sequence[Path]) -> list[str]:
        """Take uploaded files, all that there are: those that are known stay as they
        are. The first of the new ones is chosen.

        Returns:
          A line for each that cannot be read, and for each of several frames.

        Raises:
          UsageError: they are too many.
        """
        self.limits.check_files(len(paths))
        wanted = list(map(pathlib.Path, paths))
        kept = [photo for photo in self.photos if photo.source in wanted]
        for photo in self.photos:
            if photo not in kept:
                photo.path.unlink(missing_ok=True)
        self.photos, lines = list(kept), []
        for path in wanted:
            if path in [photo.source for photo in kept]:
                continue
            try:
                lines += self._add(path)
            except (Unreadable, OSError) as error:
                lines.append(f"{_shown(path)}: {error}")
        self.chosen = len(kept) if len(self.photos) > len(kept) else 0
        return lines

    def choose(self, number: int) -> None:
        """Take the picture of a number.

        Raises:
          UsageError: there is none.
        """
        if not 0 <= number < len(self.photos):
            raise UsageError(f"picture {number}: there are {len(self.photos)}")
        self.chosen = number

    def paint(self, layers: Sequence[np.ndarray]) -> bool:
        """Take what was painted on the preview: uint8 [h, w, 4] each, RGBA; returns
        whether it differs from what was there."""
        before, shape = self.photo.layer, self.photo.shown.shape[:2]
        self.photo.layer = coloring.flattened(layers, shape)
        if before is None or self.photo.layer is None:
            return before is not self.photo.layer
        return not np.array_equal(before, self.photo.layer)

    def refer(self, path: Path | None) -> None:
        """Take the colors of a picture; None: no more.

        Raises:
          UsageError: it cannot be read, or is grey.
        """
        self.reference = None
        for photo in self.photos:
            photo.referred = photo.suggestion = None
        if path is None:
            return
        name = _shown(pathlib.Path(path))
        try:
            self.reference = coloring.learned(_read(path, self.limits).pixels)
        except (Unreadable, OSError, UsageError) as error:
            raise UsageError(f"--reference={name}: {error}") from error

    def shown(
        self, predictor: Predictor, settings: Settings
    ) -> tuple[np.ndarray, np.ndarray, str]:
        """(preview, the same in color uint8 [h, w, 3], by which way)."""
        pixels = self.photo.shown
        for other in self.photos:
            if other is not self.photo:
                other.paintings.clear()
        paintings = self.photo.paintings
        found = self._colored(self.photo, pixels, predictor, settings, paintings)
        shape = "x".join(map(str, found.planes.shape[:0:-1]))
        said = f"{found.said}, at {shape} pixels"
        return pixels, found.joined(pixels), f"{self.photo.name}: {said}"

    def suggestions(self, predictor: Predictor, settings: Settings) -> list[np.ndarray]:
        """Previews uint8 [h, w, 3] of the suggestions for the chosen picture.

        Raises:
          UsageError: the model has none, or there is a reference.
        """
        if self.reference is not None:
            raise UsageError("suggestions and a reference exclude each other")
        pixels = self.photo.shown
        strokes = coloring.strokes_of(self.photo.layer, *pixels.shape[:2])
        found = coloring.suggest(pixels, predictor, settings, strokes)
        return [each.joined(pixels) for each in found]

    def png(self, predictor: Predictor, settings: Settings) -> pathlib.Path:
        """The path of the chosen picture's result, at its own size."""
        return self._written(self.photo, self._results(), [], predictor, settings)

    def zip(self, predictor: Predictor, settings: Settings) -> pathlib.Path:
        """The path of a ZIP with the results of all pictures.

        Raises:
          UsageError: it takes too long.
        """
        check, folder = self.limits.deadline(), self._results()
        files: list[pathlib.Path] = []
        for photo in self.photos:
            check()
            taken = [file.name for file in files]
            files.append(self._written(photo, folder, taken, predictor, settings))
        return coloring.write_zip(folder / "coloured.zip", files)

    def close(self) -> None:
        """Delete all that was uploaded and made."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _add(self, path):
        """Take one file; returns what there is to say about it, lines."""
        pixels = _read(path, self.limits).pixels
        own = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / f"picture{path.suffix}"
        shutil.copyfile(path, own)
        shown = np.array(coloring.preview(pixels))
        self.photos.append(Photo(path, own, shown))
        frames = _frames(path)
        return [f"{_shown(path)}: the first of {frames} frames"] if frames > 1 else []

    def _colored(self, photo, pixels, predictor, settings, paintings=None):
        self.limits.check_working_size(settings.working_size or 0)
        settings = dataclasses.replace(settings, suggestion=photo.suggestion)
        strokes = coloring.strokes_of(photo.layer, *pixels.shape[:2])
        referred = self._referred(photo, pixels)
        return coloring.color(pixels, predictor, settings, strokes, referred, paintings)

    def _referred(self, photo, pixels):
        if self.reference is not None and photo.referred is None:
            photo.referred = coloring.referred(pixels, self.reference)
        return photo.referred

    def _written(self, photo, folder, taken, predictor, settings):
        picture = _read(photo.path, self.limits)
        found = self._colored(photo, picture.pixels, predictor, settings)
        path = folder / coloring.png_name(photo.name, taken)
        return coloring.write_png(path, found.joined(picture.pixels), picture)

    def _results(self):
        """An empty folder for results; the last ones are deleted."""
        for old in self.folder.glob("results-*"):
            shutil.rmtree(old, ignore_errors=True)
        return pathlib.Path(tempfile.mkdtemp(prefix="results-", dir=self.folder))


class Visits:
    """The visits of a page, each in a folder below `root`.

    Args:
      clock: gives seconds.
    """

    def __init__(
        self,
        root: pathlib.Path,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root, self.limits, self.clock = root, limits, clock
        self._lock = threading.Lock()
        self._visits: dict[str, tuple[Visit, float]] = {}  # and when last seen

    def of(self, key: str) -> Visit:
        """The visit of a key; a new one where there is none. Those that are idle for
        too long end."""
        now = self.clock()
        with self._lock:
            visit = self._visits.pop(key, (None, 0.0))[0]
            visit = visit or Visit(self._new_folder(), self.limits)
            self._visits[key] = visit, now
            oldest = sorted(self._visits, key=lambda k: self._visits[k][1])
            for other in oldest[: -self.limits.visits]:
                self._end(other)
            for other in oldest:
                if other in self._visits and self._is_idle(other, now):
                    self._end(other)
        return visit

    def forget(self, key: str) -> None:
        """End the visit of a key."""
        with self._lock:
            self._end(key)

    def _is_idle(self, key, now):
        return now - self._visits[key][1] > self.limits.idle_seconds

    def _end(self, key):
        if key in self._visits:
            self._visits.pop(key)[0].close()

    def _new_folder(self):
        return pathlib.Path(tempfile.mkdtemp(prefix="visit-", dir=self.root))


def _read(path, limits):
    """The Picture in a file."""
    Image.MAX_IMAGE_PIXELS = None  # limits.max_pixels is the limit
    return pictures.read(path, limits.max_pixels)


def _shown(path):
    """The name of a file as text, which it need not be."""
    return visible(path.name).encode(errors="backslashreplace").decode()


def _frames(path):
    try:
        with decode.opened(path) as file, decode.image_of(file) as image:
            return getattr(image, "n_frames", 1)
    except Exception:  # decoders raise nearly anything; the first can be read
        return 1
