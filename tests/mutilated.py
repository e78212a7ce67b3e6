"""Files that nobody would make in good faith: good ones of every format, mutilated; and
what a folder may hold that is no picture at all."""

import dataclasses
import io
import os
import pathlib
import random
import re
import socket
import struct
import zlib

import numpy as np
from PIL import Image

# By the extension: Pillow's format, and options of several ways to write it.
FORMATS = {
    ".jpg": ("JPEG", [{}, {"progressive": True}, {"subsampling": 0}, {"exif": True}]),
    ".png": ("PNG", [{}, {"exif": True}, {"dpi": (300, 300)}]),
    ".webp": ("WEBP", [{}, {"lossless": True}, {"exif": True}]),
    ".bmp": ("BMP", [{}]),
    ".gif": ("GIF", [{}, {"frames": 3}]),
    ".tif": (
        "TIFF",
        [
            {},
            {"frames": 2},
            {"big_tiff": True},
            *({"compression": f"tiff_{c}"} for c in ("lzw", "adobe_deflate", "jpeg")),
        ],
    ),
}
MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "L", "RGBA", "LA", "P", "1", "I;16"),
    "TIFF": ("RGB", "L", "RGBA", "CMYK", "1", "I;16"),
    "BMP": ("RGB", "L", "1", "P"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("RGB", "L", "P"),
}
HUGE = (2**31, 2**31 - 1, 2**32 - 1, 2**32 - 4, 65535, 65536, 0)


@dataclasses.dataclass(frozen=True)
class Item:
    """A file that was made.

    Attributes:
      path: below the folder.
      kind: what was done to it.
      good: whether it has to be read.
    """

    path: pathlib.Path
    kind: str
    good: bool = False


def make(folder, count, seed, good=10):
    """Fill a new folder with `count` files, of which one in `good` is good; returns
    [Item]."""
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    wholes = _wholes(seed)
    items = [_oddity(folder, kind) for kind in ODDITIES]
    kinds = [*MUTATIONS, *MUTATIONS, "bomb", "wrong extension", "strange name"]
    bombs = _bombs()
    for number in range(count - len(items)):
        extension, data = chance.choice(wholes)
        name, kind = f"{number:05d}{extension}", chance.choice(kinds)
        if number % good == 0:
            kind = "good"
        elif kind == "bomb":
            extension, data = bombs[number % len(bombs)]
            name = f"{number:05d}{extension}"
        elif kind == "wrong extension":
            name = f"{number:05d}{chance.choice(list(FORMATS))}"
            data = chance.choice(
                [data, b"text\n" * 9, chance.randbytes(500), b"PK\3\4"]
            )
        elif kind == "strange name":
            name = _strange(chance, number) + extension
        else:
            data = MUTATIONS[kind](chance, data)
        path = folder / f"{number % 7}" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        items.append(Item(path.relative_to(folder), kind, kind == "good"))
    return items


def _wholes(seed):
    """[(extension, bytes)] of good files, of every format and mode."""
    rng, found = np.random.default_rng(seed), []
    for extension, (form, ways) in FORMATS.items():
        for mode in MODES[form]:
            for way in ways:
                image = _image(rng, mode)
                found.append((extension, encoded(image, form, **way)))
    return found


def _image(rng, mode):
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    size = rng.integers(16, 72, 2).tolist()
    pixels = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype("uint16") * 257)
    return Image.fromarray(pixels).convert(mode)


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


def _truncated(chance, data):
    return data[: chance.randrange(len(data))]


def _flipped(chance, data, within):
    data = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(min(within, len(data)))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _repeated(chance, data):
    first = chance.randrange(len(data))
    part = data[first : first + chance.choice([1, 12, 100, 1000])]
    return data[:first] + part * chance.choice([2, 3, 50]) + data[first + len(part) :]


def _cut(chance, data):
    first = chance.randrange(len(data))
    return data[:first] + data[first + chance.choice([1, 2, 13, 400]) :]


def _overwritten(chance, data):
    first, count = chance.randrange(len(data)), chance.choice([4, 16, 200])
    filler = chance.choice([b"\0" * count, b"\xff" * count, chance.randbytes(count)])
    return data[:first] + filler + data[first + count :]


def _huge(chance, data):
    """A number of the header is 2^31, or the like."""
    value = chance.choice(HUGE)
    if data[:4] == b"\x89PNG":
        sides = (value, 9) if chance.random() < 0.5 else (9, value)
        header = struct.pack(">II", *sides) + data[24:29]
        return data[:16] + header + _crc(b"IHDR" + header) + data[33:]
    at = _place_of_size(chance, data)
    two = data[:2] == b"\xff\xd8" or data[:3] == b"GIF"
    form = ("<" if data[:2] in (b"BM", b"II", b"GI", b"RI") else ">") + "IH"[two]
    number = struct.pack(form, value & (0xFFFF if two else 0xFFFFFFFF))
    return data[:at] + number + data[at + len(number) :]


def _place_of_size(chance, data):
    if data[:2] == b"BM":
        return chance.choice([2, 10, 14, 18, 22, 34, 46])
    if data[:3] == b"GIF":
        return chance.choice([6, 8])
    if data[:4] == b"RIFF":
        return chance.choice([4, 16, 24, 26])
    for mark in (b"\xff\xc0", b"\xff\xc2"):
        if data[:2] == b"\xff\xd8" and mark in data:
            return data.index(mark) + chance.choice([5, 7])
    return chance.randrange(4, min(256, len(data) - 4))


def _appended(chance, data):
    return data + chance.choice([data, chance.randbytes(300), b"\0" * 5000])


MUTATIONS = {
    "truncated": _truncated,
    "header bits": lambda chance, data: _flipped(chance, data, 64),
    "body bits": lambda chance, data: _flipped(chance, data, len(data)),
    "repeated": _repeated,
    "cut out": _cut,
    "overwritten": _overwritten,
    "huge size": _huge,
    "appended": _appended,
}


def _crc(data):
    return struct.pack(">I", zlib.crc32(data))


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + _crc(kind + data)


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


def _bombs():
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


def _strange(chance, number):
    """A name without its extension, which differs for each number."""
    parts = ["a\nb", "--model=", "a\tb", "\x1b[2Jred", "a\\..\\b", "a..", "a ", "%s{0}"]
    parts += [os.fsdecode(b"caf\xe9\xff"), "a\u2028b\x85c\rd", "\u202egpj", "x" * 180]
    parts += ["'; rm -rf $(pwd)", "<img src=x>", "CON", "😀" * 40]
    return f"{chance.choice(parts)}{number}"


# Of oddities that are good nevertheless.
GOOD = ("good.png",)


def _oddity(folder, kind):
    """Make one of ODDITIES; returns its Item."""
    path = folder / "odd" / f"{kind}.jpg"
    path.parent.mkdir(exist_ok=True)
    ODDITIES[kind](path)
    path = path / "good.png" if path.is_dir() else path
    kind = re.sub("o{9,}", "o", " ".join(kind.split()))
    return Item(path.relative_to(folder), kind, path.name in GOOD or kind == "long")


def _sparse(path):
    with open(path, "wb") as file:
        file.truncate(2**40)


def _socket(path):
    """Bound from its folder, as the path of a socket is short."""
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            bound.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def _folder(path):
    """A folder named as a picture, with a good one in it."""
    path.mkdir()
    (path / "good.png").write_bytes(png(9, 9, _flat(9)))


def _flat(side):
    return b"IDAT", zlib.compress((b"\0" + b"\x90\x60\x30" * side) * side)


def _mutual(path):
    path.symlink_to(f"{path.stem}.back")
    path.with_suffix(".back").symlink_to(path.name)


ODDITIES = {
    "link to itself": lambda path: path.symlink_to(path.name),
    "links to each other": _mutual,
    "dangling link": lambda path: path.symlink_to("/no/such/file"),
    "link to zeros": lambda path: path.symlink_to("/dev/zero"),
    "link to text": lambda path: path.symlink_to("/etc/passwd"),
    "FIFO": lambda path: os.mkfifo(path),
    "socket": _socket,
    "terabyte of holes": _sparse,
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("text"),
    "l" + "o" * 247 + "ng": lambda path: path.write_bytes(png(9, 9, _flat(9))),
    "folder": _folder,
    "folder\nof lines": _folder,
}
