"""Files that nobody would make in good faith: good ones of every format, mutilated; and
what a folder may hold that is no picture at all."""

import dataclasses
import os
import pathlib
import random
import re
import socket
import struct
import zlib

import forged
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
    bombs = forged.bombs()
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
                found.append((extension, forged.encoded(image, form, **way)))
    return found


def _image(rng, mode):
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    size = rng.integers(16, 72, 2).tolist()
    pixels = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype("uint16") * 257)
    return Image.fromarray(pixels).convert(mode)


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
        return data[:16] + header + forged.crc(b"IHDR" + header) + data[33:]
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
    (path / "good.png").write_bytes(forged.png(9, 9, _flat(9)))


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
    "l" + "o" * 247 + "ng": lambda path: path.write_bytes(forged.png(9, 9, _flat(9))),
    "folder": _folder,
    "folder\nof lines": _folder,
}
