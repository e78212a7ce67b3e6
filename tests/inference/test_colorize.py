"""bin/colorize on files."""

import os
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from harness import ROOT
from harness import picture
from harness import write_pictures
from PIL import Image

from tfcolor.color import lab
from tfcolor.errors import RunError
from tfcolor.images import pictures
from tfcolor.inference import batch
from tfcolor.inference import planning
from tfcolor.inference.predictor import Predictor


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.slow
def test_a_folder_is_coloured_and_a_second_time_there_is_nothing_to_do(
    tmp_path, model, predictor, rng, call
):
    source, output = tmp_path / "in", tmp_path / "out"
    write_pictures(source / "deep" / "er", rng, 2, ".JPG", height=70)
    write_pictures(source, rng, 11, ".png")
    (source / "notes.txt").write_text("no picture")
    arguments = [f"--model={model}", f"--output={output}", source]
    done = call("colorize", *arguments)
    assert done.returncode == 0, done.stderr
    assert f"13 pictures coloured, in {output}" in done.stdout
    found = {p.relative_to(output).as_posix(): p for p in output.rglob("*.*")}
    numbers = [f"{i:04d}.png" for i in range(11)]
    assert sorted(found) == [*numbers, "deep/er/0000.png", "deep/er/0001.png"]
    for name in ("0007.png", "deep/er/0001.png"):
        original = next((source / name).parent.glob(f"{name[-8:-4]}.*"))
        expected = predictor(np.asarray(Image.open(original)))
        difference = np.asarray(Image.open(found[name])).astype(int) - expected
        assert np.abs(difference).max() <= 1
    times = {path: path.stat().st_mtime_ns for path in found.values()}
    done = call("colorize", *arguments)
    assert done.returncode == 0
    assert f"13 of 13 are in {output} already\nnothing to do" in done.stdout
    found["0003.png"].unlink()
    done = call("colorize", *arguments)
    assert "12 of 13" in done.stdout
    assert "1 pictures coloured" in done.stdout
    del times[found["0003.png"]]
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert call("colorize", *arguments, "--overwrite").returncode == 0
    assert all(path.stat().st_mtime_ns > time for path, time in times.items())


def test_one_bad_file_does_not_stop_the_rest(tmp_path, model, rng, call):
    source, output = tmp_path / "in", tmp_path / "out"
    write_pictures(source, rng, 3, ".jpg", height=300, width=300)
    (source / "empty.png").touch()
    (source / "text.jpg").write_text("text")
    whole = (source / "0001.jpg").read_bytes()
    (source / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (source / "bomb.png").write_bytes(png_header(60_000, 60_000))
    done = call("colorize", f"--model={model}", f"--output={output}", source)
    assert done.returncode == 1
    assert "3 pictures coloured" in done.stdout
    for line in (
        "empty.png: the file is empty",
        "text.jpg: not an image of a known format",
        "half.jpg: image file is truncated",
        "bomb.png: 60000 x 60000 pixels are more than --max_pixels=250000000",
        "error: 4 of 7 could not be",
    ):
        assert line in done.stderr
    assert sorted(os.listdir(output)) == ["0000.png", "0001.png", "0002.png"]


def png_header(width, height):
    def chunk(kind, data):
        code = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", code)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


@pytest.mark.parametrize(
    "error",
    [
        RunError("out of memory"),
        pytest.param(MemoryError("no room"), marks=pytest.mark.slow),
        pytest.param(KeyError("strange"), marks=pytest.mark.slow),
    ],
)
def test_one_strange_picture_does_not_take_its_batch_down(
    error, tmp_path, predictor, rng, caplog
):
    """A batch, of which one cannot be predicted."""
    write_pictures(tmp_path / "in", rng, batch.BATCH)
    strange = np.asarray(Image.open(tmp_path / "in" / "0003.png"))

    class Strange(Predictor):
        def predict_ab(self, images, **settings):
            tried.append(len(images))
            if any(np.array_equal(image, strange) for image in images):
                raise error
            return super().predict_ab(images, **settings)

    some, tried = Strange(predictor.network, predictor.info), []
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    assert batch.run(some, tasks, batch.Options()) == 1
    assert tried == [batch.BATCH] + [1] * batch.BATCH
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'in' / '0003.png'}: {error!s}"
    ]
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == [f"{i:04d}.png" for i in range(batch.BATCH) if i != 3]
    expected = predictor(np.asarray(Image.open(tmp_path / "in" / "0002.png")))
    found = np.asarray(opened(tmp_path / "out" / "0002.png")).astype(int)
    assert np.abs(found - expected).max() <= 1


def test_extreme_aspect_ratios_are_refused_before_they_are_decoded(
    tmp_path, predictor, caplog, monkeypatch
):
    """4 x 12,386,307 pixels took the memory of the good pictures beside it."""
    (tmp_path / "in").mkdir()
    for name, size in (("good.tif", (3, 600)), ("line.png", (601, 3))):
        Image.new("L", size, 90).save(tmp_path / "in" / name)
    (tmp_path / "in" / "strip.png").write_bytes(png_header(4, 12_386_307))
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    decoded, read = [], pictures.read
    monkeypatch.setattr(
        pictures, "read", lambda path, limit: (decoded.append(path.name), read(path))[1]
    )
    assert batch.run(predictor, tasks, batch.Options()) == 2
    for said in (
        "line.png: 601 x 3 pixels: one side is more than 200 times the other",
        "strip.png: 4 x 12386307 pixels: one side is more than 200 times the other",
    ):
        assert said in caplog.text
    assert decoded == ["good.tif"]
    assert os.listdir(tmp_path / "out") == ["good.png"]


def test_names_that_would_meet(tmp_path, rng):
    for extension in (".png", ".jpg"):
        write_pictures(tmp_path / "in", rng, 1, extension)
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    assert [task.target.name for task in tasks] == ["0000.jpg.png", "0000.png.png"]
    same, _ = planning.plan([tmp_path / "in"], tmp_path / "out", same_format=True)
    assert [task.target.name for task in same] == ["0000.jpg", "0000.png"]
    write_pictures(tmp_path / "other" / "in", rng, 1)
    both = [tmp_path / "in" / "0000.png", tmp_path / "other" / "in" / "0000.png"]
    with pytest.raises(ValueError, match=r"0000.png and .*0000.png would both be"):
        planning.plan(both, tmp_path / "out")
    write_pictures(tmp_path / "more", rng, 1)
    tasks, _ = planning.plan([tmp_path / "in", tmp_path / "more"], tmp_path / "out")
    places = [task.target.relative_to(tmp_path / "out").as_posix() for task in tasks]
    assert places == ["in/0000.jpg.png", "in/0000.png.png", "more/0000.png"]


def test_a_file_named_twice_is_one(tmp_path, rng):
    (path,) = write_pictures(tmp_path / "in", rng, 1).iterdir()
    again = tmp_path / "in" / ".." / "in" / path.name
    tasks, _ = planning.plan([path, again, tmp_path / "in"], tmp_path / "out")
    assert [task.target.name for task in tasks] == ["0000.png"]


def test_no_input_is_written_onto(tmp_path, rng):
    write_pictures(tmp_path, rng, 1)
    with pytest.raises(ValueError, match="would be written onto the input"):
        planning.plan([tmp_path / "0000.png"], tmp_path)
    with pytest.raises(ValueError, match="is an input itself"):
        planning.plan([tmp_path], tmp_path)
    # An output below the input is not an input of the next run.
    write_pictures(tmp_path / "out", rng, 3)
    assert len(planning.plan([tmp_path], tmp_path / "out")[0]) == 1


def test_side_by_side_and_ab_npz(tmp_path, model, predictor, rng, call):
    write_pictures(tmp_path / "in", rng, 1)
    image = picture(np.random.default_rng(0))
    done = call(
        "colorize",
        f"--model={model}",
        f"--output={tmp_path / 'out'}",
        "--side_by_side",
        "--saturation=0.2",
        "--ab_npz",
        tmp_path / "in",
    )
    assert done.returncode == 0, done.stderr
    found = np.asarray(opened(tmp_path / "out" / "0000.png"))
    assert found.shape == (40, 56 + 8 + 56, 3)
    np.testing.assert_array_equal(found[:, :56], image)
    expected = predictor(image, saturation=0.2)
    np.testing.assert_array_equal(found[:, 64:], expected)
    planes = np.load(tmp_path / "out" / "0000.png.npz")
    assert planes["ab"].shape == (40, 56, 2)
    assert planes["ab"].dtype == np.float32
    working = predictor.predict_ab([image], saturation=0.2)[0]
    np.testing.assert_array_equal(planes["working_ab"], working)
    inside = np.abs(expected - 127.5).max(-1) < 127
    ab = lab.rgb_to_lab(expected).numpy()[..., 1:]
    assert np.abs(ab - planes["ab"])[inside].max() < 3


@pytest.mark.slow
@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_a_full_disk_stops_and_leaves_nothing_half_written(
    extension, tmp_path, model, rng
):
    """A limit on the size of any file stands in for a full disk."""
    noise = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    for i in range(3):
        Image.fromarray(noise).save(tmp_path / "in" / f"{i}{extension}")
    command = [
        sys.executable,
        ROOT / "bin" / "colorize",
        f"--model={model}",
        f"--output={tmp_path / 'out'}",
        "--format=same",
        tmp_path / "in",
    ]
    done = subprocess.run(
        ["bash", "-c", "trap '' XFSZ; ulimit -f 40; exec \"$@\"", "bash", *command],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith(f"{extension}: File too large")
    assert not list((tmp_path / "out").iterdir())


BAD_USAGE = {
    "no input": (["--model=model"], "no picture given"),
    "missing input": (["--model=model", "/no/such"], "/no/such: no such file or"),
    "folder without a picture": (["--model=model", "empty"], "no picture in it"),
    "no model in the folder": (["--model=empty", "in"], "neither a run's folder nor"),
    "temperature of ab": (["--model=model", "--temperature=1", "in"], "temperature: 1"),
    "bad format": (["--model=model", "--format=jpg", "in"], "jpg"),
    "no size": (["--model=model", "--working_size=0", "in"], "working_size"),
}


@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage(case, tmp_path, model, rng, call):
    arguments, message = BAD_USAGE[case]
    write_pictures(tmp_path / "in", rng, 1)
    (tmp_path / "empty").mkdir()
    places = {"in": tmp_path / "in", "empty": tmp_path / "empty"}
    places |= {"--model=model": f"--model={model}"}
    places |= {"--model=empty": f"--model={tmp_path / 'empty'}"}
    arguments = [places.get(argument, argument) for argument in arguments]
    done = call("colorize", f"--output={tmp_path / 'out'}", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_permission_to_write(tmp_path, model, rng, call):
    """Root may write to any folder of a disk, but not make one in /sys."""
    write_pictures(tmp_path / "in", rng, 1)
    (tmp_path / "locked").mkdir(mode=0o555)
    output = pathlib.Path("/sys/out") if os.geteuid() == 0 else tmp_path / "locked"
    done = call("colorize", f"--model={model}", f"--output={output}", tmp_path / "in")
    assert done.returncode == 2
    assert f"error: --output={output}: " in done.stderr
