"""Training on top of an encoder: what is frozen, at which rate the rest learns."""

import numpy as np
import pytest
from harness import fit
from harness import toy_batch
from harness import toy_config

from tfcolor.errors import UsageError
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.training import build


def of_config(**settings):
    config = toy_config("l1")
    config.generator = type(config.generator)(
        **{"name": "efficientnet", "width": 4, "weights": "none", **settings}
    )
    config.train.ema_decay = 0.0
    return config


def moved(config):
    """(trainer, moves of the encoder's layers, move of the rest), in a step of
    Adam: [largest change of any weight]."""
    trainer = build.trainer(config)
    network = trainer.generator
    parts = [network.encoder.stem, *network.encoder.blocks, network.entry]
    before = [np.concatenate([w.ravel() for w in p.get_weights()]) for p in parts]
    fit(trainer, toy_batch(config, 1), 1)
    after = [np.concatenate([w.ravel() for w in p.get_weights()]) for p in parts]
    changes = [np.abs(b - a).max() for a, b in zip(before, after, strict=True)]
    return trainer, np.array(changes[:-1]), changes[-1]


@pytest.mark.slow
def test_a_frozen_encoder_stays_in_mixed_precision_too():
    config = of_config(frozen=True)
    config.train.precision = "mixed_bfloat16"
    trainer, encoder, rest = moved(config)
    assert not encoder.any()
    assert rest > 0
    network = trainer.generator
    assert network.encoder.blocks[3].compute_dtype == "bfloat16"
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network(np.zeros((1, 32, 32, 1), "float32")).dtype == "float32"


@pytest.mark.slow
def test_the_first_blocks_stay_and_the_rest_learns_at_its_own_rate():
    config = of_config(frozen_blocks=5, weights="imagenet")
    config.optim.g_lr, config.optim.encoder_rate = 0.25, 0.125
    trainer, encoder, rest = moved(config)
    assert not encoder[:6].any()  # the first layer too
    # A first step of Adam is the rate itself where the gradient is not tiny.
    np.testing.assert_allclose(encoder[6:], 0.25 * 0.125, rtol=1e-3)
    assert rest == pytest.approx(0.25, rel=1e-3)
    shares = trainer.g_optimizer.shares
    assert len(shares) == len(trainer.generator.trainable_variables)
    assert set(shares) == {0.125, 1.0}


@pytest.mark.slow
def test_a_run_with_an_encoder_resumes_to_the_last_bit(tmp_path):
    config = of_config(frozen_blocks=9)
    config.optim.encoder_rate = 0.2
    trainers = [build.trainer(config) for _ in range(2)]
    fit(trainers[0], toy_batch(config, 1, seed=0), 1)
    Checkpoints(tmp_path, trainers[0], 1).save()
    assert Checkpoints(tmp_path, trainers[1], 1).restore() == 1
    for trainer in trainers:
        fit(trainer, toy_batch(config, 1, seed=1), 1)
    whole, parts = (trainer.generator.get_weights() for trainer in trainers)
    for expected, found in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("l1", {}, "optim.encoder_rate: 0.2, but unet has no encoder"),
        ("cyclegan", None, "optim.encoder_rate: 0.2, but CycleGAN has no encoder"),
        (
            "l1",
            {"name": "efficientnet", "width": 4, "weights": "none", "frozen": True},
            "optim.encoder_rate: 0.2, but nothing of the encoder is trained",
        ),
    ],
)
def test_a_rate_without_an_encoder_is_refused(name, settings, message):
    config = toy_config(name)
    if settings:
        config.generator = type(config.generator)(**settings)
    config.optim.encoder_rate = 0.2
    with pytest.raises(UsageError, match=message):
        build.trainer(config)
