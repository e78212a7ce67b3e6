import shutil

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from harness import AUGMENTED
from harness import COLORIZERS
from harness import assert_identical
from harness import config_of
from harness import eagerly
from harness import toy_batch
from harness import toy_config
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
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
from tfcolor.images import aging
from tfcolor.images import decode
from tfcolor.images import degrade
from tfcolor.training import build
from tfcolor.training import loop


@pytest.fixture
def data():
    return config_lib.Data(image_size=16, batch_size=4)


@pytest.fixture
def folder(tmp_path, rng):
    return write_pictures(tmp_path / "pictures", rng, 11)


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


def middle():
    """Numbers that distort nothing."""
    numbers = np.full(distortions.MATRIX_NUMBERS, 0.5, np.float32)
    numbers[1] = 0.0  # a perspective, of no strength
    return numbers


def turned(rgb, degrees, fill="reflect"):
    numbers = middle()
    numbers[0] = 1.0
    row = distortions.matrix(tf.constant(numbers), rgb.shape[1], degrees, 0.0)
    return distortions.warp(rgb, row[tf.newaxis], fill).numpy()


def smooth(rng, side, count=1):
    image = rng.uniform(0, 255, (count, side, side, 3))
    image = scipy.ndimage.gaussian_filter(image, (0, side / 16, side / 16, 0))
    image = (image - image.min()) * (255 / np.ptp(image))
    return image.astype(np.uint8)


def test_middle_numbers_change_nothing(rng):
    for side in (7, 16, 64):
        rgb = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
        row = distortions.matrix(tf.constant(middle()), side, 45.0, 1.0)
        np.testing.assert_array_equal(row, np.float32([1, 0, 0, 0, 1, 0, 0, 0]))
        for fill in validation.FILLS:
            seen = distortions.warp(rgb, tf.stack([row, row]), fill)
            np.testing.assert_array_equal(seen, rgb)


def test_a_pixel_turns_counter_clockwise_to_where_it_should(rng):
    """(row 2, column 7) of 11x11 is 2 right of and 3 above the middle: a quarter
    turn takes it 3 left of and 2 above it."""
    rgb = np.zeros([1, 11, 11, 3], np.uint8)
    rgb[0, 2, 7] = [200, 100, 50]
    seen = turned(rgb, 90.0)
    np.testing.assert_array_equal(seen[0, 3, 2], [200, 100, 50])
    assert seen.sum() == 350
    rgb = rng.integers(0, 256, (1, 12, 12, 3), dtype=np.uint8)
    np.testing.assert_array_equal(turned(rgb, 90.0), np.rot90(rgb, 1, (1, 2)))


@pytest.mark.parametrize("degrees", [7.0, 30.0, 45.0])
def test_rotation_is_that_of_scipy(rng, degrees):
    rgb = smooth(rng, 64)
    seen = turned(rgb, degrees)[0].astype(float)
    expected = scipy.ndimage.rotate(
        rgb[0].astype(float), degrees, reshape=False, order=1, mode="reflect"
    )
    assert np.abs(seen - expected)[1:-1, 1:-1].mean() < 0.6
    assert np.abs(seen - rgb[0]).mean() > 5


@pytest.mark.parametrize("degrees", [0.0, 20.0])
def test_perspective_takes_corners_to_where_the_numbers_say(rng, degrees):
    """By hand, and as the operation under Keras' RandomPerspective maps them."""
    side, strength = 33, 0.8
    numbers = rng.uniform(size=distortions.MATRIX_NUMBERS).astype(np.float32)
    numbers[:2] = 1.0, 0.0
    row = distortions.matrix(tf.constant(numbers), side, degrees, strength).numpy()
    a, b, c = np.append(row.astype(float), 1.0).reshape(3, 3)
    corners = np.array([[0, 0], [32, 0], [32, 32], [0, 32]], float)
    shifts = (2 * numbers[2:].reshape(4, 2) - 1) * strength / 4 * 32
    points = np.column_stack([corners, np.ones(4)])
    found = np.column_stack([points @ a, points @ b]) / (points @ c)[:, None]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    shown = (corners + shifts - 16) @ [[cos, sin], [-sin, cos]] + 16
    np.testing.assert_allclose(found, shown, atol=1e-3)

    rgb = smooth(rng, side)
    seen = distortions.warp(rgb, row[None], "white")
    expected = keras.ops.image.perspective_transform(
        tf.cast(rgb, tf.float32),
        tf.constant(shown, tf.float32),
        tf.constant(corners, tf.float32),
        fill_value=255.0,
    )
    assert np.abs(tf.cast(seen, tf.float32) - expected).max() <= 1.0


def test_perspective_stays_in_front_of_the_horizon(rng):
    """K of every corner is positive, at every strength, and every other image
    has none."""
    corners = np.array([[0, 0, 1], [31, 0, 1], [31, 31, 1], [0, 31, 1]])
    none = 0
    for _ in range(400):
        numbers = rng.uniform(size=distortions.MATRIX_NUMBERS).astype(np.float32)
        numbers[2:] = np.where(rng.uniform(size=8) < 0.5, 0.02, 0.98)
        row = distortions.matrix(tf.constant(numbers), 32, 0.0, 1.0).numpy()
        assert (corners @ np.append(row[6:], 1.0)).min() > 0
        none += np.array_equal(row, np.float32([1, 0, 0, 0, 1, 0, 0, 0]))
    assert 160 < none < 240


@pytest.mark.parametrize("fill", validation.FILLS)
def test_beyond_the_edge_is_white_or_the_mirrored_picture(fill):
    rgb = np.full([1, 32, 32, 3], [40, 160, 90], np.uint8)
    seen = turned(rgb, 45.0, fill)
    np.testing.assert_array_equal(seen[0, 16, 16], [40, 160, 90])
    if fill == "white":
        np.testing.assert_array_equal(seen[0, 0, 0], 255)
        assert 0.1 < (seen == 255).all(-1).mean() < 0.2
    else:
        np.testing.assert_array_equal(seen, rgb)


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


def degraded(rng, count, blur, erase, side=32):
    l = rng.uniform(-1, 1, (count, side, side, 1)).astype(np.float32)
    numbers = rng.uniform(size=(count, degrade.INPUT_NUMBERS)).astype(np.float32)
    return l, degrade.degrade(l, tf.constant(numbers), blur, erase).numpy(), numbers


def test_blur_keeps_the_mean_and_lowers_the_variance(rng):
    l, seen, numbers = degraded(rng, 600, 0.3, 0.0)
    chosen = numbers[:, 0] < 0.3
    np.testing.assert_array_equal(seen[~chosen], l[~chosen])
    np.testing.assert_allclose(
        seen[chosen].mean((1, 2, 3)), l[chosen].mean((1, 2, 3)), atol=1e-6
    )
    # What is left of white noise is the sum of the kernel's squares.
    for kernel, sigma, half in ((3, 0.8, 0.0), (5, 1.1, 0.5)):
        weights = np.exp(-0.5 * ((np.arange(kernel) - kernel // 2) / sigma) ** 2)
        left = ((weights / weights.sum()) ** 2).sum() ** 2
        these = chosen & (numbers[:, 1] >= half) & (numbers[:, 1] < half + 0.5)
        inside = seen[these][:, 2:-2, 2:-2].var() / l.var()
        assert inside == pytest.approx(left, rel=0.05)
        one = degrade.blurred(l[:1], np.full([1, 1, 1, 1], half, np.float32))
        expected = scipy.ndimage.gaussian_filter(
            l[0, :, :, 0], sigma, mode="reflect", radius=kernel // 2
        )
        np.testing.assert_allclose(one[0, :, :, 0], expected, atol=1e-6)


def test_shares_of_the_inputs_are_as_set(rng):
    """Within four standard deviations of the binomial."""
    for setting, share in (("blur", 0.25), ("erase", 0.5), ("erase", 0.1)):
        shares = {"blur": 0.0, "erase": 0.0, setting: share}
        l, seen, _ = degraded(rng, 1500, **shares)
        found = (l != seen).any((1, 2, 3)).mean()
        assert abs(found - share) < 4 * (share * (1 - share) / 1500) ** 0.5
    l, seen, _ = degraded(rng, 200, 0.0, 1.0)
    assert (l != seen).any((1, 2, 3)).all()


def test_erased_rectangles_are_of_the_published_size(rng):
    l, seen, numbers = degraded(rng, 400, 0.0, 1.0, side=64)
    gone = (l != seen)[..., 0]
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    np.testing.assert_array_equal(gone.sum((1, 2)), heights * widths)
    areas = gone.mean((1, 2))
    # A side is up to a pixel longer or shorter than the share of it.
    assert 0.003 < areas.min() < 0.008
    assert 0.09 < areas.max() < 0.112
    assert areas.mean() == pytest.approx(0.0525, rel=0.08)
    expected = 0.005 + 0.095 * numbers[:, 3]
    np.testing.assert_allclose(areas, expected, atol=0.012)
    aspects = np.log(heights / widths)
    assert np.abs(aspects).max() < np.log(1 / 0.3) + 0.3
    assert abs(aspects.mean()) < 0.12
    for image, where, number in zip(seen, gone, numbers[:, 7], strict=True):
        np.testing.assert_allclose(image[where], 2 * number - 1, atol=1e-6)
    for edge in (gone[:, 0], gone[:, -1], gone[:, :, 0], gone[:, :, -1]):
        assert 0 < edge.any(1).mean() < 0.15


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


@pytest.mark.parametrize("name", COLORIZERS)
def test_every_step_degrades_its_input_and_not_its_truth(name, rng):
    config = toy_config(name, ema_decay=0.0)
    config.data.blur = config.data.erase = config.data.aging = 0.5
    trainer = build.trainer(config)
    settings = type(trainer).from_config(trainer.get_config()).get_config()
    assert [settings[name] for name in ("blur", "erase", "aging")] == [0.5] * 3
    n = trainer.n_critic
    batch = toy_batch(config, n)
    numbers = rng.uniform(size=(len(batch["l"]), degrade.INPUT_NUMBERS))
    batch["numbers"] = np.float32(numbers)
    batch["seeds"] = np.arange(2 * len(numbers)).reshape(-1, 2)
    expected = aging.age(batch["l"], batch["seeds"], 0.5)
    expected = degrade.degrade(expected, batch["numbers"], 0.5, 0.5)
    assert np.abs(expected - batch["l"]).max() > 0.1
    inputs, truths = [], []
    color, reconstruction = trainer.color, trainer.reconstruction
    trainer.color = lambda l: inputs.append(l) or color(l)
    trainer.reconstruction = lambda l, ab, *rest: (
        truths.append(ab) or reconstruction(l, ab, *rest)
    )
    trainer.train_step({key: tf.constant(value) for key, value in batch.items()})
    for k in range(n):
        np.testing.assert_array_equal(inputs[k], expected[k::n])
    np.testing.assert_array_equal(truths[0], batch["ab"][n - 1 :: n])
    np.testing.assert_array_equal(inputs[-1], inputs[n - 1])


def test_validation_steps_see_what_is_given():
    config = toy_config("l1")
    config.data.blur = config.data.erase = config.data.aging = 1.0
    batch = toy_batch(config, 1)
    l, ab = build.trainer(config).pair(batch)
    assert l is batch["l"]
    assert ab is batch["ab"]


def test_a_run_with_everything_on_resumes_to_the_last_bit(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    config = config_of("cgan", steps=6, keep_checkpoints=3)
    vars(config.data).update(AUGMENTED)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    loop.train(config, whole)
    shutil.copytree(whole, parts)
    for path in (parts / "checkpoints").glob("step-6*"):
        path.unlink()
    loop.train(config, parts)
    assert_identical(whole, parts)
    config.data.rotation = 10.0
    with pytest.raises(UsageError, match=r"data.rotation: 20.0 -> 10.0"):
        loop.train(config, parts)
