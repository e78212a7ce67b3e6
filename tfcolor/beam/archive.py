"""Where pictures are and where results go: any file system that Beam has.

An address is what Beam's FileSystems call a path: a path of this machine, or with a
scheme, gs://bucket/name. A place is a path below the folder of all inputs, or below the
output.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import io
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import IO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from tfcolor import atomic
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import decode
from tfcolor.images.decode import Unreadable
from tfcolor.inference import planning

# Below the output: what is being written, and the failures.
UNFINISHED = ".unfinished"
TABLE = "failed.tsv"

_RAW = {"compression_type": CompressionTypes.UNCOMPRESSED}
_WILD = re.compile(r"[*?[]")


def is_local(address: str) -> bool:
    """Whether it is a path of this machine."""
    return FileSystems.get_scheme(address) is None


@dataclasses.dataclass(frozen=True)
class Archive:
    """The pictures that a pattern matches, and the folder of their results.

    Attributes:
      pattern: an address with wildcards: * and ? within a name, ** across folders.
      base: the address of the folder that all inputs are below.
      output: the address of a folder.
      run: a name that no other run has.
    """

    pattern: str
    base: str
    output: str
    run: str

    def inputs(self) -> Iterator[str]:
        """The addresses of the pattern's files, but those below the output."""
        for match in FileSystems.match([self.pattern]):
            for file in match.metadata_list:
                if not self._is_output(file.path):
                    yield file.path

    def unlisted(self) -> Iterator[tuple[str, str]]:
        """(address, reason) of what Beam's listing of this machine's files passes over:
        links that lead nowhere, and folders that cannot be read."""
        if not is_local(self.base):
            return
        faults: list[OSError] = []
        for folder, _, names in os.walk(self.base, onerror=faults.append):
            names = filter(planning.is_input, names)
            paths = [os.path.join(folder, name) for name in names]
            broken = [path for path in paths if not os.path.exists(path)]
            for path in self._matching(broken):
                yield path, _reason(path)
        for fault in faults:
            if self._reaches(fault.filename):
                yield fault.filename, str(fault.strerror)

    def place(self, address: str) -> pathlib.PurePath | None:
        """The path of an input below `base`; None if its name leads out of it, or to
        what is unfinished."""
        place = pathlib.PurePath(address.removeprefix(self.base).lstrip("/"))
        out = place.anchor or ".." in place.parts or place.parts[:1] == (UNFINISHED,)
        return None if out else place

    def target(self, place: pathlib.PurePath | str) -> str:
        """The address of a file of the output."""
        return FileSystems.join(self.output, *pathlib.PurePath(place).parts)

    def exists(self, place: pathlib.PurePath) -> bool:
        """Whether a file of the output is there."""
        return FileSystems.exists(self.target(place))

    def leads_out(self, place: pathlib.PurePath) -> bool:
        """Whether a link is in the way, to somewhere that is not in the output."""
        folder = os.path.dirname(self.target(place))
        return is_local(self.output) and planning.leads_out(folder, self.output)

    @contextlib.contextmanager
    def replacing(self, place: pathlib.PurePath | str) -> Iterator[IO[bytes]]:
        """A file to write to that takes a place in the output when the block ends well:
        it is renamed from another name of the same file system. The counterpart of
        `atomic.replacing`."""
        target = self.target(place)
        temporary = self.target(pathlib.PurePath(UNFINISHED, uuid.uuid4().hex))
        if is_local(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            with FileSystems.create(temporary, **_RAW) as file:
                yield file
                if is_local(target):
                    file.flush()
                    os.fsync(file.fileno())
            if is_local(target):  # Beam's error would hide what the system says
                os.replace(temporary, target)
            else:
                FileSystems.rename([temporary], [target])
        except BaseException:
            with contextlib.suppress(Exception):
                FileSystems.delete([temporary])
            raise

    def begin(self) -> None:
        """Take the output over from a run that was killed, whose workers may go on for
        a while, and remove what it has left unfinished."""
        self.clear()
        FileSystems.create(self._mark, **_RAW).close()

    def check_current(self) -> None:
        """Raise RunError if another run has begun since."""
        if not FileSystems.exists(self._mark):
            raise RunError(f"another run has begun to write to {self.output}")

    def clear(self) -> None:
        """Remove all that is unfinished."""
        folder = self.target(UNFINISHED)
        if is_local(folder):
            shutil.rmtree(folder, ignore_errors=True)
            return
        (match,) = FileSystems.match([FileSystems.join(folder, "**")])
        if match.metadata_list:
            FileSystems.delete([file.path for file in match.metadata_list])

    @property
    def _mark(self):
        return self.target(pathlib.PurePath(UNFINISHED, self.run))

    def _matching(self, paths):
        files = [FileMetadata(path, 0) for path in paths if not self._is_output(path)]
        system = FileSystems.get_filesystem(self.pattern)
        return [file.path for file in system.match_files(files, self.pattern)]

    def _reaches(self, folder):
        """Whether the pattern may match what is in a folder."""
        deeper = self.pattern.count("/") > folder.count("/")
        return not self._is_output(folder) and ("**" in self.pattern or deeper)

    def _is_output(self, address):
        return (address + "/").startswith(self.output.rstrip("/") + "/")


def archive(pattern: str, output: str) -> Archive:
    """The Archive of a pattern, or of a folder, and an output.

    Raises:
      UsageError: nothing matches, no file system has such a scheme, or the inputs are
        in the output.
    """
    pattern, output = _absolute(pattern), _absolute(output)
    for flag, address in (("input", pattern), ("output", output)):
        try:
            FileSystems.get_filesystem(address)
        except ValueError as error:
            scheme = FileSystems.get_scheme(address)
            raise UsageError(
                f"--{flag}={address}: Beam has no file system {scheme}:// here; some "
                "need pip install 'apache-beam[gcp]', [aws] or [azure]"
            ) from error
    if is_local(pattern) and os.path.isdir(pattern):
        base, pattern = pattern, os.path.join(glob.escape(pattern), "**")
    elif pattern.endswith("/"):
        base, pattern = pattern, pattern + "**"
    else:
        wild = _WILD.search(pattern)
        base = pattern[: wild.start()] if wild else pattern
        base = base[: base.rfind("/") + 1]
    if (base.rstrip("/") + "/").startswith(output.rstrip("/") + "/"):
        raise UsageError(f"--output={output}: the inputs are in it; give another")
    made = Archive(pattern, base, output, uuid.uuid4().hex)
    if next(iter(made.inputs()), None) is None and not any(made.unlisted()):
        raise UsageError(f"--input={pattern}: no such file")
    return made


def make_output(output: str) -> None:
    """Make the folder of an output of this machine.

    Raises:
      UsageError: it cannot be, or not be written to.
    """
    if not is_local(output):
        return
    atomic.make_folder(pathlib.Path(output), "output")
    if not os.access(output, os.W_OK | os.X_OK):
        raise UsageError(f"--output={output}: no permission to write")


def read(address: str) -> io.BytesIO:
    """The bytes of a file.

    Raises:
      Unreadable: it is too large, or of this machine and not to be read. What Beam
        raises where it is elsewhere.
    """
    if is_local(address):
        return io.BytesIO(decode.read(address))
    with FileSystems.open(address, **_RAW) as file:
        data = file.read(decode.MAX_BYTES + 1)
    if len(data) > decode.MAX_BYTES:
        raise Unreadable(f"more than {decode.MAX_BYTES} bytes")
    return io.BytesIO(data)


def _absolute(address):
    if not is_local(address):
        return address
    path = os.path.abspath(os.path.expanduser(address))
    folder, rest = path, ""
    if not os.path.isdir(path):
        wild = _WILD.search(path)
        folder = os.path.dirname(path[: wild.start()] if wild else path)
        rest = path[len(folder) :].lstrip("/")
    # Without links, which would hide that one folder is in the other.
    folder = os.path.realpath(folder)
    return os.path.join(folder, rest) if rest else folder


def _reason(path):
    try:
        os.stat(path)
    except OSError as error:
        return str(error.strerror)
    return "is there now"
