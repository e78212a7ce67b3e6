"""What a data SPEC names: numbered images, decoded one at a time.

A source has `len()`, `name(i)` and `read(i, side, window)`; reading one image
never depends on another, and nothing is decoded before it is asked for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from tfcolor import registry
from tfcolor.errors import UsageError
from tfcolor.images.decode import EXTENSIONS
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import decode
from tfcolor.images.decode import read
from tfcolor.images.decode import reason
from tfcolor.images.decode import reduced
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
        return decode(read(os.path.join(self.root, self.names[i])), side, window)


class Tfds:
    """A prepared TensorFlow Datasets split, through its random access.

    Args:
      spec: NAME[:SPLIT], split "train" by default.
      data_dir: the cache of TensorFlow Datasets; None for its default.

    Raises:
      UsageError: it cannot be prepared, or has no images; or the package
        array_record is missing, as on Windows.
    """

    def __init__(self, spec: str, data_dir: str | None = None) -> None:
        if importlib.util.find_spec("array_record") is None:
            raise UsageError(
                f"--data=tfds:{spec}: needs the package array_record, which has no "
                "wheels for Windows; unpack the images into a folder and name that"
            )
        import tensorflow_datasets as tfds

        self.dataset, _, split = spec.partition(":")
        self.split = split or "train"
        try:
            builder = tfds.builder(
                self.dataset, data_dir=data_dir, file_format="array_record"
            )
            builder.download_and_prepare()
            self.records = builder.as_data_source(split=self.split)
        except Exception as error:
            raise UsageError(f"--data=tfds:{spec}: {reason(error)}") from error
        if "image" not in builder.info.features:
            raise UsageError(
                f"--data=tfds:{spec}: has no feature 'image', only "
                f"{', '.join(builder.info.features)}"
            )

    def __len__(self) -> int:
        return len(self.records)

    def name(self, i: int) -> str:
        """The name of image i, DATASET:SPLIT[i]."""
        return f"{self.dataset}:{self.split}[{i}]"

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3]; arguments as of `Files.read`.

        Raises:
          Unreadable: with the reason.
        """
        try:
            image = np.asarray(self.records[int(i)]["image"])
        except Exception as error:
            raise Unreadable(reason(error)) from error
        if image.dtype != np.uint8:
            raise Unreadable(f"its pixels are {image.dtype}, not uint8")
        image = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image
        return reduced(Image.fromarray(image[..., :3]), side, window)


class Part:
    """Some images of a source, by their numbers."""

    def __init__(self, source: Source, numbers: Sequence[int]) -> None:
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


def open_source(spec: str, data_dir: str | None = None) -> Source:
    """The source that a SPEC names.

    Args:
      spec: as of registry.SOURCES, or an existing folder's path.
      data_dir: the cache of TensorFlow Datasets; None for its default.

    Raises:
      UsageError: what is wrong with the SPEC, or that it has no image.
    """
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
    is validated on itself.
    """
    hashes = [zlib.crc32(os.fsencode(source.name(i))) for i in range(len(source))]
    held = [i for i, value in enumerate(hashes) if value % HOLD_OUT == 0]
    if not held and len(source) > len(SAMPLE):
        held = [min(range(len(source)), key=hashes.__getitem__)]
    if not held or len(held) == len(source):
        return source, source
    chosen = set(held)
    rest = [i for i in range(len(source)) if i not in chosen]
    return Part(source, rest), Part(source, held)


def fingerprint(source: Source) -> str:
    """Hex digest of the number of images and of their names."""
    digest = hashlib.sha256()
    for i in range(len(source)):
        digest.update(os.fsencode(source.name(i)) + b"\0")
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
