"""Writes that fail: failing.c, compiled and loaded before everything else."""

import errno
import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS}
MESSAGES = {"full": "No space left on device", "read-only": "Read-only file system"}
NEVER = 1 << 62  # more writes than any command makes

_NUMBERS = struct.Struct("5l")  # armed, at, error, once, count
_PATH = 4096
_SIZE = _NUMBERS.size + 2 * _PATH


def begin():
    """Start this program again with the library loaded; returns a State once it is,
    and None, with the reason printed, where it cannot be."""
    if "FAILING_STATE" in os.environ:
        return State(os.environ["FAILING_STATE"])
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if sys.platform != "linux" or compiler is None:
        print(f"skipped: no writes fail here: {sys.platform}, C compiler: {compiler}")
        return None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="failing-"))
    library, state = folder / "failing.so", folder / "state"
    source = pathlib.Path(__file__).with_name("failing.c")
    arguments = ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]
    subprocess.run([compiler, *arguments], check=True)
    state.write_bytes(bytes(_SIZE))
    loaded = {"FAILING_STATE": str(state), "LD_PRELOAD": str(library)}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **loaded})


def end():
    """Remove the library, which is loaded, and the file."""
    if "FAILING_STATE" in os.environ:
        shutil.rmtree(pathlib.Path(os.environ["FAILING_STATE"]).parent)


class State:
    """Which write fails, in all processes that have the library."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), _SIZE)

    def arm(self, folder, at=NEVER, error=0, once=False):
        """Let the write number `at` below a folder fail with an errno, and those after
        it unless `once`; error 0: kill the process there."""
        name = os.path.realpath(folder).encode()
        self.shared[_NUMBERS.size :] = name.ljust(2 * _PATH, b"\0")
        self.shared[: _NUMBERS.size] = _NUMBERS.pack(1, at, error, once, 0)

    def disarm(self):
        """(how many writes there were, what the one was that failed)."""
        count = _NUMBERS.unpack(self.shared[: _NUMBERS.size])[-1]
        self.shared[: _NUMBERS.size] = bytes(_NUMBERS.size)
        found = self.shared[_NUMBERS.size + _PATH :].split(b"\0")[0]
        return count, found.decode(errors="replace")
