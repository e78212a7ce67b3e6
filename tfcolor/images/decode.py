"""Bytes of image files to upright RGB."""

import io
import re

import numpy as np
import simplejpeg
from PIL import Image
from PIL import ImageOps

from tfcolor.types import Box
from tfcolor.types import Size
from tfcolor.types import Window

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Unreadable(Exception):
    """An image that cannot be decoded; the message is the reason."""


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
        with Image.open(io.BytesIO(data)) as image:
            return reduced(_upright_rgb(image), side, window)
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
