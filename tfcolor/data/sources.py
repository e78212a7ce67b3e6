"""What a data SPEC names: numbered images, decoded one at a time.

A source has `len()`, `name(i)` and `read(i, side, window)`; reading one image
never depends on another, and nothing is decoded before it is asked for.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tfcolor import registry
from tfcolor.errors import UsageError
from tfcolor.images.decode import EXTENSIONS
from tfcolor.images.decode import decode
from tfcolor.images.decode import read
from tfcolor.types import Path
from tfcolor.types import Window

# The color photographs among the images inside the scikit-image wheel.
SAMPLE = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)

# Share of the images that are held out for validation: one in this many.
HOLD_OUT = 50


class Source(Protocol):
    """Numbered images."""

    def __len__(self) -> int:
        """How many there are."""

    def name(self, i: int) -> str:
        """What image i is called, in reports and for the choice of what is held out."""

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3]; see `Files.read`."""


class Files:
    """Image files.

    Args:
      root: folder that the names are relative to.
      names: paths below root, in the order of their numbers.
    """

    def __init__(self, root: str, names: Sequence[str]) -> None:
        self.root = root
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """The path of image i below the folder."""
        return self.names[i]

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3].

        Args:
          side: pixels of the shorter side that are enough. A larger picture
            is reduced by a power of two while it is decoded.
          window: a function of the size (height, width) that this leaves, to
            the box that is wanted of it; None for all of it.

        Raises:
          Unreadable: with the reason.
        """
        return decode(self.encoded(i), side, window)

    def encoded(self, i: int) -> bytes:
        """The file of image i.

        Raises:
          Unreadable: with the reason.
        """
        return read(os.path.join(self.root, self.names[i]))


class Part:
    """Some images of a source, by their numbers."""

    def __init__(self, source: Source, numbers: Sequence[int] | Others) -> None:
        self.source = source
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def name(self, i: int) -> str:
        """The name that image i has in the source."""
        return self.source.name(self.numbers[i])

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3], as the source reads it."""
        return self.source.read(self.numbers[i], side, window)

    def scans(self) -> Source | None:
        """The true scans of the same images, or None where they are not known."""
        scans = scans_of(self.source)
        return scans and Part(scans, self.numbers)


class Others:
    """The numbers below `count` that are not `held`, in order, without a list of them.

    Args:
      held: ascending.
    """

    def __init__(self, count: int, held: Sequence[int] | np.ndarray) -> None:
        self.held = np.asarray(held, np.int64)
        self.count = count - len(self.held)
        # How many of the others lie before each that is held.
        self.before = self.held - np.arange(len(self.held))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> int:
        if not 0 <= i < self.count:
            raise IndexError(i)
        return int(i) + int(np.searchsorted(self.before, i, side="right"))


def open_source(spec: str, data_dir: str | None = None) -> Source:
    """The source that a SPEC names.

    Args:
      spec: as of registry.SOURCES, an existing folder's path, or several of these with
        weights, SPEC*WEIGHT+SPEC*WEIGHT.
      data_dir: the cache of TensorFlow Datasets; None for its default.

    Raises:
      UsageError: what is wrong with the SPEC, or that it has no image.
    """
    from tfcolor.data import mixtures  # which opens its parts with this

    if parts := mixtures.split(spec):
        return mixtures.opened(parts, data_dir)
    kind, colon, rest = spec.partition(":")
    entry = registry.SOURCES.get(kind)
    wants = entry.form.removeprefix(kind)[:1] if entry else ""  # "", "[" or ":"
    if entry and (rest if wants == ":" else wants == "[" or not colon):
        source = entry.load()(*filter(None, [rest]), **_places(entry, data_dir))
    elif os.path.exists(spec) or "/" in spec or os.sep in spec:
        source = folder(spec)
    else:
        raise UsageError(
            f"--data={spec}: neither a folder nor one of {registry.specs()}"
        )
    if not len(source):
        raise UsageError(
            f"--data={spec}: no image in it (looked for {', '.join(EXTENSIONS)})"
        )
    return source


def _places(entry, data_dir):
    return {"data_dir": data_dir} if "data_dir" in entry.defaults() else {}


def scans_of(source: Source) -> Source | None:
    """The true scans of a source's drawings, or None where they are not known."""
    return source.scans() if hasattr(source, "scans") else None


def hold_out(source: Source) -> tuple[Source, Source]:
    """(training part, validation part): 2 % of the images, chosen by a hash
    of their names, so that the choice stays when images are added.

    A small set gives its image of the lowest hash; one too small to give any
    is validated on itself. A source may know its own: a mixture those of its parts,
    and packed pictures those that were noted when they were packed.
    """
    if hasattr(source, "hold_out"):
        return source.hold_out()
    if hasattr(source, "held_out") and hasattr(source, "lowest"):
        held, lowest = source.held_out().tolist(), source.lowest
    else:
        hashes = [zlib.crc32(os.fsencode(source.name(i))) for i in range(len(source))]
        held = [i for i, value in enumerate(hashes) if value % HOLD_OUT == 0]
        lowest = functools.partial(hashes.index, min(hashes))
    if not held and len(source) > len(SAMPLE):
        held = [lowest()]
    if not held or len(held) == len(source):
        return source, source
    return Part(source, Others(len(source), held)), Part(source, held)


def fingerprint(source: Source) -> str:
    """Hex digest of the number of images and of their names, or what a source that has
    too many of them says instead."""
    if own := _own_fingerprint(source):
        return own
    digest = hashlib.sha256()
    for i in range(len(source)):
        digest.update(os.fsencode(source.name(i)) + b"\0")
    return f"{len(source)}-{digest.hexdigest()[:16]}"


def _own_fingerprint(source):
    if not isinstance(source, Part):
        return source.fingerprint() if hasattr(source, "fingerprint") else None
    whole, numbers = _own_fingerprint(source.source), source.numbers
    if whole is None:
        return None
    digest = hashlib.sha256(whole.encode())
    if isinstance(numbers, Others):
        digest.update(b"others than")
        numbers = numbers.held
    digest.update(np.asarray(numbers, np.int64).tobytes())
    return f"{len(source)}-{digest.hexdigest()[:16]}"


def folder(path: Path) -> Files:
    """The Files of every image below a folder, in the order of their paths.

    Raises:
      UsageError: there is no such folder.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "no such folder"
        raise UsageError(f"--data={path}: {what}")
    names = [
        os.path.relpath(os.path.join(place, file), root)
        for place, _, files in os.walk(root)
        for file in files
        if file.lower().endswith(EXTENSIONS) and not file.startswith(".")
    ]
    return Files(str(root), sorted(names))


def sample() -> Files:
    """The Files of the photographs that ship inside scikit-image."""
    import skimage

    root = os.path.join(os.path.dirname(skimage.__file__), "data")
    return Files(root, list(SAMPLE))
