"""NoGAN's phases, and the weights of the reconstruction terms."""

import numpy as np
import pytest
import tensorflow as tf
from harness import config_of
from harness import eagerly
from harness import tensors
from harness import toy_batch
from harness import toy_config
from harness import weights_of

from tfcolor.errors import UsageError
from tfcolor.training import build
from tfcolor.training import loop


@pytest.mark.slow
def test_generator_alone_is_regression_to_the_last_bit(tmp_path, monkeypatch):
    eagerly(monkeypatch)
    gan = config_of("cgan", steps=2, generator_alone=2)
    plain = config_of("l1", steps=2)
    plain.loss, plain.optim = gan.loss, gan.optim
    plain.optim.d_lr = None
    loop.train(plain, tmp_path / "plain")
    gan.optim.d_lr = None
    loop.train(gan, tmp_path / "gan")
    first, second = tensors(tmp_path / "plain"), tensors(tmp_path / "gan")
    generator = [key for key in first if key.startswith(("generator", "average"))]
    assert len(generator) > 20
    for key in generator:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cgan", "wgan", "robust_wgan", "ebgan", "uotm"])
def test_a_phase_moves_what_it_says(name):
    config = toy_config(name)
    trainer = build.trainer(config)
    networks = trainer.networks()
    for step, phase in enumerate(("generator", "critic", "together")):
        trainer.set_phase(phase)
        before = {key: weights_of(network) for key, network in networks.items()}
        batch = toy_batch(config, 1 if phase == "generator" else trainer.n_critic)
        trainer.train_step({key: tf.constant(value) for key, value in batch.items()})
        moved = {
            key: any(
                (old != new).any()
                for old, new in zip(before[key], weights_of(network), strict=True)
            )
            for key, network in networks.items()
        }
        assert moved["g"] == (phase != "critic")
        assert moved["d"] == (phase != "generator")
        assert int(trainer.step) == step + 1


def test_a_generator_that_nothing_trains_alone_is_refused():
    config = toy_config("wgan", generator_alone=1)
    config.loss.l1_weight = 0.0
    with pytest.raises(UsageError, match="train.generator_alone: 1, but nothing"):
        build.trainer(config)
    config.loss.l2_weight = 0.1
    build.trainer(config)


@pytest.mark.slow
def test_l1_weight_goes_linearly_to_its_last():
    config = toy_config("l1", steps=4)
    config.loss.l1_weight, config.loss.l1_final = 100.0, 20.0
    trainer = build.trainer(config)
    batch = {key: tf.constant(x) for key, x in toy_batch(config, 1).items()}
    found = []
    for _ in range(6):
        logs = trainer.train_step(batch)
        found.append(float(logs["g/loss"] / logs["g/l1"]))
    expected = [100, 100 - 80 / 3, 100 - 160 / 3, 20, 20, 20]
    assert found == pytest.approx(expected, rel=1e-5)
    for steps, last in ((1, 0.7), (2, 0.1)):
        config.train.steps, config.loss.l1_final = steps, 0.7
        config.loss.l1_weight = 0.1
        trainer = build.trainer(config)
        assert np.float32(trainer._l1_weight_now()) == np.float32(last)
        trainer.step.assign(steps - 1)
        assert np.float32(trainer._l1_weight_now()) == np.float32(0.7)


def test_edge_weight_is_of_the_slopes():
    config = toy_config("l1")
    config.loss.l1_weight, config.loss.edge_weight = 0.0, 3.0
    trainer = build.trainer(config)
    ab = np.zeros([1, 2, 3, 2], np.float32)
    fake = np.float32([[[0, 1, 0], [0, 0, 0]]])[..., None].repeat(2, -1)

    def reconstruction(ab):
        return trainer.reconstruction(None, ab, tf.constant(fake), None)

    # Down: of three differences one is 1; right: of four two are 1.
    loss, logs = reconstruction(tf.constant(ab))
    assert float(logs["g/edges"]) == pytest.approx(1 / 3 + 2 / 4)
    assert float(loss) == pytest.approx(3.0 * (1 / 3 + 2 / 4))
    shifted, _ = reconstruction(tf.constant(ab + 0.3))
    assert float(shifted) == pytest.approx(float(loss), rel=1e-5)
