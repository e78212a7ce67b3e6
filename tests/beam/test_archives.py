"""tfcolor.beam on archives."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from harness import ROOT
from harness import write_pictures
from PIL import Image

import tfcolor
from tfcolor.errors import RunError
from tfcolor.inference import planning
from tfcolor.inference import restore

pytest.importorskip("apache_beam", reason="Beam is missing: pip install tfcolor[beam]")

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

from tfcolor.beam import archive as archive_lib

# Not the Direct runner, which first looks for Prism on the network.
RUNNER = "--runner=FnApiRunner"


@pytest.fixture
def color(call, trained):
    """A function that runs the command: (input, output, *flags) -> what it said."""

    def color(pattern, output, *flags, code=0):
        arguments = [f"--input={pattern}", f"--output={output}", f"--model={trained}"]
        done = call("beam", *arguments, RUNNER, *flags)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return color


def table(output):
    """{name of a file: reason}; each is there once."""
    lines = (output / "failed.tsv").read_bytes().split(b"\n")
    assert lines[0] == b"path\treason"
    assert lines[-1] == b""
    rows = [os.fsdecode(line).split("\t") for line in lines[1:-1]]
    assert len(dict(rows)) == len(rows)
    return {os.path.basename(path): reason for path, reason in rows}


def times(output):
    return {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.fixture
def folder(tmp_path, rng):
    """12 good pictures among what else an archive has."""
    folder = write_pictures(tmp_path / "in", rng, 9)
    deep = write_pictures(folder / "deep" / "er", rng, 1, ".JPG", height=70)
    good = (folder / "0000.png").read_bytes()
    (deep / "0000.png").write_bytes(good)  # as 0000.JPG, but for the extension
    (folder / os.fsdecode(b"a\n\xff.png")).write_bytes(good)
    (folder / "half.png").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    for name in ("notes.txt", ".hidden.png"):
        (folder / name).write_bytes(good)
    (folder / "film.mp4").write_bytes(b"")
    (folder / "self.png").symlink_to("self.png")
    os.mkfifo(folder / "pipe.png")
    return folder


def test_each_is_coloured_or_listed(tmp_path, folder, trained, color):
    output = tmp_path / "out"
    said = color(folder, output, code=1)
    assert f"12 coloured, 0 there already, 5 failed, in {output}\n" in said
    assert "2 files are no pictures by their names\n" in said
    assert table(output) == {
        "empty.jpg": "the file is empty",
        "film.mp4": "a film; bin/colorize colours films",
        "half.png": table(output)["half.png"],
        "pipe.png": "not a regular file",
        "self.png": "Too many levels of symbolic links",
    }
    assert "truncated" in table(output)["half.png"]
    # The names are bin/colorize's.
    tasks, _ = planning.plan([folder], output)
    tasks = [task for task in tasks if task.source.name not in table(output)]
    assert {task.target for task in tasks} == set(times(output))
    assert output / "deep" / "er" / "0000.JPG.png" in times(output)
    model = tfcolor.load(trained)
    for task in tasks[::4]:
        expected = model(np.asarray(Image.open(task.source))).astype(int)
        assert np.abs(pixels(task.target) - expected).max() <= 1
    assert not (output / ".unfinished").exists()


def test_what_is_there_is_skipped(tmp_path, rng, color):
    folder = write_pictures(tmp_path / "in", rng, 4)
    output = folder / "out"  # whose pictures are no inputs
    color(folder, output, "--ab_npz")
    before = times(output)
    (output / "0001.png").unlink()
    (output / "0002.png.npz").unlink()
    (output / ".unfinished").mkdir()
    (output / ".unfinished" / "of a run that was killed").write_bytes(b"half")
    assert "2 coloured, 2 there already, 0 failed" in color(
        f"{folder}/*.png", output, "--ab_npz"
    )
    after = times(output)
    assert after.keys() == before.keys()
    changed = {path.name for path in after if after[path] != before[path]}
    assert changed == {"0001.png", "0002.png"}
    assert table(output) == {}
    assert not (output / ".unfinished").exists()
    assert "4 coloured, 0 there" in color(folder, output, "--overwrite")


def test_results_that_would_collide_are_not_made(tmp_path, rng, color):
    folder, output = write_pictures(tmp_path / "in", rng, 1), tmp_path / "out"
    for name in ("a.png", "a.bmp", "a.bmp.png"):
        (folder / name).write_bytes((folder / "0000.png").read_bytes())
    with pytest.raises(ValueError, match="would both be"):
        planning.plan([folder], output)
    assert "2 coloured, 0 there already, 2 failed" in color(folder, output, code=1)
    assert table(output) == {
        "a.bmp": f"{folder}/a.bmp.png would be a.bmp.png too",
        "a.bmp.png": f"{folder}/a.bmp would be a.bmp.png too",
    }
    assert {path.name for path in times(output)} == {"0000.png", "a.png.png"}


def test_results_stay_in_the_output(tmp_path, rng, color):
    folder, output = tmp_path / "in", tmp_path / "out"
    write_pictures(folder / "deep", rng, 1)
    (tmp_path / "elsewhere").mkdir()
    output.mkdir()
    (output / "deep").symlink_to(tmp_path / "elsewhere")
    write_pictures(folder / "file", rng, 1, ".jpg")
    (output / "file").write_bytes(b"")
    assert "0 coloured, 0 there already, 2 failed" in color(folder, output, code=1)
    assert table(output) == {
        "0000.jpg": "File exists",
        "0000.png": "a link leads out of the output",
    }
    assert not list((tmp_path / "elsewhere").iterdir())


class Shelf(LocalFileSystem):
    """Stands for an object store: keys in a folder of this machine, without folders of
    their own; `root` and the log `calls` are set by the test."""

    def _path(self, address):
        return os.path.join(
            self.root, address.removeprefix("shelf://").replace("/", "|")
        )

    @classmethod
    def scheme(cls):
        return "shelf"

    def has_dirs(self):
        return False

    def join(self, base, *parts):
        return "/".join([base.rstrip("/"), *parts])

    def _list(self, prefix):
        for name in os.listdir(self.root):
            address = "shelf://" + name.replace("|", "/")
            if address.startswith(prefix):
                yield FileMetadata(address, 1)

    def exists(self, address):
        return os.path.exists(self._path(address))

    def open(self, address, *args, **kwargs):
        return super().open(self._path(address), *args, **kwargs)

    def create(self, address, *args, **kwargs):
        self.calls.append(("create", address))
        return super().create(self._path(address), *args, **kwargs)

    def rename(self, sources, targets):
        self.calls.append(("rename", *targets))
        super().rename(*[list(map(self._path, each)) for each in (sources, targets)])

    def delete(self, addresses):
        for address in addresses:
            os.remove(self._path(address))


def test_another_file_system(tmp_path, rng, color, monkeypatch):
    monkeypatch.setattr(Shelf, "root", str(tmp_path / "shelf"), raising=False)
    monkeypatch.setattr(Shelf, "calls", [], raising=False)
    folder = write_pictures(tmp_path / "shelf", rng, 1)
    good = (folder / "0000.png").read_bytes()
    keys = ["in/a.png", "in/b/c.png", "in/b//c.png", "in//e.png"]
    keys += ["in/../d.png", "in/.unfinished/f.png"]
    for key in keys:
        (folder / key.replace("/", "|")).write_bytes(good)
    said = color("shelf://in/", "shelf://out", code=1)
    assert "2 coloured, 0 there already, 4 failed, in shelf://out" in said
    found = {name for name in os.listdir(folder) if name.startswith("out|")}
    assert found == {"out|a.png", "out|e.png", "out|failed.tsv"}
    leads = "its name leads out of the folder, or to .unfinished"
    rows = (folder / "out|failed.tsv").read_text().splitlines()[1:]
    assert [row.split("\t") for row in rows] == [
        ["shelf://in/../d.png", leads],
        ["shelf://in/.unfinished/f.png", leads],
        ["shelf://in/b//c.png", "shelf://in/b/c.png would be b/c.png.png too"],
        ["shelf://in/b/c.png", "shelf://in/b//c.png would be b/c.png.png too"],
    ]
    made = [address for name, address in Shelf.calls if name == "create"]
    assert all(address.startswith("shelf://out/.unfinished/") for address in made)
    renamed = {address for name, address in Shelf.calls if name == "rename"}
    assert renamed == {
        f"shelf://out/{name}" for name in ("a.png", "e.png", "failed.tsv")
    }
    # To this machine, too.
    color("shelf://in/", tmp_path / "out", code=1)
    assert {path.name for path in times(tmp_path / "out")} == {"a.png", "e.png"}
    assert not (tmp_path / "d.png").exists()


def test_a_write_that_fails_leaves_nothing_and_a_new_run_takes_over(tmp_path, rng):
    folder = write_pictures(tmp_path / "in", rng, 1)
    first = archive_lib.archive(str(folder), str(tmp_path / "out"))
    first.begin()

    def fill_the_disk():
        with first.replacing("deep/a.png") as file:
            file.write(b"half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fill_the_disk()
    names = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert names == [tmp_path / "out" / ".unfinished" / first.run]
    first.check_current()
    second = archive_lib.archive(str(folder), str(tmp_path / "out"))
    second.begin()
    second.check_current()
    with pytest.raises(RunError, match="another run has begun to write to"):
        first.check_current()


def test_what_ends_a_run(tmp_path, rng, color, monkeypatch):
    folder = write_pictures(tmp_path / "in", rng, 1)

    def full(archive, place):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_lib.Archive, "replacing", full)
    said = color(folder, tmp_path / "out", code=1)
    assert said == "error: 0000.png: No space left on device\n"
    monkeypatch.setattr(archive_lib.Archive, "begin", lambda archive: None)
    said = color(folder, tmp_path / "taken", code=1)
    assert said == f"error: another run has begun to write to {tmp_path}/taken\n"


def test_a_process_loads_the_model_once(tmp_path, rng, color, monkeypatch):
    loaded, load = [], restore.load
    monkeypatch.setattr(restore, "load", lambda m: (loaded.append(m), load(m))[1])
    folder = write_pictures(tmp_path / "in", rng, 6)
    flags = ["--direct_running_mode=multi_threading", "--direct_num_workers=3"]
    assert "6 coloured" in color(folder, tmp_path / "out", *flags)
    assert len(loaded) == 2  # by the command, which checks it, and by the steps


@pytest.mark.slow
def test_killed_in_the_middle(trained, rng, tmp_path):
    write_pictures(tmp_path / "photos", rng, 5)
    command = [sys.executable, ROOT / "benchmarks" / "archive.py", "--pictures=120"]
    command += [f"--photos={tmp_path / 'photos'}", f"--model={trained}", "--side=32"]
    command += ["--working_size=32", "--beam=--runner=FnApiRunner"]
    command += ["--beam=--direct_running_mode=multi_processing"]
    command += ["--beam=--direct_num_workers=2", "--kill=0.2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "120 pictures, 4 of them broken" in done.stdout
    assert "0 coloured, 116 there already, 4 failed" in done.stdout
    assert done.stdout.endswith("each is coloured or listed, once\n")
