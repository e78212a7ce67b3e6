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
from tfcolor import threads
from tfcolor.errors import RunError
from tfcolor.images import compose
from tfcolor.images import pictures
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import reason
from tfcolor.inference.planning import Task
from tfcolor.inference.planning import npz_of

log = logging.getLogger("tfcolor")

# Pictures at the network at a time, and pixels in memory before more are read.
BATCH = 4
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
    and leaves coloring and writing a batch to a thread for each core.

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
        self.coloring: dict = {}  # future of a batch: its pixels
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.blas = threads.one_in_blas()

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.blas.__exit__(*error)

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
            self._color(group)

    def finish(self) -> None:
        """Color what is left, and wait until all is written; raises as `add`."""
        for group in self.waiting.values():
            while group:  # each alone, that all cores have their share
                self._color([group.pop()])
        self._collect(self.coloring)

    def _make_room(self, pixels):
        """Wait until a picture of so many pixels may be read."""
        held = sum(_pixels(p) for group in self.waiting.values() for _, p in group)
        if held + pixels > PIXELS:
            for group in self.waiting.values():
                self._color(group)
        while self.coloring and pixels + sum(self.coloring.values()) > PIXELS:
            done, _ = concurrent.futures.wait(
                self.coloring, return_when=concurrent.futures.FIRST_COMPLETED
            )
            self._collect(done)

    def _color(self, group):
        """Let a thread color a batch and write it."""
        batch, group[:] = list(group), []
        if batch:
            held = sum(_pixels(picture) for _, picture in batch)
            self.coloring[self.pool.submit(self._colored, batch)] = held
            self._collect([future for future in self.coloring if future.done()])

    def _colored(self, batch):
        """Color a batch and write it; where that fails each picture alone, so that only
        the one that is to blame is left out. Returns (task, its error or None) of each.

        Raises:
          RunError: the disk is full.
        """
        try:
            planes, hints = self._predicted(batch)
        except Exception as error:  # a strange picture may raise nearly anything
            if len(batch) == 1:
                return [(batch[0][0], error)]
            planes = None
        if planes is None:  # only here, where the error holds no memory any more
            return [ended for one in batch for ended in self._colored([one])]
        return [
            (task, self._written(task, picture, ab, known))
            for (task, picture), ab, known in zip(batch, planes, hints, strict=True)
        ]

    def _predicted(self, batch):
        """Colors of a batch, and the Hints that they follow or None."""
        images = [picture.pixels for _, picture in batch]
        settings = dict(self.options.settings)
        hints, guides = [None] * len(batch), [task.guide for task, _ in batch]
        if self.options.hints_of:
            hints = list(map(self.options.hints_of, guides, images))
            settings["hints"] = hints
        elif guides[0]:
            settings["guides"] = guides
        return self.predictor.predict_ab(images, **settings), hints

    def _written(self, task, picture, planes, hints):
        """The error that kept a picture from being written, or None."""
        try:
            write(task, picture, planes, self.options, hints)
        except Exception as error:  # of an encoder too
            full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            if isinstance(error, OSError) and error.errno in full:
                raise RunError(f"{task.target}: {error.strerror}") from error
            return error
        return None

    def _collect(self, futures):
        """See how the coloring of batches ended; waits for it."""
        for future in list(futures):
            del self.coloring[future]
            for task, error in future.result():
                if error is None:
                    self.told(task, None)
                else:
                    self._fail(task, error)

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
