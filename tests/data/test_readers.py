"""Which images are used: unreadable, grey, truncated."""

import numpy as np
import pytest
import skimage.color
from harness import picture
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.color import lab
from tfcolor.data import crops
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.errors import UsageError


@pytest.fixture
def data():
    return config_lib.Data(image_size=16, batch_size=4)


def reader_of(folder, data, seed=0, report=lambda name, reason: None):
    return readers.Reader(sources.open_source(str(folder)), data, seed, report)


def batches(folder, data, count, seed=0, **options):
    dataset = pipeline.training(reader_of(folder, data, seed), data, seed, **options)
    return list(dataset.take(count).as_numpy_iterator())


def test_rejected_images_are_replaced_and_listed_once(tmp_path, data, rng):
    folder = write_pictures(tmp_path, rng, 30)
    grey = np.repeat(picture(rng)[..., :1], 3, -1)
    Image.fromarray(grey).save(folder / "grey.png")
    nearly = grey.astype(int) + np.array([0, 3, 0])
    Image.fromarray(nearly.clip(0, 255).astype(np.uint8)).save(folder / "nearly.png")
    (folder / "text.jpg").write_text("no picture")
    listed = []

    def report(name, reason):
        listed.append((name, reason))

    def run(start=0):
        reader = reader_of(folder, data, report=report)
        dataset = pipeline.training(reader, data, 0, start=start)
        return list(dataset.take(40 - start).as_numpy_iterator())

    first = run()
    assert dict(listed) == {
        "grey.png": "grey: no |a*| or |b*| above 5",
        "nearly.png": "grey: no |a*| or |b*| above 5",
        "text.jpg": "unreadable: not an image of a known format",
    }
    assert len(listed) == 3
    for batch in first:
        assert (np.abs(batch["ab"]).max((1, 2, 3)) * lab.AB_MAX > 5).all()
    # What replaces it does not depend on where the run was started.
    assert_same(first[23:], run(start=23))


def test_a_truncated_image_is_judged_by_each_window_alone(tmp_path, data, rng):
    """Windows above the break can be read: whether they are must not depend
    on what was read before."""
    write_pictures(tmp_path, rng, 30, height=120, width=120)
    image = Image.fromarray(rng.integers(0, 256, (400, 400, 3), dtype=np.uint8))
    image.save(tmp_path / "0007.jpg", quality=90)
    whole = (tmp_path / "0007.jpg").read_bytes()
    (tmp_path / "0007.jpg").write_bytes(whole[: len(whole) // 2])
    data.crop_area = 0.05
    both = batches(tmp_path, data, 40)
    assert_same(both[20:], batches(tmp_path, data, 20, start=20))


def test_a_grey_crop_of_a_colourful_image_is_kept(tmp_path, data, rng):
    image = np.full([64, 64, 3], 128, np.uint8)
    image[0, 0] = [255, 0, 0]
    Image.fromarray(image).save(tmp_path / "dot.png")
    data.crop_area = 0.01
    listed = []
    reader = reader_of(tmp_path, data, report=lambda *line: listed.append(line))
    windows = [reader.try_read(0, rng.uniform(size=crops.NUMBERS)) for _ in range(9)]
    assert not listed
    assert any(np.ptp(window) == 0 for window in windows)


def test_more_than_5_percent_unreadable_is_an_error(tmp_path, data, rng):
    write_pictures(tmp_path, rng, 90)
    for i in range(10):
        (tmp_path / f"bad{i}.jpg").write_text("no picture")
    with pytest.raises(
        UsageError, match="images are unreadable, more than 5%; the last: bad"
    ):
        readers.probe(reader_of(tmp_path, data))
    reader = reader_of(tmp_path, data)
    numbers = np.full(crops.NUMBERS, 0.5)
    with pytest.raises(RunError, match="6 of 100 images are unreadable"):
        _ = [reader.try_read(i, numbers) for i in range(100)]


def test_a_folder_without_colour_is_an_error(tmp_path, data):
    for i in range(3):
        Image.new("RGB", (20, 20), (9 * i, 9 * i, 9 * i)).save(tmp_path / f"{i}.png")
    with pytest.raises(UsageError, match="none of the 3 images tried has colour"):
        readers.probe(reader_of(tmp_path, data))
    with pytest.raises(RunError, match="100 images in a row could not be used"):
        reader_of(tmp_path, data).read(0, 0, np.full(crops.NUMBERS, 0.5))


@pytest.mark.slow
def test_spread_bounds_are_right_for_every_colour():
    """LEAST_SPREAD and SURE_SPREAD decide without Lab: they must be right."""
    green, blue = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for red in range(0, 256, 5):
        rgb = np.stack([np.full_like(green, red), green, blue], -1).astype(np.uint8)
        spread = np.ptp(rgb, axis=-1)
        most = np.abs(lab.rgb_to_lab(rgb).numpy()[..., 1:]).max(-1)
        assert most[spread <= readers.LEAST_SPREAD].max() < readers.LEAST_COLOR
        assert most[spread >= readers.SURE_SPREAD].min() > readers.LEAST_COLOR


def test_has_color_is_the_largest_a_or_b(rng):
    for strength in (2, 5, 7, 9, 12, 40):
        image = np.full([30, 30, 3], 120, np.uint8)
        image[17, 5] = [120 + strength, 120, 120]
        most = np.abs(skimage.color.rgb2lab(image)[..., 1:]).max()
        assert readers.has_color(image) == (most > 5)
    # One pixel of 5.8 is enough among many of 3.1.
    image = np.full([30, 30, 3], 120, np.uint8)
    image[:, :15, 0] = 128
    assert not readers.has_color(image)
    image[17, 5, 0] = 135
    assert readers.has_color(image)


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        for key in ("l", "ab"):
            np.testing.assert_array_equal(one[key], other[key])
