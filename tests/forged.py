"""Encoded pictures: as they should be, and with headers and lengths that lie."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def encoded(image, form, **way):
    """The bytes of an image; `frames`: of so many; `exif`: with an orientation."""
    way, file = dict(way), io.BytesIO()
    if frames := way.pop("frames", 0):
        turned = [image.rotate(180), image] * frames
        way |= {"save_all": True, "append_images": turned[: frames - 1]}
    if way.pop("exif", False):
        way["exif"] = Image.Exif()
        way["exif"][0x0112], way["exif"][0x010F] = 6, "a maker"
    if way.get("compression") == "tiff_jpeg" and image.mode not in ("RGB", "L"):
        way.pop("compression")
    image.save(file, form, **way)
    return file.getvalue()


def crc(data):
    return struct.pack(">I", zlib.crc32(data))


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + crc(kind + data)


def png(width, height, *chunks, depth=8, color=2):
    """A PNG of any size, with the chunks (kind, data)."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def jpeg(width, height, progressive=False, scans=1):
    """A JPEG whose header says so, and whose last scan stands there `scans` times."""
    image = Image.new("RGB", (16, 16), (200, 30, 30))
    data = encoded(image, "JPEG", progressive=progressive)
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    data = data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def bombs():
    """[(extension, bytes)]: small files that become large ones, or take long."""
    zeros = zlib.compress(bytes(40_000_000), 9)
    flat = Image.new("L", (1500, 1500), 90)
    half = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3)
    frames = encoded(half, "GIF", frames=2)
    frame = frames[frames.rindex(b"\x21\xf9") : -1]
    gif = frames[:6] + struct.pack("<HH", 65535, 65535) + frames[10:]
    bmp = encoded(Image.new("L", (16, 16)), "BMP")
    bmp = bmp[:18] + struct.pack("<ii", 60000, -60000) + bmp[26:30]
    bmp += struct.pack("<I", 1) + encoded(Image.new("L", (16, 16)), "BMP")[34:]
    tiff = encoded(flat, "TIFF", compression="tiff_adobe_deflate")
    return [
        (".png", png(60_000, 60_000, (b"IDAT", zeros))),
        (".png", png(30_000, 30_000, (b"IDAT", zeros), color=0, depth=1)),
        (".png", png(9, 9, (b"iCCP", b"x\0\0" + zeros), (b"IDAT", zeros[:100]))),
        (".png", png(9, 9, (b"zTXt", b"x\0\0" + zeros), (b"IDAT", zeros[:100]))),
        (".png", png(20_000, 10, (b"IDAT", zeros))),
        (".png", png(4, 10_000_000, (b"IDAT", zeros))),
        (".jpg", jpeg(65_500, 65_500)),
        (".jpg", jpeg(65_500, 65_500, progressive=True)),
        (".jpg", jpeg(2000, 2000, progressive=True, scans=3000)),
        (".jpg", jpeg(65_500, 9)),
        (".gif", gif),
        (".gif", frames[:-1] + frame * 3000 + b";"),
        (".webp", encoded(flat, "WEBP", lossless=True)),
        (
            ".webp",
            b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff" * 6 + b"\0" * 4,
        ),
        (".bmp", bmp),
        (".tif", tiff),
        (".tif", _loop(tiff)),
        (".tif", _wide(tiff)),
    ]


def _wide(tiff):
    """A TIFF whose width, tag 256, is 2^31 - 1."""
    at = next(
        i for kind in (3, 4) if (i := tiff.find(struct.pack("<HHI", 256, kind, 1))) > 0
    )
    return tiff[:at] + struct.pack("<HHII", 256, 4, 1, 2**31 - 1) + tiff[at + 12 :]


def _loop(tiff):
    """A TIFF whose second page is its first."""
    (first,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, first)
    at = first + 2 + 12 * count
    return tiff[:at] + tiff[4:8] + tiff[at + 4 :]
