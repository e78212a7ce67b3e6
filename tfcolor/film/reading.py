"""The frames of a film, as it decodes."""

import bisect
import dataclasses
import logging
from collections.abc import Container
from collections.abc import Generator
from typing import Any

import av
import cv2
import numpy as np

from tfcolor.color import lab
from tfcolor.film import source
from tfcolor.film import yuv
from tfcolor.film.source import Film
from tfcolor.images import resize
from tfcolor.types import Size

log = logging.getLogger("tfcolor")

# The code of no chroma.
GREY = 128


@dataclasses.dataclass
class Frame:
    """A decoded frame.

    Attributes:
      pts: in units of the film's time base.
      duration: in the same units; 0 if the file does not say.
      luma: uint8 [H, W], of more than 8 bits uint16, as it was decoded.
      lightness: float32 [h, w], L* 0..100, upright, at the working size.
      number: from 0 on.
      rgb: uint8 [H, W, 3], as it is shown, where it is asked for.
      motion: steady.Motion to it; None: not known, or it begins a shot.
      marked: images.hints.Hints that are given for it.
      points: float32 [n, 4], of these and those that were carried to it.
      hints: float32 [h, w, 3], the same as networks see them.
      ab: float32 [2, h, w], what is predicted for it.
      state: of the filter after it, where a segment ends.
    """

    pts: int
    duration: int
    luma: np.ndarray
    lightness: np.ndarray
    number: int = 0
    rgb: Any = None
    motion: Any = None
    marked: Any = None
    points: Any = None
    hints: Any = None
    ab: Any = None
    state: dict | None = None


class Reader:
    """The frames of a film, in the order in which they are shown.

    Args:
      film: of `probe`.
      working: (height, width) of the lightness, upright.
      deinterlace: make whole frames of fields.
      shown: numbers of the frames that have `rgb`.

    Attributes:
      count: how many frames have been decoded.
      missing: [(first, last) second of what did not decode], known at the end.
    """

    def __init__(
        self,
        film: Film,
        working: Size,
        deinterlace: bool = False,
        shown: Container[int] = (),
    ) -> None:
        self.film, self.working, self.shown = film, working, shown
        self.count = 0
        codes = np.arange(256, dtype=np.uint8)[None]
        self.of_grey = self._of_colors([codes])[0]  # L* of each code of luma
        self.filter = _Deinterlaced(film) if deinterlace else None
        self.missing: list[tuple[float, float]] = []
        self._awaited: list[int] = []  # timestamps whose frames have not come
        self._last = 0  # timestamp of the last frame
        self._broken = False

    def frames(self, skipped: int = 0) -> Generator[Frame, None, None]:
        """Yields the Frames, but for the first `skipped`."""
        last = None
        for number, decoded in enumerate(self._decoded()):
            self.count = number + 1
            pts = decoded.pts
            if pts is None:
                pts = 0 if last is None else last + self._step()
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            if number >= skipped:
                yield self._frame(decoded, pts, number)

    def _step(self):
        return max(1, round(1 / (self.film.rate * self.film.time_base)))

    def _frame(self, decoded, pts, number):
        frame = source.planar(decoded)
        luma = source.array_of(frame, 0)
        rgb = self._rgb(frame) if number in self.shown else None
        return Frame(
            pts=pts,
            duration=decoded.duration or 0,
            luma=luma,
            lightness=self._lightness(frame),
            number=number,
            rgb=rgb,
        )

    def _rgb(self, frame):
        rgb = np.rot90(frame.to_ndarray(format="rgb24"), self.film.quarters)
        height, width = self.film.shown
        return cv2.resize(np.ascontiguousarray(rgb), (width, height))

    def _lightness(self, frame):
        height, width = self.working
        if self.film.quarters % 2:
            height, width = width, height
        planes = [
            to_8_bit(source.array_of(frame, i), self.film.depth)
            for i in range(3 if self.film.chroma else 1)
        ]
        if all(np.all(plane == GREY) for plane in planes[1:]):
            del planes[1:]
        planes = [resize.picture(plane, height, width) for plane in planes]
        if len(planes) == 1:
            lightness = self.of_grey[planes[0]]
        else:
            lightness = self._of_colors(planes)
        return np.ascontiguousarray(np.rot90(lightness, self.film.quarters))

    def _of_colors(self, planes):
        rgb = yuv.rgb_of_planes(planes, self.film.matrix, self.film.color_range)
        return lab.lightness(rgb).numpy()

    def _decoded(self):
        """The decoded frames; what does not decode is left out and noted."""
        with source.opened(self.film.path) as container:
            stream = container.streams[self.film.stream]
            stream.thread_type = "AUTO"
            end = source.duration(container, stream)
            try:
                for packet in container.demux(stream):
                    yield from self._frames_of(packet)
            except av.FFmpegError as error:
                log.error("%s: %s", self.film.path, error.strerror)
                self._broken = True
            yield from self._filtered(None)
            self._note(end)

    def _frames_of(self, packet):
        if packet.pts is not None and not packet.is_discard:
            bisect.insort(self._awaited, packet.pts)
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            self._broken = True
            return
        for frame in frames:
            self._broken |= bool(frame.is_corrupt)
            self._arrived(frame)
            yield from self._filtered(frame)

    def _filtered(self, frame):
        if self.filter:
            yield from self.filter(frame)
        elif frame is not None:
            yield frame

    def _arrived(self, frame):
        """Timestamps before that of a frame that has come will not come any more."""
        if frame.pts is None:
            return
        self._last = frame.pts
        place = bisect.bisect_left(self._awaited, frame.pts)
        gone, self._awaited = self._awaited[:place], self._awaited[place:]
        if self._awaited and self._awaited[0] == frame.pts and not frame.is_corrupt:
            del self._awaited[0]
        elif frame.is_corrupt:
            gone.append(frame.pts)
        self._lost(gone)

    def _lost(self, gone):
        tick = float(self.film.time_base)
        for pts in gone:
            first, last = pts * tick, pts * tick + float(1 / self.film.rate)
            if self.missing and first - self.missing[-1][1] < 0.5:
                self.missing[-1] = self.missing[-1][0], last
            else:
                self.missing.append((first, last))

    def _note(self, end):
        """What is missing, once all has been read."""
        gone, self._awaited = self._awaited, []
        self._lost(gone)
        last = self._last * float(self.film.time_base)
        if end - last > max(1.0, 3.0 / float(self.film.rate)):
            self._broken = True
            self.missing.append((last, end))
        if not self._broken:
            self.missing = []


class _Deinterlaced:
    """FFmpeg's bwdif: a whole frame of each frame of two fields."""

    def __init__(self, film):
        self.film, self.graph = film, None

    def __call__(self, frame):
        if self.graph is None and frame is None:
            return
        if self.graph is None:
            self.graph = av.filter.Graph()
            self.graph.link_nodes(
                self.graph.add_buffer(
                    width=frame.width,
                    height=frame.height,
                    format=frame.format,
                    time_base=self.film.time_base,
                ),
                self.graph.add("bwdif", "mode=send_frame"),
                self.graph.add("buffersink"),
            ).configure()
        self.graph.push(frame)
        while True:
            try:
                made = self.graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            made.pts = round(made.pts * made.time_base / self.film.time_base)
            yield made


def to_8_bit(plane: np.ndarray, depth: int) -> np.ndarray:
    """A plane [h, w] of samples of `depth` bits, rounded to uint8."""
    if depth == 8:
        return np.ascontiguousarray(plane)
    return cv2.convertScaleAbs(plane, alpha=1.0 / (1 << (depth - 8)))
