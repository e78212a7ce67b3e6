import itertools
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
import skimage.color
from harness import ROOT
from harness import config_path
from PIL import Image
from scipy import ndimage

from tfcolor import config as config_lib
from tfcolor.data import crops
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.data.drawings import contours
from tfcolor.data.drawings import page
from tfcolor.data.drawings import source as drawings
from tfcolor.errors import UsageError
from tfcolor.metrics import line_art

SPECS = (
    "drawings",
    "drawings:train",
    "drawings:test",
    "drawings:scans",
    "drawings:test_scans",
)
SOME = range(0, 10_000, 307)


@pytest.fixture(scope="module")
def pairs():
    """(coloured, scan) of some drawings of the test split, at 64 pixels."""
    colour, scan = (
        sources.open_source(f"drawings:{s}") for s in ("test", "test_scans")
    )
    return [(colour.read(i, 64), scan.read(i, 64)) for i in SOME]


def luminance(rgb):
    return skimage.color.rgb2lab(rgb)[..., 0] / 100.0


def test_specs():
    lengths = [len(sources.open_source(spec)) for spec in SPECS]
    assert lengths == [100_000, 100_000, 10_000, 100_000, 10_000]
    with pytest.raises(UsageError, match="drawings:val: not one of train, test, scans"):
        sources.open_source("drawings:val")


def test_same_bytes_in_another_process_and_order():
    code = (
        "from tfcolor.data.drawings.source import Drawings; import zlib\n"
        "for number, side in ((7, 64), (3, 64), (3, 100), (7, 64)):\n"
        "    for split in ('train', 'scans'):\n"
        "        print(zlib.crc32(Drawings(split).read(number, side)))"
    )
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "5"}
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    expected = {}
    for number, side in ((3, 100), (7, 64), (3, 64)):
        for split in ("scans", "train"):
            data = drawings.Drawings(split).read(number, side)
            expected[number, side, split] = str(zlib.crc32(data))
    assert found.stdout.split() == [
        expected[number, side, split]
        for number, side in ((7, 64), (3, 64), (3, 100), (7, 64))
        for split in ("train", "scans")
    ], found.stderr


def test_different_numbers_and_splits_are_different_drawings():
    """Of each split the first few: no two alike, the scans' neither."""
    seen = {
        drawings.Drawings(split).scan(i, 32).tobytes()
        for split in ("train", "test", "scans")
        for i in range(40)
    }
    assert len(seen) == 120
    names = [s.name(3) for s in map(sources.open_source, SPECS[1:])]
    assert len(set(names)) == 4


def test_test_scans_are_those_of_test():
    truth = drawings.Drawings("test").scan(41, 48)
    found = sources.open_source("drawings:test_scans").read(41, 48)
    np.testing.assert_array_equal(found, truth)


def test_scans_of_a_part_are_those_of_its_drawings():
    source = sources.Part(sources.open_source("drawings:test"), [5, 2])
    scans = sources.scans_of(source)
    expected = drawings.Drawings("test_scans")
    for i, number in enumerate((5, 2)):
        np.testing.assert_array_equal(scans.read(i, 32), expected.read(number, 32))
    assert sources.scans_of(sources.open_source("sample")) is None
    assert sources.scans_of(sources.Part(sources.open_source("sample"), [0])) is None


def test_sizes():
    source = sources.open_source("drawings")
    shapes = {source.read(i, 60).shape for i in range(24)}
    assert shapes == {(60, 60, 3), (60, 80, 3), (80, 60, 3)}
    assert min(source.read(0).shape[:2]) == 256
    seen = []
    part = source.read(1, 48, lambda size: seen.append(size) or (3, 5, 20, 30))
    whole = source.read(1, 48)
    assert seen == [whole.shape[:2]]
    np.testing.assert_array_equal(part, whole[3:23, 5:35])


def test_scans_are_dark_ink_on_light_grey_paper(pairs):
    for coloured, scan in pairs:
        assert coloured.dtype == scan.dtype == np.uint8
        assert coloured.shape == scan.shape
        assert np.ptp(scan, axis=-1).max() == 0
        assert np.quantile(scan, 0.01) < 60
        assert np.median(scan) > 230
        assert 0.03 < (scan[..., 0] < 128).mean() < 0.3
        bare = ndimage.minimum_filter(scan[..., 0], 5) > 220
        assert 0.4 < scan[bare].std() < 5  # grain, but little of it


def test_lines_of_the_scan_are_dark_in_colour_too(pairs):
    for coloured, scan in pairs:
        ink = scan[..., 0] < 100
        assert (luminance(coloured)[ink] < 0.5).mean() > 0.95
    # Not of any other drawing.
    shares = [
        (luminance(coloured[:64, :64])[scan[:64, :64, 0] < 100] < 0.5).mean()
        for (coloured, _), (_, scan) in itertools.pairwise(pairs)
    ]
    assert np.mean(shares) < 0.7


def test_luminance_is_not_the_scan(pairs):
    errors, precisions = [], []
    for coloured, scan in pairs:
        truth, grey = scan[..., 0] / 255.0, luminance(coloured)
        errors.append(line_art.mean_absolute_error(grey, truth))
        precisions.append(line_art.line_precision_recall(grey, truth)[0])
    assert min(errors) > 0.1
    assert np.mean(errors) > 0.2
    assert np.mean(precisions) < 0.85


def test_colours_are_many_and_the_pipeline_keeps_all(pairs):
    hues = np.zeros(12)
    for coloured, scan in pairs:
        assert readers.has_color(coloured)
        assert not readers.has_color(scan)
        hue, saturation, _ = np.moveaxis(skimage.color.rgb2hsv(coloured), -1, 0)
        vivid = hue[saturation > 0.3]
        hues += np.histogram(vivid, 12, (0, 1))[0] / coloured[..., 0].size
    assert (hues / len(pairs) > 0.002).all()
    assert hues.max() < 0.5 * hues.sum()


@pytest.mark.parametrize("split", ["test", "test_scans"])
def test_geometry_and_grain_do_not_depend_on_the_size(split):
    source = drawings.Drawings(split)
    for i in (11, 12, 13, 14):
        small, large = source.read(i, 64), source.read(i, 256)
        size = small.shape[1::-1]
        reduced = np.asarray(Image.fromarray(large).resize(size, Image.Resampling.BOX))
        error = np.abs(reduced.astype(float) - small).mean()
        other = np.roll(reduced, 1, 1).astype(float)
        assert error < 9
        assert error < 0.5 * np.abs(other - small).mean()
    paper = drawings.Paper(np.random.default_rng(3))
    fine = paper.grain((256, 320)).reshape(64, 4, 80, 4).mean((1, 3))
    assert np.corrcoef(fine.ravel(), paper.grain((64, 80)).ravel())[0, 1] > 0.95


def test_what_is_in_front_hides_lines():
    """A filled square over a line: the scan has the square's outline alone."""
    sheet = page.Page(np.random.default_rng(0), 1.0, 1.0)
    sheet.hatching, sheet.line = 0.0, 0.02
    sheet.stroke(contours.polygon([0.1 + 0.5j, 0.9 + 0.5j], closed=False), 2.0)
    corners = np.array([0.3 + 0.3j, 0.7 + 0.3j, 0.7 + 0.7j, 0.3 + 0.7j])
    sheet.shape(contours.polygon(corners), (200, 60, 60))
    sheet.patch(contours.ellipse(0.5 + 0.5j, 0.1), (255, 255, 255))
    scan = np.asarray(sheet.draw(100, scan=True))
    colour = np.asarray(sheet.draw(100, scan=False))
    assert scan[36:64, 36:64].min() == 255
    assert scan[46:54, 12:27].min(0).max() < 160
    assert scan[50, 26:34].min() < 20
    assert (colour[48:52, 48:52] == 255).all()
    dark = (colour[34:66, 34:66, 0] > 60) & (colour[34:66, 34:66, 0] < 150)
    rows, columns = np.nonzero(dark)
    assert 40 < len(rows) < 500  # the second tone, away from the light
    away = complex(columns.mean() - 15.5, rows.mean() - 15.5) * sheet.light.conjugate()
    assert away.real < -5


def test_quick_over_100_000_names():
    source = sources.open_source("drawings")
    start = time.perf_counter()
    kept, held = sources.hold_out(source)
    sources.fingerprint(kept)
    assert time.perf_counter() - start < 2.0
    assert 1800 < len(held) < 2200


def test_reader_takes_every_crop():
    source = sources.open_source("drawings")
    data = config_lib.load(config_path("l2")).data
    data.image_size = 32
    rejected = []
    reader = readers.Reader(source, data, 0, lambda *what: rejected.append(what))
    numbers = np.random.default_rng(0).random([40, crops.NUMBERS])
    for i, row in enumerate(numbers):
        assert min(reader.read(i, 17 * i, row).shape[:2]) >= 16
    assert not rejected


def ruled(*columns, side=20):
    """White [side, side] with black lines in those columns."""
    grey = np.ones([side, side])
    grey[:, columns] = 0.0
    return grey


@pytest.mark.parametrize(
    ("predicted", "tolerance", "expected"),
    [
        ([5], 0, (1, 1)),
        ([6], 0, (0, 0)),
        ([6], 1, (1, 1)),
        ([7], 1, (0, 0)),
        ([7], 2, (1, 1)),
        ([5, 12], 1, (0.5, 1)),
        ([5, 6, 7, 8], 1, (0.5, 1)),
        ([], 1, (1, 0)),
    ],
)
def test_precision_and_recall_of_shifted_lines(predicted, tolerance, expected):
    prediction, truth = ruled(*predicted), ruled(5)
    found = line_art.line_precision_recall(prediction, truth, 0.5, tolerance)
    assert found == expected
    swapped = line_art.line_precision_recall(truth, prediction, 0.5, tolerance)
    assert swapped == expected[::-1]


def test_tolerance_is_a_euclidean_distance():
    first, second = np.ones([9, 9]), np.ones([9, 9])
    first[4, 4] = second[5, 5] = 0.0
    assert line_art.line_precision_recall(first, second, 0.5, 1.4) == (0, 0)
    assert line_art.line_precision_recall(first, second, 0.5, 1.5) == (1, 1)


def test_threshold_is_of_darkness():
    truth, faint = ruled(5), 1.0 - 0.3 * (1.0 - ruled(5, 9))
    assert line_art.line_precision_recall(faint, truth, 0.5) == (1, 0)
    assert line_art.line_precision_recall(faint, truth, 0.25) == (0.5, 1)


def test_error_and_f_score():
    assert line_art.mean_absolute_error(ruled(3), ruled(8)) == pytest.approx(0.1)
    assert line_art.mean_absolute_error(ruled(3), ruled(3)) == 0.0
    assert line_art.f_score(0.5, 1.0) == pytest.approx(2 / 3)
    assert line_art.f_score(0.0, 0.0) == 0.0
    with pytest.raises(ValueError, match="not two"):
        line_art.mean_absolute_error(np.ones([4, 4, 3]), np.ones([4, 4, 3]))
    with pytest.raises(ValueError, match="not two"):
        line_art.line_precision_recall(np.ones([4, 4]), np.ones([4, 5]))
