"""From pixels, strokes and settings to a colored picture: what the page does, without
the page."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tfcolor import atomic
from tfcolor.classical import charpiat
from tfcolor.classical import levin
from tfcolor.errors import UsageError
from tfcolor.images import compose
from tfcolor.images import hints as hints_of
from tfcolor.images import pictures
from tfcolor.inference import suggestions
from tfcolor.inference.predictor import Predictor

# Of what the page shows, the longer side in pixels.
SHOWN = 640

SUGGESTIONS = 4

MAX_INTENSITY = 2.0

# The shorter side at which a reference and what is like it are looked at, pixels.
REFERENCE_SIZE = charpiat.WORKING_SIZE

# Of a stroke: pixels that are more transparent are its soft edge.
_OPAQUE = 128

# What some system gives a meaning in a name, and how long one may be without its end.
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\\/:*?"<>|]')
_NAME_BYTES = 200


@dataclasses.dataclass(frozen=True)
class Strokes:
    """What was painted on a picture.

    Attributes:
      colors: uint8 [H, W, 3].
      known: bool [H, W], where there is a stroke.
    """

    colors: np.ndarray
    known: np.ndarray


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a picture is colored.

    Attributes:
      intensity: 0 grey, 1 as predicted, more for more chroma; not of strokes that a
        network has learned to take.
      working_size: pixels of the shorter side at the network or Levin's method; None:
        the network's own.
      suggestion: the number of a suggestion, 0 to SUGGESTIONS - 1; None: the model's
        own answer.
    """

    intensity: float = 1.0
    working_size: int | None = None
    suggestion: int | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a value that cannot be."""
        if not 0.0 <= self.intensity <= MAX_INTENSITY:
            raise UsageError(
                f"intensity: {self.intensity} is not in 0..{MAX_INTENSITY}"
            )
        if self.suggestion is not None and not 0 <= self.suggestion < SUGGESTIONS:
            raise UsageError(f"suggestion: {self.suggestion} is not one of those shown")


@dataclasses.dataclass(frozen=True)
class Colored:
    """The colors of a picture.

    Attributes:
      planes: float32 [2 or 3, h, w], as of `compose.join`.
      hints: Hints that the network was given, or None.
      said: by which way.
    """

    planes: np.ndarray
    hints: Any
    said: str

    def joined(self, pixels: np.ndarray) -> np.ndarray:
        """The picture uint8 [H, W] or [H, W, 3] in these colors, uint8 [H, W, 3]."""
        return compose.join(pixels, self.planes, self.hints)


def preview(pixels: np.ndarray, side: int = SHOWN) -> np.ndarray:
    """A picture uint8 [H, W] or [H, W, 3] with its longer side at most `side`."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def grey(pixels: np.ndarray) -> np.ndarray:
    """The lightness of uint8 [H, W] or [H, W, 3], as a picture uint8 [H, W, 3]."""
    return compose.join(pixels, np.zeros((2, 1, 1), np.float32))


def flattened(layers: Sequence[np.ndarray], shape: tuple[int, int]) -> Any:
    """What was painted on several layers, as one.

    Args:
      layers: uint8 [h, w, 4], RGBA, the uppermost last.
      shape: (h, w) of what is painted on.

    Returns:
      uint8 [h, w, 4], whose alpha is 0 or 255; None if nothing was painted.

    Raises:
      UsageError: a layer of another size.
    """
    result = np.zeros((*shape, 4), np.uint8)
    for layer in layers:
        if layer.shape != result.shape:
            sizes = ["{1} x {0}".format(*x) for x in (layer.shape, shape)]
            raise UsageError(
                f"strokes: {sizes[0]} pixels, where the picture has {sizes[1]}"
            )
        painted = layer[..., 3] >= _OPAQUE
        result[painted] = layer[painted]
    result[..., 3] = np.where(result[..., 3], 255, 0)
    return result if result[..., 3].any() else None


def strokes_of(layer: np.ndarray | None, height: int, width: int) -> Strokes | None:
    """What was painted on a smaller picture, at a picture's own size.

    Args:
      layer: uint8 [h, w, 4], as of `flattened`, or None.
      height, width: of the picture, pixels.
    """
    if layer is None:
        return None
    rows, columns = (
        (2 * np.arange(full) + 1) * small // (2 * full)
        for full, small in zip((height, width), layer.shape, strict=False)
    )
    whole = layer[rows[:, None], columns]
    return Strokes(whole[..., :3], whole[..., 3] > 0)


def learned(pixels: np.ndarray) -> charpiat.Model:
    """What a reference picture uint8 [H, W, 3] teaches.

    Raises:
      UsageError: it is grey.
    """
    if pixels.ndim == 2:
        raise UsageError("grey; a reference needs colours")
    return charpiat.learn([charpiat.reduced(pixels, REFERENCE_SIZE)])


def referred(pixels: np.ndarray, model: charpiat.Model) -> np.ndarray:
    """What a reference suggests for uint8 [H, W] or [H, W, 3]: float32 [2, h, w]."""
    return charpiat.planes(pixels, model, REFERENCE_SIZE)


def color(
    pixels: np.ndarray,
    predictor: Predictor,
    settings: Settings,
    strokes: Strokes | None = None,
    by_reference: np.ndarray | None = None,
    paintings: dict[int, levin.Painting] | None = None,
) -> Colored:
    """The colors of a picture: by a reference where there is one; by strokes alone
    where the network takes none; else by the network.

    Args:
      pixels: uint8 [H, W] or [H, W, 3].
      by_reference: float32 [2, h, w], of `referred`; None: there is no reference.
      paintings: of this picture, by working size: Levin's method starts from the last
        solution there, and leaves its own; None: from nothing.

    Raises:
      UsageError: a setting that the model cannot follow, strokes without a color, or
        strokes and a reference.
    """
    if by_reference is not None:
        return _by_reference(settings, strokes, by_reference)
    size = settings.working_size
    predictor.check(size, saturation=settings.intensity)
    if strokes is not None and not predictor.info.get("hints"):
        return _by_strokes(pixels, predictor, settings, strokes, paintings)
    hints = strokes and hints_of.of_marked(strokes.colors, strokes.known)
    if settings.suggestion is not None:
        found = suggest(pixels, predictor, settings, strokes)[settings.suggestion]
        return dataclasses.replace(found, hints=hints)
    planes = predictor.predict_ab([pixels], size, None, settings.intensity, [hints])
    said = "by the network" + (", which was given the strokes" if strokes else "")
    return Colored(planes[0], hints, said)


def suggest(
    pixels: np.ndarray,
    predictor: Predictor,
    settings: Settings,
    strokes: Strokes | None = None,
) -> list[Colored]:
    """SUGGESTIONS ways to color a picture uint8 [H, W] or [H, W, 3].

    Raises:
      UsageError: the model knows one answer only, or takes no strokes where there are
        such.
    """
    hints = None
    suggestions.check(predictor, SUGGESTIONS)
    if strokes is not None:
        predictor.check_hints()
        hints = hints_of.of_marked(strokes.colors, strokes.known)
    found = suggestions.suggest(
        predictor,
        pixels,
        SUGGESTIONS,
        hints,
        settings.working_size,
        saturation=settings.intensity,
    )
    return [
        Colored(x.planes, hints, f"suggestion {i} of {len(found)}")
        for i, x in enumerate(found, 1)
    ]


def _by_reference(settings, strokes, planes):
    if strokes is not None:
        raise UsageError(
            "strokes and a reference exclude each other; clear one of them"
        )
    if settings.suggestion is not None:
        raise UsageError("suggestions and a reference exclude each other")
    planes = planes * np.float32(settings.intensity)
    return Colored(planes, None, "in the colours of the reference (Charpiat 2008)")


def _by_strokes(pixels, predictor, settings, strokes, paintings):
    if settings.suggestion is not None:
        predictor.check_hints()
    size = settings.working_size or predictor.info["working_size"]
    alpha = np.where(strokes.known, 255, 0).astype(np.uint8)
    painting = (paintings or {}).get(size) or levin.Painting(pixels, working_size=size)
    planes = painting.planes(strokes.colors, alpha)
    if paintings is not None:
        paintings.clear()  # one at a time, as it is large
        paintings[size] = painting
    planes = planes * np.float32(settings.intensity)
    said = "by the strokes alone (Levin 2004): this model takes no hints"
    return Colored(planes, None, said)


def png_name(name: str, taken: Sequence[str] = ()) -> str:
    """The name of the result of a file, which is none of those that are taken. Of a
    ZIP it is unpacked into its folder on every system, whatever the file's name."""
    stem = _NOT_IN_NAMES.sub("_", pathlib.PurePath(name).stem)
    stem = stem.encode()[:_NAME_BYTES].decode(errors="ignore")
    found, number = f"{stem}_color.png", 1
    while found in taken:
        number += 1
        found = f"{stem}_color_{number}.png"
    return found


def write_png(
    path: pathlib.Path, pixels: np.ndarray, like: pictures.Picture
) -> pathlib.Path:
    """Write uint8 [H, W, 3] as bin/colorize does: with the transparency, EXIF and
    resolution of the Picture `like`; returns the path."""
    pictures.write(path, pixels, like, "PNG")
    return path


def write_zip(path: pathlib.Path, files: Sequence[pathlib.Path]) -> pathlib.Path:
    """Put files of different names into a ZIP, stored: a PNG is compressed already;
    returns the path."""
    with (
        atomic.replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for each in files:
            archive.write(each, each.name)
    return path
