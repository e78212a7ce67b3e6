import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import NAMES
from harness import toy_batch
from harness import toy_config

from tfcolor.images import degrade
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.training import build
from tfcolor.training import optimizers

# Compared as graphs, as runs are, over many steps; the others over a few
# without tracing, which takes longer.
TRACED = ("cgan", "robust_wgan", "wgan", "wgan_gp", "hinge")


def train(config, strategy, eager):
    with strategy.scope():
        trainer = build.trainer(config)
    trainer.run_eagerly = eager
    per_step = config.data.batch_size * trainer.n_critic
    steps = range(config.train.steps)
    many = [toy_batch(config, trainer.n_critic, seed) for seed in steps]
    joined = {key: np.concatenate([b[key] for b in many]) for key in many[0]}
    shape = len(next(iter(joined.values()))), degrade.INPUT_NUMBERS
    joined["numbers"] = np.random.default_rng(0).uniform(size=shape).astype("float32")
    if config.data.aging:
        joined["seeds"] = np.arange(2 * shape[0]).reshape(-1, 2)
    dataset = tf.data.Dataset.from_tensor_slices(joined).batch(per_step)
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    history = trainer.fit(dataset.with_options(options), epochs=1, verbose=0)
    assert trainer.step.numpy() == config.train.steps
    assert trainer.g_optimizer.iterations.numpy() == config.train.steps
    if "d" in trainer.networks():
        updates = config.train.steps * trainer.n_critic
        assert trainer.d_optimizer.iterations.numpy() == updates
    networks = [*trainer.networks().values(), trainer.average]
    for weight in trainer.average.weights:
        first, *others = strategy.experimental_local_results(weight.value)
        for other in others:
            np.testing.assert_array_equal(other, first)
    weights = [w.numpy() for network in networks for w in network.weights]
    return weights, history.history


@pytest.fixture(scope="session")
def mirrored():
    """One for the whole process, in whatever order its tests run: a second strategy
    over the same devices would confuse the collective operations of the first."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


# Whose steps are those of cgan or l1 with another formula of the loss.
ALIKE = ("dcgan", "lsgan", "l2")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ALIKE)))
def test_two_replicas_end_where_one_does(name, mirrored):
    config = toy_config(name)
    config.data.batch_size = 4
    config.train.steps = 20 if name in TRACED else 2
    config.data.image_size = 16
    if config.generator is not None:
        config.generator.depth = 2
        config.data.blur = config.data.erase = 0.5
        config.data.aging = 0.5 if name == "cgan" else 0.0
        config.generator.dropout = None  # its masks depend on the batch's shape
    if hasattr(config.loss, "warm_up"):
        config.loss.warm_up = 4
    eager = name not in TRACED
    one, logs_of_one = train(config, tf.distribute.get_strategy(), eager)
    two, logs_of_two = train(config, mirrored, eager)
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)
    expected = {"g/loss", "g/cycle" if name == "cyclegan" else "g/l1"}
    if config.discriminator is not None:
        expected |= {"d/loss", "g/adversarial"}
    assert expected <= logs_of_one.keys()
    assert all(np.isfinite(values).all() for values in logs_of_one.values())
    for key in {"d/loss", "g/loss", "g/l1"} & logs_of_one.keys():
        assert logs_of_one[key] == pytest.approx(logs_of_two[key], abs=1e-4)


@pytest.mark.slow
def test_gradients_are_summed_once_over_the_replicas(mirrored):
    """Plain descent, because Adam would hide a factor."""
    config = toy_config("cgan")
    config.data.batch_size, config.generator.norm = 4, "none"
    moved = []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        with strategy.scope():
            trainer = build.trainer(config)
            trainer.compile(
                g_optimizer=keras.optimizers.SGD(10.0),
                d_optimizer=keras.optimizers.SGD(1e-9),
            )
        before = [w.numpy() for w in trainer.generator.trainable_weights]
        dataset = tf.data.Dataset.from_tensor_slices(toy_batch(config, 1)).batch(4)
        trainer.fit(dataset, epochs=1, shuffle=False, verbose=0)
        after = [w.numpy() for w in trainer.generator.trainable_weights]
        moved.append([new - old for old, new in zip(before, after, strict=True)])
    for one, two in zip(*moved, strict=True):
        largest = np.abs(one).max()
        assert largest > 0
        np.testing.assert_allclose(one, two, rtol=0, atol=0.01 * largest)


def test_shares_of_the_rate_are_those_of_one_replica(mirrored):
    ends = []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        with strategy.scope():
            variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(2)]
            optimizer = optimizers.Adam(0.5, shares=[0.25, 1.0])
            optimizer.build(variables)
        share = tf.constant([3.0, -1.0]) / strategy.num_replicas_in_sync

        def step(optimizer=optimizer, share=share, variables=variables):
            optimizer.apply([share, share], variables)

        for _ in range(3):
            strategy.run(step)
        ends.append([v.numpy() for v in variables])
    np.testing.assert_allclose(*ends, rtol=1e-5)
    np.testing.assert_array_equal(ends[1][0], 0.25 * ends[1][1])


@pytest.mark.slow
def test_features_are_compared_as_of_one_batch(mirrored, monkeypatch):
    """Their magnitudes are of the images of all replicas."""
    monkeypatch.setattr(EfficientNetLite0, "load", lambda self, path: None)
    config = toy_config("l1")
    config.data.batch_size, config.train.steps = 4, 1
    config.loss.l1_weight, config.loss.perceptual_weight = 0.0, 100.0
    one, logs_of_one = train(config, tf.distribute.get_strategy(), eager=True)
    two, logs_of_two = train(config, mirrored, eager=True)
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)
    expected = logs_of_one["g/perceptual"]
    assert logs_of_two["g/perceptual"] == pytest.approx(expected, rel=1e-4)


def test_batch_must_be_divisible():
    config = toy_config("cgan")
    config.data.batch_size = 3
    with pytest.raises(ValueError, match="batch_size: 3 is not divisible by 2 repl"):
        build.check_replicas(config, 2)


def test_strategies(monkeypatch):
    made = []
    monkeypatch.setattr(
        tf.distribute, "MirroredStrategy", lambda *devices: made.append(devices)
    )
    train = toy_config("cgan").train
    assert build.strategy(train) is tf.distribute.get_strategy()
    train.strategy = "one"
    assert build.strategy(train) is tf.distribute.get_strategy()
    assert made == []
    train.strategy = "mirrored"
    build.strategy(train)
    train.cpu_replicas = 2
    build.strategy(train)
    assert made == [(), (["CPU:0", "CPU:1"],)]
