"""Images that stay in memory: the same bits, decoded once."""

import logging

import numpy as np
import pytest
from harness import picture
from PIL import Image

from tfcolor.config import Data
from tfcolor.data import cache
from tfcolor.data import crops
from tfcolor.data import datasets
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.images.decode import Unreadable


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures: JPEG, one that EXIF turns, PNG, and one that is broken."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    for number in range(4):
        Image.fromarray(picture(rng, 150, 200)).save(root / f"{number}.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(picture(rng, 90, 150)).save(root / "4.jpg", exif=turned)
    Image.fromarray(picture(rng, 70, 60)).save(root / "5.png")
    (root / "6.jpg").write_bytes(b"\xff\xd8broken")
    return root


class Counted:
    """A source that counts what is read of it."""

    def __init__(self, folder):
        self.source, self.reads = sources.open_source(f"folder:{folder}"), []

    def __len__(self):
        return len(self.source)

    def name(self, i):
        return self.source.name(i)

    def read(self, i, side=None, window=None):
        self.reads.append(i)
        return self.source.read(i, side, window)


def reader_of(source, data):
    images = cache.of(source, readers.needed_side(data), data.cache)
    return readers.Reader(source, data, 3, lambda *_: None, images=images)


@pytest.mark.parametrize("crop", ["random_resized", "center", "smart"])
def test_batches_are_those_without_it_to_the_bit_also_from_the_middle(
    folder, crop, monkeypatch
):
    monkeypatch.setattr(readers, "UNREADABLE", 0.5)
    batches = {}
    for choice in ("none", "memory"):
        data = Data(crop=crop, image_size=32, batch_size=4, cache=choice)
        for start in (0, 2):
            reader = reader_of(Counted(folder), data)
            found = pipeline.training_crops(reader, data, 3, start=start)
            found = [batch["rgb"].numpy() for batch in found.take(6 - start)]
            batches[choice, start] = np.stack(found)
    wanted = batches["none", 0]
    assert wanted.std() > 10
    np.testing.assert_array_equal(batches["memory", 0], wanted)
    np.testing.assert_array_equal(batches["memory", 2], wanted[2:])


def test_an_image_is_decoded_once(folder):
    source = Counted(folder)
    images = cache.Cache(source, 40)
    for window in (None, crops.center_box, lambda size: (3, 5, 20, 30)):
        for number in range(6):
            image = images.read(number, window)
            wanted = source.source.read(number, 40, window)
            np.testing.assert_array_equal(image, wanted)
    assert sorted(source.reads) == list(range(6))
    for _ in range(2):
        with pytest.raises(Unreadable):
            images.read(6)
    assert source.reads[6:] == [6, 6]


def test_auto_keeps_what_is_small_enough_and_says_so(folder, monkeypatch, caplog):
    source = sources.open_source(f"folder:{folder}")
    side = 75  # half of what the four first are; the broken one counts as the others
    shapes = [(75, 100)] * 4 + [(150, 90), (70, 60)]
    wanted = int(3 * sum(h * w for h, w in shapes) / 6 * 7)
    assert cache.bytes_of(source, side) == wanted
    with caplog.at_level(logging.INFO, "tfcolor"):
        for limit, kept in ((wanted, True), (wanted - 1, False)):
            monkeypatch.setattr(cache, "LIMIT", limit)
            assert (cache.of(source, side, "auto") is not None) == kept
        assert cache.of(source, side, "none") is None
        assert len(caplog.messages) == 1
        assert cache.of(source, side, "memory") is not None
    text = f"data.cache: 7 images stay in memory once decoded, about {wanted / 1e6:.0f}"
    assert [message.startswith(text) for message in caplog.messages] == [True, True]


@pytest.mark.parametrize("choice", ["none", "memory"])
def test_runs_have_what_their_config_says(folder, choice, monkeypatch):
    from tfcolor import config as config_lib

    config = config_lib.of("l1")
    config.data.source, config.data.cache = f"folder:{folder}", choice
    dataset, made = datasets.dataset_of(config), []
    monkeypatch.setattr(
        pipeline, "training", lambda reader, *args, **kwargs: made.append(reader)
    )
    dataset.training(config.data)
    assert (made[0].images is not None) == (choice == "memory")
