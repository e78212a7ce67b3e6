"""Encoders for colored frames, one a segment, so that what is encoded of a segment
depends on nothing before it."""

import dataclasses
from collections.abc import Sequence

import av
import numpy as np

from tfcolor.errors import UsageError
from tfcolor.film.source import Film

# What is written without --codec.
DEFAULT = "libx264"
BY_SUFFIX = {".webm": "libvpx-vp9", ".ogv": "libvpx-vp9", ".avi": "mpeg4"}

# Said if --codec is no encoder; PyAV may have more.
KNOWN = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "prores_ks", "ffv1", "mpeg4")

CRF = {"libx264": 18, "libx265": 20, "libvpx-vp9": 24, "libsvtav1": 24}
_OPTIONS = {
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "veryfast", "x265-params": "log-level=error"},
    "libvpx-vp9": {"b:v": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
    "libsvtav1": {"preset": "9"},
}

# Of the encoders that are told a quantizer: it, and FFmpeg's lambda of one.
_QUANTIZER = {"mpeg4": 2, "mpeg2video": 2, "mjpeg": 2}
_LAMBDA = 118

# Codecs whose frames are encoded in another order than they are shown; the others
# are told not to.
_REORDERED = ("libx264", "libx265")
_REORDER = 2

# Containers that cannot say when a frame is shown, only in which order.
_IN_ORDER = (".avi",)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a film is encoded; see `settings`.

    Attributes:
      options: of the encoder.
      pixels: its pixel format.
      gop: frames from one key frame to the next.
      reorder: frames by which decoding precedes showing.
    """

    codec: str
    options: dict
    pixels: str
    gop: int
    reorder: int


@dataclasses.dataclass
class Coded:
    """A coded frame: its bytes and what is said of them, in the time base of the
    film."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool


def settings(
    film: Film, suffix: str, codec: str | None, crf: float | None, gop: int
) -> Settings:
    """The Settings for a film in a container of a file's extension.

    Raises:
      UsageError: no such encoder, or none for that container or quality.
    """
    codec = codec or BY_SUFFIX.get(suffix, DEFAULT)
    check(codec, crf)
    options = dict(_OPTIONS.get(codec, {}))
    quality = CRF.get(codec) if crf is None else crf
    if quality is not None:
        options["crf"] = str(quality)
    reordered = codec in _REORDERED and suffix not in _IN_ORDER
    reorder = _REORDER if reordered else 0
    return Settings(codec, options, _pixels(film, codec), gop, reorder)


def check(codec: str | None, crf: float | None) -> None:
    """Raise UsageError if an encoder or its quality cannot be."""
    name = codec or DEFAULT
    try:
        found = av.Codec(name, "w")
    except ValueError as error:
        raise UsageError(f"--codec={codec}: PyAV has no such encoder; {_had()}") from (
            error
        )
    if found.type != "video":
        raise UsageError(f"--codec={codec}: an encoder of {found.type}; {_had()}")
    if crf is not None and name not in CRF:
        raise UsageError(f"--crf={crf}: {name} has none; {', '.join(CRF)} have")
    if crf is not None and not 0 <= crf <= 63:
        raise UsageError(f"--crf={crf}: must be in 0..63; less is better")


def _had():
    return "it has " + ", ".join(n for n in KNOWN if n in av.codecs_available)


def _pixels(film, codec):
    """The film's depth if the encoder has it: its luma is kept to the bit then."""
    deep = f"{min(film.depth, 12)}le" if film.depth > 8 else ""
    even = not (film.size[0] % 2 or film.size[1] % 2)
    wanted = [f"yuv{s}p{deep}" for s in ((420,) if even else ()) + (444, 422)]
    known = [format.name for format in av.Codec(codec, "w").video_formats or ()]
    wanted += ["yuv420p", "yuv444p", "yuv422p"]
    for name in wanted:
        if name in known:
            return name
    raise UsageError(f"--codec={codec}: takes no YUV of 8 bits or more")


def configure(context: av.VideoCodecContext, film: Film, settings: Settings) -> None:
    """Tell an encoder what it encodes."""
    context.height, context.width = film.size
    context.pix_fmt = settings.pixels
    context.time_base = film.time_base
    context.framerate = film.rate
    context.sample_aspect_ratio = film.aspect
    context.gop_size = settings.gop
    context.options = settings.options
    context.colorspace, context.color_range = film.matrix, film.color_range
    context.color_primaries, context.color_trc = film.primaries, film.transfer
    context.flags |= av.codec.context.Flags.global_header
    context.flags |= av.codec.context.Flags.bitexact
    context.flags |= av.codec.context.Flags.frame_duration
    if settings.codec in _QUANTIZER:
        context.qscale = True
        context.global_quality = _QUANTIZER[settings.codec] * _LAMBDA
    if not settings.reorder:
        context.max_b_frames = 0


class Segment:
    """Encodes the frames of one segment."""

    def __init__(self, film: Film, settings: Settings) -> None:
        self.film, self.settings = film, settings
        self.context = av.CodecContext.create(settings.codec, "w")
        configure(self.context, film, settings)
        self.durations: dict[int, int] = {}
        self.packets: list[av.Packet] = []

    def add(self, frame: av.VideoFrame, duration: int) -> None:
        """Encode a frame, whose pts is in the film's time base."""
        self.durations[frame.pts] = duration
        self.packets += self.context.encode(frame)

    def finish(self, before: Sequence[int]) -> list[Coded]:
        """The coded frames, in the order in which they are decoded.

        Args:
          before: timestamps of the last frames of the segments before.
        """
        self.packets += self.context.encode(None)
        shown = sorted(packet.pts for packet in self.packets)
        times = decoding_times(before, shown, self.settings.reorder, self._step())
        return [
            Coded(
                bytes(packet),
                packet.pts,
                dts,
                self._duration(packet),
                packet.is_keyframe,
            )
            for packet, dts in zip(self.packets, times, strict=True)
        ]

    def _step(self):
        return max(1, round(1 / (self.film.rate * self.film.time_base)))

    def _duration(self, packet):
        return self.durations.get(packet.pts, 0) or packet.duration or self._step()


def decoding_times(
    before: Sequence[int], shown: Sequence[int], reorder: int, step: int
) -> list[int]:
    """When the frames of a segment are decoded: each when the frame `reorder` places
    before it is shown.

    Args:
      before: timestamps of the frames before the segment, as many as there are.
      shown: timestamps of the segment, ascending.
      step: from one frame to the next, where there is none before.
    """
    past = list(before)[-reorder:] if reorder else []
    while len(past) < reorder:
        past.insert(0, (past or shown)[0] - step)
    return [*past, *shown][: len(shown)]


def frame_of(planes: Sequence[np.ndarray], pixels: str) -> av.VideoFrame:
    """A frame of planes [h, w], uint8 or uint16, in a pixel format."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixels)
    for plane, array in zip(frame.planes, planes, strict=True):
        size = array.dtype.itemsize
        lines = np.frombuffer(plane, array.dtype).reshape(-1, plane.line_size // size)
        lines[: array.shape[0], : array.shape[1]] = array
    return frame
