"""From coloured drawings to scans without pairs."""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from harness import check_network
from harness import convolution_size
from harness import toy_batch
from harness import toy_config
from harness import trainable_size
from harness import write_pictures
from PIL import Image

from tfcolor.color import lab
from tfcolor.data import datasets
from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.networks import Translator
from tfcolor.networks.translator import Reflected
from tfcolor.trainers.pool import ImagePool
from tfcolor.training import build


def images(*values):
    return tf.reshape(tf.constant(values, tf.float32), [-1, 1, 1, 1])


def numbers(found):
    return found.numpy().ravel().tolist()


def test_pool_hands_back_what_it_takes_in_until_it_is_full():
    pool = ImagePool(4, (1, 1, 1), seed=0)
    assert numbers(pool.exchange(images(1, 2, 3), 0)) == [1, 2, 3]
    # The last of these finds no free place, and nothing old is given for it.
    assert numbers(pool.exchange(images(4, 5, 6), 1)) == [4, 5, 6]
    assert sorted(numbers(pool.images)) == [1, 2, 3, 4]
    assert int(pool.count) == 4


def test_pool_gives_an_old_image_for_every_other_new_one():
    """What is handed back and what is held are together what was there before
    and what came; half of the images are exchanged."""
    pool, exchanged = ImagePool(6, (1, 1, 1), seed=3), 0
    pool.exchange(images(*range(6)), 0)
    for step in range(1, 200):
        new = [10 * step + i for i in range(4)]
        before = numbers(pool.images)
        found = numbers(pool.exchange(images(*new), step))
        assert sorted(found + numbers(pool.images)) == sorted(before + new)
        for wanted, got in zip(new, found, strict=True):
            assert got == wanted or got in before
        exchanged += sum(got not in new for got in found)
    assert exchanged / (199 * 4) == pytest.approx(0.5, abs=0.05)


def test_pool_is_a_function_of_seed_and_step():
    first, second = ImagePool(3, (1, 1, 1), 0), ImagePool(3, (1, 1, 1), 0)
    other = ImagePool(3, (1, 1, 1), 1)
    found = [[], [], []]
    for step in range(20):
        batch = images(step, step + 0.5)
        for pool, kept in zip((first, second, other), found, strict=True):
            kept += numbers(pool.exchange(batch, step))
    assert found[0] == found[1] != found[2]


def test_batches_larger_than_the_pool_and_none_at_all():
    pool = ImagePool(2, (1, 1, 1), 0)
    pool.exchange(images(1, 2), 0)
    found = numbers(pool.exchange(images(3, 4, 5, 6), 1))
    assert found[2:] == [5, 6]
    assert numbers(ImagePool(0, (1, 1, 1), 0).exchange(images(7), 0)) == [7]
    with pytest.raises(ValueError, match="loss.pool: -1 must not be negative"):
        ImagePool(-1, (1, 1, 1), 0)


def test_translator_has_the_published_layers(tmp_path):
    network = Translator(3, 1, width=8, blocks=2, norm="instance")
    check_network(network, (2, 16, 24, 3), (2, 16, 24, 1), tmp_path)
    expected = (
        convolution_size(3, 8, 7)
        + convolution_size(8, 16, 3)
        + convolution_size(16, 32, 3)
        + 4 * convolution_size(32, 32, 3)
        # Pixel shuffle: four times the channels, a bias, then a norm.
        + convolution_size(32, 64, 3, norm=False)
        + 2 * 16
        + convolution_size(16, 32, 3, norm=False)
        + 2 * 8
        + convolution_size(8, 1, 7, norm=False)
    )
    assert trainable_size(network) == expected


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_padded_by_reflection(stride, rng):
    """Against SciPy, whose "mirror" does not repeat the edge either."""
    block = Reflected(1, 3, stride=stride)
    block.build((None, 8, 10, 1))
    x = rng.normal(size=(8, 10)).astype(np.float32)
    kernel = rng.normal(size=(3, 3)).astype(np.float32)
    block.convolution.set_weights([kernel[..., None, None], np.zeros(1)])
    expected = scipy.ndimage.correlate(x, kernel, mode="mirror")[::stride, ::stride]
    found = block(x[None, ..., None]).numpy()[0, ..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert block.compute_output_shape((None, 8, 10, 1))[1:3] == expected.shape


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "scanner.width: 0 must be at least 1"),
        ({"blocks": -1}, "scanner.blocks: -1 must be at least 0"),
        ({"norm": "layer"}, "scanner.norm: 'layer' is not one of"),
    ],
)
def test_bad_translator_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Translator(3, 1, **settings)


def test_step_is_that_of_the_paper():
    """The losses of one step, computed a second time with Keras' own: G first,
    then D on the same fakes, as the pool is not full."""
    config = toy_config("cyclegan")
    trainer, twin = build.trainer(config), build.trainer(config)
    batch = {key: tf.constant(x) for key, x in toy_batch(config, 1).items()}
    logs = trainer.train_step(batch)
    rgb, scan = batch["rgb"], batch["scan"]
    square, absolute = keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()
    fake_scan, fake_rgb = twin.scanner(rgb), twin.colorist(scan)

    def judged(network, x, label):
        y = network(x)
        return square(tf.fill(y.shape, label), y)

    adversarial = judged(twin.scan_discriminator, fake_scan, 1.0) + judged(
        twin.color_discriminator, fake_rgb, 1.0
    )
    cycle = absolute(rgb, twin.colorist(fake_scan)) + absolute(
        scan, twin.scanner(fake_rgb)
    )
    identity = absolute(scan, twin.scanner(tf.concat([scan] * 3, -1)))
    g_loss = adversarial + 10.0 * cycle + 5.0 * identity
    d_loss = 0.5 * (
        judged(twin.scan_discriminator, scan, 1.0)
        + judged(twin.scan_discriminator, fake_scan, 0.0)
        + judged(twin.color_discriminator, rgb, 1.0)
        + judged(twin.color_discriminator, fake_rgb, 0.0)
    )
    assert float(logs["g/loss"]) == pytest.approx(float(g_loss), rel=1e-5)
    assert float(logs["d/loss"]) == pytest.approx(float(d_loss), rel=1e-5)
    np.testing.assert_array_equal(trainer.scan_pool.images[:2], fake_scan)


def test_batches_are_drawings_and_scans_of_others():
    config = toy_config("cyclegan")
    config.data.flip, config.data.crop = False, "center"
    feed = datasets.dataset_of(config)
    batches = list(feed.training(config.data).take(3).as_numpy_iterator())
    rgb, scan = (np.concatenate([b[name] for b in batches]) for name in ("rgb", "scan"))
    l = lab.encode((rgb + 1.0) / 2.0)[0].numpy()
    # Not the scans of the same drawings: their lines would be dark there too.
    assert (l[scan < -0.5] < 0.0).mean() < 0.9
    assert scan.mean((1, 2, 3)).min() > 0.3  # paper
    assert len(feed.scans) + len(feed.held_out_scans) == 100_000


def test_sets_of_one_size_are_not_paired(tmp_path, rng):
    """Eleven pictures as drawings and as scans: in no epoch do many meet
    themselves."""
    config = toy_config("cyclegan")
    config.data.flip, config.data.crop, config.data.validation = False, "center", "none"
    for i in range(11):
        colour = np.full([40, 40, 3], rng.integers(0, 256, 3), np.uint8)
        Image.fromarray(colour).save(tmp_path / f"{i}.png")
    config.data.source = config.data.scans = str(tmp_path)
    config.data.batch_size = 11
    feed = datasets.dataset_of(config)
    feed.scans = feed.source  # none of them held out
    for batch in feed.training(config.data).take(5):
        l = lab.encode((batch["rgb"] + 1.0) / 2.0)[0][:, 0, 0, 0]
        scan = batch["scan"][:, 0, 0, 0]
        np.testing.assert_allclose(np.sort(l), np.sort(scan), atol=0.02)
        assert (np.abs(l - scan) < 0.02).sum() < 5


def test_every_held_out_drawing_is_validated_on_however_few_scans_there_are():
    config = toy_config("cyclegan")
    feed = datasets.dataset_of(config)
    feed.held_out_scans = sources.open_source("drawings:test_scans")
    feed.held_out_scans.count = 3
    batches = list(feed.validation(config.data, 10))
    scans = np.concatenate([batch["scan"] for batch in batches])
    assert len(scans) == sum(len(batch["rgb"]) for batch in batches) == 10
    np.testing.assert_array_equal(scans[3:6], scans[:3])


@pytest.mark.slow
def test_without_identity_weight_the_step_has_no_such_term():
    config = toy_config("cyclegan")
    config.loss.identity_weight = 0.0
    trainer = build.trainer(config)
    logs = trainer.train_step(toy_batch(config, 1))
    assert float(logs["g/identity"]) == 0.0
    expected = 2.0 * logs["g/adversarial"] + 10.0 * logs["g/cycle"]
    assert float(logs["g/loss"]) == pytest.approx(float(expected), rel=1e-6)


def test_a_tint_of_the_paper_is_no_colour(tmp_path, rng):
    config = toy_config("cyclegan")
    paper = np.full([40, 40, 3], (250, 235, 200), np.uint8)
    paper[10:12] = 20
    for i in range(3):
        Image.fromarray(paper).save(tmp_path / f"paper{i}.png")
    config.data.scans = str(tmp_path)
    datasets.dataset_of(config).probe(config.data)
    # Nor is it for those that are to be drawings, of which half must have some.
    config.data.source, config.data.validation = str(tmp_path), "none"
    for count in (0, 2):
        write_pictures(tmp_path, rng, count)
        message = f"--data: 3 of {3 + count} images tried are grey or of one tint"
        with pytest.raises(UsageError, match=message):
            datasets.dataset_of(config).probe(config.data)
    write_pictures(tmp_path, rng, 3)
    datasets.dataset_of(config).probe(config.data)


@pytest.mark.slow
def test_bad_input_of_cyclegan_ends_before_the_run(tmp_path, rng, call):
    colors = write_pictures(tmp_path / "colors", rng, 4)
    scans = tmp_path / "scans"
    scans.mkdir()
    for i in range(4):
        grey = rng.integers(0, 256, (40, 40), dtype=np.uint8)
        Image.fromarray(grey).save(scans / f"{i}.png")
    for arguments, message in (
        ((colors, colors), "data.scans: 3 of 3 images tried are coloured"),
        ((scans, scans), "images tried has colour"),
        ((colors, scans, "--config.data.scanner=x"), "data.scanner: x: not used by"),
        (
            (colors, scans, "--config.loss.cycle_weight=nan"),
            "loss.cycle_weight: nan is not a finite number",
        ),
        ((colors, tmp_path / "none"), "no such folder"),
        ((colors, scans, "--config.loss.pool=-1"), "loss.pool: -1 must not be"),
        ((colors, scans, "--config.data.blur=0.5"), "data.blur: 0.5: not used by"),
        ((colors, ""), "data.scans is missing"),
    ):
        data, scan, *more = arguments
        done = call(
            "train",
            "--loss=cyclegan",
            "--smoke",
            f"--data={data}",
            f"--config.data.scans={scan}",
            f"--workdir={tmp_path / 'run'}",
            *more,
        )
        assert done.returncode == 2, message
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
