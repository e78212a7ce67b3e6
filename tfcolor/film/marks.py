"""The marked frames that somebody gives of a film: pictures named by the number of
their frame, with strokes of color on them."""

import hashlib
import pathlib
import re

import cv2
import numpy as np

from tfcolor.classical import strokes
from tfcolor.color import lab
from tfcolor.errors import UsageError
from tfcolor.film.source import Film
from tfcolor.images import hints as hints_of
from tfcolor.images import pictures
from tfcolor.images.decode import EXTENSIONS
from tfcolor.images.decode import Unreadable
from tfcolor.images.hints import Hints
from tfcolor.types import Path

# Distance of a* and b* to the frame from which on a pixel of a marked picture without
# transparency is a stroke. Programs that save frames differ from one another in
# lightness, and in color by less.
CHANGED = 8.0


class Marks:
    """The marked frames of a film.

    Args:
      folder: of pictures named by the number of their frame, from 0 on: 000120.png;
        with strokes on a transparent ground, or frames with strokes on them; of the
        frames' size as they are shown, or of their aspect ratio.
      film: of `source.probe`.

    Attributes:
      paths: {number: path}.

    Raises:
      UsageError: no such folder, nothing in it, or a picture that cannot be used.
    """

    def __init__(self, folder: Path, film: Film) -> None:
        self.film = film
        self.paths = _numbered(pathlib.Path(folder).expanduser())
        for number, path in self.paths.items():
            if film.counted and number >= film.count:
                raise UsageError(
                    f"--hints={path}: the film has {film.count} frames, "
                    f"0 to {film.count - 1}"
                )
            self._known(number, _read(path), None)

    def __len__(self) -> int:
        return len(self.paths)

    def __contains__(self, number: int) -> bool:
        return number in self.paths

    def hints(self, number: int, rgb: np.ndarray) -> Hints:
        """The hints of a frame, of its size or larger.

        Args:
          rgb: uint8 [H, W, 3], the frame as it is shown.

        Raises:
          UsageError: the picture differs in no color from the frame.
        """
        picture = _read(self.paths[number])
        known, pixels = self._known(number, picture, rgb), picture.pixels
        size = np.maximum(known.shape, rgb.shape[:2])
        rows, columns = (
            np.arange(full) * own // full
            for full, own in zip(size, known.shape, strict=True)
        )
        chosen = rows[:, None], columns
        return hints_of.of_marked(pixels[chosen], known[chosen])

    def digests(self) -> dict[str, str]:
        """What the pictures are, as JSON: {number: SHA-256}."""
        return {
            str(number): hashlib.sha256(path.read_bytes()).hexdigest()
            for number, path in self.paths.items()
        }

    def _known(self, number, picture, rgb):
        """The strokes, bool [H, W]; without a frame it is taken as grey."""
        pixels, alpha = picture.pixels, picture.alpha
        try:
            _check_aspect(pixels.shape[:2], self.film.shown)
            if alpha is None:
                alpha = np.where(_changed(pixels, rgb), 255, 0)
            return strokes.known(pixels, pixels, alpha)
        except UsageError as error:
            raise UsageError(f"--hints={self.paths[number]}: {error}") from error


def _numbered(folder):
    """{number: path} of the pictures of a folder, ascending."""
    if not folder.is_dir():
        raise UsageError(
            f"--hints={folder}: no such folder; of a film it has marked frames, named "
            "by their numbers: 000120.png"
        )
    found: dict[int, pathlib.Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.lower().endswith(EXTENSIONS) or path.name.startswith("."):
            continue
        if not re.fullmatch("[0-9]+", path.stem):
            raise UsageError(
                f"--hints={path}: {path.stem} is not the number of a frame, such as "
                "000120"
            )
        other = found.setdefault(int(path.stem), path)
        if other != path:
            raise UsageError(f"--hints={path}: {other.name} is of the same frame")
    if not found:
        raise UsageError(
            f"--hints={folder}: no picture in it (looked for {', '.join(EXTENSIONS)})"
        )
    return dict(sorted(found.items()))


def _read(path: pathlib.Path) -> pictures.Picture:
    try:
        return pictures.read(path)
    except (Unreadable, OSError) as error:
        raise UsageError(f"--hints={path}: {error}") from error


def _check_aspect(size, shown):
    """Raise UsageError unless both are of one shape, to a pixel."""
    (height, width), (whole_height, whole_width) = size, shown
    wrong = abs(width - whole_width * height / whole_height)
    wrong = min(wrong, abs(height - whole_height * width / whole_width))
    if wrong > 1.0:
        raise UsageError(
            f"{width} x {height} pixels; the film is shown with {whole_width} x "
            f"{whole_height}, and this is another aspect ratio"
        )


def _changed(pixels, rgb):
    """Where a picture has another color than the frame, or, without one, than
    grey: bool [H, W]."""
    ab = lab.rgb_to_lab(strokes.as_rgb(pixels)).numpy()[..., 1:]
    if rgb is not None:
        height, width = pixels.shape[:2]
        own = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        ab = ab - lab.rgb_to_lab(own).numpy()[..., 1:]
    return np.hypot(ab[..., 0], ab[..., 1]) > CHANGED
