"""A film as people have it: what its file says, and its frames."""

import bisect
import dataclasses
import logging
import pathlib
from collections.abc import Iterator
from fractions import Fraction

import av
import cv2
import numpy as np

from tfcolor.color import lab
from tfcolor.errors import UsageError
from tfcolor.film import yuv
from tfcolor.images import resize
from tfcolor.types import Path
from tfcolor.types import Size

log = logging.getLogger("tfcolor")

# Lines from which on a film that does not say its matrix is taken as BT.709.
_HIGH_DEFINITION = 720

# Demuxers of single pictures.
_PICTURES = ("image2", "_pipe")


@dataclasses.dataclass(frozen=True)
class Film:
    """What is known of a film before its frames are decoded.

    Attributes:
      path: of the file.
      stream: index of the stream that is colored.
      size: (height, width) of the frames as they are stored.
      depth: bits of a sample.
      chroma: whether the frames have chroma.
      rotation: degrees counterclockwise by which frames are shown rotated.
      display_matrix: nine integers, of which that is a part, or None.
      interlaced: whether the first frame is two fields.
      matrix, color_range: of yuv; guessed where the file does not say.
      primaries, transfer: as ITU-T H.273 numbers them; 2 is unspecified.
      time_base: of timestamps, seconds.
      rate: frames a second, on average.
      count: of frames, estimated; 0 if nothing is known.
      aspect: width over height of a pixel, as it is shown.
    """

    path: pathlib.Path
    stream: int
    size: Size
    depth: int
    chroma: bool
    rotation: int
    display_matrix: tuple[int, ...] | None
    interlaced: bool
    matrix: int
    color_range: int
    primaries: int
    transfer: int
    time_base: Fraction
    rate: Fraction
    count: int
    aspect: Fraction

    @property
    def quarters(self) -> int:
        """Quarters of a turn counterclockwise that make a frame upright."""
        return round(self.rotation / 90)

    @property
    def shown(self) -> Size:
        """(height, width) upright, of square pixels."""
        height, width = self.size
        width = max(1, round(width * self.aspect))
        return (width, height) if self.quarters % 2 else (height, width)


@dataclasses.dataclass
class Frame:
    """A decoded frame.

    Attributes:
      pts: in units of the film's time base.
      duration: in the same units; 0 if the file does not say.
      luma: uint8 [H, W], of more than 8 bits uint16, as it was decoded.
      lightness: float32 [h, w], L* 0..100, upright, at the working size.
      ab: float32 [2, h, w], what is predicted for it.
      state: of the filter after it, where a segment ends.
    """

    pts: int
    duration: int
    luma: np.ndarray
    lightness: np.ndarray
    ab: np.ndarray | None = None
    state: dict | None = None


def probe(path: Path) -> Film:
    """What a file says of its film.

    Raises:
      UsageError: no film that can be decoded.
    """
    path = pathlib.Path(path)
    if path.is_file() and not path.stat().st_size:
        raise UsageError(f"{path}: the file is empty")
    try:
        with av.open(path) as container:
            return _probed(path, container)
    except av.FFmpegError as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: no film that can be read ({said})") from error


def _probed(path, container):
    name = container.format.name
    if any(part in name for part in _PICTURES):
        raise UsageError(f"{path}: a picture, not a film; name it as what it is")
    stream = video_stream(container)
    if stream is None:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise UsageError(f"{path}: no film in it, only {kinds}")
    if stream.codec_context is None:
        raise UsageError(f"{path}: PyAV has no decoder for its codec")
    frame = _first_frame(container, stream)
    if frame is None:
        raise UsageError(f"{path}: no frame of it can be decoded")
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    seconds = duration(container, stream)
    planes = planar(frame).format
    return Film(
        path=path,
        stream=stream.index,
        size=(frame.height, frame.width),
        depth=planes.components[0].bits,
        chroma=not frame.format.name.startswith("gray"),
        rotation=frame.rotation,
        display_matrix=_display_matrix(frame),
        interlaced=frame.interlaced_frame,
        matrix=_matrix(frame),
        color_range=_range(frame),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        time_base=stream.time_base,
        rate=rate,
        count=stream.frames or round(seconds * rate),
        aspect=stream.sample_aspect_ratio or Fraction(1),
    )


def video_stream(container):
    """The stream of a container that is colored, or None: no cover picture."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    return streams[0] if streams else None


def duration(container, stream) -> float:
    """Seconds until the last frame has been shown; 0 if nothing is said."""
    if stream.duration:
        start = stream.start_time or 0
        return float((start + stream.duration) * stream.time_base)
    return (container.duration or 0) / av.time_base


def _first_frame(container, stream):
    """The first that decodes: it knows more than the header."""
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                return frame
        except av.error.InvalidDataError:
            continue
    return None


def _display_matrix(frame):
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else tuple(np.frombuffer(data, np.int32).tolist())


def _matrix(frame):
    if int(frame.colorspace) in yuv.MATRICES:
        return int(frame.colorspace)
    if frame.height >= _HIGH_DEFINITION:
        return yuv.BT709
    return yuv.BT601


def _range(frame):
    full = frame.format.name.startswith("yuvj") or frame.color_range == yuv.FULL
    return yuv.FULL if full else yuv.LIMITED


def planar(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame whose first plane is luma, the next two, if there are, chroma."""
    name = frame.format.name
    if name.startswith(("gray", "yuv4", "yuvj4")) and not name.endswith("be"):
        return frame
    deep = max(component.bits for component in frame.format.components) > 8
    return frame.reformat(
        format="yuv420p10le" if deep else "yuv420p",
        dst_colorspace="ITU709" if _matrix(frame) == yuv.BT709 else "ITU601",
    )


def array_of(frame: av.VideoFrame, index: int) -> np.ndarray:
    """A plane of a planar frame: uint8, of more than 8 bits uint16, [h, w]."""
    plane = frame.planes[index]
    kind = np.uint8 if frame.format.components[index].bits == 8 else np.uint16
    line = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind().itemsize)
    return line[: plane.height, : plane.width]


class Reader:
    """The frames of a film, in the order in which they are shown.

    Args:
      film: of `probe`.
      working: (height, width) of the lightness, upright.
      deinterlace: make whole frames of fields.

    Attributes:
      missing: [(first, last) second of what did not decode], known at the end.
    """

    def __init__(self, film: Film, working: Size, deinterlace: bool = False) -> None:
        self.film, self.working = film, working
        self.filter = _Deinterlaced(film) if deinterlace else None
        self.missing: list[tuple[float, float]] = []
        self._awaited: list[int] = []  # timestamps whose frames have not come
        self._broken = False

    def frames(self, skipped: int = 0) -> Iterator[Frame]:
        """Yields the Frames, but for the first `skipped`."""
        last = None
        for number, decoded in enumerate(self._decoded()):
            pts = decoded.pts
            if pts is None:
                pts = 0 if last is None else last + self._step()
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            if number >= skipped:
                yield self._frame(decoded, pts)

    def _step(self):
        return max(1, round(1 / (self.film.rate * self.film.time_base)))

    def _frame(self, decoded, pts):
        frame = planar(decoded)
        luma = array_of(frame, 0)
        return Frame(
            pts=pts,
            duration=decoded.duration or 0,
            luma=luma,
            lightness=self._lightness(frame),
        )

    def _lightness(self, frame):
        height, width = self.working
        if self.film.quarters % 2:
            height, width = width, height
        count = 3 if self.film.chroma else 1
        planes = [
            resize.picture(to_8_bit(array_of(frame, i), self.film.depth), height, width)
            for i in range(count)
        ]
        rgb = yuv.rgb_of_planes(planes, self.film.matrix, self.film.color_range)
        lightness = lab.lightness(rgb).numpy()
        return np.ascontiguousarray(np.rot90(lightness, self.film.quarters))

    def _decoded(self):
        """The decoded frames; what does not decode is left out and noted."""
        with av.open(self.film.path) as container:
            stream = container.streams[self.film.stream]
            stream.thread_type = "AUTO"
            end = duration(container, stream)
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
        last = getattr(self, "_last", 0) * float(self.film.time_base)
        if end - last > max(1.0, 3.0 / float(self.film.rate)):
            self._broken = True
            self.missing.append((last, end))
        if not self._broken:
            self.missing = []


def to_8_bit(plane: np.ndarray, depth: int) -> np.ndarray:
    """A plane of samples of `depth` bits, rounded to 8."""
    if depth == 8:
        return np.ascontiguousarray(plane)
    return cv2.convertScaleAbs(plane, alpha=1.0 / (1 << (depth - 8)))


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
