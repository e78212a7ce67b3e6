"""Films on the page, without the page."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from films import decoded
from films import write_film
from PIL import Image

from tfcolor.demo import films
from tfcolor.demo import limits
from tfcolor.demo.coloring import Settings
from tfcolor.errors import UsageError
from tfcolor.images import compose

SIZE = Settings(0.5, 32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """40 frames, 25 a second, of 128 x 96 pixels."""
    folder = tmp_path_factory.mktemp("clip")
    return write_film(folder / "clip.mp4", 40, uneven=False)


@pytest.mark.slow
def test_the_film_is_that_of_the_command(visit, clip, predictors, runs, call, tmp_path):
    visit.films.take(clip)
    found = visit.films.color(predictors.plain, SIZE)
    assert found.name == "clip_color.mp4"
    assert [path.name for path in found.parent.iterdir()] == ["clip_color.mp4"]
    flags = ["--saturation=0.5", "--working_size=32", f"--output={tmp_path / 'out'}"]
    done = call("colorize", f"--model={runs.plain}", *flags, clip)
    assert done.returncode == 0, done.stderr
    assert found.read_bytes() == (tmp_path / "out" / "clip.mp4").read_bytes()


def test_its_first_frames_are_shown_in_color(visit, clip, predictors):
    visit.films.take(clip)
    frames = visit.films.clip.frames
    assert [frame.shape for frame in frames] == [(96, 128, 3)] * 4
    stored = decoded(clip)
    for number, frame in zip((0, 12, 25, 38), frames, strict=True):
        luma = (stored[number][1].astype(float) - 16) * 255 / 219
        np.testing.assert_allclose(frame[..., 1], luma.clip(0, 255), atol=2)
    found = visit.films.first(predictors.plain, SIZE)
    planes = predictors.plain.predict_ab(frames[:1], 32, saturation=0.5)
    np.testing.assert_array_equal(found[0], compose.join(frames[0], planes[0]))
    with pytest.raises(UsageError, match="this model is for line art"):
        visit.films.first(predictors.drawings, SIZE)


def test_what_is_too_much_is_refused_and_nothing_stays(
    visit, clip, predictors, tmp_path
):
    picture = tmp_path / "picture.mp4"
    Image.new("RGB", (96, 64)).save(picture, "JPEG")
    for changed, path, said in (
        ({"film_seconds": 1}, clip, "clip.mp4: 1.6 seconds are more than --film_sec"),
        ({"film_pixels": 9999}, clip, "clip.mp4: 128 x 96 pixels are more than 9999"),
        ({}, picture, "^picture.mp4: a picture, not a film"),
    ):
        visit.films.limits = dataclasses.replace(limits.Limits(), **changed)
        with pytest.raises(UsageError, match=said):
            visit.films.take(path)
        assert visit.films.clip is None
        assert not list(visit.folder.iterdir())
    with pytest.raises(UsageError, match="no film given: upload one"):
        visit.films.color(predictors.plain, SIZE)
    visit.films.take(clip)
    visit.films.take(clip)
    assert len(list(visit.folder.iterdir())) == 1
    visit.films.limits = dataclasses.replace(visit.films.limits, max_seconds=1e-9)
    with pytest.raises(UsageError, match="stopped after --max_seconds"):
        visit.films.color(predictors.plain, SIZE)
    with pytest.raises(UsageError, match="working_size: 528 is more than 512"):
        visit.films.color(predictors.plain, Settings(1.0, 528))
    visit.films.take(None)
    assert not list(visit.folder.rglob("film.*"))


def test_without_the_extra_there_are_no_films(monkeypatch):
    assert films.available()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cv2" else find(name)
    )
    assert not films.available()
