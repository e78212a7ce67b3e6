"""Hints in training: simulation, networks, trainers."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import each
from harness import new_run
from harness import toy_batch
from harness import toy_config

from tfcolor import config as config_lib
from tfcolor.config import resolve
from tfcolor.data import datasets
from tfcolor.data import hints
from tfcolor.errors import UsageError
from tfcolor.inference import restore
from tfcolor.networks.hints import HintJoin
from tfcolor.networks.hints import pooled
from tfcolor.registry import GENERATORS
from tfcolor.training import build
from tfcolor.training import initial

SIZE = 40


def _numbers(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1, (count, hints.NUMBERS)).astype("float32")


def _ab(count, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, SIZE, SIZE, 2)).astype("float32")


def _second(ab, numbers):
    """The simulation of one example, patch by patch, as Zhang et al. describe it."""
    if numbers[0] < hints.ALL:
        return np.concatenate([ab, np.ones_like(ab[..., :1])], -1)
    sums = np.zeros((SIZE, SIZE, 3))
    count = 0
    if numbers[0] >= hints.STOP:
        count = 1 + math.floor(math.log(1 - numbers[1]) / math.log(7 / 8))
    sides, ys, xs = np.split(numbers[2:], 3)
    normal = np.vectorize(lambda u: float(tf.math.ndtri(np.float32(max(u, 1e-6)))))
    for k in range(min(count, hints.POINTS)):
        side = 1 + int(9 * sides[k])
        free = SIZE - side
        at = [
            int(np.clip(np.floor((free + 1) * (0.5 + 0.25 * normal(u))), 0, free))
            for u in (ys[k], xs[k])
        ]
        patch = slice(at[0], at[0] + side), slice(at[1], at[1] + side)
        sums[patch] += [*ab[patch].reshape(-1, 2).mean(0), 1.0]
    known = sums[..., 2:] > 0
    means = sums[..., :2] / np.maximum(sums[..., 2:], 1)
    return np.concatenate([means, known], -1)


def test_simulation_is_that_of_a_second_implementation():
    numbers, ab = _numbers(40), _ab(40)
    numbers[0, 0], numbers[1, 0] = 0.005, 0.05  # all, none
    found = hints.simulated(tf.constant(ab), tf.constant(numbers)).numpy()
    expected = np.stack([_second(*pair) for pair in zip(ab, numbers, strict=True)])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found[0, ..., 2] == 1).all()
    assert not found[1].any()


@pytest.mark.slow
def test_points_are_as_many_and_where_the_paper_has_them():
    numbers = _numbers(8000)
    ab = np.zeros((8000, SIZE, SIZE, 2), "float32")
    numbers[:, 2 : 2 + hints.POINTS] = 0.0  # every patch is one pixel
    mask = hints.simulated(tf.constant(ab), tf.constant(numbers)).numpy()[..., 2]
    share = mask.mean((1, 2))
    assert abs((share == 1).mean() - 0.01) < 0.005
    assert abs((share == 0).mean() - (1 / 8 - 0.01)) < 0.012
    counts = mask[(share > 0) & (share < 1)].sum((1, 2))
    assert abs((counts == 1).mean() - 1 / 8) < 0.015
    assert abs(counts.mean() - 8) < 0.4  # of the geometric law
    weight = mask[share < 1].sum(0)
    place = np.arange(SIZE)
    rows = weight.sum(1) / weight.sum()
    middle = (rows * place).sum()
    assert abs(middle - (SIZE - 1) / 2) < 0.3
    # A normal of deviation S/4, clipped at two deviations.
    assert 0.2 * SIZE < math.sqrt((rows * (place - middle) ** 2).sum()) < 0.26 * SIZE


def test_an_example_has_its_hints_whatever_else_the_batch_has():
    numbers, ab = _numbers(6), _ab(6)
    whole = hints.simulated(tf.constant(ab), tf.constant(numbers)).numpy()
    one = hints.simulated(tf.constant(ab[4:5]), tf.constant(numbers[4:5])).numpy()
    np.testing.assert_array_equal(whole[4:5], one)


@pytest.mark.slow
def test_pipeline_gives_the_same_pictures_and_hints_that_follow_from_the_example():
    config = toy_config("l1")
    plain = resolve(config)
    config.data.hints, config.data.batch_size = True, 4
    config = resolve(config)
    feed = datasets.dataset_of(config)
    batches = list(feed.training(config.data).take(3))
    later = next(iter(feed.training(config.data, start=2).take(1)))
    for name in ("l", "ab", "hints"):
        np.testing.assert_array_equal(batches[2][name], later[name])
    # A worker's half of the batch is half of the batch.
    half = next(iter(feed.training(config.data, shard=1, shards=2).take(1)))
    np.testing.assert_array_equal(batches[0]["hints"][2:], half["hints"])
    without = dataclasses.replace(config.data, hints=False)
    other = next(iter(feed.training(without).take(1)))
    assert set(other) == {"l", "ab"}
    np.testing.assert_array_equal(other["ab"], batches[0]["ab"])
    assert batches[0]["hints"].shape == (4, 32, 32, 3)
    assert "hints" not in feed.sample(config.data)
    assert plain.data.hints is False


def _toy(name, **settings):
    entry = GENERATORS[name]
    keras.utils.set_random_seed(0)
    network = entry.load()(**{**entry.toy, **settings})
    network.build((None, 64, 64, 1))
    return network


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("unet", {}),
        ("unet", {"head": "bins", "norm": "instance"}),
        ("colorful", {}),
        pytest.param("efficientnet", {"frozen_blocks": 3}, marks=pytest.mark.slow),
        ("efficientnet", {"head": "bins"}),
        pytest.param("resnet_unet", {"frozen": False}, marks=pytest.mark.slow),
    ],
)
def test_a_new_network_with_hints_is_the_one_without(name, settings):
    rng = np.random.default_rng(0)
    l = rng.uniform(-1, 1, (2, 64, 64, 1)).astype("float32")
    given = np.zeros((2, 64, 64, 3), "float32")
    given[:, 10:13, 20:22] = [0.3, -0.2, 1.0]
    expected = _toy(name, **settings)(l).numpy()
    network = _toy(name, **settings, hints=True)
    hinted, silent = (np.concatenate([l, x], -1) for x in (given, 0 * given))
    for x in (l, hinted, silent):
        np.testing.assert_array_equal(network(x), expected)
    # Once trained, hints count, and none changes nothing.
    for join in network.joins:
        kernel = join.convolution.kernel
        kernel.assign(rng.normal(0, 0.1, kernel.shape))
    np.testing.assert_array_equal(network(silent), expected)
    assert np.abs(network(hinted) - expected).max() > 1e-4
    np.testing.assert_allclose(
        network.folded()(hinted), network(hinted), atol=1e-5, rtol=1e-4
    )
    assert len(network.unhinted_weights()) == len(network.weights) - len(network.joins)


def test_frozen_encoders_learn_hints_on_the_way_up_alone():
    trained = {False: 5, True: 4}  # joins; the first layer's is one more
    for frozen, count in trained.items():
        network = _toy("efficientnet", frozen=frozen, hints=True)
        assert len(network.joins) == count
        encoder = {id(w) for w in network.encoder.weights}
        own = [w for join in network.joins for w in join.trainable_weights]
        assert len(own) == count
        assert not any(id(w) in encoder for w in own)


def test_cells_have_the_mean_of_what_is_known_in_them():
    given = np.zeros((1, 4, 4, 3), "float32")
    given[0, 0, 0] = [0.5, -0.25, 1.0]
    given[0, 1, 1] = [0.1, 0.25, 1.0]
    given[0, 3, 2] = [0.0, 0.0, 1.0]  # grey is a colour
    found = np.asarray(pooled(tf.constant(given), 2))
    np.testing.assert_allclose(found[0, 0], [[0.3, 0.0, 1.0], [0, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(found[0, 1], [[0, 0, 0], [0, 0, 1]])
    join = HintJoin(2, gain=3.0)
    x = np.ones((1, 2, 2, 1), "float32")
    np.testing.assert_array_equal(join(x, given), x)
    kernel = np.zeros((3, 3, 3, 1), "float32")
    kernel[1, 1, 0] = 1.0
    join.convolution.kernel.assign(kernel)
    np.testing.assert_allclose(join(x, given)[0, ..., 0], [[1.9, 1], [1, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    each(["l1", "classification", "wgan_gp", "robust_wgan", "ebgan", "uotm"], ["l1"]),
)
def test_every_objective_learns_from_hints(name):
    config = toy_config(name)
    config.data.hints = True
    trainer = build.trainer(resolve(config))
    batch = toy_batch(config, trainer.n_critic)
    given = np.zeros((*batch["l"].shape[:3], 3), "float32")
    given[:, 8:20, 8:20] = np.concatenate(
        [batch["ab"][:, 8:20, 8:20], np.ones_like(batch["l"][:, 8:20, 8:20])], -1
    )
    batch = {k: tf.constant(v) for k, v in {**batch, "hints": given}.items()}
    before = [join.convolution.kernel.numpy() for join in trainer.generator.joins]
    logs = trainer.train_step(batch)
    assert all(np.isfinite(value) for value in logs.values())
    for join, old in zip(trainer.generator.joins, before, strict=True):
        assert not np.array_equal(join.convolution.kernel, old)
    # Validation has no hints, and the pictures show lightness.
    del batch["hints"]
    assert np.isfinite(trainer.test_step(batch)["l1"])
    assert trainer.picture(batch).shape[-1] == 3


def test_hints_that_nothing_takes_are_refused():
    config = config_lib.of("cyclegan")
    config.data.hints = True
    with pytest.raises(UsageError, match="data.hints: True: not used by cyclegan"):
        resolve(config)
    config = config_lib.load("configs/experiments/line_art_unet.py")
    config.data.hints, config.data.scanner = True, ""
    with pytest.raises(UsageError, match="generator.head ab or bins, not"):
        resolve(config)


@pytest.mark.slow
def test_weights_without_hints_may_learn_them(tmp_path):
    run = new_run(toy_config("l1"), tmp_path / "run")
    old, _ = restore.of_run(run)
    config = toy_config("l1")
    config.train.init, config.data.hints = str(run), True
    config = resolve(config, initial=initial.adopting())
    trainer = build.trainer(config)
    initial.load(trainer, config)
    l = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    given = np.concatenate([l, np.ones((2, 32, 32, 3), "float32")], -1)
    for network in (trainer.generator, trainer.average):
        np.testing.assert_array_equal(network(given), old(l))
    # A run that goes on from one with hints has them too, unless it is told not to.
    hinted = new_run(config, tmp_path / "hinted")
    for given, expected in (({}, True), ({"data.hints": False}, False)):
        further = toy_config("l1")
        further.train.init = str(hinted)
        further = resolve(further, given, initial=initial.adopting())
        assert further.data.hints is expected
        trainer = build.trainer(further)
        initial.load(trainer, further)
        other, _ = restore.of_run(hinted)
        np.testing.assert_array_equal(trainer.generator(l), other(l))
        assert bool(trainer.generator.joins) is expected
