"""What bin/pack writes, and what is left when it is stopped."""

import io
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import filelock
import numpy as np
import pytest
import tensorflow as tf
from array_record.python.array_record_data_source import ArrayRecordDataSource
from harness import ROOT
from harness import write_pictures
from PIL import Image

from tfcolor.data import array_records
from tfcolor.data import packing
from tfcolor.data import shards
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import resize


@pytest.fixture
def photos(tmp_path, rng):
    folder = write_pictures(tmp_path / "photos", rng, 10, ".jpg")
    (folder / "0004.jpg").write_bytes(b"no picture")
    return folder


def pack(photos, folder, **settings):
    """What a folder holds after packing: {name: bytes}."""
    settings = {"shards": 3, **settings}
    packing.pack(sources.folder(photos), f"{folder}/p-*.arrayrecord", **settings)
    return content(folder)


def content(folder):
    files = pathlib.Path(folder).iterdir()
    return {path.name: path.read_bytes() for path in files if path.suffix != ".claim"}


def test_records_are_the_files_and_their_names(tmp_path, photos):
    found = pack(photos, tmp_path / "out")
    names = [f"p-0000{i}-of-00003.arrayrecord" for i in range(3)]
    assert sorted(found) == [*names, "p-index.arrayrecord.jsonl"]
    records = ArrayRecordDataSource([str(tmp_path / "out" / name) for name in names])
    kinds = dict.fromkeys(
        ("image/encoded", "image/filename"), tf.io.FixedLenFeature([], tf.string)
    )
    for i, path in enumerate(sorted(photos.iterdir())):
        example = tf.io.parse_single_example(records[i], kinds)
        assert example["image/encoded"].numpy() == path.read_bytes()
        assert example["image/filename"].numpy() == path.name.encode()
    assert len(records) == 10
    index = found["p-index.arrayrecord.jsonl"]
    lines = [json.loads(line) for line in index.splitlines()]
    assert lines[0] == {
        "format": 1,
        "images": 10,
        "source": sources.fingerprint(sources.folder(photos)),
        "size": None,
        "shards": 3,
    }
    assert [line["images"] for line in lines[1:]] == [3, 3, 4]


def test_the_default_is_ten_thousand_pictures_a_file():
    class Many:
        encoded = None

        def __len__(self):
            return 1_234_567

        def fingerprint(self):
            return "many"

    header = packing._header(Many(), "p-*", None, None)
    assert header["shards"] == 124
    numbers = [packing._numbers(header, k) for k in range(124)]
    assert [i for part in numbers for i in part] == list(range(1_234_567))


class Killed(BaseException):
    pass


def killed(*_):
    raise Killed


def test_what_is_stopped_goes_on_and_ends_the_same(tmp_path, photos, monkeypatch):
    """As a shard is written, between its new name and its line, and in the line."""
    whole = pack(photos, tmp_path / "whole")
    out = tmp_path / "out"
    replace, count = os.replace, []

    def third(old, new):  # the first is the index's
        count.append(new)
        assert not os.path.exists(new)
        return replace(old, new) if len(count) < 3 else killed()

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", third)
        with pytest.raises(Killed):
            pack(photos, out)
    assert sorted(content(out)) == sorted(whole)[:1] + sorted(whole)[-1:]
    with monkeypatch.context() as patch:
        patch.setattr(shards.Index, "append", killed)
        with pytest.raises(Killed):
            pack(photos, out)
    assert len(content(out)) == 3
    index = out / "p-index.arrayrecord.jsonl"
    assert len(index.read_text().splitlines()) == 2
    with open(index, "a") as file:
        file.write('{"number": 1, "imag')
    assert pack(photos, out) == whole
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.arrayrecord")}
    assert pack(photos, out) == whole
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.slow
def test_a_killed_process_loses_nothing(tmp_path, photos):
    whole = pack(photos, tmp_path / "whole", shards=10)
    slow = "import os, time; r = os.replace\ndef replace(*a): time.sleep(0.3); r(*a)\n"
    code = (
        f"{slow}os.replace = replace\n"
        "from tfcolor.data import packing, sources\n"
        f"packing.pack(sources.folder({str(photos)!r}), "
        f"{str(tmp_path / 'out' / 'p-*.arrayrecord')!r}, shards=10)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    out = tmp_path / "out"
    while not (out / "p-00003-of-00010.arrayrecord").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "p-00009-of-00010.arrayrecord").exists()
    assert pack(photos, out, shards=10) == whole


def test_a_file_that_was_cut_off_is_written_again(tmp_path, photos):
    whole = pack(photos, tmp_path / "out")
    path = tmp_path / "out" / "p-00001-of-00003.arrayrecord"
    path.write_bytes(path.read_bytes()[:1000])
    assert pack(photos, tmp_path / "out") == whole


def test_what_cannot_be_read_is_named_and_tried_again(tmp_path, photos, caplog):
    good = (photos / "0007.jpg").read_bytes()
    (photos / "0007.jpg").unlink()
    (photos / "0007.jpg").symlink_to(photos / "gone.jpg")
    source = sources.folder(photos)
    output = str(tmp_path / "out" / "p-*.arrayrecord")
    for _ in range(2):
        index = packing.pack(source, output, shards=3)
        left_out = [shard.left_out for shard in index.shards.values()]
        assert left_out == [[], [], [["0007.jpg", left_out[2][0][1]]]]
        assert "No such file" in left_out[2][0][1]
        assert len(sources.open_source(f"array_record:{output}")) == 9
    (photos / "0007.jpg").unlink()
    (photos / "0007.jpg").write_bytes(good)
    assert pack(photos, tmp_path / "out") == pack(photos, tmp_path / "whole")


def test_size_reduces_what_is_larger(tmp_path, rng):
    folder = write_pictures(tmp_path / "in", rng, 1, ".png", height=400, width=300)
    write_pictures(folder / "small", rng, 1, ".png", height=32, width=90)
    (folder / "text.jpg").write_bytes(b"no picture")
    source = sources.folder(folder)
    output = str(tmp_path / "out" / "p-*.arrayrecord")
    packing.pack(source, output, size=32)
    packed = sources.open_source(f"array_record:{output}")
    assert packed.encoded(1) == source.encoded(1)
    assert packed.encoded(2) == b"no picture"
    with Image.open(io.BytesIO(packed.encoded(0))) as image:
        assert (image.format, image.size) == ("JPEG", (32, 43))
        # Luminance has no more samples than chroma.
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
    expected = resize.picture(source.read(0), 43, 32)
    assert np.abs(packed.read(0).astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"output": "p.arrayrecord"},
            "--output=p.arrayrecord: needs one \\* in the name",
        ),
        ({"output": "*/p-*.x"}, "needs one \\* in the name"),
        ({"size": 0}, "--size=0: must be at least 1 pixel"),
        ({"shards": 0}, "--shards=0: is not in 1 .. 10"),
        ({"shards": 11}, "--shards=11: is not in 1 .. 10"),
        ({"spec": "drawings"}, "--data: no files to pack"),
    ],
)
def test_bad_arguments_are_named(tmp_path, photos, monkeypatch, settings, message):
    monkeypatch.chdir(tmp_path)
    spec = settings.pop("spec", str(photos))
    settings = {"output": "p-*.arrayrecord", **settings}
    with pytest.raises(UsageError, match=message):
        packing.pack(sources.open_source(spec), **settings)
    assert not list(tmp_path.glob("p*index*"))


def test_another_packing_is_not_touched(tmp_path, photos):
    before = pack(photos, tmp_path / "out")
    for settings, said in (
        ({"size": 32}, "size: None, now 32"),
        ({"shards": 2}, "shards: 3, now 2"),
    ):
        with pytest.raises(UsageError, match=f"holds another packing \\({said}"):
            pack(photos, tmp_path / "out", **settings)
    (photos / "new.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match="another packing \\(images: 10, now 11"):
        pack(photos, tmp_path / "out")
    (photos / "new.jpg").unlink()
    with (
        filelock.FileLock(tmp_path / "out" / ".p-index.arrayrecord.jsonl.claim"),
        pytest.raises(UsageError, match="another process is packing it"),
    ):
        pack(photos, tmp_path / "out")
    assert content(tmp_path / "out") == before
    (tmp_path / "out" / "p-index.arrayrecord.jsonl").unlink()
    with pytest.raises(UsageError, match="p-00000-of-00003.arrayrecord is there, with"):
        pack(photos, tmp_path / "out")


def test_records_that_are_missing_are_noticed(tmp_path, photos, monkeypatch):
    module = array_records.require("")

    class Lossy(module.ArrayRecordWriter):
        def write(self, record):
            if b"0009.jpg" not in record:
                super().write(record)

    class Module:
        ArrayRecordReader, ArrayRecordWriter = module.ArrayRecordReader, Lossy

    monkeypatch.setattr(array_records, "require", lambda said: Module)
    with pytest.raises(RunError, match="00002-of-00003.arrayrecord: has 3 records, no"):
        pack(photos, tmp_path / "out")
    assert len(content(tmp_path / "out")) == 3


def test_a_full_disk_is_an_error_and_leaves_whole_files(tmp_path, photos, rng):
    noise = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photos / "0008.jpg", quality=95)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(RunError, match="p-00002-of-00003.arrayrecord: .*too large"):
            pack(photos, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(content(tmp_path / "out")) == 3
    assert pack(photos, tmp_path / "out") == pack(photos, tmp_path / "whole")
