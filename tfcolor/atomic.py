"""Files and folders that are there whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from typing import IO

import filelock

from tfcolor.errors import UsageError
from tfcolor.types import Path


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Of the name of a file beside one that is being written piece by piece.
UNFINISHED = ".unfinished"

# Read once: reading it changes it, which other threads would see.
UMASK = _umask()


def make_folder(path: pathlib.Path, flag: str) -> None:
    """Make the folder that a flag names, unless it is there.

    Raises:
      UsageError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--{flag}={path}: {error.strerror}") from error


def write(path: Path, content: str | bytes | memoryview) -> None:
    """Write str or bytes to a temporary name beside `path`, then rename."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, binary, of a temporary name beside `path`, that takes
    its place when the block ends well and vanishes when it does not."""
    path = pathlib.Path(path)
    prefix = f".{path.name[:40]}."  # a name may be as long as a name can be
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def together(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder for files that take their places in `folder`, all of them when the block
    ends well, and none when it does not."""
    with tempfile.TemporaryDirectory(
        dir=folder, prefix=".unfinished-", ignore_cleanup_errors=True
    ) as name:
        made = pathlib.Path(name)
        yield made
        for path in sorted(made.iterdir()):
            os.replace(path, folder / path.name)


@contextlib.contextmanager
def unpublished(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder in `parent` for what is then published, which vanishes at the end of the
    block if it was not. What processes that are gone have left of theirs is removed: a
    lock beside each is held as long as its process lives."""
    for path in parent.glob(".unfinished-*"):
        if path.is_dir():
            with contextlib.suppress(OSError, filelock.Timeout), _locked(path):
                shutil.rmtree(path, ignore_errors=True)
    made = parent / f".unfinished-{uuid.uuid4().hex}"
    with _locked(made):
        made.mkdir(mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _locked(path):
    lock = filelock.FileLock(f"{path}.held", timeout=0)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            os.unlink(lock.lock_file)


def flush(folder: pathlib.Path) -> None:
    """Force all files of a folder to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb+") as file:  # of Windows, fsync needs to write
                os.fsync(file.fileno())


def publish(unfinished: pathlib.Path, folder: pathlib.Path) -> None:
    """Give a folder that has been flushed its name."""
    os.chmod(unfinished, 0o777 & ~UMASK)
    os.rename(unfinished, folder)
