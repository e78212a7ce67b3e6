"""Pictures into ArrayRecord files (https://github.com/google/array_record).

A record is a tf.train.Example with `image/encoded` and `image/filename`, one in each
chunk and not compressed again. The same pictures give the same files to the bit.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import glob
import hashlib
import io
import logging
import os
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import filelock
import numpy as np
import tqdm
from PIL import Image

from tfcolor import atomic
from tfcolor.data import array_records
from tfcolor.data import shards as shards_lib
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import axes
from tfcolor.images import resize
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import decode
from tfcolor.images.decode import reason

log = logging.getLogger("tfcolor")

IMAGES = 10_000  # of a shard, unless the number of shards is given
QUALITY = 95  # of a JPEG that is written anew, whose chroma keeps its resolution
_OPTIONS = "group_size:1,uncompressed"
_THREADS = os.cpu_count() or 1


def pack(
    source: Any, output: str, size: int | None = None, shards: int | None = None
) -> shards_lib.Index:
    """Write the files of a source's images into ArrayRecord shards.

    A shard is written under another name, checked and renamed. Called again, it writes
    what is missing: shards that are not there, not of their size, or without a file
    that could not be read.

    Args:
      source: `sources.Files` or `array_records.ArrayRecords`.
      output: the shards' path, with a * for their numbers.
      size: pixels; pictures of a longer shorter side are reduced to it, and written as
        JPEG. None: all stay as they are, byte for byte, as does what cannot be decoded.
      shards: how many; None: one for each 10,000 images.

    Returns:
      The index; `left_out` of its shards are the files that could not be read.

    Raises:
      UsageError: before anything is written. RunError: after.
    """
    module = array_records.require(f"--output={output}")
    header = _header(source, output, size, shards)
    path = shards_lib.index_path(output)
    atomic.make_folder(path.parent, "output")
    with _claimed(path, output):
        index = _begin(path, header, output)
        todo = [k for k in range(header["shards"]) if not _done(index, output, k)]
        total = sum(len(_numbers(header, k)) for k in todo)
        with tqdm.tqdm(
            total=total, unit=" images", desc="pack", dynamic_ncols=True
        ) as bar:
            for number in todo:
                target = shards_lib.shard_path(output, number, header["shards"])
                try:
                    index.append(_write(module, source, header, number, target, bar))
                except (OSError, RuntimeError) as error:
                    raise RunError(f"{target}: {reason(error)}") from error
        index.rewrite()
    return index


def _header(source, output, size, shards):
    """Of the index; UsageError where the arguments cannot be."""
    shards_lib.split(output)
    if not hasattr(source, "encoded"):
        raise UsageError(
            "--data: no files to pack; folder:PATH and array_record:GLOB have"
        )
    if size is not None and size < 1:
        raise UsageError(f"--size={size}: must be at least 1 pixel")
    shards = -(-len(source) // IMAGES) if shards is None else shards
    most = min(len(source), shards_lib.MOST)
    if not 1 <= shards <= most:
        raise UsageError(f"--shards={shards}: is not in 1 .. {most}")
    return {
        "format": shards_lib.FORMAT,
        "images": len(source),
        "source": sources.fingerprint(source),
        "size": size,
        "shards": shards,
    }


@contextlib.contextmanager
def _claimed(path: pathlib.Path, output: str) -> Iterator[None]:
    """Keep other processes from writing the same files."""
    lock = filelock.FileLock(str(path.with_name(f".{path.name}.claim")), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise UsageError(f"--output={output}: another process is packing it") from error
    except OSError as error:
        raise UsageError(f"--output={output}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _begin(path, header, output):
    """The index to go on with, in its file."""
    index = shards_lib.read(path)
    before, after = map(glob.escape, shards_lib.split(output))
    there = shards_lib.existing(f"{before}*{after}")
    if index is None and there:
        raise UsageError(f"--output={output}: {there[0]} is there, without {path}")
    if index is None:
        index = shards_lib.Index(path, header, {})
    for field, value in header.items():
        if index.header.get(field) != value:
            raise UsageError(
                f"--output={output}: holds another packing ({field}: "
                f"{index.header.get(field)}, now {value}); take another name"
            )
    index.rewrite()
    return index


def _done(index, output, number):
    shard = index.shards.get(number)
    if shard is None or shard.left_out:
        return False
    path = shards_lib.shard_path(output, number, index.header["shards"])
    return os.path.exists(path) and os.path.getsize(path) == shard.size


def _numbers(header, number):
    """The images of a shard."""
    images, shards = header["images"], header["shards"]
    return range(number * images // shards, (number + 1) * images // shards)


def _write(module, source, header, number, target, bar):
    """Write a shard; returns its Shard."""
    temporary = target + atomic.UNFINISHED
    names, left_out = [], []
    try:
        writer = module.ArrayRecordWriter(temporary, _OPTIONS)
        for name, found in _files(source, _numbers(header, number), header["size"]):
            bar.update()
            if isinstance(found, Unreadable):
                log.warning("%s: %s; left out", name, found)
                left_out.append([name, str(found)])
                continue
            writer.write(_record(name, found))
            names.append(name)
            if not writer.ok():
                break
        writer.close()  # which raises what went wrong
        _check(module, temporary, len(names))
        size = os.path.getsize(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return _shard(number, size, names, left_out)


def _check(module, path, images):
    """Force a file to the disk; RunError if it has not so many records."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    found = module.ArrayRecordReader(path).num_records()
    if found != images:
        raise RunError(f"has {found} records, not {images}")


def _shard(number, size, names, left_out):
    digest, hashes = hashlib.sha256(), []
    for name in names:
        digest.update(os.fsencode(name) + b"\0")
        hashes.append(zlib.crc32(os.fsencode(name)))
    held = [i for i, value in enumerate(hashes) if value % sources.HOLD_OUT == 0]
    lowest = min(zip(hashes, range(len(hashes)), strict=True), default=(1 << 32, 0))
    return shards_lib.Shard(
        number=number,
        images=len(names),
        size=size,
        names=digest.hexdigest(),
        held_out=np.array(held, np.int64),
        lowest=lowest,
        left_out=left_out,
    )


def _files(source, numbers, size):
    """(name, bytes or Unreadable) of images, in order."""

    def load(number):
        try:
            data = source.encoded(number)
        except Unreadable as error:
            return source.name(number), error
        return source.name(number), data if size is None else reduced(data, size)

    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        step = 2 * _THREADS  # files in memory at a time
        for first in range(0, len(numbers), step):
            yield from pool.map(load, numbers[first : first + step])


def reduced(data: bytes, size: int) -> bytes:
    """A picture's file with a shorter side of at most `size` pixels: itself, or a JPEG
    of quality 95. What cannot be decoded stays as it is."""
    try:
        image = decode(data, axes.GAP * size)
    except Unreadable:
        return data
    if min(image.shape[:2]) <= size:
        return data
    scale = size / min(image.shape[:2])
    height, width = (max(size, round(scale * side)) for side in image.shape[:2])
    file = io.BytesIO()
    Image.fromarray(resize.picture(image, height, width)).save(
        file, "JPEG", quality=QUALITY, subsampling=0
    )
    return file.getvalue()


def _record(name, data):
    import tensorflow as tf

    def feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {
        array_records.ENCODED: feature(data),
        array_records.NAME: feature(os.fsencode(name)),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)
