import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import COLORIZERS
from harness import NAMES
from harness import config_path
from harness import each
from harness import fit
from harness import toy_batch
from harness import toy_config
from harness import weights_of

from tfcolor import config as config_lib
from tfcolor.config import smoke
from tfcolor.config import validation
from tfcolor.training import build
from tfcolor.training.optimizers import ConstantThenLinear

GANS = [name for name in NAMES if config_lib.load(config_path(name)).discriminator]


EXPERIMENTS = sorted((config_lib.CONFIGS / "experiments").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_published_experiments_take_a_step(path):
    config = config_lib.load(path)
    validation.check(config)
    text = path.read_text()
    assert f"bin/train --config=configs/experiments/{path.name}" in text
    small = smoke.smoke(config)
    if hasattr(small.loss, "n_critic"):
        small.loss.n_critic = 2
    assert small.data.source in ("sample", "drawings")  # both without a download
    trainer = build.trainer(small)
    logs = fit(trainer, toy_batch(small, trainer.n_critic), 1)
    assert all(np.isfinite(values).all() for values in logs.values())


# Of those with a large encoder each once.
COMBINATIONS = [
    ("resnet_unet", "bins"),
    ("resnet_unet", "ab"),
    ("efficientnet", "bins"),
    ("efficientnet", "ab"),
    *[("unet", "bins"), ("colorful", "ab"), ("colorful", "bins")] * 3,
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "generator", "head"),
    [
        (name, *COMBINATIONS[i % len(COMBINATIONS)])
        for i, name in enumerate(sorted({*COLORIZERS} - {"classification"}))
    ],
)
def test_objectives_take_any_generator_and_head(name, generator, head):
    """Each objective with one, and each combination once at least: the losses are
    finite, and the generator gets a gradient."""
    keep = {"generator.name": generator, "generator.head": head}
    config = smoke.smoke(config_lib.load(config_path(name)), keep)
    config.train.ema_decay = 0.0
    if hasattr(config.loss, "n_critic"):
        config.loss.n_critic = 1
    trainer = build.trainer(config)
    logs = fit(trainer, toy_batch(config, trainer.n_critic), 1)
    assert all(np.isfinite(values).all() for values in logs.values())
    assert logs["g/gradient_norm"][0] > 0


@pytest.mark.parametrize("name", each(GANS))
def test_each_network_moves_by_its_own_optimizer_only(name):
    config = toy_config(name)
    config.data.image_size = 16
    if hasattr(config.loss, "warm_up"):
        config.loss.warm_up = 0
    trainer = build.trainer(config)
    networks, optimizers = trainer.networks(), trainer.optimizers()
    assert optimizers.keys() == networks.keys()
    batch = toy_batch(config, trainer.n_critic)
    batch = {key: tf.constant(x) for key, x in batch.items()}
    for still in networks:
        for key, optimizer in optimizers.items():
            rate = 1e-30 if key == still else 1e-3
            optimizer.learning_rate = ConstantThenLinear(rate, 100, 1.0)
        before = {key: weights_of(network) for key, network in networks.items()}
        trainer.train_step(batch)
        for key, network in networks.items():
            moved = any(
                np.abs(old - new).max() > 1e-20  # a rate of 1e-30 moves zeros by that
                for old, new in zip(before[key], weights_of(network), strict=True)
            )
            assert moved == (key != still)


@pytest.mark.parametrize("still", ["g", "d"])
def test_a_rate_is_of_the_networks_that_it_is_named_after(still):
    """The weight network has the discriminator's."""
    config = toy_config("robust_wgan")
    setattr(config.optim, f"{still}_lr", 1e-30)
    rates = {
        key: float(optimizer.learning_rate)
        for key, optimizer in build.trainer(config).optimizers().items()
    }
    assert rates.keys() == {"g", "d", "w"}
    for key, rate in rates.items():
        assert (rate < 1e-20) == (still == {"w": "d"}.get(key, key))


@pytest.mark.parametrize("name", each(COLORIZERS, ["l1"]))
def test_one_batch_is_learnt(name):
    """The averaged generator halves the grey prediction's L1 on one batch."""
    config = toy_config(name, ema_decay=0.9)
    config.optim.g_lr = 2e-3
    config.optim.constant = 1.0
    config.train.steps = 10**6
    if hasattr(config.loss, "n_critic"):
        config.loss.n_critic = 1
    config.generator.depth, config.generator.width = 2, 8
    config.loss.l1_weight = config.loss.l1_weight and 100.0
    trainer = build.trainer(config)
    batch = toy_batch(config, 1)
    # Of patches, because the head of bins predicts every fourth pixel.
    batch["l"] = batch["l"][:, 4::8, 4::8].repeat(8, 1).repeat(8, 2)
    tint = np.float32([0.5, -0.4])
    batch["ab"] = np.repeat(batch["l"], 2, -1) * tint + np.float32(0.1)
    grey = np.abs(batch["ab"]).mean()
    dataset = tf.data.Dataset.from_tensors(batch)
    trainer.fit(dataset.repeat(100), shuffle=False, verbose=0)
    found = trainer.test_step({key: tf.constant(x) for key, x in batch.items()})
    assert found["l1"] < 0.5 * grey


@pytest.mark.parametrize("name", NAMES)
def test_config_spells_every_setting_of_the_trainer(name):
    config = toy_config(name)
    cls = build._resolve(config.trainer)
    keywords = {
        key
        for base in cls.__mro__
        if base.__module__.startswith("tfcolor")
        for key, parameter in inspect.signature(base.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    fields = {field.name for field in dataclasses.fields(config.loss)}
    assert fields <= keywords
    # What is not of the loss is of the run, the data or the head, or has one value
    # here.
    others = {"ema_decay", "seed", "n_critic", "budget_weight", "l1_steps"}
    others |= {"blur", "erase", "aging", "scanner", "image_size"}
    assert keywords - fields <= others | {"cross_entropy", "class_weights", "neighbors"}


@pytest.mark.parametrize("name", each(COLORIZERS))
def test_trainer_is_an_ordinary_keras_object(name, tmp_path):
    trainer = build.trainer(toy_config(name))
    x = tf.random.normal([2, 32, 32, 1])
    expected = trainer(x)
    twin = type(trainer).from_config(trainer.get_config())
    assert twin.get_config().keys() == trainer.get_config().keys()
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(trainer)
    )
    restored.generator.build((None, 32, 32, 1))
    restored.average.set_weights(trainer.average.get_weights())
    np.testing.assert_array_equal(restored(x), expected)
    assert restored.l1_weight == trainer.l1_weight


@pytest.mark.slow
def test_weight_average_follows_its_formula():
    config = toy_config("cgan", ema_decay=0.5)
    trainer = build.trainer(config)
    expected = [w.numpy() for w in trainer.average.weights]
    batch = toy_batch(config, 1)
    for step in range(1, 13):
        fit(trainer, batch, 1)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = [
            decay * mean + (1 - decay) * w.numpy()
            for mean, w in zip(expected, trainer.generator.weights, strict=True)
        ]
    for mean, w in zip(expected, trainer.average.weights, strict=True):
        np.testing.assert_allclose(w, mean, rtol=1e-4, atol=1e-6)
    x = batch["l"]
    np.testing.assert_array_equal(trainer(x), trainer.average(x, training=False))
    # The average of what does not move is that, to the bit.
    trainer.average.set_weights(trainer.generator.get_weights())
    trainer.finish_step()
    for mean, w in zip(trainer.average.weights, trainer.generator.weights, strict=True):
        np.testing.assert_array_equal(mean, w)


def test_without_average_the_generator_itself_colours():
    trainer = build.trainer(toy_config("cgan", ema_decay=0.0))
    x = tf.random.normal([2, 32, 32, 1])
    assert trainer.average is None
    np.testing.assert_array_equal(trainer(x), trainer.generator(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, "mixed_bfloat16") for name in NAMES),
        *((name, "mixed_float16") for name in ("cgan", "classification", "wgan_gp")),
    ],
)
def test_mixed_precision_trains(name, precision):
    config = toy_config(name, precision=precision)
    trainer = build.trainer(config)
    logs = fit(trainer, toy_batch(config, trainer.n_critic), 2)
    # The first scale of float16's losses is a guess: gradients may overflow.
    losses = [logs[name] for name in logs if "norm" not in name]
    assert np.isfinite(losses).all()
    assert {w.dtype for w in trainer.averaged().weights} == {"float32"}


def test_fields_that_the_variant_does_not_use_are_errors():
    config = toy_config("wgan")
    config.optim.beta_1 = 0.5
    with pytest.raises(ValueError, match="optim.beta_1: not used by .* rmsprop"):
        build.trainer(config)
    with pytest.raises(ValueError, match="no such field; loss has l1_weight, l1_f"):
        validation.check_field(toy_config("cgan"), "loss.gp_weight")
