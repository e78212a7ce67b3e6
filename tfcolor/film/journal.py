"""What is encoded of a film, segment by segment, so that a run that was broken off
goes on: FILM.unfinished and FILM.unfinished.state beside the result, which are gone
when the film is whole."""

import json
import os
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfcolor import atomic
from tfcolor.film.encoding import Coded

# Before each part: its bytes and their CRC-32.
_HEAD = struct.Struct("<QI")


def path_of(target: pathlib.Path) -> pathlib.Path:
    """The journal of a film that is being written."""
    return target.with_name(target.name + atomic.UNFINISHED)


def remove(path: pathlib.Path) -> None:
    """Remove a journal, if it is there."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".state").unlink(missing_ok=True)


class Journal:
    """The journal of a film.

    Segments are appended; the state of the filter after the last of them is in a file
    of its own, which replaces the one before.

    Args:
      path: of the file.
      settings: what the film is made of, JSON; a journal of others is begun anew.

    Attributes:
      segments: how many whole ones are in it.
      frames: how many frames they have.
      state: arrays by name, the state of the filter after them, or None.
    """

    def __init__(self, path: pathlib.Path, settings: dict[str, Any]) -> None:
        self.path, self.beside = path, path.with_name(path.name + ".state")
        self.segments = self.frames = 0
        self.state: dict[str, np.ndarray] | None = None
        whole = self._read(settings)
        self.file = open(path, "r+b" if whole else "w+b")  # noqa: SIM115
        if not whole:
            self._write(json.dumps(settings).encode())
            whole = self.file.tell()
        self.file.truncate(whole)
        self.file.seek(whole)

    def add(self, packets: list[Coded], state: dict[str, np.ndarray] | None) -> None:
        """Append a segment, and wait until it is on the disk."""
        said = [[p.pts, p.dts, p.duration, p.key, len(p.data)] for p in packets]
        self._write(json.dumps(said).encode())
        self._write(b"".join(packet.data for packet in packets))
        self.segments, self.frames = self.segments + 1, self.frames + len(packets)
        with atomic.replacing(self.beside) as file:
            arrays: dict[str, Any] = {"segments": self.segments, **(state or {})}
            np.savez(file, **arrays)

    def __iter__(self) -> Iterator[list[Coded]]:
        """Yields the segments that were in it when it was opened."""
        count = self.segments
        with open(self.path, "rb") as file:
            _part(file)
            for _ in range(count):
                yield _packets(_part(file), _part(file))

    def close(self) -> None:
        """Leave the file as it is."""
        self.file.close()

    def remove(self) -> None:
        """The film is whole."""
        self.file.close()
        remove(self.path)

    def _read(self, settings):
        """The length of what is whole of a journal of these settings, or 0."""
        try:
            file = open(self.path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            return 0
        with file:
            if _part(file) != json.dumps(settings).encode():
                return 0
            ends = [(file.tell(), 0)]  # and how many frames end there
            while parts := _parts(file, 2):
                ends.append((file.tell(), ends[-1][1] + len(json.loads(parts[0]))))
        state = self._read_state()
        self.segments = int(state.pop("segments", 0))
        if self.segments >= len(ends):
            self.segments, state = 0, {}
        self.state = state or None
        whole, self.frames = ends[self.segments]
        return whole

    def _read_state(self):
        try:
            with np.load(self.beside) as arrays:
                return dict(arrays)
        except (OSError, ValueError, zipfile.BadZipFile):
            return {}

    def _write(self, data):
        self.file.write(_HEAD.pack(len(data), zlib.crc32(data)))
        self.file.write(data)
        self.file.flush()
        os.fsync(self.file.fileno())


def _parts(file, count):
    """So many parts, or None where the file ends before or is damaged."""
    parts = []
    for _ in range(count):
        part = _part(file)
        if part is None:
            return None
        parts.append(part)
    return parts


def _part(file):
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, crc = _HEAD.unpack(head)
    left = os.fstat(file.fileno()).st_size - file.tell()
    if length > left:
        return None
    data = file.read(length)
    return data if zlib.crc32(data) == crc else None


def _packets(said, data):
    packets, place = [], 0
    for pts, dts, duration, key, size in json.loads(said):
        packets.append(Coded(data[place : place + size], pts, dts, duration, key))
        place += size
    return packets
