import shutil

import numpy as np
import pytest
import tensorflow as tf
from harness import AUGMENTED
from harness import assert_identical
from harness import config_of
from harness import eagerly
from PIL import Image

from tfcolor import streams
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.config import validation
from tfcolor.data import crops
from tfcolor.data import distortions
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.images import decode
from tfcolor.images import degrade
from tfcolor.training import loop


def batches(folder, data, count, seed=0, **options):
    source = sources.open_source(str(folder))
    reader = readers.Reader(source, data, seed, lambda name, reason: None)
    dataset = pipeline.training(reader, data, seed, **options)
    return list(dataset.take(count).as_numpy_iterator())


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


@pytest.mark.slow
def test_lightness_and_colour_turn_together(folder, data, rng):
    """The batch is the Lab of the distorted picture, and nothing else."""
    plain = batches(folder, data, 2)
    data.rotation, data.perspective = 40.0, 0.8
    found = batches(folder, data, 2)
    for step, (one, other) in enumerate(zip(plain, found, strict=True)):
        assert other.keys() == {"l", "ab"}
        rgb = gamut.picture(one["l"], one["ab"])
        seed, examples = streams.GEOMETRY, range(4 * step, 4 * step + 4)
        numbers = [tf.random.stateless_uniform([10], [seed, i]) for i in examples]
        rows = tf.stack([distortions.matrix(n, 16, 40.0, 0.8) for n in numbers])
        l, ab = lab.encode(distortions.warp(rgb, rows, "reflect"))
        np.testing.assert_allclose(other["l"], l, atol=1e-5)
        np.testing.assert_allclose(other["ab"], ab, atol=1e-5)
        assert np.abs(other["l"] - one["l"]).max() > 0.05


# l and a of some pixels: where these change, so does every run.
PIXELS = {
    "random_resized": (
        [0.25797, -0.07179, -0.16, 0.16823],
        [0.30652, 0.26661, -0.14763, -0.1529],
    ),
    "smart": (
        [0.25797, 0.17085, -0.16, 0.04983],
        [0.30652, 0.05539, -0.14763, 0.19971],
    ),
    "center": (
        [-0.08034, -0.06441, 0.12487, 0.17353],
        [-0.09097, 0.24272, -0.04313, 0.31579],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("crop", validation.CROPS)
def test_order_crops_and_flips_stay_as_they_were(tmp_path, data, crop):
    """Also where an input is to be degraded: that has numbers of its own."""
    rng = np.random.default_rng(0)
    for i in range(5):
        noise = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    data.crop = crop
    for data.blur, data.erase, data.aging in np.vstack([np.zeros(3), np.eye(3) / 2]):
        (batch,) = batches(tmp_path, data, 1, seed=3, start=7)
        assert ("numbers" in batch) == bool(data.blur or data.erase)
        assert ("seeds" in batch) == bool(data.aging)
        l, a = PIXELS[crop]
        np.testing.assert_allclose(batch["l"][:, 0, 0, 0], l, atol=2e-5)
        np.testing.assert_allclose(batch["ab"][:, -1, 3, 0], a, atol=2e-5)


@pytest.mark.slow
def test_an_example_is_the_same_in_every_batch_step_and_shard(folder, data):
    vars(data).update(AUGMENTED)
    whole = batches(folder, data, 6, n_critic=3)
    assert whole[0]["numbers"].shape == (12, degrade.INPUT_NUMBERS)
    assert whole[0]["l"].shape == (12, 16, 16, 1)
    assert_same(whole[3:], batches(folder, data, 3, n_critic=3, start=3))
    parts = [batches(folder, data, 2, n_critic=3, shard=i, shards=2) for i in range(2)]
    joined = [
        {key: np.concatenate([a[key], b[key]]) for key in a}
        for a, b in zip(*parts, strict=True)
    ]
    assert_same(whole[:2], joined)
    data.batch_size = 1
    alone = batches(folder, data, 24)
    for key, value in whole[0].items():
        one_by_one = np.concatenate([batch[key] for batch in alone])
        np.testing.assert_array_equal(value, one_by_one[:12], err_msg=key)
    seeds = np.concatenate([batch["seeds"] for batch in alone])
    np.testing.assert_array_equal(seeds, [[streams.AGING, i] for i in range(24)])
    numbers = np.concatenate([batch["numbers"] for batch in alone])
    assert len(np.unique(numbers)) == numbers.size
    assert (numbers >= 0).all()
    assert (numbers < 1).all()


def test_validation_is_never_distorted(folder, data):
    source = sources.open_source(str(folder))
    plain = list(pipeline.validation(source, data, 8, None).as_numpy_iterator())
    vars(data).update(AUGMENTED)
    assert_same(plain, list(pipeline.validation(source, data, 8, None)))


def strip(rng, size=(40, 200)):
    """Grey but for a square of noise at the far end."""
    image = np.full([*size, 3], 128, np.uint8)
    image[-40:, -40:] = rng.integers(0, 256, (40, 40, 3))
    return image


@pytest.mark.parametrize("upright", [False, True])
def test_a_panorama_is_cropped_where_its_colours_vary(tmp_path, data, rng, upright):
    image = strip(rng)
    Image.fromarray(image.swapaxes(0, 1) if upright else image).save(tmp_path / "0.png")
    source = sources.open_source(str(tmp_path))
    image = source.read(0)
    reader = readers.Reader(source, data, 0, None)
    data.image_size = 64  # windows come as they are cut
    colourful = {"smart": 0, "random": 0}
    for _ in range(60):
        numbers = rng.uniform(size=crops.NUMBERS)
        window = reader.try_read(0, numbers)
        box = crops.smart_box(image, numbers[:-1], data.crop_area)
        np.testing.assert_array_equal(window, decode.cut(image, box))
        random = crops.random_box(image.shape[:2], numbers[:4], data.crop_area)
        colourful["smart"] += window.var() > 0
        colourful["random"] += decode.cut(image, random).var() > 0
    assert colourful["smart"] > 1.5 * colourful["random"] > 0


@pytest.mark.parametrize("size", [(40, 80), (80, 40), (40, 56)])
def test_a_picture_of_ordinary_aspect_is_cropped_anywhere(tmp_path, data, rng, size):
    Image.fromarray(strip(rng, size)).save(tmp_path / "0.png")
    source, asked = sources.open_source(str(tmp_path)), []
    data.image_size = 64

    class Spy(sources.Part):
        def read(self, i, side=None, window=None):
            asked.append(window and window(size))
            return super().read(i, side, window)

    reader = readers.Reader(Spy(source, [0]), data, 0, None)
    for _ in range(20):
        numbers = rng.uniform(size=crops.NUMBERS)
        box = crops.random_box(size, numbers[:4], data.crop_area)
        window = reader.try_read(0, numbers)
        assert box in asked  # no more than that is decoded
        np.testing.assert_array_equal(window, decode.cut(source.read(0), box))


@pytest.mark.slow
def test_a_run_with_everything_on_resumes_to_the_last_bit(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    config = config_of("cgan", steps=3, keep_checkpoints=3, checkpoint_every=1)
    vars(config.data).update(AUGMENTED)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    loop.train(config, whole)
    shutil.copytree(whole, parts)
    for path in (parts / "checkpoints").glob("step-3*"):
        path.unlink()
    loop.train(config, parts)
    assert_identical(whole, parts)
    config.data.rotation = 10.0
    with pytest.raises(UsageError, match=r"data.rotation: 20.0 -> 10.0"):
        loop.train(config, parts)
