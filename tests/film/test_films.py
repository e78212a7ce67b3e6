"""Films from file to file."""

import multiprocessing
import os
import resource
import signal
from fractions import Fraction

import av
import numpy as np
import pytest
from films import CONTAINERS
from films import HEIGHT
from films import Toy
from films import decoded
from films import packets
from films import write_film
from harness import ROOT

from tfcolor.errors import RunError
from tfcolor.film import colorize
from tfcolor.film import encoding
from tfcolor.film import journal
from tfcolor.film import reading
from tfcolor.film import source
from tfcolor.film import yuv


def run(toy, path, target, **options):
    options = {"segment": 8, **options}
    return colorize.run(toy, source.probe(path), target, colorize.Options(**options))


@pytest.mark.parametrize("container", CONTAINERS)
def test_times_sound_and_count_are_kept_in_every_container(container, tmp_path, toy):
    path = write_film(tmp_path / f"film.{container}")
    target = tmp_path / f"color.{container}"
    assert run(toy, path, target)
    assert packets(target, "audio") == packets(path, "audio")
    old, new = decoded(path), decoded(target)
    assert [frame[0] for frame in new] == [frame[0] for frame in old]
    difference = [
        np.abs(a[1].astype(int) - b[1]).mean() for a, b in zip(old, new, strict=True)
    ]
    assert max(difference) < 3
    assert all(np.ptp(frame[2]) > 10 for frame in new)  # it has colors
    assert not journal.path_of(target).exists()


def test_luma_is_kept_to_the_bit_and_chroma_is_of_the_prediction(film, tmp_path, toy):
    target = tmp_path / "color.mkv"
    assert run(toy, film, target, codec="ffv1", strength=0.0)
    old, new = decoded(film), decoded(target)
    for a, b in zip(old, new, strict=True):
        np.testing.assert_array_equal(a[1], b[1])
    probed = source.probe(film)
    assert probed.shown == (171, 96)  # upright, of square pixels
    working = toy.working_shape(171, 96)
    frame = next(reading.Reader(probed, working).frames())
    assert frame.lightness.shape == working == (57, 32)
    ab = np.rot90(toy.predict_lightness(frame.lightness[None])[0], -1, (1, 2))
    joiner = yuv.Joiner((48, 64), ab.shape[1:], yuv.BT709, yuv.LIMITED, 8)
    for plane, expected in zip(new[0][2:], joiner(frame.luma, ab), strict=True):
        np.testing.assert_array_equal(plane, expected)


def test_the_lightness_is_that_of_the_upright_picture(film):
    frame = next(reading.Reader(source.probe(film), (64, 48)).frames())
    small = reading.Reader(source.probe(film), (43, 32))
    upright = np.rot90(frame.luma)
    assert upright.shape == (128, 96)
    lightness = next(small.frames()).lightness
    rows = [upright[:64].mean(), upright[64:].mean()]
    assert (rows[0] > rows[1]) == (lightness[:21].mean() > lightness[22:].mean())
    np.testing.assert_allclose(frame.lightness.mean(), lightness.mean(), atol=1.5)


def test_tags_chapters_rotation_and_aspect_are_kept(film, tmp_path, toy):
    target = tmp_path / "color.mkv"
    run(toy, film, target)
    old, new = source.probe(film), source.probe(target)
    assert (new.rotation, new.aspect, new.matrix) == (90, Fraction(4, 3), yuv.BT709)
    assert (new.display_matrix, new.color_range) == (old.display_matrix, yuv.LIMITED)
    with av.open(str(film)) as before, av.open(str(target)) as after:
        assert after.metadata["title"] == "A film"
        titles = [chapter["metadata"]["title"] for chapter in after.chapters()]
        assert titles == ["one", "two"]
        assert len(after.streams) == len(before.streams)
        assert after.streams.video[0].codec_context.colorspace == yuv.BT709


class Killed(BaseException):
    """As a kill: nothing but what is on the disk is left."""


class Dying(Toy):
    """Ends, as `how` does, before the frame is colored."""

    def __init__(self, frame, how):
        super().__init__()
        self.frame, self.how = frame, how

    def predict_lightness(self, lightness, **settings):
        if self.frames + len(lightness) > self.frame:
            self.how()
        return super().predict_lightness(lightness, **settings)


def killed():
    raise Killed


def really_killed():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("frame", [3, 19])
def test_broken_off_and_continued_is_the_whole_to_the_bit(film, tmp_path, toy, frame):
    target = tmp_path / "color.mp4"
    with pytest.raises(Killed):
        run(Dying(frame, killed), film, target)
    assert journal.path_of(target).exists()
    with open(journal.path_of(target), "ab") as file:
        file.write(b"\x07" * 40)  # of a segment that was being written
    assert run(toy, film, target)
    assert toy.frames == 20 - 8 * (frame // 8)
    run(toy, film, tmp_path / "whole.mp4")
    assert target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.slow
def test_killed_and_continued_is_the_whole_to_the_bit(film, tmp_path, toy):
    target = tmp_path / "color.mp4"
    given = (Dying(13, really_killed), film, target)
    process = multiprocessing.get_context("spawn").Process(target=run, args=given)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert target.exists()
    assert journal.path_of(target).exists()
    assert run(toy, film, target)
    assert toy.frames in (12, 20)  # the first segment may not have been written
    run(toy, film, tmp_path / "whole.mp4")
    assert target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_torn_segment_does_not_count(tmp_path, rng):
    path, said = tmp_path / "a film.unfinished", {"crf": "18"}
    coded = [encoding.Coded(rng.bytes(50), 40 * i, 40 * i, 40, not i) for i in range(8)]
    state = {"ab": rng.normal(size=(2, 3, 4)).astype(np.float32)}
    book = journal.Journal(path, said)
    book.add(coded[:4], None)
    whole, first = path.stat().st_size, book.beside.read_bytes()
    book.add(coded[4:], state)
    book.close()
    found = journal.Journal(path, said)
    assert (found.segments, found.frames) == (2, 8)
    assert list(found) == [coded[:4], coded[4:]]
    np.testing.assert_array_equal(found.state["ab"], state["ab"])
    found.close()
    # Killed after the packets, before the state of the filter.
    found.beside.write_bytes(first)
    found = journal.Journal(path, said)
    assert (found.segments, found.frames, found.state) == (1, 4, None)
    assert list(found) == [coded[:4]]
    found.close()
    assert path.stat().st_size == whole
    # Damaged on the disk.
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    found = journal.Journal(path, said)
    assert (found.segments, found.frames, list(found)) == (0, 0, [])
    found.remove()
    assert not list(tmp_path.iterdir())


def test_other_settings_begin_anew(film, tmp_path, toy):
    whole, target = tmp_path / "whole.mkv", tmp_path / "color.mkv"
    run(toy, film, whole, strength=0.5)
    path = journal.path_of(target)
    path.write_bytes(b"what is no journal")
    assert run(toy, film, target, strength=0.5)
    assert target.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_ctrl_c_leaves_what_plays_and_the_run_goes_on(
    container, film, tmp_path, toy, monkeypatch
):
    whole, target = (tmp_path / f"{name}.{container}" for name in ("whole", "color"))
    run(toy, film, whole)
    encode, seen = colorize._Job._encode, []

    def interrupted(job, image, frame):
        if len(seen) == 13:
            raise KeyboardInterrupt
        seen.append(frame)
        encode(job, image, frame)

    monkeypatch.setattr(colorize._Job, "_encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(toy, film, target)
    monkeypatch.undo()
    assert [f[0] for f in decoded(target)] == [f[0] for f in decoded(whole)[:13]]
    assert run(toy, film, target)
    assert target.read_bytes() == whole.read_bytes()


def test_a_full_disk_is_said_and_what_is_written_plays(film, tmp_path, toy):
    target = tmp_path / "color.mkv"
    run(toy, film, target)
    size = target.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * size // 4, limits[1]))
    try:
        with pytest.raises((RunError, OSError)):
            run(toy, film, target, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 0 < len(decoded(target)) < 20


def test_what_does_not_decode_is_said(tmp_path, toy, caplog):
    path = write_film(tmp_path / "film.mkv", 60)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    target = tmp_path / "color.mkv"
    assert not run(toy, path, target)
    assert "did not decode" in caplog.text
    count = len(decoded(target))
    assert count == len(decoded(path)) > 10


def test_deinterlaced_it_has_as_many_frames_at_the_same_times(film, tmp_path, toy):
    target = tmp_path / "color.mkv"
    assert run(toy, film, target, deinterlace=True)
    assert [f[0] for f in decoded(target)] == [f[0] for f in decoded(film)]


def test_decoding_precedes_showing_by_the_reorder():
    shown = [100, 140, 180, 260, 300]
    assert encoding.decoding_times([], shown, 2, 40) == [20, 60, 100, 140, 180]
    assert encoding.decoding_times([20, 60], shown, 2, 40) == [20, 60, 100, 140, 180]
    assert encoding.decoding_times([60], shown, 0, 40) == shown


def test_gaps_in_what_decodes_are_found(film):
    reader = reading.Reader(source.probe(film), (43, 32))
    reader._awaited = [0, 40, 80, 120, 160]
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.pts = 0
    reader._arrived(frame)
    frame.pts = 160
    reader._arrived(frame)
    assert len(reader.missing) == 1
    first, last = reader.missing[0]
    assert first == pytest.approx(0.04)
    assert last == pytest.approx(0.12 + 1 / reader.film.rate)


def test_only_films_import_pyav_and_opencv():
    for path in (ROOT / "tfcolor").rglob("*.py"):
        if path.parent.name == "film":
            continue
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and len(words) > 1:
                assert words[1].split(".")[0] not in ("av", "cv2"), path
                if words[1].startswith("tfcolor.film"):
                    # Only where it is needed.
                    assert path.name in ("coloring.py", "films.py")
                    assert line.startswith("    ")


def test_odd_sides_and_codecs_without_the_depth_find_a_format(film):
    probed = source.probe(film)
    pixels = encoding.settings(probed, ".mkv", "libx264", None, 8).pixels
    assert pixels == "yuv420p"
    deep = source.dataclasses.replace(probed, depth=10)
    assert encoding.settings(deep, ".mkv", "libx264", None, 8).pixels == "yuv420p10le"
    assert encoding.settings(deep, ".mkv", "mpeg4", None, 8).pixels == "yuv420p"
    odd = source.dataclasses.replace(probed, size=(HEIGHT - 1, 128))
    assert encoding.settings(odd, ".mkv", "libx264", None, 8).pixels == "yuv444p"
