"""A film's file: the colored frames with all else that the film's own file holds."""

import contextlib
import logging
import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.film import encoding
from tfcolor.film import source
from tfcolor.film.encoding import Coded
from tfcolor.film.encoding import Settings
from tfcolor.film.source import Film

log = logging.getLogger("tfcolor")

# Written in fragments, which play when the rest is missing; made into an ordinary
# file at the end.
_FRAGMENTS = {"movflags": "hybrid_fragmented+frag_keyframe+delay_moov"}
_OPTIONS = {suffix: _FRAGMENTS for suffix in (".mp4", ".m4v", ".mov")}


class Muxer:
    """Writes the file of a colored film.

    Args:
      target: path of the file; its extension says the container.
      film: what is colored; its other streams are copied.
      settings: of the encoder.

    Raises:
      UsageError: there is no such container, or it takes no such codec.
    """

    def __init__(self, target: pathlib.Path, film: Film, settings: Settings) -> None:
        self.target, self.film = target, film
        self.source = source.opened(film.path)
        self.container: Any = None
        try:
            self._open(settings)
        except (av.FFmpegError, ValueError) as error:
            self.abandon()
            target.unlink(missing_ok=True)
            raise UsageError(f"{target}: cannot be written ({error})") from error
        self.rest = self._rest()
        self.waiting = next(self.rest, None)

    def _open(self, settings):
        options = _OPTIONS.get(self.target.suffix.lower(), {})
        self.container = av.open(self.target, "w", options=dict(options))
        self.container.flags |= av.container.Flags.bitexact.value
        self.video = self.container.add_stream(settings.codec, rate=self.film.rate)
        encoding.configure(self.video.codec_context, self.film, settings)
        old = self.source.streams[self.film.stream]
        self.video.time_base = self.film.time_base
        self.video.metadata.update(_kept(old.metadata))
        self.video.disposition = old.disposition
        if self.film.display_matrix:
            self.video.set_display_matrix(self.film.display_matrix)
        self.streams = dict(self._copied())
        self.container.metadata.update(_kept(self.source.metadata))
        self.container.set_chapters(self.source.chapters())
        self.container.start_encoding()

    def _copied(self):
        """(index of a stream of the film's file, its copy)."""
        for stream in self.source.streams:
            if stream.index == self.film.stream:
                continue
            if stream.type == "data" and self.source.chapters():
                continue  # in MP4 the titles of the chapters, which are written anew
            if stream.type == "attachment":
                self.container.add_attachment(
                    stream.name, stream.mimetype or "", stream.data
                )
                continue
            try:
                copy = self.container.add_stream_from_template(stream)
            except (ValueError, av.FFmpegError) as error:
                said = " ".join(str(error).split())
                log.warning(
                    "%s: stream %d (%s) is left out: %s",
                    self.film.path.name,
                    stream.index,
                    stream.type,
                    said,
                )
                continue
            copy.metadata.update(_kept(stream.metadata))
            copy.disposition = stream.disposition
            copy.time_base = stream.time_base
            yield stream.index, copy

    def _rest(self) -> Iterator[av.Packet]:
        """The packets of the copied streams, as their file has them."""
        streams = [self.source.streams[index] for index in self.streams]
        if not streams:
            return
        with contextlib.suppress(av.FFmpegError):
            for packet in self.source.demux(streams):
                if packet.dts is not None:
                    yield packet

    def write(self, packets: list[Coded]) -> None:
        """Write coded frames, and what belongs before each.

        Raises:
          RunError: the disk is full, or else nothing can be written.
        """
        with self._errors():
            for coded in packets:
                self._write_rest(coded.dts * self.film.time_base)
                self.container.mux(self._packet(coded))

    def finish(self) -> None:
        """Write what is left, and the end of the file. Raises as `write`."""
        with self._errors():
            self._write_rest(None)
            self.container.close()
            self.source.close()

    def abandon(self) -> None:
        """End the file here, so that what is written plays."""
        with contextlib.suppress(av.FFmpegError, OSError):
            if self.container is not None:
                self.container.close()
        self.source.close()

    def _write_rest(self, until: Fraction | None) -> None:
        while self.waiting is not None:
            packet = self.waiting
            if until is not None and packet.dts * packet.time_base > until:
                return
            packet.stream = self.streams[packet.stream_index]
            self.container.mux(packet)
            self.waiting = next(self.rest, None)

    def _packet(self, coded):
        packet = av.Packet(coded.data)
        packet.stream = self.video
        packet.time_base = self.film.time_base
        packet.pts, packet.dts, packet.duration = coded.pts, coded.dts, coded.duration
        packet.is_keyframe = coded.key
        return packet

    @contextlib.contextmanager
    def _errors(self):
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            self.abandon()
            said = getattr(error, "strerror", None) or error
            raise RunError(f"{self.target}: {said}") from error


def _kept(metadata):
    """What a file or stream says, but for what its container says itself."""
    own = ("major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id")
    return {k: v for k, v in metadata.items() if k.lower() not in own}
