"""Pictures packed by `bin/pack`, read by random access."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from typing import Any

import numpy as np

from tfcolor.data import shards
from tfcolor.errors import UsageError
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import decode
from tfcolor.images.decode import reason
from tfcolor.types import Window

# Of the tf.train.Example that a record is.
ENCODED, NAME = "image/encoded", "image/filename"

# Files that stay open, the last that were read from: each keeps a descriptor and the
# places of its records, 8 bytes a picture.
READERS = 512

_RANDOM_ACCESS = "readahead_buffer_size:0,max_parallelism:0"
_BUFFER = 1 << 15  # bytes


def require(said: str) -> Any:
    """The module of the package array_record.

    Args:
      said: the flag and its value, for the error.

    Raises:
      UsageError: it is not installed.
    """
    if importlib.util.find_spec("array_record") is None:
        raise UsageError(
            f"{said}: needs the package array_record (pip install array_record), which "
            "has no wheels for Windows; use a folder there"
        )
    from array_record.python import array_record_module

    return array_record_module


class ArrayRecords:
    """The pictures of ArrayRecord files, in the order of the files' names.

    Opening it reads the index of each packing and no picture, so that memory grows with
    the number of files, and with the pictures that are held out, one in fifty.

    Args:
      pattern: a GLOB of files that `bin/pack` wrote.

    Raises:
      UsageError: it matches none, or one is unfinished or truncated; or the package
        array_record is missing.
    """

    def __init__(self, pattern: str) -> None:
        self.module = require(f"--data=array_record:{pattern}")
        self.shards = shards.matching(pattern)
        counts = np.array([shard.images for shard in self.shards], np.int64)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts
        self._reader = functools.lru_cache(READERS)(self._open)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def name(self, i: int) -> str:
        """The name of image i where it was packed; FILE[NUMBER] where the record cannot
        be read."""
        try:
            return os.fsdecode(_feature(self._record(i), NAME))
        except Unreadable:
            shard, place = self._place(i)
            return f"{os.path.basename(self.shards[shard].path)}[{place}]"

    def encoded(self, i: int) -> bytes:
        """The file that image i was.

        Raises:
          Unreadable: with the reason.
        """
        return _feature(self._record(i), ENCODED)

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3]; arguments as of `Files.read`.

        Raises:
          Unreadable: with the reason.
        """
        return decode(self.encoded(i), side, window)

    def held_out(self) -> np.ndarray:
        """int64 [k], ascending: the images whose names are held out, see
        `sources.hold_out`."""
        places = zip(self.starts, self.shards, strict=True)
        return np.concatenate([start + shard.held_out for start, shard in places])

    def lowest(self) -> int:
        """The image whose name has the lowest hash, of several the first."""
        places = zip(self.starts, self.shards, strict=True)
        found = ((shard.lowest[0], start + shard.lowest[1]) for start, shard in places)
        return int(min(found)[1])

    def fingerprint(self) -> str:
        """A digest of the number of images, of their names and of how many each file
        has."""
        digest = hashlib.sha256()
        for shard in self.shards:
            digest.update(f"{shard.images} {shard.names}\n".encode())
        return f"{len(self)}-{digest.hexdigest()[:16]}"

    def _place(self, i):
        """(shard, number in the shard) of image i."""
        shard = int(np.searchsorted(self.ends, i, side="right"))
        return shard, int(i - self.starts[shard])

    def _record(self, i):
        import tensorflow as tf

        shard, place = self._place(i)
        try:
            (record,) = self._reader(shard).read([place])
            return tf.train.Example.FromString(record)
        except Unreadable:
            raise
        except Exception as error:  # of the file, of its checksums, of the record
            raise Unreadable(reason(error)) from error

    def _open(self, shard):
        # A reader may be used by several threads. One that the cache drops is closed
        # when the last of them lets go of it.
        path, images = self.shards[shard].path, self.shards[shard].images
        reader = self.module.ArrayRecordReader(
            path, options=_RANDOM_ACCESS, file_reader_buffer_size=_BUFFER
        )
        found = reader.num_records()  # 0 of a file that is gone or truncated
        if found != images:
            raise Unreadable(f"{path} has {found} records, not {images}")
        return reader


def _feature(example, name):
    values = example.features.feature[name].bytes_list.value
    if not values:
        raise Unreadable(f"the record has no {name}")
    return values[0]
