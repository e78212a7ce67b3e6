"""Drawn pictures without end whose true scans are known.

Drawing number i of a split is a pure function of the two, in vectors: at another
size it is the same drawing.
"""

from __future__ import annotations

import functools
import zlib

import numpy as np
from PIL import Image

from tfcolor.data.drawings.scenes import scene
from tfcolor.errors import UsageError
from tfcolor.images.decode import cut
from tfcolor.types import Size
from tfcolor.types import Window

# Of a split: the drawings that it shows, whether as scans, and how many there are.
SPLITS = {
    "train": ("train", False, 100_000),
    "test": ("test", False, 10_000),
    "scans": ("scans", True, 100_000),
    "test_scans": ("test", True, 10_000),
}
SIDE = 256  # pixels of the shorter side where nothing else is asked for

# Sides of the paper's texture, and of the page that is cut out of it: pixels.
TEXTURE, PAPER_SIDE = 768, 256


class Drawings:
    """Colored drawings, or the scans of their ink from before the coloring.

    Args:
      split: "train", "test", "scans" (of other drawings than those of the two) or
        "test_scans" (of the drawings of "test", by the same numbers).

    Raises:
      UsageError: no such split.
    """

    def __init__(self, split: str = "train") -> None:
        if split not in SPLITS:
            raise UsageError(f"--data=drawings:{split}: not one of {', '.join(SPLITS)}")
        self.split = split
        self.drawn, self.scanned, self.count = SPLITS[split]

    def scans(self) -> Drawings:
        """The same drawings as scans."""
        twin = Drawings(self.split)
        twin.scanned = True
        return twin

    def __len__(self) -> int:
        return self.count

    def name(self, i: int) -> str:
        """The name of picture i, drawings/SPLIT/NUMBER."""
        return f"drawings/{self.split}/{i:07d}"

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Picture i as uint8 [H, W, 3], of a scan three equal channels.

        Args:
          side: pixels of the shorter side, 256 by default.
          window: a function of the size (height, width) to the box that is
            wanted of it; None for all of it.
        """
        picture = self.scan if self.scanned else self.colored
        return picture(i, side, window)

    def colored(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Drawing i in color, uint8 [H, W, 3]; arguments as of `read`."""
        page, sheet = self._page(i)
        image = np.asarray(page.draw(side or SIDE, scan=False), np.float32)
        image *= 1.0 + 0.25 * sheet.grain(image.shape[:2])[..., None]
        return _finish(image, window)

    def scan(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """The scan of drawing i, uint8 [H, W, 3]; arguments as of `read`."""
        page, sheet = self._page(i)
        bare = np.asarray(page.draw(side or SIDE, scan=True), np.float32) / 255.0
        level = sheet.ink + (sheet.white - sheet.ink) * bare
        level += sheet.strength * 255.0 * sheet.grain(bare.shape)
        return np.repeat(_finish(level, window)[..., None], 3, -1)

    def _page(self, i):
        rng = np.random.default_rng([zlib.crc32(self.drawn.encode()), int(i)])
        return scene(rng), Paper(rng)


class Paper:
    """A sheet under a scanner: how white, how black its ink, how rough."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.white, self.ink = rng.uniform(240, 254), rng.uniform(6, 34)
        self.strength = rng.uniform(0.1, 0.35)
        self.corner = rng.integers(0, TEXTURE - 3 * PAPER_SIDE // 2, 2).tolist()

    def grain(self, size: Size) -> np.ndarray:
        """Its texture, float32 [height, width] around 0, about -0.2 to 0.2: the
        same at every size, but for what is finer than a pixel."""
        height, width = size
        scale = PAPER_SIDE / min(size)
        left, top = self.corner
        box = left, top, left + scale * width, top + scale * height
        texture = _texture().resize((width, height), Image.Resampling.BOX, box=box)
        return (np.asarray(texture, np.float32) - 128.0) / 255.0


@functools.cache
def _texture():
    """Noise of every scale from a pixel to a sixteenth of the page, as L."""
    rng = np.random.default_rng(0)
    total = np.zeros([TEXTURE, TEXTURE], np.float32)
    for step in (1, 2, 4, 16):
        noise = Image.fromarray(
            rng.standard_normal([TEXTURE // step] * 2, dtype=np.float32)
        )
        total += np.asarray(noise.resize([TEXTURE] * 2, Image.Resampling.BICUBIC))
    return Image.fromarray((128.0 + 8.0 * total).clip(0, 255).astype(np.uint8))


def _finish(image, window):
    """The window of float levels 0..255, [H, W] or [H, W, 3], as uint8."""
    image = np.rint(image.clip(0.0, 255.0)).astype(np.uint8)
    return cut(image, window(image.shape[:2])) if window else image
