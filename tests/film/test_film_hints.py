"""Marked frames of a film, and where their hints are carried."""

import numpy as np
import pytest
from films import HEIGHT
from films import WIDTH
from films import Toy
from films import decoded
from films import write_film
from harness import new_run
from harness import toy_config
from PIL import Image

from tfcolor.color import lab
from tfcolor.color.cie import AB_MAX
from tfcolor.errors import UsageError
from tfcolor.film import colorize
from tfcolor.film import journal
from tfcolor.film import source
from tfcolor.film import yuv
from tfcolor.film.marks import Marks

COLOR = (159, 125, 111)  # of little chroma: sRGB has it at nearly every luma
BOX = (40, 52, 90, 102)  # first and last row and column of a stroke


class Hinted(Toy):
    """Takes hints, at the films' own size, and keeps what it was given."""

    def __init__(self, dies=None):
        super().__init__()
        self.info["hints"], self.dies, self.given = True, dies, []

    def working_shape(self, height, width, working_size=None):
        return height, width

    def predict_lightness(self, lightness, hints=None, **settings):
        if self.dies and self.frames + len(lightness) > self.dies:
            raise KeyboardInterrupt
        planes = super().predict_lightness(lightness, **settings)
        self.given += [None] * len(lightness) if hints is None else list(hints)
        if hints is None:
            return planes
        return np.stack([yuv.obeyed(*x) for x in zip(planes, hints, strict=True)])


def stroke(path, box=BOX, color=COLOR, size=(HEIGHT, WIDTH)):
    """A stroke on a transparent ground, as a file."""
    layer = np.zeros((*size, 4), np.uint8)
    layer[box[0] : box[1], box[2] : box[3]] = (*color, 255)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(layer).save(path)
    return path


def run(toy, path, target, folder=None, **options):
    film = source.probe(path)
    marks = folder and Marks(folder, film)
    options = colorize.Options(segment=8, codec="ffv1", marks=marks, **options)
    return colorize.run(toy, film, target, options)


@pytest.fixture(scope="module")
def panning(tmp_path_factory):
    """24 frames that pan by 2 pixels, but from 16 on those of another shot."""
    path = tmp_path_factory.mktemp("panning") / "film.mkv"
    return write_film(path, 24, cut=16)


@pytest.fixture
def folder(tmp_path):
    stroke(tmp_path / "frames" / "0003.png")
    return tmp_path / "frames"


def colors(frame):
    """Of (pts, luma, Cb, Cr) a* and b*, [H, W, 2]."""
    planes = [frame[1], *(x.repeat(2, 0).repeat(2, 1) for x in frame[2:])]
    rgb = yuv.rgb_of_planes(planes, yuv.BT601, yuv.LIMITED)
    return lab.rgb_to_lab(rgb).numpy()[..., 1:]


def missed(frame, left):
    """Mean ab distance to COLOR within the stroke, which has moved to a column."""
    wanted = lab.rgb_to_lab(np.array(COLOR, np.uint8)).numpy()[1:]
    left = round(left)
    box = colors(frame)[BOX[0] + 2 : BOX[1] - 2, left + 2 : left + 10]
    return np.linalg.norm(box - wanted, axis=-1).mean()


@pytest.mark.slow
def test_hints_go_where_the_motion_takes_them_and_end_at_the_cut(
    panning, folder, tmp_path, monkeypatch
):
    join, steadied = yuv.Joiner.__call__, []
    monkeypatch.setattr(
        yuv.Joiner, "__call__", lambda *x: steadied.append(x[2]) or join(*x)
    )
    toy, target = Hinted(), tmp_path / "color.mkv"
    assert run(toy, panning, target, folder)
    monkeypatch.undo()
    found = decoded(target)
    plain = tmp_path / "plain.mkv"
    assert run(Hinted(), panning, plain)
    without = decoded(plain)
    for number, hints in enumerate(toy.given):
        known = np.zeros((1, 1), bool) if hints is None else hints[..., 2] > 0
        if not 3 <= number < 16:
            assert not known.any(), number
            np.testing.assert_array_equal(found[number][2], without[number][2])
            continue
        y, x = np.nonzero(known)
        np.testing.assert_allclose(y.mean(), 45.5, atol=1.5)
        np.testing.assert_allclose(x.mean(), 95.5 - 2 * (number - 3), atol=1.5)
        assert known.sum() > 0.7 * 144
        given = hints[known][:, :2].T * np.float32(AB_MAX)
        np.testing.assert_array_equal(steadied[number][:, known], given)
        left = BOX[2] - 2 * (number - 3)
        assert missed(found[number], left) < 3
        assert missed(without[number], left) > 8
        np.testing.assert_array_equal(found[number][1], without[number][1])


def test_without_the_filter_they_are_carried_too(panning, folder, tmp_path):
    target, alone = tmp_path / "color.mkv", tmp_path / "alone.mkv"
    assert run(Hinted(), panning, alone, folder, strength=0.0)
    alone = decoded(alone)
    assert missed(alone[12], BOX[2] - 18) < 3
    # In the marked frame itself the filter begins anew.
    assert run(Hinted(), panning, target, folder)
    same = [
        np.array_equal(a[2], b[2]) for a, b in zip(alone, decoded(target), strict=True)
    ]
    assert same[:5] == [True, False, False, True, False]


def test_hints_end_where_they_leave_the_picture_and_later_ones_replace_them(
    panning, folder, tmp_path
):
    stroke(folder / "5.png", (40, 52, 80, 92), (110, 125, 160))
    stroke(folder / "7.png", (70, 80, 4, 12))
    toy = Hinted()
    assert run(toy, panning, tmp_path / "color.mkv", folder)
    # Frame 5: the stroke of frame 3 lies at columns 86..98, of which those nearer
    # than 4 to the new one, 80..92, end.
    x = np.nonzero(toy.given[5][40:52, :, 2].any(0))[0]
    assert x[0] == 80
    assert x[-1] == pytest.approx(97, abs=1)
    row = toy.given[5][45]
    np.testing.assert_array_equal(row[80:92, 2], 1)
    assert (row[80:92, 1] < 0).all()
    assert not row[92:96, 2].any()
    # The stroke of frame 7 has left by 2 pixels a frame.
    counts = [given[70:80, :, 2].sum() for given in toy.given[7:14]]
    assert counts[0] == 80
    assert counts[1] > 0
    assert counts[-1] == 0


def test_with_hints_broken_off_and_continued_is_the_whole_to_the_bit(
    panning, folder, tmp_path
):
    target, whole = tmp_path / "color.mkv", tmp_path / "whole.mkv"
    with pytest.raises(KeyboardInterrupt):
        run(Hinted(13), panning, target, folder)
    toy = Hinted()
    assert run(toy, panning, target, folder)
    assert toy.frames == 16
    assert run(Hinted(), panning, whole, folder)
    assert target.read_bytes() == whole.read_bytes()
    # Another stroke is another film.
    with pytest.raises(KeyboardInterrupt):
        run(Hinted(13), panning, target, folder)
    stroke(folder / "0003.png", color=(110, 125, 160))
    toy = Hinted()
    run(toy, panning, target, folder)
    assert toy.frames == 24
    assert not journal.path_of(target).exists()


def test_a_marked_frame_may_be_opaque_or_of_another_size(panning, tmp_path):
    grey = np.stack([decoded(panning)[3][1]] * 3, -1)
    grey[BOX[0] : BOX[1], BOX[2] : BOX[3]] = COLOR
    folder = tmp_path / "frames"
    stroke(folder / "4.png", tuple(2 * x for x in BOX), size=(2 * HEIGHT, 2 * WIDTH))
    stroke(folder / "5.png", tuple(x // 2 for x in BOX), size=(48, 64))
    Image.fromarray(grey).save(folder / "3.png")
    film = source.probe(panning)
    marks = Marks(folder, film)
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[BOX[0] : BOX[1], BOX[2] : BOX[3]] = True
    for number in (3, 4, 5):
        found = marks.hints(number, frame).reduced(HEIGHT, WIDTH)
        np.testing.assert_array_equal(found[..., 2] > 0, expected)
        wanted = lab.rgb_to_lab(np.array(COLOR, np.uint8)).numpy()[1:] / AB_MAX
        np.testing.assert_allclose(found[expected][:, :2] - wanted, 0, atol=1e-3)
    with pytest.raises(UsageError, match=r"3\.png: no stroke in it"):
        marks.hints(3, grey)
    colored = np.full_like(grey, (110, 125, 160))
    Image.fromarray(np.where(expected[..., None], grey, colored)).save(folder / "3.png")
    found = marks.hints(3, colored).reduced(HEIGHT, WIDTH)
    np.testing.assert_array_equal(found[..., 2] > 0, expected)


def test_a_hint_beyond_the_film_is_said(panning, folder, tmp_path, caplog):
    stroke(folder / "24.png")
    assert not run(Hinted(), panning, tmp_path / "color.mkv", folder)
    assert "24.png: the film has 24 frames" in caplog.text
    known = write_film(tmp_path / "known.mp4", 24)
    with pytest.raises(UsageError, match=r"24\.png: the film has 24 frames, 0 to 23"):
        Marks(folder, source.probe(known))


def test_upright_hints_are_on_the_upright_film(film, tmp_path):
    # Stored 96 x 128, shown 171 x 96, as it is turned and its pixels are oblong.
    box, folder = (100, 130, 30, 60), tmp_path / "frames"
    stroke(folder / "0.png", box, size=(171, 96))
    toy, target = Hinted(), tmp_path / "color.mkv"
    assert run(toy, film, target, folder)
    _, luma, *chroma = decoded(target)[0]
    stored = np.zeros((171, 96), bool)
    stored[box[0] + 6 : box[1] - 6, box[2] + 6 : box[3] - 6] = True
    stored = np.rot90(stored, -1)
    rows, columns = np.arange(96), np.arange(128) * 171 // 128
    stored = stored[rows[:, None], columns]
    planes = [luma, *(x.repeat(2, 0).repeat(2, 1) for x in chroma)]
    rgb = yuv.rgb_of_planes(planes, yuv.BT709, yuv.LIMITED)
    ab = lab.rgb_to_lab(rgb).numpy()[stored][:, 1:]
    wanted = lab.rgb_to_lab(np.array(COLOR, np.uint8)).numpy()[1:]
    assert np.linalg.norm(ab - wanted, axis=-1).mean() < 3


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("first.png", (HEIGHT, WIDTH), "first is not the number of a frame"),
        ("007.png", (HEIGHT, WIDTH), "7.png is of the same frame"),
        ("1.png", (HEIGHT, HEIGHT), "96 x 96 pixels; the film is shown with 128 x 96"),
        (None, None, "no picture in it (looked for"),
        ("/no/such", None, "no such folder"),
        ("text.png", None, "text is not the number"),
        ("8.png", None, "not an image of a known format"),
    ],
)
def test_bad_hints_are_one_line_and_exit_2(name, size, said, panning, tmp_path, call):
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "readme.txt").write_text("not looked at")
    if name == "007.png":
        stroke(folder / "7.png")
    if size:
        stroke(folder / name, size=size)
    elif name and name.endswith("png"):
        (folder / name).write_text("no picture")
    given = name if name and name.startswith("/") else folder
    done = call("colorize", f"--hints={given}", panning)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert said in line
    assert "--hints=" in line


def test_models_without_hints_and_more_than_one_film_are_one_line(
    panning, folder, trained, tmp_path, call
):
    model, flag = f"--model={trained}", f"--hints={folder}"
    done = call("colorize", model, flag, panning)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert "for films take one of --config.data.hints=true" in line
    other = write_film(tmp_path / "other.mkv", 2)
    output = f"--output={tmp_path / 'out'}"
    done = call("colorize", model, flag, output, panning, other)
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert "of one film, but there are 2" in line


@pytest.mark.slow
def test_the_command_obeys_hints_of_films(panning, folder, tmp_path, call):
    config = toy_config("l1")
    config.data.hints = True
    model = new_run(config, tmp_path / "run")
    flags = [f"--model={model}", f"--hints={folder}", f"--output={tmp_path / 'out'}"]
    done = call("colorize", *flags, "--codec=ffv1", "--working_size=96", panning)
    assert done.returncode == 0, done.stderr
    found = decoded(tmp_path / "out" / "film.mkv")
    assert missed(found[3], BOX[2]) < 3
    assert missed(found[9], BOX[2] - 12) < 5
    stroke(folder / "30.png")
    done = call("colorize", *flags, "--overwrite", panning)
    assert done.returncode == 1
    assert "30.png: the film has 24 frames" in done.stderr
