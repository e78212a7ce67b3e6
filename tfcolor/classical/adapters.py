"""The classical methods as bin/colorize and bin/evaluate take them: beside the
networks, with what they need besides a picture."""

import pathlib
import zlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcolor.classical import charpiat
from tfcolor.classical import guides as guide_files
from tfcolor.classical import levin
from tfcolor.color.cie import AB_MAX
from tfcolor.color.cie import L_HALF
from tfcolor.errors import UsageError
from tfcolor.types import Batch
from tfcolor.types import Path
from tfcolor.types import Size
from tfcolor.types import Tensor

NAMES = ("levin", "charpiat")


class Levin:
    """Colors by strokes; as an `predictor.Predictor`, but each picture comes with
    the path of its hints.

    Args:
      affinity: of levin.AFFINITIES.
      chroma: of levin.CHROMAS.
    """

    def __init__(self, affinity: str = "gaussian", chroma: str = "lab") -> None:
        self.settings: dict[str, Any] = {"affinity": affinity, "chroma": chroma}

    def working_shape(
        self, height: int, width: int, working_size: int | None = None
    ) -> Size:
        """(height, width) at which a picture of this size is solved, pixels."""
        return levin.working_shape(height, width, working_size)

    def check(self, working_size: int | None = None, saturation: float = 1.0) -> None:
        """Raise UsageError if a setting of `predict_ab` is not allowed."""
        _check(working_size, saturation)

    def predict_ab(
        self,
        images: Sequence[np.ndarray],
        guides: Sequence[pathlib.Path],
        working_size: int | None = None,
        saturation: float = 1.0,
    ) -> np.ndarray:
        """[N, 2, h, w] float32 of N pictures of one size and their hints."""
        self.check(working_size, saturation)
        planes = []
        for image, path in zip(images, guides, strict=True):
            hints = guide_files.read(path, "hints")
            arguments = image, hints.pixels, hints.alpha
            planes.append(
                levin.planes(*arguments, working_size=working_size, **self.settings)
            )
        return np.stack(planes) * np.float32(saturation)


class Charpiat:
    """Colors by references; as an `predictor.Predictor`, but each picture comes
    with the paths of its references, of which it learns at every change."""

    def __init__(self) -> None:
        self.learned: tuple[Any, Any] = None, None

    def working_shape(
        self, height: int, width: int, working_size: int | None = None
    ) -> Size:
        """(height, width) at which a picture of this size is looked at, pixels."""
        return charpiat.working_shape(
            height, width, working_size or charpiat.WORKING_SIZE
        )

    def check(self, working_size: int | None = None, saturation: float = 1.0) -> None:
        """Raise UsageError if a setting of `predict_ab` is not allowed."""
        _check(working_size, saturation)

    def predict_ab(
        self,
        images: Sequence[np.ndarray],
        guides: Sequence[tuple[pathlib.Path, ...]],
        working_size: int | None = None,
        saturation: float = 1.0,
    ) -> np.ndarray:
        """[N, 2, h, w] float32 of N pictures of one size and their references."""
        self.check(working_size, saturation)
        size = working_size or charpiat.WORKING_SIZE
        planes = [
            charpiat.planes(image, self._model(paths, size), size)
            for image, paths in zip(images, guides, strict=True)
        ]
        return np.stack(planes) * np.float32(saturation)

    def _model(self, paths, size):
        if self.learned[0] != (paths, size):
            small = [
                charpiat.reduced(guide_files.read(path, "reference").pixels, size)
                for path in paths
            ]
            self.learned = (paths, size), charpiat.learn(small)
        return self.learned[1]


def method_of(
    spec: str, references: Sequence[Path]
) -> Callable[[Batch], tuple[Tensor, Tensor]]:
    """What bin/evaluate --method=SPEC judges.

    Args:
      spec: "levin:SHARE", which is shown that share of the true pixels, or
        "charpiat".
      references: paths, as of `with_references`; of folders all pictures.

    Returns:
      A function of a batch as `statistics.judge` takes it.

    Raises:
      UsageError: no such method, or references that are of no use.
    """
    name, _, share = spec.partition(":")
    if name == "levin":
        return _levin_method(spec, share)
    if spec != "charpiat":
        raise UsageError(f"--method={spec}: neither levin:SHARE nor charpiat")
    paths = guide_files.of_references(references)
    images = [guide_files.read(path, "reference").pixels for path in paths]
    models = {}

    def predict(batch):
        l, size = batch["l"], batch["l"].shape[1]
        if size not in models:
            models[size] = charpiat.learn([charpiat.reduced(i, size) for i in images])
        lightness = (np.asarray(l)[..., 0] + 1.0) * L_HALF
        ab = np.stack([models[size].colorize(x)[1] for x in lightness])
        return l, ab / AB_MAX

    return predict


def _levin_method(spec, share):
    try:
        share = float(share)
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0:
        raise UsageError(f"--method={spec}: levin:SHARE, a share of the pixels in 0..1")

    def predict(batch):
        l, predictions = np.asarray(batch["l"]), []
        for lightness, true in zip(l, np.asarray(batch["ab"]), strict=True):
            luminance = (lightness[..., 0] + 1.0) / 2.0
            shown = simulated(luminance, share)
            predictions.append(levin.spread(luminance, true, shown))
        return l, np.stack(predictions)

    return predict


def simulated(luminance: np.ndarray, share: float) -> np.ndarray:
    """Strokes of one pixel each at random places: bool [H, W], at least one.

    The places follow from the picture, luminance float32 [H, W], alone.
    """
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(luminance).tobytes()))
    known = np.zeros(luminance.size, bool)
    count = max(1, round(share * known.size))
    known[rng.choice(known.size, count, replace=False)] = True
    return known.reshape(luminance.shape)


def _check(working_size, saturation):
    if working_size is not None and working_size < 1:
        raise UsageError(f"working_size: {working_size} must be at least 1")
    if saturation < 0:
        raise UsageError(f"saturation: {saturation} must not be negative")
