import numpy as np
import pytest
import skimage.color
import tensorflow as tf
from harness import picture
from PIL import Image

from tfcolor import streams
from tfcolor.color import lab
from tfcolor.config import validation
from tfcolor.data import crops
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import shuffle
from tfcolor.data import sources
from tfcolor.images import decode
from tfcolor.images import working


def reader_of(folder, data, seed=0, report=lambda name, reason: None):
    return readers.Reader(sources.open_source(str(folder)), data, seed, report)


def batches(folder, data, count, seed=0, **options):
    dataset = pipeline.training(reader_of(folder, data, seed), data, seed, **options)
    return list(dataset.take(count).as_numpy_iterator())


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        for key in ("l", "ab"):
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("crop", validation.CROPS)
def test_a_run_is_a_pure_function_of_its_seed(folder, data, crop):
    data.crop = crop
    first = batches(folder, data, 5)
    assert first[0]["l"].shape == (4, 16, 16, 1)
    assert first[0]["ab"].shape == (4, 16, 16, 2)
    assert_same(first, batches(folder, data, 5))
    assert np.abs(first[0]["l"] - batches(folder, data, 1, seed=1)[0]["l"]).max() > 0


def test_starting_at_step_s_continues_what_began_at_0(folder, data):
    assert_same(batches(folder, data, 7)[4:], batches(folder, data, 3, start=4))


def test_starting_far_on_costs_nothing(folder, data):
    assert len(batches(folder, data, 1, start=10**12)) == 1


def test_shards_together_are_the_whole(folder, data):
    whole = batches(folder, data, 3, n_critic=3)
    parts = [batches(folder, data, 3, n_critic=3, shard=i, shards=2) for i in range(2)]
    joined = [
        {key: np.concatenate([a[key], b[key]]) for key in a}
        for a, b in zip(*parts, strict=True)
    ]
    assert_same(whole, joined)


def test_each_epoch_is_a_permutation_of_its_own():
    numbers = [
        int(shuffle.file_number(tf.constant(i, tf.int64), 3, 11)) for i in range(33)
    ]
    epochs = [numbers[i : i + 11] for i in (0, 11, 22)]
    assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_no_order_comes_twice_in_600_epochs_and_400_seeds():
    """Of 1,000 images, the first six of each order."""
    count, places = 1000, tf.range(6, dtype=tf.int64)

    @tf.function
    def first(order):
        return tf.map_fn(
            lambda place: shuffle.file_number(
                order[0] * count + place, order[1], count
            ),
            places,
        )

    orders = [(epoch, 7) for epoch in range(600)]
    orders += [(0, seed) for seed in range(400) if seed != 7]
    orders += [(0, seed + streams.SCANS) for seed in range(0, 400, 8)]
    seen = {tuple(first(order).numpy()) for order in tf.constant(orders, tf.int64)}
    assert len(seen) == len(orders) == 1049


def test_values_are_the_lab_of_the_pictures(folder, data):
    """Without crop and flip, on pictures of the very size."""
    data.crop, data.flip, data.image_size = "center", False, 40
    source = sources.open_source(str(folder))
    labs = [skimage.color.rgb2lab(source.read(i)[:, 8:48]) for i in range(len(source))]
    batch = batches(folder, data, 1)[0]
    for l, ab in zip(batch["l"], batch["ab"], strict=True):
        found = np.concatenate([(l + 1) * lab.L_HALF, ab * lab.AB_MAX], -1)
        assert min(np.abs(found - expected).max() for expected in labs) < 2e-4


def test_flip_mirrors_about_half_of_the_examples(folder, data):
    data.crop = "center"
    flipped, plain = batches(folder, data, 8), None
    data.flip = False
    plain = batches(folder, data, 8)
    mirrored = 0
    for one, other in zip(flipped, plain, strict=True):
        for a, b in zip(one["ab"], other["ab"], strict=True):
            same, mirror = np.array_equal(a, b), np.array_equal(a, b[:, ::-1])
            assert same or mirror
            mirrored += mirror and not same
    assert 8 <= mirrored <= 24


def test_large_crops_are_averaged_before_they_are_interpolated(tmp_path, data):
    """A fine checkerboard of two colours has its mean colour from afar."""
    image = np.full([480, 480, 3], [200, 60, 60], np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = [60, 60, 200]
    Image.fromarray(image).save(tmp_path / "board.png")
    reader = reader_of(tmp_path, data)
    for batch in pipeline.training_crops(reader, data, 0).take(2).as_numpy_iterator():
        assert np.abs(batch["rgb"].astype(int) - [130, 60, 130]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("side", [64, 128, 256])
def test_training_validation_and_inference_see_the_same_lightness(data, side):
    """As sharp, by the energy of the Laplacian; of squares without loss the same
    but for rounding to 8 bits."""
    data.image_size, data.crop, data.flip, data.batch_size = side, "center", False, 8
    source = sources.open_source("sample")
    reader = readers.Reader(source, data, 0, None, colored=False)
    trained = next(iter(pipeline.training_crops(reader, data, 0)))["rgb"].numpy()
    validated = next(iter(pipeline.center_crops(source, data, 8, None)))["rgb"]
    pictures = [source.read(i, None, crops.center_box) for i in range(8)]
    seen = np.stack([working.reduced_lightness(x, side, side) for x in pictures])
    validated = lab.lightness(validated).numpy()
    order = [int(shuffle.file_number(tf.constant(i, tf.int64), 0, 8)) for i in range(8)]
    np.testing.assert_array_equal(lab.lightness(trained), validated[order])
    assert 0.97 < laplacian(seen).sum() / laplacian(validated).sum() < 1.03
    assert np.abs(laplacian(seen) / laplacian(validated) - 1.0).max() < 0.1
    squares = [source.names.index(name) for name in ("astronaut.png", "ihc.png")]
    np.testing.assert_allclose(seen[squares], validated[squares], atol=0.6)


def laplacian(planes):
    """Energy of the Laplacian of [N, H, W] planes: [N]."""
    middle = planes[:, 1:-1, 1:-1]
    beside = planes[:, 1:-1, :-2] + planes[:, 1:-1, 2:]
    above = planes[:, :-2, 1:-1] + planes[:, 2:, 1:-1]
    return ((beside + above - 4.0 * middle) ** 2).mean((1, 2))


def test_validation_shows_each_image_once_and_leaves_out_the_unreadable(folder, data):
    limited = pipeline.validation(sources.open_source(str(folder)), data, 3, None)
    limited = list(limited.as_numpy_iterator())
    assert [len(batch["l"]) for batch in limited] == [3]
    (folder / "bad.jpg").write_text("no picture")
    source = sources.open_source(str(folder))
    listed = []
    shown = pipeline.validation(source, data, 100, lambda *line: listed.append(line))
    shown = list(shown.as_numpy_iterator())
    assert [name for name, _ in listed] == ["bad.jpg"]
    assert [len(batch["l"]) for batch in shown] == [4, 4, 3]
    np.testing.assert_array_equal(limited[0]["ab"][0], shown[0]["ab"][0])


def test_validation_leaves_out_grey_squares(folder, data):
    """Grey, nearly grey, and grey where the square is."""
    source = sources.open_source(str(folder))
    expected = list(pipeline.validation(source, data, 100, None).as_numpy_iterator())
    pictures = {name: np.full((20, 60, 3), 90, np.uint8) for name in "abc"}
    pictures["b"][..., 1] += 2
    pictures["c"][:, :10] = (200, 20, 20)
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    listed, source = {}, sources.open_source(str(folder))
    shown = pipeline.validation(source, data, 100, listed.__setitem__)
    assert_same(list(shown.as_numpy_iterator()), expected)
    assert listed == {f"{name}.png": readers.GREY for name in "abc"}
    # Not where colour is not what is learned.
    squares = pipeline.center_crops(source, data, 100, None)
    assert sum(len(batch["rgb"]) for batch in squares) == len(source)


def test_memory_is_the_list_of_names(data):
    """A million images: no buffer is filled and no file is touched but those
    of the batch."""

    class Many:
        def __init__(self):
            self.read_numbers = []

        def __len__(self):
            return 1_000_000

        def name(self, i):
            return f"{i}.png"

        def read(self, i, side=None, window=None):
            self.read_numbers.append(i)
            image = picture(np.random.default_rng(i), 20, 20)
            return decode.cut(image, window(image.shape[:2]))

    many = Many()
    reader = readers.Reader(many, data, 0, lambda *line: None)
    batch = next(iter(pipeline.training(reader, data, 0, start=123_456)))
    assert batch["l"].shape == (4, 16, 16, 1)
    assert len(many.read_numbers) < 200
