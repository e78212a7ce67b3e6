"""The sheets in docs: what stands where."""

import numpy as np
import photo_sheets
import pytest
from harness import picture
from PIL import Image

CELL = 24


@pytest.fixture
def folder(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "photographs"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(picture(rng, 40, 64)).save(folder / f"{number}.png")
    return folder


def made(folder, monkeypatch, *more):
    """The sheet as pixels; colours by a network that inverts what it sees."""
    out = folder.parent / "sheet.png"
    argv = ["photo_sheets", str(folder), f"--out={out}", f"--cell={CELL}", *more]
    monkeypatch.setattr("sys.argv", argv)
    monkeypatch.setattr(photo_sheets.tfcolor, "load", lambda _: lambda rgb: 255 - rgb)
    photo_sheets.main()
    return np.asarray(Image.open(out)).astype(int)


def test_grey_its_colours_and_the_truth_below_each_other(folder, monkeypatch):
    sheet = made(folder, monkeypatch, "--columns=2", "--first=1")
    assert sheet.shape == (2 * 3 * CELL + photo_sheets.GAP, 2 * CELL, 3)
    grey, colored, truth = (sheet[i * CELL : (i + 1) * CELL, :CELL] for i in range(3))
    np.testing.assert_array_equal(grey, grey[..., :1].repeat(3, 2))
    np.testing.assert_allclose(colored, 255 - grey, atol=1)
    second, middle = Image.open(folder / "1.png"), (12, 0, 52, 40)
    second = second.resize((CELL, CELL), Image.Resampling.LANCZOS, middle)
    np.testing.assert_array_equal(truth, np.asarray(second))
    after = sheet[3 * CELL :]
    assert (after[: photo_sheets.GAP] == 255).all()
    assert (after[photo_sheets.GAP :, CELL:] == 255).all()  # three pictures in all


def test_inputs_of_the_same_name_take_the_place_of_grey(folder, tmp_path, monkeypatch):
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for number in range(4):
        Image.new("RGB", (40, 40), (10 * number, 50, 90)).save(
            inputs / f"{number}.webp", lossless=True
        )
    sheet = made(folder, monkeypatch, f"--inputs={inputs}", "--every=2")
    np.testing.assert_array_equal(sheet[0, CELL], (20, 50, 90))
    np.testing.assert_array_equal(sheet[CELL, CELL], (235, 205, 165))


def test_pairs_keep_their_shape(folder, monkeypatch):
    sheet = made(folder, monkeypatch, "--pairs", "--columns=4")
    assert sheet.shape == (CELL * 5 // 4, 4 * 2 * CELL, 3)
    left, right = sheet[:, :CELL], sheet[:, CELL : 2 * CELL]
    height = round(CELL * 40 / 64)
    assert (left[height:] == 255).all()
    np.testing.assert_allclose(right[:height], 255 - left[:height], atol=1)
