"""Color for folders of picture files."""

import collections
import concurrent.futures
import dataclasses
import errno
import logging
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from tfcolor import atomic
from tfcolor.errors import RunError
from tfcolor.images import compose
from tfcolor.images import pictures
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import reason
from tfcolor.inference.planning import Task
from tfcolor.inference.planning import npz_of

log = logging.getLogger("tfcolor")

# Pictures at the network at a time, and pixels in memory before more are read.
BATCH = 8
PIXELS = 50_000_000

# Width of the gap in side_by_side.
_GAP = 8


@dataclasses.dataclass(frozen=True)
class Options:
    """How pictures are written.

    Attributes:
      settings: of `Predictor.predict_ab`, by name.
      max_pixels: larger pictures are refused.
      side_by_side: the input's lightness to the left of the result.
      ab_npz: write the a* and b* planes too, NAME.npz.
      hints_of: of a network with hints a function of a Task's guide and its picture
        to Hints; None: the guides are for a classical method.
    """

    settings: dict = dataclasses.field(default_factory=dict)
    max_pixels: int = pictures.MAX_PIXELS
    side_by_side: bool = False
    ab_npz: bool = False
    hints_of: Callable | None = None


def run(predictor: Any, tasks: Sequence[Task], options: Options) -> int:
    """Color the pictures of Tasks; those that cannot be are named on the log.

    Args:
      predictor: an `predictor.Predictor`, or of `classical.methods`, whose Tasks
        have guides.

    Returns:
      How many could not be.

    Raises:
      RunError: the disk is full.
    """
    Image.MAX_IMAGE_PIXELS = None  # options.max_pixels is the limit
    with _Job(predictor, options, len(tasks)) as job:
        for task in tasks:
            job.add(task)
        job.finish()
    return job.failed


class _Job:
    """Reads one picture after the other, batches those of one working shape,
    and leaves joining and writing to threads."""

    def __init__(self, predictor, options, count):
        self.predictor = predictor
        self.options = options
        self.failed = 0
        self.waiting = collections.defaultdict(list)  # by working shape
        self.writing = {}  # future: (task, pixels)
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.bar = tqdm.tqdm(total=count, desc="colorize", unit=" pictures")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.pool.shutdown(cancel_futures=True)
        self.bar.close()

    def add(self, task):
        try:
            self._make_room(pictures.size_of(task.source, self.options.max_pixels))
            picture = pictures.read(task.source, self.options.max_pixels)
        except (Unreadable, OSError) as error:
            self._fail(task, error)
            return
        shape = self.predictor.working_shape(
            *picture.pixels.shape[:2], self.options.settings.get("working_size")
        )
        group = self.waiting[shape]
        group.append((task, picture))
        if len(group) == BATCH:
            self._predict(group)

    def finish(self):
        for group in self.waiting.values():
            self._predict(group)
        self._collect(self.writing)

    def _make_room(self, pixels):
        """Wait until a picture of so many pixels may be read."""
        held = sum(_pixels(p) for group in self.waiting.values() for _, p in group)
        if held + pixels > PIXELS:
            for group in self.waiting.values():
                self._predict(group)
        while self.writing and pixels + sum(n for _, n in self.writing.values()) > (
            PIXELS
        ):
            done, _ = concurrent.futures.wait(
                self.writing, return_when=concurrent.futures.FIRST_COMPLETED
            )
            self._collect(done)

    def _predict(self, group):
        """Predict a batch; where that fails each picture alone, so that only the
        one that is to blame is left out."""
        batch, group[:] = list(group), []
        if not batch:
            return
        images = [picture.pixels for _, picture in batch]
        settings = dict(self.options.settings)
        hints, guides = [None] * len(batch), [task.guide for task, _ in batch]
        try:
            if self.options.hints_of:
                hints = list(map(self.options.hints_of, guides, images))
                settings["hints"] = hints
            elif guides[0]:
                settings["guides"] = guides
            planes = self.predictor.predict_ab(images, **settings)
        except Exception as error:  # a strange picture may raise nearly anything
            if len(batch) == 1:
                self._fail(batch[0][0], error)
                return
            planes = None
        if planes is None:  # only here, where the error holds no memory any more
            for one in batch:
                self._predict([one])
            return
        for (task, picture), ab, known in zip(batch, planes, hints, strict=True):
            future = self.pool.submit(write, task, picture, ab, self.options, known)
            self.writing[future] = task, _pixels(picture)
        self._collect([future for future in self.writing if future.done()])

    def _collect(self, futures):
        """See how the writing of pictures ended; waits for it."""
        for future in list(futures):
            task, _ = self.writing.pop(future)
            try:
                future.result()
                self.bar.update()
            except Exception as error:  # of an encoder too
                full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
                if isinstance(error, OSError) and error.errno in full:
                    raise RunError(f"{task.target}: {error.strerror}") from error
                self._fail(task, error)

    def _fail(self, task, error):
        self.failed += 1
        said = getattr(error, "strerror", None) or reason(error)
        log.error("%s: %s", task.source, said)
        self.bar.update()


def write(
    task: Task,
    picture: pictures.Picture,
    planes: np.ndarray,
    options: Options,
    hints: Any = None,
) -> None:
    """Write a colored picture, and what else the options ask for.

    Args:
      picture: a pictures.Picture.
      planes, hints: as of `compose.join`, [2 or 3, h, w] and Hints.
    """
    height, width = picture.pixels.shape[:2]
    task.target.parent.mkdir(parents=True, exist_ok=True)
    if options.ab_npz:
        full = np.concatenate(
            [ab for _, ab in compose.enlarged_bands(planes, height, width, hints)], 1
        )
        with atomic.replacing(npz_of(task.target)) as file:
            np.savez(file, ab=np.moveaxis(full[:2], 0, -1), working_ab=planes[:2])
    result = compose.join(picture.pixels, planes, hints)
    if options.side_by_side:
        left = compose.as_rgb(picture.pixels)
        gap = np.full((height, _GAP, 3), 255, np.uint8)
        result = np.concatenate([left, gap, result], 1)
    pictures.write(task.target, result, picture, _format(task.target))


def _format(target):
    """Pillow's name of the format of a file's extension."""
    Image.init()
    return Image.EXTENSION[target.suffix.lower()]


def _pixels(picture):
    return picture.pixels.shape[0] * picture.pixels.shape[1]
