"""bin/colorize on films."""

import os
import shutil

import av
import numpy as np
import pytest
from films import HEIGHT
from films import WIDTH
from films import decoded
from films import write_film
from harness import new_run
from harness import toy_config
from PIL import Image

from tfcolor.film import journal
from tfcolor.film import source


@pytest.fixture
def bad(tmp_path, film):
    """Files that are no films, by name."""
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mkv").write_text("no film\n" * 100)
    Image.new("RGB", (64, 48)).save(tmp_path / "picture.mp4", "JPEG")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), np.float32), "fltp", "mono"
        )
        frame.rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (tmp_path / "sound.mp3").write_bytes(b"ID3")
    os.mkfifo(tmp_path / "pipe.mp4")
    # Of FFmpeg a playlist is a film too, of any files and hosts.
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{film}\n#EXT-X-ENDLIST\n"
    (tmp_path / "playlist.mp4").write_text(playlist)
    (tmp_path / "list.mkv").write_text(f"ffconcat version 1.0\nfile '{film}'\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty.mp4", "the file is empty"),
        ("text.mkv", "no film that can be read"),
        ("picture.mp4", "a picture, not a film"),
        ("sound.mp4", "no film in it, only audio"),
        ("sound.mp3", "sound only"),
        ("none.mp4", "no such file"),
        ("pipe.mp4", "not a regular file"),
        ("playlist.mp4", "no film that can be read"),
        ("list.mkv", "no film that can be read"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(name, said, bad, call):
    done = call("colorize", bad / name)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert name in line


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--codec=h265_of_mine", "h265_of_mine: PyAV has no such encoder; it has lib"),
        ("--codec=aac", "an encoder of audio"),
        ("--codec=libvpx-vp8x", "no such encoder"),
        ("--crf=70", "0..63"),
        ("--steady=1", "less than 1"),
        ("--ab_npz", "is for pictures"),
        ("--method=levin", "--hints is missing"),
    ],
)
def test_bad_settings_are_one_line_and_exit_2(flag, said, film, call):
    done = call("colorize", flag, film)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert said in line


def test_settings_of_films_need_a_film(call, tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "start.jpg")
    done = call("colorize", "--crf=20", tmp_path / "start.jpg")
    assert done.returncode == 2
    assert "--crf: no film among the inputs" in done.stderr


@pytest.mark.slow
def test_a_model_for_line_art_is_refused(film, call, tmp_path):
    config = toy_config("l1")
    config.generator.head = "rgb"
    drawings = new_run(config, tmp_path / "drawings")
    output = tmp_path / "out"
    done = call("colorize", f"--model={drawings}", f"--output={output}", film)
    assert done.returncode == 2
    line = "error: films: this model is for line art; choose another"
    assert done.stderr.strip() == line
    assert not output.exists()


@pytest.mark.slow
def test_the_command_colors_films_and_pictures_of_a_folder(
    trained, tmp_path, call, rng
):
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    write_film(folder / "film.mp4", 5)
    (folder / "broken.mkv").write_bytes(b"nothing")
    Image.new("RGB", (64, 48), (120, 90, 60)).save(folder / "start.jpg")
    arguments = [f"--model={trained}", f"--output={output}", folder]
    done = call("colorize", *arguments)
    assert done.returncode == 1
    assert "broken.mkv: no film that can be read" in done.stderr
    assert "2 pictures and films coloured" in done.stdout
    assert {path.name for path in output.iterdir()} == {"film.mp4", "start.png"}
    assert len(decoded(output / "film.mp4")) == 5
    done = call("colorize", f"--model={trained}", folder / "film.mp4")
    assert done.returncode == 0
    written = folder / "film_color.mp4"
    assert written.read_bytes() == (output / "film.mp4").read_bytes()
    done = call("colorize", f"--model={trained}", folder / "film.mp4")
    assert "is there already" in done.stdout
    journal.path_of(written).write_bytes(b"")
    done = call("colorize", f"--model={trained}", folder / "film.mp4")
    assert "is there already" not in done.stdout


def test_a_name_is_no_url(tmp_path, film, monkeypatch):
    shutil.copy(film, tmp_path / "http:film.mkv")
    monkeypatch.chdir(tmp_path)
    assert source.probe("http:film.mkv").size == (HEIGHT, WIDTH)
