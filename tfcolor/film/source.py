"""A film as people have it: what its file says, and the planes of a frame."""

import dataclasses
import os
import pathlib
from fractions import Fraction
from typing import Any

import av
import numpy as np

from tfcolor.errors import UsageError
from tfcolor.film import yuv
from tfcolor.types import Path
from tfcolor.types import Size

# Lines from which on a film that does not say its matrix is taken as BT.709.
_HIGH_DEFINITION = 720

# Demuxers of single pictures.
_PICTURES = ("image2", "_pipe")

# A film is in the file that was given: no demuxer of playlists, which name others.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,"
    "m4v,h264,hevc,dv,mjpeg,mxf,nut,gif,image2,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,"
    "tiff_pipe,wav,mp3,flac,aac",
}


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
      counted: whether the file says how many frames it has.
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
    counted: bool
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


def opened(path: Path) -> Any:
    """The PyAV container of a film's file.

    Raises:
      av.FFmpegError: it is none.
    """
    # Whole, or a name with a colon in it would be taken for a URL.
    return av.open(os.path.abspath(path), options=_OPTIONS)


def probe(path: Path, max_pixels: int | None = None) -> Film:
    """What a file says of its film.

    Args:
      max_pixels: of a frame; larger ones are not decoded.

    Raises:
      UsageError: no film that can be decoded, or one that is larger.
    """
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            raise UsageError(f"{path}: not a regular file")
        if not path.stat().st_size:
            raise UsageError(f"{path}: the file is empty")
        with opened(path) as container:
            return _probed(path, container, max_pixels)
    except av.FFmpegError as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: no film that can be read ({said})") from error


def _probed(path, container, max_pixels):
    name = container.format.name
    if any(part in name for part in _PICTURES):
        raise UsageError(f"{path}: a picture, not a film; name it as what it is")
    stream = video_stream(container)
    if stream is None:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise UsageError(f"{path}: no film in it, only {kinds}")
    if stream.codec_context is None:
        raise UsageError(f"{path}: PyAV has no decoder for its codec")
    if max_pixels and stream.width * stream.height > max_pixels:
        size = f"{stream.width} x {stream.height}"
        raise UsageError(f"{path}: {size} pixels are more than {max_pixels}")
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
        counted=stream.frames > 0,
        aspect=stream.sample_aspect_ratio or Fraction(1),
    )


def video_stream(container: Any) -> Any:
    """The stream of a container that is colored, or None: no cover picture."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    return streams[0] if streams else None


def duration(container: Any, stream: Any) -> float:
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
