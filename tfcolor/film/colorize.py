"""Color for a film's file, in stages that work at the same time: frames are decoded,
followed along the motion, go through the network in batches, are steadied, joined to
their luma and encoded. Memory holds a few frames of each stage."""

import contextlib
import dataclasses
import itertools
import logging
import os
import pathlib
from collections.abc import Generator
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import tqdm

from tfcolor.errors import RunError
from tfcolor.film import encoding
from tfcolor.film import hinting
from tfcolor.film import journal
from tfcolor.film import reading
from tfcolor.film import steady
from tfcolor.film import yuv
from tfcolor.film.background import background
from tfcolor.film.marks import Marks
from tfcolor.film.muxing import Muxer
from tfcolor.film.reading import Frame
from tfcolor.film.source import Film
from tfcolor.version import __version__

log = logging.getLogger("tfcolor")

# Frames at the network at a time, and frames of a segment, a multiple of it.
BATCH = 16
SEGMENT = 240

# Pixels that wait between two stages, about.
_WAITING = 8_000_000


@dataclasses.dataclass(frozen=True)
class Options:
    """How films are colored.

    Attributes:
      settings: working_size, temperature and saturation of the predictor.
      codec: name of an encoder; None: H.264, in WebM VP9.
      crf: quality; None: that of encoding.CRF.
      deinterlace: make whole frames of interlaced ones.
      strength: of the filter, 0 to less than 1.
      overwrite: begin anew what was broken off.
      segment: frames of a segment.
      marks: frames with hints, of a predictor that takes such; or None.
    """

    settings: dict = dataclasses.field(default_factory=dict)
    codec: str | None = None
    crf: float | None = None
    deinterlace: bool = False
    strength: float = steady.STRENGTH
    overwrite: bool = False
    segment: int = SEGMENT
    marks: Marks | None = None


def run(predictor: Any, film: Film, target: pathlib.Path, options: Options) -> bool:
    """Color a film; where it was broken off it goes on.

    Args:
      predictor: an inference.predictor.Predictor.

    Returns:
      Whether all of it could be decoded, and all hints be used; what could not is
      named on the log.

    Raises:
      UsageError: the container or the encoder cannot be. RunError: the disk is full;
        what is written plays.
    """
    if film.interlaced and not options.deinterlace:
        said = "%s: interlaced; --deinterlace makes whole frames of the fields"
        log.warning(said, film.path)
    job = _Job(predictor, film, target, options)
    try:
        job.run()
    finally:
        job.close()
    for first, last in job.reader.missing:
        log.error("%s: seconds %.2f to %.2f did not decode", film.path, first, last)
    return not job.reader.missing and not (job.hinter and job.hinter.failed)


class _Job:
    """One film."""

    def __init__(self, predictor, film, target, options):
        self.predictor, self.film, self.options = predictor, film, options
        size = options.settings.get("working_size")
        self.working = predictor.working_shape(*film.shown, size)
        marks = options.marks
        self.reader = reading.Reader(
            film, self.working, options.deinterlace, marks or ()
        )
        self.steady = steady.Steady(options.strength)
        self.hinter = marks and hinting.Hinter(marks, self.working)
        suffix = target.suffix.lower()
        self.settings = encoding.settings(
            film, suffix, options.codec, options.crf, options.segment
        )
        path = journal.path_of(target)
        if options.overwrite:
            journal.remove(path)
        self.muxer = Muxer(target, film, self.settings)
        self.journal = journal.Journal(path, self._made_of())
        self.shown = []  # the timestamps of the last frames that are encoded
        self.segment: Any = None
        self.count = 0

    def run(self):
        """Color the film to its end, or to where it is broken off."""
        with self._bar() as bar:
            for packets in self.journal:
                self._write(packets)
                bar.update(len(packets))
            bar.initial = bar.n
            frames = self._stages()
            try:
                for image, frame in frames:
                    self._encode(image, frame)
                    bar.update()
            except KeyboardInterrupt:
                self._stop()
                raise
            finally:
                frames.close()
        if self.count:
            self._end_segment({})
        if not self.shown:
            raise RunError(f"{self.film.path}: no frame of it can be decoded")
        if self.hinter:
            self.hinter.end(self.reader.count)
        self.muxer.finish()
        self.journal.remove()

    def close(self):
        """Close the files, whatever happened."""
        self.muxer.abandon()
        self.journal.close()

    def _stages(self):
        depth = max(2, min(BATCH, _WAITING // (self.film.size[0] * self.film.size[1])))
        self._go_on()
        frames = self.reader.frames(self.journal.frames)
        frames = background(frames, depth)
        frames = background(self._followed(frames), depth)
        frames = background(self._predicted(frames), BATCH)
        frames = background(self._steadied(frames), depth)
        return background(self._joined(frames), depth)

    def _go_on(self):
        """Take the state after the last frame that the journal has."""
        state = self.journal.state or {}
        self.steady.before = state.get("lightness")
        if "ab" in state:
            self.steady.past = {name: state[name] for name in ("ab", "count")}
        if self.hinter:
            self.hinter.points = state.get("points", hinting.NONE)

    def _followed(self, frames):
        with contextlib.closing(frames):
            for frame in frames:
                if self.steady.limit or self.hinter:
                    frame.motion = self.steady.follow(frame.lightness)
                if self.hinter:
                    self.hinter(frame)
                yield frame

    def _predicted(self, frames):
        settings = dict(self.options.settings)
        settings.pop("working_size", None)
        with contextlib.closing(frames):
            while batch := list(itertools.islice(frames, BATCH)):
                lightness = np.stack([frame.lightness for frame in batch])
                hints = _stacked([frame.hints for frame in batch], self.working)
                planes = self.predictor.predict_lightness(
                    lightness, **settings, **hints
                )
                for frame, ab in zip(batch, planes, strict=True):
                    frame.ab = ab
                    yield frame

    def _steadied(self, frames):
        with contextlib.closing(frames):
            for number, frame in enumerate(frames, 1):
                # What is given anew counts at once.
                motion = None if frame.marked else frame.motion
                frame.ab = self.steady.average(frame.ab, motion)
                if frame.hints is not None:
                    frame.ab = yuv.obeyed(frame.ab, frame.hints)
                if not number % self.options.segment:
                    frame.state = self._state(frame)
                yield frame

    def _state(self, frame):
        """From which the next frame follows, arrays by name."""
        state = dict(self.steady.past or {})
        if self.steady.limit or self.hinter:
            state["lightness"] = frame.lightness
        if self.hinter:
            state["points"] = frame.points
        return state

    def _joined(self, frames: Generator[Frame, None, None]) -> Iterator[Any]:
        """(the frame to encode, the Frame)."""
        joiner = self._joiner()
        with contextlib.closing(frames):
            for frame in frames:
                ab = np.rot90(frame.ab, -self.film.quarters, (1, 2))
                luma = self._fitting(frame.luma)
                hints = self._hints(frame, joiner.shape)
                chroma = joiner(luma, np.ascontiguousarray(ab), hints)
                image = encoding.frame_of([luma, *chroma], self.settings.pixels)
                image.pts, image.time_base = frame.pts, self.film.time_base
                yield image, frame

    def _hints(self, frame, shape):
        """Those that are given for a frame, at the size of its chroma."""
        if frame.marked is None:
            return None
        upright = shape[::-1] if self.film.quarters % 2 else shape
        return np.rot90(frame.marked.reduced(*upright), -self.film.quarters)

    def _joiner(self):
        height, width = self.film.size
        pixels = av.VideoFormat(self.settings.pixels, width, height)
        shape = pixels.chroma_height(), pixels.chroma_width()
        working = self.working[::-1] if self.film.quarters % 2 else self.working
        self.depth = pixels.components[0].bits
        film = self.film
        return yuv.Joiner(shape, working, film.matrix, film.color_range, self.depth)

    def _fitting(self, luma):
        """Luma of the encoder's depth, which is the film's or 8 bits."""
        if self.depth < self.film.depth:
            return reading.to_8_bit(luma, self.film.depth)
        return np.ascontiguousarray(luma)

    def _encode(self, image, frame):
        if self.segment is None:
            self.segment = encoding.Segment(self.film, self.settings)
        self.segment.add(image, frame.duration)
        self.count += 1
        if frame.state is not None:
            self._end_segment(frame.state)

    def _end_segment(self, state):
        packets = self._finished()
        self._write(packets)
        try:
            self.journal.add(packets, state)
        except OSError as error:
            raise RunError(f"{self.journal.path}: {error.strerror}") from error

    def _finished(self):
        packets = self.segment.finish(self.shown)
        self.segment, self.count = None, 0
        return packets

    def _write(self, packets):
        self.shown += sorted(packet.pts for packet in packets)
        self.shown = self.shown[-self.settings.reorder - 1 :]
        self.muxer.write(packets)

    def _stop(self):
        """Write what is encoded, so that all that was seen to be done plays."""
        if self.count:
            self._write(self._finished())
        said = "broken off; the same command goes on from second %.1f"
        log.warning(said, self.journal.frames / float(self.film.rate))

    def _bar(self):
        name = self.film.path.name
        return tqdm.tqdm(total=self.film.count or None, desc=name, unit=" frames")

    def _made_of(self):
        """What the result depends on, as JSON."""
        at = os.stat(self.film.path)
        options = dict(vars(self.options))
        options.pop("overwrite")
        marks = options.pop("marks")
        return {
            **({"hints": marks.digests()} if marks else {}),
            "version": [__version__, av.__version__],
            "film": [str(self.film.path.resolve()), at.st_size, at.st_mtime_ns],
            "weights": {k: str(v) for k, v in sorted(self.predictor.info.items())},
            "options": {k: str(v) for k, v in sorted(options.items())},
            "encoder": [str(value) for value in dataclasses.astuple(self.settings)],
        }


def _stacked(hints, size):
    """Hints of frames as a setting of the predictor; none where no frame has any."""
    if all(plane is None for plane in hints):
        return {}
    none = np.zeros((*size, 3), np.float32)
    return {"hints": np.stack([none if x is None else x for x in hints])}
