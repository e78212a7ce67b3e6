"""Crop after crop of a source's images, those that cannot be used replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import skimage.color

from tfcolor.config import Data
from tfcolor.data import cache
from tfcolor.data import crops
from tfcolor.data.sources import Source
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import axes
from tfcolor.images import decode

# An image with no |a*| or |b*| above this teaches no color (Zhang et al.
# 2016 give such images no loss).
LEAST_COLOR = 5.0

# Why it is left out.
GREY = f"grey: no |a*| or |b*| above {LEAST_COLOR:g}"

# Channels of 8 bits this close to one another are below that, whichever color.
LEAST_SPREAD = 6

# Channels of 8 bits this far apart are above it, whichever color.
SURE_SPREAD = 32

# Standard deviation of a* or b* above which a scan is taken for a colored one.
TINT = 8.0

# Images tried before the first step, and the share that may be unreadable.
PROBES = (64, 1024)
UNREADABLE = 0.05

_ATTEMPTS = 100

# Is told the name of an image that is left out, and why.
Report = Callable[[str, str], None]


class Reader:
    """Reads crop after crop, replacing images that cannot be used.

    Args:
      source: the images.
      data: the `data` section of the config.
      seed: of the replacements.
      report: called once for each rejected image with its name and reason.
      colored: images without color are rejected.
      images: a Cache of them at `needed_side`; None: nothing stays in memory.
    """

    def __init__(
        self,
        source: Source,
        data: Data,
        seed: int,
        report: Report,
        colored: bool = True,
        images: cache.Cache | None = None,
    ) -> None:
        self.source = source
        self.data = data
        self.seed = seed
        self.report = report
        self.colored = colored
        self.side = needed_side(data)
        self.images = images
        self.rejected: set[int] = set()
        self.unreadable = 0
        self._lock = threading.Lock()

    def read(self, example: int, number: int, numbers: np.ndarray) -> np.ndarray:
        """The crop that random `numbers` choose of image `number`, or, where that
        cannot be used, of another that follows from seed and example.

        Returns:
          uint8 [h, w, 3].

        Raises:
          RunError: no image of many can be used, or too many are unreadable.
        """
        first, count = replacements(self.source, int(number))
        for attempt in range(_ATTEMPTS):
            window = self.try_read(int(number), numbers)
            if window is not None:
                return window
            number = first + _mix(self.seed, int(example), attempt) % count
        raise RunError(
            f"{_ATTEMPTS} images in a row could not be used, the last: "
            f"{self.source.name(int(number))}"
        )

    def try_read(self, number: int, numbers: np.ndarray) -> np.ndarray | None:
        """The crop, uint8 [h, w, 3], or None where the image is unreadable or has no
        color.

        What was rejected before saves work but decides nothing: it depends on where the
        run was started.
        """
        try:
            window = self._crop(number, numbers)
            if not self.colored or has_color(window):
                return window
            # A grey crop is fine if the rest of its image has color.
            if number in self.rejected:
                return None
            if has_color(self._read(number)):
                return window
            self._reject(number, GREY)
        except decode.Unreadable as error:
            self._reject(number, f"unreadable: {error}")
        return None

    def _crop(self, number, numbers):
        if self.data.crop == "center":
            return self._read(number, crops.center_box)
        area, numbers = self.data.crop_area, numbers[:-1]
        smart = self.data.crop == "smart"

        def box(size):
            nonlocal smart
            smart = smart or crops.is_extreme(size)
            if smart:
                return 0, 0, *size
            return crops.random_box(size, numbers[: crops.BOX_NUMBERS], area)

        image = self._read(number, box)
        if smart:
            image = decode.cut(image, crops.smart_box(image, numbers, area))
        return image

    def _read(self, number, window=None):
        if self.images is not None:
            return self.images.read(number, window)
        return self.source.read(number, self.side, window)

    def _reject(self, number, reason):
        with self._lock:
            if number in self.rejected:
                return
            self.rejected.add(number)
            if reason.startswith("unreadable"):
                self.unreadable += 1
                self.last = f"{self.source.name(number)} ({reason})"
        self.report(self.source.name(number), reason)
        if self.unreadable > UNREADABLE * len(self.source):
            raise RunError(
                f"{self.unreadable} of {len(self.source)} images are unreadable, "
                f"more than {UNREADABLE:.0%}; the last: {self.last}"
            )


def probe(reader: Reader, field: str = "--data", check_kind: bool = False) -> None:
    """Try images spread evenly over the source; more of them where the first
    few leave a doubt.

    Args:
      field: of the source, named in errors.
      check_kind: whether half of them at least must be colored, or of a reader that
        does not ask for color, grey; a tint of the paper is no color.

    Raises:
      UsageError: more than 5 % of them are unreadable, none has color, or most
        are not of its kind.
    """
    source, middle = reader.source, np.full(crops.NUMBERS, 0.5)
    tried: set[int] = set()
    usable, right = False, 0
    for count in PROBES:
        for number in _spread(source, count) - tried:
            try:
                window = reader.try_read(number, middle)
            except RunError as error:
                raise UsageError(f"{field}: {error}") from error
            tried.add(number)
            if window is not None:
                usable = True
                right += check_kind and is_colored(window) == reader.colored
        if usable and reader.unreadable <= UNREADABLE * len(tried):
            if check_kind:
                _check_kind(reader, field, len(tried), right)
            return
    if not usable:
        raise UsageError(f"{field}: none of the {len(tried)} images tried has colour")
    raise UsageError(
        f"{field}: {reader.unreadable} of {len(tried)} images tried are unreadable, "
        f"more than {UNREADABLE:.0%}; the last: {reader.last}"
    )


def _check_kind(reader, field, tried, right):
    if 2 * right < tried:
        wrong = tried - reader.unreadable - right
        kind, wanted = "coloured", "scans are grey"
        if reader.colored:
            kind, wanted = "grey or of one tint", "coloured drawings are wanted"
        raise UsageError(
            f"{field}: {wrong} of {tried} images tried are {kind}; {wanted}"
        )


def is_colored(image: np.ndarray) -> bool:
    """Whether the colors of a uint8 [H, W, 3] image vary."""
    return skimage.color.rgb2lab(image)[..., 1:].std((0, 1)).max() > TINT


def _spread(source, count):
    spread = np.linspace(0, len(source) - 1, min(count, len(source)))
    return set(spread.astype(int).tolist())


def has_color(image: np.ndarray) -> bool:
    """Whether some |a*| or |b*| of a uint8 [H, W, 3] image is above 5.

    A few pixels settle it for nearly every color picture; only where they
    do not are all of them converted.
    """
    stride = max(1, int((image.shape[0] * image.shape[1] / 256) ** 0.5))
    return _has_color(image[::stride, ::stride]) or _has_color(image)


def _has_color(image):
    r, g, b = image[..., 0], image[..., 1], image[..., 2]
    spread = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    most = spread.max()
    if most <= LEAST_SPREAD or most >= SURE_SPREAD:
        return most >= SURE_SPREAD
    # scikit-image, because this runs outside the graph, where single
    # TensorFlow operations cost more than the decoding.
    vivid = skimage.color.rgb2lab(image[spread > LEAST_SPREAD])
    return np.abs(vivid[:, 1:]).max() > LEAST_COLOR


def replacements(source: Source, number: int) -> tuple[int, int]:
    """(first, count): the images among which another is drawn where image `number`
    cannot be used: of a mixture those of the same part, else all."""
    if hasattr(source, "replacements"):
        return source.replacements(number)
    return 0, len(source)


def needed_side(data: Data) -> int:
    """Pixels of an image's shorter side that the smallest crop needs."""
    share = 1.0 if data.crop == "center" else data.crop_area
    return int(np.ceil(axes.GAP * data.image_size / share**0.5))


def _mix(*numbers):
    """A hash of whole numbers (splitmix64, Steele et al. 2014)."""
    mask, value = 2**64 - 1, 0
    for number in numbers:
        value = (value ^ number) + 0x9E3779B97F4A7C15 & mask
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
        value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
        value ^= value >> 31
    return value
