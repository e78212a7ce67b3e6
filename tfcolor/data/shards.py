"""The files of a packing, and the index beside them.

photos-*.arrayrecord names the shards photos-00000-of-00012.arrayrecord and so on.
photos-index.arrayrecord.jsonl says what they are of in its first line, and has one line
for each finished shard. It is written as packing goes on, and read when the shards are:
opening a file takes milliseconds, and there may be ten thousand.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import logging
import os
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfcolor import atomic
from tfcolor.errors import UsageError

log = logging.getLogger("tfcolor")

FORMAT = 1  # of the index
MOST = 99_999  # shards of a packing

_NAME = re.compile(r"(.*?)(\d{5})-of-(\d{5})(.*)")


@dataclasses.dataclass
class Shard:
    """A finished file.

    Attributes:
      number: which of the packing's shards it is.
      images: how many it holds.
      size: its bytes.
      names: hex digest of the images' names.
      held_out: numbers, within the shard, of the images that are held out.
      lowest: the lowest hash of a name, and the number of that image.
      left_out: [name, reason] of files that could not be read.
      path: where it is, known once it has been looked for.
    """

    number: int
    images: int
    size: int
    names: str
    held_out: np.ndarray
    lowest: tuple[int, int]
    left_out: list[list[str]] = dataclasses.field(default_factory=list)
    path: str = ""

    def line(self) -> str:
        """Its line of the index."""
        fields = dataclasses.asdict(self) | {"held_out": self.held_out.tolist()}
        del fields["path"]
        return json.dumps(fields) + "\n"


@dataclasses.dataclass
class Index:
    """What is packed, and what is finished of it.

    Attributes:
      path: of the file.
      header: {"format", "images", "source", "size", "shards"}: of the index, how many
        images there were, `sources.fingerprint` of them, pixels of the shorter side or
        None, and how many shards there are to be.
      shards: {number: Shard} of those that are finished.
    """

    path: pathlib.Path
    header: dict[str, Any]
    shards: dict[int, Shard]

    def append(self, shard: Shard) -> None:
        """Add a finished shard, in the file too."""
        self.shards[shard.number] = shard
        with open(self.path, "a") as file:
            file.write(shard.line())
            file.flush()
            os.fsync(file.fileno())

    def rewrite(self) -> None:
        """Write the file anew, in order, without a line that was broken off."""
        lines = [self.shards[number].line() for number in sorted(self.shards)]
        atomic.write(self.path, "".join([json.dumps(self.header) + "\n", *lines]))


def split(output: str) -> tuple[str, str]:
    """What stands before and after the `*` of an output's name.

    Raises:
      UsageError: its file's name has not one `*`.
    """
    folder, name = os.path.split(os.path.expanduser(output))
    if name.count("*") != 1 or "*" in folder:
        raise UsageError(
            f"--output={output}: needs one * in the name of the file, for the numbers "
            "of the shards, such as photos-*.arrayrecord"
        )
    before, _, after = name.partition("*")
    return os.path.join(folder, before), after


def shard_path(output: str, number: int, shards: int) -> str:
    """The path of a shard."""
    before, after = split(output)
    return f"{before}{number:05d}-of-{shards:05d}{after}"


def index_path(output: str) -> pathlib.Path:
    """The path of the index of an output."""
    return pathlib.Path("index".join(split(output)) + ".jsonl")


def read(path: pathlib.Path) -> Index | None:
    """The index in a file, or None where there is none.

    Raises:
      UsageError: it is damaged, or of a later version.
    """
    try:
        # What follows the last end of a line was being written as the process died.
        lines = path.read_text().split("\n")[:-1]
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    try:
        header = json.loads(lines[0])
        found = [_shard(json.loads(line)) for line in lines[1:]]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: damaged; pack the pictures again") from error
    if header.get("format") != FORMAT:
        raise UsageError(
            f"{path}: its format is {header.get('format')}, not {FORMAT}; read it with "
            "the version of tfcolor that wrote it, or pack the pictures again"
        )
    return Index(path, header, {shard.number: shard for shard in found})


def _shard(fields):
    held = np.array(fields.pop("held_out"), np.int64)
    return Shard(**fields, held_out=held)


def existing(pattern: str) -> list[str]:
    """Paths of the shards that a GLOB matches, finished or not, in order."""
    found = glob.iglob(os.path.expanduser(pattern), recursive=True)
    return sorted(path for path in found if _is_shard(path))


def _is_shard(path):
    return _NAME.fullmatch(os.path.basename(path)) and not path.endswith(
        atomic.UNFINISHED
    )


def matching(pattern: str) -> list[Shard]:
    """The shards that a GLOB matches, in the order of their paths.

    Raises:
      UsageError: there is none, or one is not finished or not as it was written.
    """
    paths = existing(pattern)
    if not paths:
        raise UsageError(
            f"--data=array_record:{pattern}: matches no file that bin/pack wrote"
        )
    indexes: dict[str, Index] = {}
    found = [_finished(path, indexes) for path in paths]
    _warn_of_missing(pattern, found, indexes.values())
    return found


def _finished(path, indexes):
    """The Shard at a path; `indexes` keeps what was read by the index's path."""
    folder, name = os.path.split(path)
    before, number, shards, after = _NAME.findall(name)[0]
    beside = os.path.join(folder, f"{before}index{after}.jsonl")
    if beside not in indexes:
        indexes[beside] = _whole(pathlib.Path(beside), path)
    index = indexes[beside]
    shard = index.shards.get(int(number))
    if shard is None or int(shards) != index.header["shards"]:
        raise UsageError(f"{path}: {beside} does not know it; pack the pictures again")
    size = os.path.getsize(path)
    if size != shard.size:
        raise UsageError(
            f"{path}: has {size} bytes, and was written with {shard.size}; copy it "
            "again, or remove it and run bin/pack again"
        )
    shard.path = path
    return shard


def _whole(beside, path):
    index = read(beside)
    if index is None:
        raise UsageError(
            f"{path}: {beside} is missing, which bin/pack writes beside it"
        )
    if len(index.shards) < index.header["shards"]:
        raise UsageError(
            f"{beside}: {len(index.shards)} of {index.header['shards']} shards are "
            "packed; run bin/pack again, which goes on"
        )
    return index


def _warn_of_missing(
    pattern: str, found: list[Shard], indexes: Iterable[Index]
) -> None:
    """Say so where a GLOB matches only some shards of its packings."""
    total = sum(index.header["shards"] for index in indexes)
    if len(found) < total:
        log.warning(
            "array_record:%s: %d of the %d shards that were packed",
            pattern,
            len(found),
            total,
        )
