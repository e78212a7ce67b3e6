"""What a visitor has, how much of it there may be, and that nothing stays."""

import os
import shutil
import zipfile

import numpy as np
import pytest
from harness import picture
from painted import RED
from painted import grey_picture
from painted import painted
from PIL import Image

from tfcolor.classical import charpiat
from tfcolor.demo import coloring
from tfcolor.demo import models
from tfcolor.demo.coloring import Settings
from tfcolor.demo.limits import Limits
from tfcolor.demo.visits import Visits
from tfcolor.errors import UsageError
from tfcolor.images import pictures

BOX = np.s_[20:26, 10:40]
SIZE = Settings(1.0, 32)


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def marked(path, layer):
    """Strokes on a transparent ground, as bin/colorize takes them."""
    return save(path, layer)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["network", "hints", "levin"])
def test_results_are_those_of_the_command(
    kind, runs, predictors, photo, visit, call, tmp_path
):
    visit.take([photo])
    layer = painted(48, 64, BOX)
    flags = {
        "network": [f"--model={runs.plain}"],
        "hints": [f"--model={runs.hinted}"],
        "levin": ["--method=levin", "--working_size=32"],
    }[kind]
    if kind != "network":
        assert visit.paint([layer])
        flags.append(f"--hints={marked(tmp_path / 'strokes.png', layer)}")
    predictor = predictors.hinted if kind == "hints" else predictors.plain
    found = visit.png(predictor, SIZE)
    assert found.name == "photo_color.png"
    done = call("colorize", *flags, photo)
    assert done.returncode == 0, done.stderr
    expected = tmp_path / "photo_color.png"
    assert found.read_bytes() == expected.read_bytes()
    with Image.open(found) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        assert image.getexif()[0x013B] == "somebody"
        assert np.asarray(image)[0, 0, 3] == 100
    # The preview shows the same where it is of the same size.
    before, after, said = visit.shown(predictor, SIZE)
    np.testing.assert_array_equal(after, np.asarray(Image.open(found))[..., :3])
    np.testing.assert_array_equal(before, pictures.read(photo).pixels)
    assert said.startswith("photo.png: by the ")
    assert said.endswith("at 43x32 pixels")


@pytest.mark.slow
def test_a_large_picture_has_its_strokes_where_they_were_painted(
    predictors, visit, tmp_path
):
    visit.limits = Limits()
    pixels = grey_picture(1000, 1600)
    pixels[:, :600] = 230
    visit.take([save(tmp_path / "large.png", pixels)])
    assert visit.photo.shown.shape == (400, 640, 3)
    visit.paint([painted(400, 640, np.s_[200:220, 320:400])])
    found = np.asarray(Image.open(visit.png(predictors.hinted, SIZE)))
    own = predictors.hinted(pixels)
    assert found.shape == (1000, 1600, 3)
    red = predictors.hinted(np.full((8, 8), 150, "u1"), hints=[(4, 4, RED, 20)])[4, 4]
    inside, chroma = found[500:550, 800:1000].astype(int), red.astype(int)
    sign = np.sign(inside[..., 0] - inside[..., 2])
    assert (sign == np.sign(chroma[0] - chroma[2])).all()
    # What is far away, beyond an edge of the lightness, changes little.
    change = np.abs(found.astype(int) - own).mean(-1)
    assert change[:100, :200].mean() < 0.2 * change[450:490, 800:1000].mean()


def test_files_come_and_go(visit, photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    rgb = [grey_picture(seed=i) for i in range(3)]
    film = tmp_path / "film.gif"
    frames = [Image.fromarray(each) for each in rgb]
    frames[0].save(film, save_all=True, append_images=frames[1:])
    lines = visit.take([photo, broken, film])
    assert lines == [
        "broken.jpg: not an image of a known format",
        "film.gif: the first of 3 frames",
    ]
    assert [each.name for each in visit.photos] == ["photo.png", "film.gif"]
    visit.choose(1)
    visit.paint([painted(48, 64, BOX)])
    known = visit.photo
    other = save(tmp_path / "other.png", rgb[1])
    assert visit.take([film, other]) == []
    assert visit.photos[0] is known  # with what was painted on it
    assert visit.photo.name == "other.png"
    assert len(list(visit.folder.rglob("picture.*"))) == 2
    for number in (-1, 2):
        with pytest.raises(UsageError, match=f"picture {number}: there are 2"):
            visit.choose(number)
    with pytest.raises(UsageError, match="4 pictures are more than --max_files=3"):
        visit.take([photo] * 4)
    assert len(visit.photos) == 2
    visit.take([])
    assert not list(visit.folder.rglob("picture.*"))
    with pytest.raises(UsageError, match="no picture given: upload one"):
        visit.photo  # noqa: B018
    large = save(tmp_path / "large.png", np.zeros((400, 400), np.uint8))
    (line,) = visit.take([large])
    assert line == "large.png: 400 x 400 pixels are more than --max_pixels=100000"


def test_painting_says_whether_anything_is_new(visit, photo):
    visit.take([photo])
    nothing, layer = np.zeros((48, 64, 4), np.uint8), painted(48, 64, BOX)
    answers = [visit.paint([x]) for x in (nothing, layer, layer, nothing, nothing)]
    assert answers == [False, True, False, True, False]


@pytest.mark.slow
def test_a_reference_is_learned_once_and_forgotten(
    visit, photo, predictors, tmp_path, monkeypatch, rng
):
    monkeypatch.setattr(coloring, "REFERENCE_SIZE", 24)
    visit.take([photo])
    visit.photo.suggestion = 2
    reference = picture(rng, 60, 50)
    visit.refer(save(tmp_path / "reference.png", reference))
    assert visit.photo.suggestion is None
    asked, planes = [], charpiat.planes
    monkeypatch.setattr(charpiat, "planes", lambda *a: asked.append(1) or planes(*a))
    pixels = pictures.read(photo).pixels
    _, after, said = visit.shown(predictors.plain, SIZE)
    np.testing.assert_array_equal(after, charpiat.colorize(pixels, [reference], 24))
    assert "Charpiat" in said
    with Image.open(visit.png(predictors.plain, SIZE)) as image:
        np.testing.assert_array_equal(np.asarray(image)[..., :3], after)
    assert len(asked) == 2  # by the test itself once
    with pytest.raises(UsageError, match="exclude each other"):
        visit.suggestions(predictors.hinted, SIZE)
    grey = save(tmp_path / "grey.png", pixels)
    with pytest.raises(UsageError, match="--reference=grey.png: .*grey"):
        visit.refer(grey)
    _, after, _ = visit.shown(predictors.plain, SIZE)
    np.testing.assert_array_equal(after, predictors.plain(pixels))


def test_all_results_are_in_a_zip(visit, photo, predictors, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = shutil.copyfile(photo, folder / "photo.png")
    visit.take([photo, other])
    visit.choose(1)
    visit.photo.suggestion = 1
    archive = visit.zip(predictors.hinted, SIZE)
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == ["photo_color.png", "photo_color_2.png"]
        second = file.read("photo_color_2.png")
        assert file.read("photo_color.png") != second  # the suggestion of one alone
    again = visit.png(predictors.hinted, SIZE)
    assert again.read_bytes() == second
    assert not archive.exists()  # only the last results are kept
    suggested = visit.suggestions(predictors.hinted, SIZE)
    shown = np.asarray(Image.open(again))[..., :3]
    np.testing.assert_array_equal(shown, suggested[1])


def test_limits_hold(visit, photo, predictors):
    now = [0.0]
    check = Limits(max_seconds=5).deadline(lambda: now[0])
    now[0] = 5.0
    check()
    now[0] = 5.1
    with pytest.raises(UsageError, match="stopped after --max_seconds=5"):
        check()
    visit.take([photo])
    with pytest.raises(UsageError, match="working_size: 528 is more than 512"):
        visit.shown(predictors.plain, Settings(1.0, 528))
    with pytest.raises(UsageError, match="--max_files=0: must be positive"):
        Limits(max_files=0)


def test_visits_end_and_leave_nothing(tmp_path, photo):
    now = [0.0]
    limits = Limits(visits=2, idle_seconds=10)
    visits = Visits(tmp_path / "root", limits, lambda: now[0])
    (tmp_path / "root").mkdir()
    first = visits.of("first")
    first.take([photo])
    assert visits.of("first") is first
    now[0] = 5.0
    second = visits.of("second")
    second.take([photo])
    assert second is not first
    assert [len(each.photos) for each in (first, second)] == [1, 1]
    now[0] = 11.0
    assert visits.of("second") is second
    assert not first.folder.exists()  # idle for too long
    now[0] = 12.0
    third, fourth = visits.of("third"), visits.of("fourth")
    assert not second.folder.exists()  # too many
    visits.forget("third")
    visits.forget("nobody")
    assert not third.folder.exists()
    assert list((tmp_path / "root").iterdir()) == [fourth.folder]


@pytest.mark.slow
def test_models_are_those_that_ship_and_those_named(ship, runs):
    named = [str(runs.hinted), str(runs.drawings)]
    found = models.Models(named)
    assert found.names == [*named, "line_art", "photo"]
    assert found.default == named[0]
    assert models.Models().default == "photo"
    assert found.get("photo") is found.get("photo")
    with pytest.raises(UsageError, match="'/etc' is not one of"):
        found.get("/etc")
    with pytest.raises(UsageError, match="no such folder"):
        models.Models(["/no/such"])
    hinted, drawings = map(found.get, named)
    assert models.can_suggest(hinted)
    assert not models.can_suggest(found.get("photo"))
    assert "as hints" in models.said(hinted)
    assert "for line art" in models.said(drawings)
    assert "Levin's method" in models.said(drawings)


def test_names_need_not_be_text(visit, photo, predictors, tmp_path):
    names = [os.fsdecode(b"caf\xe9.png"), "a\\b\nc.png"]
    paths = [shutil.copyfile(photo, tmp_path / name) for name in names]
    (tmp_path / "bad\n\udce9.jpg").write_text("no picture")
    assert visit.take([tmp_path / "bad\n\udce9.jpg", *paths]) == [
        "bad\\n\\udce9.jpg: not an image of a known format"
    ]
    assert visit.photo.name == "caf\\udce9.png"
    with zipfile.ZipFile(visit.zip(predictors.plain, SIZE)) as file:
        assert file.namelist() == ["caf_udce9_color.png", "a_b_nc_color.png"]
