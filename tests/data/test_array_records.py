"""Packed pictures are those of the folder."""

import subprocess
import sys

import numpy as np
import pytest
from harness import ROOT
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.data import array_records
from tfcolor.data import packing
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import shards
from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.images import decode


@pytest.fixture
def photos(tmp_path, rng):
    """Pictures of some folders, one of them grey and two unreadable."""
    folder = write_pictures(tmp_path / "photos", rng, 40, ".jpg")
    write_pictures(folder / "more", rng, 20, ".png")
    Image.new("RGB", (40, 40), (90, 90, 90)).save(folder / "0005.jpg")
    (folder / "0006.jpg").write_bytes(b"no picture")
    (folder / "0007.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def packed(tmp_path, photos):
    pattern = str(tmp_path / "packed" / "p-*.arrayrecord")
    packing.pack(sources.folder(photos), pattern, shards=7)
    return pattern


def opened(packed):
    return sources.open_source(f"array_record:{packed}")


def names(source):
    return [source.name(i) for i in range(len(source))]


def trained_on(source, start=0):
    """Batches, and what is reported."""
    data, listed = config_lib.Data(image_size=16, batch_size=8), []
    reader = readers.Reader(source, data, 3, lambda *line: listed.append(line))
    made = pipeline.training_crops(reader, data, 3, start=start).take(16 - start)
    return squares(made), sorted(listed)


def squares(batches):
    """uint8 [N, S, S, 3]"""
    return np.concatenate([batch["rgb"] for batch in batches.as_numpy_iterator()])


def test_batches_reports_and_what_is_held_out_are_the_folders(photos, packed):
    of_folder = sources.hold_out(sources.folder(photos))
    of_packed = sources.hold_out(opened(packed))
    for one, other in zip(of_folder, of_packed, strict=True):
        assert names(one) == names(other)
        for i in (0, len(one) - 1):
            np.testing.assert_array_equal(one.read(i, 16), other.read(i, 16))
    first, listed = trained_on(of_folder[0])
    second, found = trained_on(of_packed[0])
    np.testing.assert_array_equal(first, second)
    assert listed == found
    assert [name for name, _ in listed] == ["0005.jpg", "0006.jpg", "0007.jpg"]
    resumed, _ = trained_on(of_packed[0], start=13)
    np.testing.assert_array_equal(second[13 * 8 :], resumed)


def test_a_small_set_holds_out_its_lowest_hash(tmp_path, rng):
    """Of names none of which is one of fifty."""
    folder = write_pictures(tmp_path / "in", rng, 12, ".jpg")
    kept, held = sources.hold_out(sources.folder(folder))
    assert len(held) == 1
    pattern = str(tmp_path / "p-*.x")
    packing.pack(sources.folder(folder), pattern, shards=5)
    packed = opened(pattern)
    assert not len(packed.held_out())
    assert names(sources.hold_out(packed)[1]) == names(held)
    assert names(sources.hold_out(packed)[0]) == names(kept)
    few = sources.Part(sources.folder(folder), range(3))
    few.encoded = few.source.encoded
    packing.pack(few, str(tmp_path / "few-*.x"))
    few = opened(str(tmp_path / "few-*.x"))
    assert sources.hold_out(few) == (few, few)


def test_validation_shows_the_same(photos, packed):
    data, found = config_lib.Data(image_size=16, batch_size=32), []
    for source in (sources.folder(photos), opened(packed)):
        listed = {}
        batches = pipeline.center_crops(
            source, data, 60, listed.__setitem__, colored=True
        )
        found.append((squares(batches), listed))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert len(found[0][1]) == 3


def test_fingerprints_follow_the_names(photos, packed, tmp_path):
    source = opened(packed)
    kept, held = map(sources.fingerprint, sources.hold_out(source))
    assert sources.fingerprint(source).startswith("60-")
    again = opened(packed)
    assert sources.fingerprint(again) == sources.fingerprint(source)
    assert sources.fingerprint(sources.hold_out(again)[0]) == kept != held
    two, others = (sources.Part(source, numbers) for numbers in ([1, 2], [1, 3]))
    assert sources.fingerprint(two) != sources.fingerprint(others)
    (photos / "0000.jpg").rename(photos / "zzzz.jpg")
    other = str(tmp_path / "other-*.x")
    packing.pack(sources.folder(photos), other, shards=7)
    assert sources.fingerprint(opened(other)) != sources.fingerprint(source)


def test_few_files_stay_open(packed, photos, monkeypatch):
    monkeypatch.setattr(array_records, "READERS", 2)
    source, folder = opened(packed), sources.folder(photos)
    for i in [*range(60), *range(59, -1, -7)]:
        assert source.encoded(i) == folder.encoded(i)
    assert source._reader.cache_info().currsize == 2
    assert len(source.shards) == 7


def test_a_damaged_record_is_unreadable_and_the_others_are_not(packed, tmp_path):
    source = opened(packed)
    path = tmp_path / "packed" / "p-00001-of-00007.arrayrecord"
    data, record = bytearray(path.read_bytes()), source.encoded(10)
    data[data.index(record) + len(record) // 2] ^= 255
    path.write_bytes(data)
    source = opened(packed)
    with pytest.raises(decode.Unreadable, match="hash mismatch"):
        source.read(10)
    assert source.name(10) == "p-00001-of-00007.arrayrecord[2]"
    assert source.name(9) == "0009.jpg"
    assert source.read(11).shape == (40, 56, 3)


def test_what_is_gone_or_cut_off_while_it_is_read_is_unreadable(packed, tmp_path):
    source, folder = opened(packed), tmp_path / "packed"
    (folder / "p-00000-of-00007.arrayrecord").unlink()
    cut = folder / "p-00001-of-00007.arrayrecord"
    cut.write_bytes(cut.read_bytes()[:70_000])
    for i in (0, 10):
        with pytest.raises(decode.Unreadable, match="has 0 records, not [89]"):
            source.read(i)


def refused(pattern, message):
    with pytest.raises(UsageError, match=message):
        opened(pattern)


def test_what_is_not_whole_is_refused_at_the_start(packed, tmp_path, monkeypatch):
    refused(str(tmp_path / "no-*.x"), "no-\\*.x: matches no file that bin/pack wrote")
    refused(str(tmp_path / "photos" / "*"), "matches no file that bin/pack wrote")
    folder = tmp_path / "packed"
    path, index = (
        folder / "p-00003-of-00007.arrayrecord",
        folder / "p-index.arrayrecord.jsonl",
    )
    whole, lines = path.read_bytes(), index.read_text()
    path.write_bytes(whole[:-1])
    refused(packed, f"00003-of-00007.arrayrecord: has {len(whole) - 1} bytes, and was")
    path.write_bytes(whole)
    index.write_text("\n".join(lines.splitlines()[:-2]) + "\n")
    refused(packed, "5 of 7 shards are packed; run bin/pack again")
    index.write_text(lines.replace('"images"', '"pictures"', 2))
    refused(packed, "jsonl: damaged; pack the pictures again")
    index.write_text(lines.replace('"format": 1', '"format": 2'))
    refused(packed, "its format is 2, not 1")
    index.write_text(lines)
    path.rename(folder / "p-00003-of-00008.arrayrecord")
    refused(packed, "00003-of-00008.arrayrecord: .* does not know it")
    index.unlink()
    refused(packed, "p-index.arrayrecord.jsonl is missing")
    monkeypatch.setitem(sys.modules, "array_record", None)
    refused(packed, "--data=array_record:.*: needs the package array_record")


def test_a_glob_may_take_some_files(packed, caplog):
    source = opened(packed.replace("*", "0000[12]-*"))
    assert names(source) == names(opened(packed))[8:25]
    assert "2 of the 7 shards that were packed" in caplog.text


def hundred_million(pattern):
    """The index of 10,000 files of 10,000 pictures, 2 % held out."""
    held = np.arange(7, 10_000, 50)
    for number in range(10_000):
        lowest = (number + 5) % 10_000, 3
        yield shards.Shard(number, 10_000, 0, f"{number:064d}", held, lowest)


def test_a_hundred_million_pictures_are_numbers(monkeypatch):
    made = list(hundred_million(""))
    monkeypatch.setattr(shards, "matching", lambda pattern: made)
    source = sources.open_source("array_record:p-*.x")
    kept, held = sources.hold_out(source)
    assert (len(source), len(kept), len(held)) == (10**8, 98 * 10**6, 2 * 10**6)
    # Of each fifty numbers, the eighth is held out.
    for i in (0, 6, 7, 48, 49, 50, 12_345_678, 98 * 10**6 - 1):
        block, place = divmod(i, 49)
        assert kept.numbers[i] == 50 * block + place + (place >= 7)
    assert [int(held.numbers[i]) for i in (0, 1, -1)] == [7, 57, 10**8 - 43]
    assert source.lowest() == 9_995 * 10_000 + 3
    assert source._place(10_000) == (1, 0)
    assert source._place(10**8 - 1) == (9_999, 9_999)
    for part in (source, kept, held):
        assert sources.fingerprint(part).startswith(f"{len(part)}-")


START = """
import sys, time
import tensorflow as tf
from tfcolor import config
from tfcolor.data import pipeline, readers, sources
clocks = [(time.monotonic(), time.process_time())]
source = sources.open_source("array_record:" + sys.argv[1])
kept, held = sources.hold_out(source)
sources.fingerprint(kept)
clocks.append((time.monotonic(), time.process_time()))
data = config.Data(image_size=16, batch_size=32)
reader = readers.Reader(kept, data, 0, lambda *line: None)
batch = next(iter(pipeline.training_crops(reader, data, 0, start=10**6)))
clocks.append((time.monotonic(), time.process_time()))
# Not ru_maxrss, which begins with what the parent process had.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
memory = int(status["VmHWM"].split()[0]) / 1024
(a, b), (c, d), (e, f) = clocks
print(len(source), len(batch["rgb"]))
print(f"opened: {c - a:.1f} s, of CPU {d - b:.1f} s")
print(f"a batch: {e - c:.1f} s, of CPU {f - d:.1f} s")
print(f - b, memory)
"""


@pytest.mark.slow
def test_a_hundred_million_pictures_start_in_seconds(tmp_path, rng):
    """10,000 names of one file of 10,000 tiny pictures."""
    image = tmp_path / "tiny.png"
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(image)
    tiny = sources.Files(str(tmp_path), ["tiny.png"] * 10_000)
    packing.pack(tiny, str(tmp_path / "one-*.x"))
    one = tmp_path / "one-00000-of-00001.x"
    header = shards.read(tmp_path / "one-index.x.jsonl").header
    many = {**header, "images": 10**8, "shards": 10_000}
    made = list(hundred_million(""))
    for shard in made:
        shard.size = one.stat().st_size
        (tmp_path / f"p-{shard.number:05d}-of-10000.x").hardlink_to(one)
    numbered = {shard.number: shard for shard in made}
    shards.Index(tmp_path / "p-index.x.jsonl", many, numbered).rewrite()
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path / "p-*.x")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    counts, *_, last = done.stdout.splitlines()
    assert counts == "100000000 32"
    seconds, megabytes = map(float, last.split())
    assert seconds < 10  # of the processor, whatever else is running
    assert megabytes < 1000
