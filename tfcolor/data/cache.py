"""Decoded images that stay in memory, for data sets that fit."""

from __future__ import annotations

import logging

import numpy as np

from tfcolor.data.sources import Source
from tfcolor.images import decode
from tfcolor.types import Window

log = logging.getLogger("tfcolor")

# With "auto": bytes that all images may take, and those that are looked at.
LIMIT = 2 << 30
PROBES = 16


class Cache:
    """A source whose images are decoded once.

    Args:
      source: the images.
      side: pixels of the shorter side that are enough, as in `Files.read`.
    """

    def __init__(self, source: Source, side: int) -> None:
        self.source = source
        self.side = side
        self.images: dict[int, np.ndarray] = {}

    def read(self, number: int, window: Window | None = None) -> np.ndarray:
        """Image `number`, uint8 [H, W, 3], to the bit as the source reads it.

        Raises:
          Unreadable: with the reason.
        """
        if (image := self.images.get(number)) is None:
            image = self.images[number] = self.source.read(number, self.side)
        return image if window is None else decode.cut(image, window(image.shape[:2]))


def bytes_of(source: Source, side: int) -> int:
    """What all images of a source take, estimated from some spread over it."""
    numbers = np.linspace(0, len(source) - 1, min(PROBES, len(source))).astype(int)
    sizes = []
    for number in numbers.tolist():
        try:
            sizes.append(source.read(number, side).nbytes)
        except decode.Unreadable:
            continue
    return int(np.mean(sizes) * len(source)) if sizes else 0


def of(source: Source, side: int, choice: str) -> Cache | None:
    """A Cache of the source where `choice`, as of `data.cache`, wants it: with "auto"
    where all images take at most LIMIT bytes. The log says so."""
    if choice == "none":
        return None
    size = bytes_of(source, side)
    if choice == "auto" and size > LIMIT:
        return None
    text = "data.cache: %d images stay in memory once decoded, about %.0f MB"
    log.info(text, len(source), size / 1e6)
    return Cache(source, side)
