"""Files and folders that are there whole or not at all."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import IO

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
