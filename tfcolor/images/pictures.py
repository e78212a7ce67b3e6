"""Picture files as people have them: read with all that belongs to them, and
written with it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import math
import os
from typing import Any

import numpy as np
from PIL import Image
from PIL import ImageCms
from PIL import ImageOps

from tfcolor import atomic
from tfcolor.images import decode
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import reason
from tfcolor.images.decode import to_8_bit
from tfcolor.types import Path

log = logging.getLogger("tfcolor")

# Pixels, at most; more is taken for a decompression bomb.
MAX_PIXELS = 250_000_000

# The longer side over the shorter, at most. Of what is longer the network would see
# a line of a pixel or a few, and the matrix that resizes its longer side may take
# gigabytes.
MAX_ASPECT = 200

# Of a written file, by format; Pillow's compression of PNG is slower by far at
# its default and hardly smaller.
_QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0, "optimize": True},
    "WEBP": {"quality": 95},
    "PNG": {"compress_level": 2},
    "TIFF": {"compression": "tiff_lzw"},
}
_WITH_ALPHA = ("PNG", "TIFF", "WEBP")

_EMPTY = "the file is empty"

# EXIF that belongs to the picture and not to its file, whose layout a TIFF keeps
# among it: description, make, model, software, date, artist, copyright, and the
# directories of the camera and of the place.
_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_DIRECTORIES = (0x8769, 0x8825)


@dataclasses.dataclass
class Picture:
    """A picture, upright, in sRGB.

    Attributes:
      pixels: uint8 [H, W] if it is grey, else [H, W, 3].
      alpha: uint8 [H, W], or None if all of it is opaque.
      extras: what the file says besides, as Pillow's `save` takes it: exif
        (without the orientation, which has been applied) and dpi.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    extras: dict = dataclasses.field(default_factory=dict)


def size_of(source: Path | io.BytesIO, max_pixels: int = MAX_PIXELS) -> int:
    """How many pixels a file's header says; raises as `read`."""
    with _opened(source, max_pixels) as image:
        return image.width * image.height


def read(source: Path | io.BytesIO, max_pixels: int = MAX_PIXELS) -> Picture:
    """The Picture in a file, or in the bytes of one; of several frames the first.

    Raises:
      Unreadable: with the reason.
    """
    with _opened(source, max_pixels) as image:
        return _picture(image)


@contextlib.contextmanager
def _opened(source, max_pixels):
    try:
        with _file(source) as file, decode.image_of(file) as image:
            _check_size(image.size, max_pixels)
            yield image
    except Unreadable:
        raise
    except Image.UnidentifiedImageError as error:
        said = "not an image of a known format" if _bytes(source) else _EMPTY
        raise Unreadable(said) from error
    except Exception as error:  # decoders raise nearly anything
        raise Unreadable(getattr(error, "strerror", 0) or reason(error)) from error


def _file(source):
    """What is in memory stays open."""
    if not isinstance(source, io.BytesIO):
        return decode.opened(source)
    source.seek(0)
    return contextlib.nullcontext(source)


def _bytes(source):
    in_memory = isinstance(source, io.BytesIO)
    return len(source.getbuffer()) if in_memory else os.path.getsize(source)


def _check_size(size, max_pixels):
    """Before a pixel is decoded."""
    said = f"{size[0]} x {size[1]} pixels"
    if size[0] * size[1] > max_pixels:
        raise Unreadable(f"{said} are more than --max_pixels={max_pixels}")
    if max(size) > MAX_ASPECT * min(size):
        raise Unreadable(f"{said}: one side is more than {MAX_ASPECT} times the other")


def write(path: Path, pixels: np.ndarray, like: Picture, kind: str) -> None:
    """Write pixels atomically, uint8 [H, W, 3]; the arguments are those of `encode`."""
    atomic.write(path, encode(pixels, like, kind))


def encode(pixels: np.ndarray, like: Picture, kind: str) -> memoryview:
    """The bytes of a file of pixels, with what belongs to the picture `like`.

    Args:
      pixels: uint8 [H, W, 3], sRGB.
      like: a Picture of the same size; or a narrower one, whose alpha is left
        out then.
      kind: Pillow's name of the format.
    """
    image = Image.fromarray(pixels)
    alpha = like.alpha
    if alpha is not None and kind in _WITH_ALPHA and alpha.shape == pixels.shape[:2]:
        image.putalpha(Image.fromarray(alpha))
    if kind == "GIF":
        image = image.quantize(256)
    options = {**_QUALITY.get(kind, {}), **like.extras, "icc_profile": _SRGB}
    # Through memory, because Pillow does not notice when a disk is full.
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getbuffer()


def _picture(image):
    profile, extras = image.info.get("icc_profile"), _extras(image)
    ImageOps.exif_transpose(image, in_place=True)
    image, alpha = to_8_bit(image), None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode.removesuffix("A"))
        alpha = None if alpha.min(initial=255) == 255 else alpha
    image = _to_srgb(image, profile)
    if image.mode != "L":
        image = image.convert("RGB")
    return Picture(np.asarray(image), alpha, extras)


def _extras(image):
    exif, old = Image.Exif(), image.getexif()
    extras: dict[str, Any] = {}
    for tag in _TAGS:
        if tag in old:
            exif[tag] = old[tag]
    for directory in _DIRECTORIES:
        if old.get_ifd(directory):
            exif[directory] = dict(old.get_ifd(directory))
    if len(exif):
        extras["exif"] = exif.tobytes()
    dpi = [float(value) for value in image.info.get("dpi", ())]
    if len(dpi) == 2 and all(math.isfinite(value) and value > 0 for value in dpi):
        extras["dpi"] = tuple(dpi)
    return extras


def _to_srgb(image, profile):
    """The picture in sRGB, if its ICC profile says that it is not."""
    if not profile or profile == _SRGB:
        return image
    if image.mode == "L" and profile[16:20] == b"RGB ":
        return image  # of a grey picture it says nothing
    if image.mode in ("1", "P"):
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError) as error:
        log.warning("an ICC profile is of no use (%s): taken as sRGB", reason(error))
        return image


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
