"""Bytes of image files to upright RGB."""

import io
import os
import re
import stat
from typing import BinaryIO

import numpy as np
import simplejpeg
from PIL import Image
from PIL import ImageOps

from tfcolor.types import Box
from tfcolor.types import Path
from tfcolor.types import Size
from tfcolor.types import Window

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# Pillow's names of them. Its readers of others stay unused: that of EPS runs a program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

# More is taken for a decompression bomb: pixels; bytes of a file that is read whole.
MAX_PIXELS = 178_956_970
MAX_BYTES = 1 << 30

# Of a JPEG, its pixels times its scans: each takes as long as a whole picture. Encoders
# write ten, and as many empty ones fit into a file as its sender likes.
MAX_SCANNED = 3_000_000_000

# Of a JPEG, but for those within a scan.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


class Unreadable(Exception):
    """An image that cannot be decoded; the message is the reason."""


def opened(path: Path) -> BinaryIO:
    """The file of a path, open for reading. What is no regular file is refused: at a
    pipe a reader would wait, of a device there is no end.

    Raises:
      Unreadable: it is none. OSError: it cannot be opened.
    """
    # A pipe that is opened so does not wait for a writer.
    flags = getattr(os, "O_NONBLOCK", 0)
    file = open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Unreadable("not a regular file")
    return file


def read(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
      Unreadable: it is too large, or cannot be read.
    """
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise Unreadable(f"{size} bytes are more than {MAX_BYTES}")
            return file.read()
    except OSError as error:
        raise Unreadable(error.strerror or reason(error)) from error


def image_of(file: BinaryIO) -> Image.Image:
    """The Pillow image of a file of one of FORMATS, not decoded yet.

    Raises:
      Unreadable: a JPEG of too many scans. What Pillow raises: it is none of them.
    """
    image = Image.open(file, formats=FORMATS)
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        check_scans(file.read(), image.size)
        file.seek(0)
    return image


def scans_of(data: bytes) -> int:
    """How many scans the bytes of a JPEG have."""
    at, count = 2, 0
    while found := _MARKER.search(data, at):
        kind, at = found[1][0], found.end()
        if kind == 0xD9:  # what follows its end is another file
            break
        if kind not in (0x01, 0xD8):  # these two have no length
            at += int.from_bytes(data[at : at + 2], "big")
        count += kind == 0xDA
    return count


def check_scans(data: bytes, size: tuple[int, int]) -> None:
    """Raise Unreadable for the bytes of a JPEG of (width, height) that has more scans
    than any encoder writes."""
    scans = scans_of(data)
    if scans * size[0] * size[1] > MAX_SCANNED:
        raise Unreadable(f"{scans} scans of {size[0]} x {size[1]} pixels are too many")


def check_pixels(size: tuple[int, int]) -> None:
    """Raise Unreadable for a (width, height) of more than MAX_PIXELS."""
    if size[0] * size[1] > MAX_PIXELS:
        said = f"{size[0]} x {size[1]} pixels"
        raise Unreadable(f"{said} are more than {MAX_PIXELS}")


def decode(
    data: bytes, side: int | None = None, window: Window | None = None
) -> np.ndarray:
    """Bytes of an image file to uint8 RGB [H, W, 3], upright; `side` and
    `window` as in `Files.read`.

    EXIF orientation is applied, 16 bits are scaled to 8, palettes and CMYK are
    converted, transparency is laid on white, and of several frames the first
    is taken.

    Raises:
      Unreadable: with the reason.
    """
    if not data:
        raise Unreadable("the file is empty")
    try:
        if (image := _plain_jpeg(data, side)) is not None:
            return cut(image, window(image.shape[:2])) if window else image
        with image_of(io.BytesIO(data)) as image:
            check_pixels(image.size)
            return reduced(_upright_rgb(image), side, window)
    except Unreadable:
        raise
    except Image.UnidentifiedImageError as error:
        raise Unreadable("not an image of a known format") from error
    except Exception as error:  # decoders raise nearly anything
        raise Unreadable(reason(error)) from error


def reduction(size: Size, side: int | None) -> int:
    """The power of two, at most 8, by which a picture of (height, width) may
    be reduced so that its shorter side keeps at least `side` pixels."""
    factor = 1
    while side and factor < 8 and min(size) // (2 * factor) >= side:
        factor *= 2
    return factor


def reason(error: BaseException) -> str:
    """The first line of an error, without what TensorFlow wraps around it."""
    text = re.sub(r"\{\{.*?\}\} ?| ?\[Op:\w+\].*", "", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _plain_jpeg(data, side):
    """A JPEG that needs no Pillow, reduced for `side`; None of any other file.

    Pillow takes those whose EXIF may turn them, those of four channels and
    whatever is damaged.
    """
    if data[:2] != b"\xff\xd8" or data.find(b"Exif\0", 0, 65536) >= 0:
        return None
    try:
        *size, colors, _ = simplejpeg.decode_jpeg_header(data)
        if colors in ("CMYK", "YCCK"):
            return None
        check_pixels(size[::-1])
        check_scans(data, size[::-1])
        factor = reduction(size, side)
        height, width = (-(-pixels // factor) for pixels in size)
        return simplejpeg.decode_jpeg(data, min_height=height, min_width=width)
    except ValueError:
        return None


def _upright_rgb(image):
    image = ImageOps.exif_transpose(to_8_bit(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def reduced(image: Image.Image, side: int | None, window: Window | None) -> np.ndarray:
    """A Pillow image as `decode` gives it, uint8 [H, W, 3]: reduced for `side`, cut to
    `window`."""
    image = np.asarray(image.reduce(reduction(image.size, side)))
    return cut(image, window(image.shape[:2])) if window else image


def to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit greyscale scaled to 8 bits, which `convert` would clip."""
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    levels = np.asarray(image).astype(np.float32)
    if image.mode == "F" and levels.max(initial=0.0) <= 1.0:
        levels = levels * 65535.0
    levels = np.round(levels / 257.0).clip(0, 255).astype(np.uint8)
    grey = Image.fromarray(levels)
    grey.info = image.info
    return grey


def cut(image: np.ndarray, box: Box) -> np.ndarray:
    """The box of an image, [height, width, 3], without a copy."""
    top, left, height, width = box
    return image[top : top + height, left : left + width]
