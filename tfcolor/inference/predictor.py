"""Color for a picture of any size.

The colors are predicted at the size that the network was trained for, brought
to the picture's own size by bicubic interpolation, and joined to its own,
untouched lightness; of line art, to its lightness as far as the network has not
changed it. Importing this needs no TensorFlow.
"""

import concurrent.futures
import functools
import logging
import os
import sys
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import numpy as np

from tfcolor.color import cie
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import compose
from tfcolor.images import hints as hints_of
from tfcolor.images import working
from tfcolor.types import Batch
from tfcolor.types import Size
from tfcolor.types import Tensor

# What a predictor is told of its network: see Predictor.
Info: TypeAlias = dict[str, Any]

log = logging.getLogger("tfcolor")


class Predictor:
    """A trained generator that colors pictures. Calls from several threads at
    a time are safe.

    Args:
      network: a function l [N, h, w, 1] -> {"ab": [N, h, w, 2]}, of the head
        "bins" {"logits": [N, h/4, w/4, 313]} too, and of those of drawings
        {"l": [N, h, w, 1]}, in the networks' units. Of a network that takes hints l
        and they, [N, h, w, 4].
      info: a dict: working_size, multiple (of which h and w must be), head, and
        perhaps hints, whether it takes such.
      draw: as network, but with its dropout, at a seed that is its second argument;
        None where there is no dropout.
    """

    def __init__(
        self,
        network: Callable[[Tensor], Batch],
        info: Info,
        draw: Callable[..., Any] | None = None,
    ) -> None:
        self.network = network
        self.info = info
        self.draw = draw

    def __call__(
        self, images: np.ndarray, hints: Any = None, **settings: Any
    ) -> np.ndarray:
        """Color a picture, or a batch of pictures of one size.

        Args:
          images: uint8 [H, W] or [H, W, 3]; a batch [N, H, W, 1 or 3]. Of a
            color picture its lightness is used.
          hints: of a model that was trained with them the colors of some places:
            [(y, x, "#rrggbb", radius), ...] in pixels of the picture, see
            `images.hints.of_rows`; of a batch a list of such lists.
          settings: as in `predict_ab`.

        Returns:
          uint8 [H, W, 3]; of a batch [N, H, W, 3].

        Raises:
          UsageError: a shape, dtype or setting that cannot be.
        """
        images = _checked(images)
        given = None
        if hints is not None:
            self.check_hints()
            size = images.shape[1:3] if images.ndim == 4 else images.shape[:2]
            each = hints if images.ndim == 4 else [hints]
            if images.ndim == 4 and len(each) != len(images):
                raise UsageError(
                    f"hints: of {len(each)} pictures, but there are {len(images)}"
                )
            given = [hints_of.of_rows(rows, *size) for rows in each]
        if images.ndim < 4:
            return self.colorize([images], given, **settings)[0]
        if images.shape[-1] == 1:
            images = images[..., 0]
        if not len(images):
            return np.zeros((*images.shape[:3], 3), np.uint8)
        return np.stack(self.colorize(list(images), given, **settings))

    def colorize(
        self, images: Sequence[np.ndarray], hints: Any = None, **settings: Any
    ) -> list[np.ndarray]:
        """Pictures uint8 [H, W] or [H, W, 3] of one size -> list of uint8
        [H, W, 3]; `settings` as in `predict_ab`. Where memory does not suffice for
        all at a time, one after the other."""
        hints = hints or [None] * len(images)
        try:
            planes = self.predict_ab(images, hints=hints, **settings)
        except RunError:
            if len(images) == 1:
                raise
            planes = None
        if planes is None:  # only here, where the error holds no memory any more
            return [
                self.colorize([image], [known], **settings)[0]
                for image, known in zip(images, hints, strict=True)
            ]
        return [compose.join(*x) for x in zip(images, planes, hints, strict=True)]

    def check_hints(self) -> None:
        """Raise UsageError if the model takes no hints."""
        if not self.info.get("hints"):
            raise UsageError(
                "hints: this model was trained without them; take one of "
                "--config.data.hints=true, or --method=levin"
            )

    def check(
        self,
        working_size: int | None = None,
        temperature: float | None = None,
        saturation: float = 1.0,
    ) -> None:
        """Raise ValueError if a setting of `predict_ab` cannot be."""
        if working_size is not None and working_size < 1:
            raise UsageError(f"working_size: {working_size} must be at least 1")
        if working_size is not None and working_size < self.info["multiple"]:
            raise UsageError(
                f"working_size: {working_size} is less than the network needs, "
                f"{self.info['multiple']}"
            )
        if saturation < 0:
            raise UsageError(f"saturation: {saturation} must not be negative")
        if temperature is not None and self.info["head"] != "bins":
            raise UsageError(
                f"temperature: {temperature} is for models with generator.head=bins, "
                f"not {self.info['head']}"
            )
        if temperature is not None and temperature <= 0:
            raise UsageError(f"temperature: {temperature} must be positive")

    def working_shape(
        self, height: int, width: int, working_size: int | None = None
    ) -> Size:
        """(height, width), ints, at which `predict_ab` looks at a picture."""
        size = working_size or self.info["working_size"]
        return working.working_shape(height, width, size)

    def predict_ab(
        self,
        images: Sequence[np.ndarray],
        working_size: int | None = None,
        temperature: float | None = None,
        saturation: float = 1.0,
        hints: Any = None,
    ) -> np.ndarray:
        """The colors at the working size.

        Args:
          images: a list of uint8 [H, W] or [H, W, 3] of one size.
          working_size: pixels of the shorter side at the network; None: the
            size that it was trained for. Where memory does not suffice for one
            picture it is halved, with a warning.
          temperature: of the annealed mean of the head "bins"; None: that of
            training.
          saturation: what a* and b* are multiplied by; not those of hints.
          hints: a list of `images.hints.Hints`, or None, of each picture.

        Returns:
          float32 [N, 2, h, w]: a* and b* planes, CIE units; of heads of drawings
          [N, 3, h, w], the third by how much L* changes.

        Raises:
          RunError: no working size fits into memory, or not as many pictures at
            a time.
        """
        self.check(working_size, temperature, saturation)
        size = working_size or self.info["working_size"]
        hints = hints or [None] * len(images)
        if any(known is not None for known in hints):
            self.check_hints()
        while True:
            try:
                planes, small, given = self._predict(images, size, temperature, hints)
                planes[:, :2] *= saturation
                if any(known is not None for known in hints):
                    planes[:, :2] = _obeying(planes[:, :2], small, given)
                return planes
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(images) > 1:
                    said = f"out of memory for {len(images)} pictures at a time"
                    raise RunError(said) from error
                if size <= self.info["multiple"]:
                    raise RunError("out of memory at every working size") from error
                log.warning("out of memory at working size %d: halved", size)
                size = max(size // 2, self.info["multiple"])

    def predict_lightness(
        self,
        lightness: np.ndarray,
        temperature: float | None = None,
        saturation: float = 1.0,
        hints: np.ndarray | None = None,
    ) -> np.ndarray:
        """What `predict_ab` gives for pictures that are at the working size already:
        lightness float32 [N, h, w], L* 0..100, and hints float32 [N, h, w, 3], (a*,
        b*)/110 and 1 where there is one."""
        factors = np.array([saturation, saturation, 1.0], np.float32)[:, None, None]
        given = hints
        if given is None and self.info.get("hints"):
            given = np.zeros((*lightness.shape, 3), np.float32)
        planes = self._predict_lightness(lightness, temperature, given)
        planes = planes * factors[: planes.shape[1]]
        if hints is not None:
            planes[:, :2] = _obeying(planes[:, :2], lightness, hints)
        return planes

    def _predict(self, images, size, temperature, hints):
        small, given = self.reduced(images, size, hints)
        return self._predict_lightness(small, temperature, given), small, given

    def _predict_lightness(self, small, temperature, given):
        """As `planes.predict_planes`, on arrays: [N, 2 or 3, h, w]."""
        height, width = small.shape[1:]
        beyond = [-side % self.info["multiple"] for side in (height, width)]
        padded = small[:, _reflected(height, beyond[0])]
        padded = padded[:, :, _reflected(width, beyond[1])]
        l = padded[..., None] / np.float32(cie.L_HALF) - np.float32(1.0)
        if given is not None:
            around = [(0, 0), (0, beyond[0]), (0, beyond[1]), (0, 0)]
            l = np.concatenate([l, np.pad(given, around)], -1)
        output = self.network(l)
        ab = output["ab"]
        if temperature is not None:
            from tfcolor.networks import heads

            ab = heads.ab_of_logits(output["logits"], temperature)
        ab = np.asarray(ab)[:, :height, :width] * np.float32(cie.AB_MAX)
        planes = list(np.moveaxis(ab, -1, 0))
        if "l" in output:
            drawn = np.asarray(output["l"])[:, :height, :width, 0] + np.float32(1.0)
            planes.append(drawn * np.float32(cie.L_HALF) - small)
        return np.stack(planes, 1)

    def reduced(
        self, images: Sequence[np.ndarray], size: int | None, hints: Any
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What the network sees of pictures: L* [N, h, w], and of one that takes
        hints they, [N, h, w, 3], of others None."""
        height, width = images[0].shape[:2]
        height, width = self.working_shape(height, width, size)
        reduce = functools.partial(
            working.reduced_lightness, height=height, width=width
        )
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            small = np.stack(list(pool.map(reduce, images)))
        if not self.info.get("hints"):
            return small, None
        none = np.zeros((height, width, 3), np.float32)
        given = [none if x is None else x.reduced(height, width) for x in hints]
        return small, np.stack(given)


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python or TensorFlow say so."""
    if isinstance(error, MemoryError):
        return True
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(error, tf.errors.ResourceExhaustedError)


def _obeying(ab, lightness, hints):
    from tfcolor.inference import steering

    return steering.corrected(ab, lightness, hints)


def _reflected(count, after):
    """`resize.reflected` of nothing before."""
    last = max(count - 1, 1)
    index = np.abs((np.arange(count + after) + last) % (2 * last) - last)
    return np.minimum(index, count - 1)


def _checked(images):
    images = np.asarray(images)
    shape = "x".join(map(str, images.shape))
    if images.dtype != np.uint8:
        raise UsageError(f"images: {images.dtype}, not uint8")
    if images.ndim == 3 and images.shape[-1] == 1:
        images = images[..., 0]
    channels = images.shape[-1] if images.ndim in (3, 4) else 3
    if images.ndim not in (2, 3, 4) or channels not in (1, 3):
        raise UsageError(
            f"images: shape {shape} is none of [H, W], [H, W, 3], [N, H, W, 1 or 3]"
        )
    if 0 in (images.shape[1:3] if images.ndim == 4 else images.shape[:2]):
        raise UsageError(f"images: shape {shape} has no pixel")
    return images
