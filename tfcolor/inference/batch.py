"""Color for folders of picture files."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import errno
import io
import logging
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import IO
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


@contextlib.contextmanager
def replacing(target: pathlib.Path) -> Iterator[IO[bytes]]:
    """As `atomic.replacing`; makes the folder too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(target) as file:
        yield file


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
      replacing: what a target is written with: a function of its path to a context
        whose file takes the target's place when it ends well.
    """

    settings: dict = dataclasses.field(default_factory=dict)
    max_pixels: int = pictures.MAX_PIXELS
    side_by_side: bool = False
    ab_npz: bool = False
    hints_of: Callable | None = None
    replacing: Callable = replacing


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
    failed = 0
    with tqdm.tqdm(total=len(tasks), desc="colorize", unit=" pictures") as bar:

        def told(task, reason):
            nonlocal failed
            if reason is not None:
                failed += 1
                log.error("%s: %s", task.source, reason)
            bar.update()

        with Job(predictor, options, told) as job:
            for task in tasks:
                job.add(task)
            job.finish()
    return failed


class Job:
    """Reads one picture after the other, batches those of one working shape,
    and leaves joining and writing to threads.

    Args:
      predictor, options: as of `run`.
      told: is called with each Task once, when it is done, by the thread that calls the
        methods: (task, None), or (task, why it could not be).
    """

    def __init__(
        self,
        predictor: Any,
        options: Options,
        told: Callable[[Task, str | None], None],
    ) -> None:
        Image.MAX_IMAGE_PIXELS = None  # options.max_pixels is the limit
        self.predictor = predictor
        self.options = options
        self.told = told
        self.waiting: dict = collections.defaultdict(list)  # by working shape
        self.writing: dict = {}  # future: (task, pixels)
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def add(self, task: Task, data: io.BytesIO | None = None) -> None:
        """Read a Task's picture, from `data` if the bytes of its file are there, and
        color what is a batch with it.

        Raises:
          RunError: the disk is full.
        """
        source = task.source if data is None else data
        try:
            self._make_room(pictures.size_of(source, self.options.max_pixels))
            picture = pictures.read(source, self.options.max_pixels)
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

    def finish(self) -> None:
        """Color what is left, and wait until all is written; raises as `add`."""
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
            except Exception as error:  # of an encoder too
                full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
                if isinstance(error, OSError) and error.errno in full:
                    raise RunError(f"{task.target}: {error.strerror}") from error
                self._fail(task, error)
            else:
                self.told(task, None)

    def _fail(self, task, error):
        self.told(task, getattr(error, "strerror", None) or reason(error))


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
    if options.ab_npz:
        full = np.concatenate(
            [ab for _, ab in compose.enlarged_bands(planes, height, width, hints)], 1
        )
        with options.replacing(npz_of(task.target)) as file:
            np.savez(file, ab=np.moveaxis(full[:2], 0, -1), working_ab=planes[:2])
    result = compose.join(picture.pixels, planes, hints)
    if options.side_by_side:
        left = compose.as_rgb(picture.pixels)
        gap = np.full((height, _GAP, 3), 255, np.uint8)
        result = np.concatenate([left, gap, result], 1)
    data = pictures.encode(result, picture, _format(task.target))
    with options.replacing(task.target) as file:
        file.write(data)


def _format(target):
    """Pillow's name of the format of a file's extension."""
    Image.init()
    return Image.EXTENSION[target.suffix.lower()]


def _pixels(picture):
    return picture.pixels.shape[0] * picture.pixels.shape[1]
