"""Several sources in one, each with its share of the examples."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor import registry
from tfcolor import streams
from tfcolor.data import shuffle
from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.types import Tensor
from tfcolor.types import Window

# SPEC*WEIGHT, and what follows it.
_PART = re.compile(r"(.+?)\*([^*+/]*)(?:\+|$)")

# Of the weights as whole numbers: their products with one another fit 63 bits.
_LARGEST_TOTAL = 10**9


class Mixture:
    """Sources whose shares of the examples are their weights.

    Of the first N examples, N times its share show a source, rounded, whatever the
    sizes are: see `places`. Each source is gone through epoch by epoch, in an order of
    its own. Where every image is shown once, as in validation, the weights count for
    nothing: image numbers are those of the sources one after the other.

    Args:
      parts: sources.
      weights: whole numbers above 0, for each.
      specs: what each is called in errors.
    """

    def __init__(
        self,
        parts: Sequence[sources.Source],
        weights: Sequence[int],
        specs: Sequence[str],
    ) -> None:
        self.parts, self.weights, self.specs = parts, weights, specs
        self.ends = np.cumsum([len(part) for part in parts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def name(self, i: int) -> str:
        """The name that image i has in its source."""
        part, place = self._place(i)
        return self.parts[part].name(place)

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3], as its source reads it."""
        part, place = self._place(i)
        return self.parts[part].read(place, side, window)

    def _place(self, i):
        part = int(np.searchsorted(self.ends, i, side="right"))
        return part, int(i) - self._first(part)

    def _first(self, part):
        return int(self.ends[part]) - len(self.parts[part])

    def image_number(self, example: Tensor, seed: int) -> Tensor:
        """The image, int64 scalar, that example number `example` shows."""
        number: Any = None
        found = list(enumerate(places(example, self.weights)))
        for part, (shown, place) in reversed(found):
            stream = seed + part * streams.PART
            own = shuffle.file_number(place, stream, len(self.parts[part]))
            own += self._first(part)
            number = own if number is None else tf.where(shown, own, number)
        return number

    def replacements(self, i: int) -> tuple[int, int]:
        """(first, count): the images of the same source, which keep its share."""
        part, _ = self._place(i)
        return self._first(part), len(self.parts[part])

    def hold_out(self) -> tuple[sources.Source, sources.Source]:
        """As `sources.hold_out`, of each source; one that is too small to give any is
        validated on only where all are."""
        pairs = [sources.hold_out(part) for part in self.parts]
        chosen = [i for i, (kept, held) in enumerate(pairs) if kept is not held]
        if not chosen:
            return self, self
        kept = Mixture([kept for kept, _ in pairs], self.weights, self.specs)
        return kept, Mixture(
            [pairs[i][1] for i in chosen],
            [self.weights[i] for i in chosen],
            [self.specs[i] for i in chosen],
        )

    def fingerprint(self) -> str:
        """A digest of the sources' fingerprints and of the weights."""
        digest = hashlib.sha256()
        for part, weight in zip(self.parts, self.weights, strict=True):
            digest.update(f"{weight} {sources.fingerprint(part)}\n".encode())
        return f"{len(self)}-{digest.hexdigest()[:16]}"


def image_number(example: Tensor, seed: int, source: sources.Source) -> Tensor:
    """The image of a source that example number `example`, an int64 scalar, shows."""
    if isinstance(source, Mixture):
        return source.image_number(example, seed)
    return shuffle.file_number(example, seed, len(source))


def parts_of(source: sources.Source, field: str) -> list[tuple[sources.Source, str]]:
    """(source, what it is called in errors) of the parts of a mixture, or of what is
    none, which is called `field`."""
    if not isinstance(source, Mixture):
        return [(source, field)]
    names = [f"{field}: {spec}" for spec in source.specs]
    return list(zip(source.parts, names, strict=True))


def places(example: Any, weights: Sequence[int]) -> list[tuple[Any, Any]]:
    """Where the parts of a mixture are at an example: for each in turn whether it is
    shown unless one before it is, and how many of its images were shown before.

    Of the first n examples floor(n w_1 / W) show the first part, W the sum of the
    weights; those that do not are divided among the others in the same way. So shares
    are exact after each W examples, and never off by as much as the number of parts.

    Args:
      example: whole number from 0, or an int64 tensor.
      weights: whole numbers above 0 whose sum is at most 10^9.
    """
    total, rest, found = sum(weights), example, []
    for weight in weights:
        before = _share(rest, weight, total)
        found.append((_share(rest + 1, weight, total) > before, before))
        rest, total = rest - before, total - weight
    return found


def _share(count, weight, total):
    """floor(count weight / total), of products that fit 63 bits."""
    return count // total * weight + count % total * weight // total


def split(spec: str) -> list[tuple[str, str]]:
    """(SPEC, weight) of each part of a mixture; nothing of what is no mixture.

    Raises:
      UsageError: a part has no weight.
    """
    found = _PART.findall(spec)
    if len(found) > 1 and "+".join(map("*".join, found)) == spec:
        return found
    kinds = "|".join(map(re.escape, registry.SOURCES))
    if re.search(rf"\+({kinds}):", spec):
        raise UsageError(
            f"--data={spec}: each part of a mixture needs a weight, as in "
            "folder:A*0.3+folder:B*0.7"
        )
    return []


def opened(parts: Sequence[tuple[str, str]], data_dir: str | None = None) -> Mixture:
    """The Mixture of the parts that `split` found.

    Raises:
      UsageError: what is wrong with a weight, or with a part.
    """
    weights = whole([weight for _, weight in parts])
    specs = [spec for spec, _ in parts]
    return Mixture([sources.open_source(s, data_dir) for s in specs], weights, specs)


def whole(texts: Sequence[str]) -> list[int]:
    """Weights as the smallest whole numbers of the same ratios.

    Raises:
      UsageError: one is not a number above 0, or they need more than nine digits.
    """
    weights = [_weight(text) for text in texts]
    scale = math.lcm(*(weight.denominator for weight in weights))
    numbers = [int(weight * scale) for weight in weights]
    numbers = [number // math.gcd(*numbers) for number in numbers]
    if sum(numbers) > _LARGEST_TOTAL:
        said = ", ".join(texts)
        raise UsageError(f"--data: weights {said}: take such of fewer digits")
    return numbers


def _weight(text):
    try:
        sound = 0.0 < float(text) < math.inf
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"--data: the weight {text!r} is not a number above 0")
    return Fraction(text)
