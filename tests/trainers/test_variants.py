import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import fit
from harness import toy_batch
from harness import toy_config
from harness import weights_of

from tfcolor import config as config_lib
from tfcolor import objectives
from tfcolor.errors import UsageError
from tfcolor.networks.autoencoder import AutoencoderDiscriminator
from tfcolor.networks.convolutions import SpectralNormalization
from tfcolor.trainers.cyclegan import CycleGAN
from tfcolor.training import build


def test_cgan_step_is_that_of_pix2pix():
    """The losses of one step, computed a second time: D first, then G against
    the updated D, on the same forward pass of G."""
    config = toy_config("cgan")
    config.loss.l2_weight = 7.0
    trainer, twin = build.trainer(config), build.trainer(config)
    batch = toy_batch(config, 1)
    logs = {key: values[0] for key, values in fit(trainer, batch, 1).items()}
    l, ab = tf.constant(batch["l"]), tf.constant(batch["ab"])
    fake = twin.generator(l, training=True)
    d = twin.discriminator
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        real_logits = d(tf.concat([l, ab], -1), training=True)
        fake_logits = d(tf.concat([l, fake], -1), training=True)
        d_loss = 0.5 * (
            bce(tf.ones_like(real_logits), real_logits)
            + bce(tf.zeros_like(fake_logits), fake_logits)
        )
    gradients = tape.gradient(d_loss, d.trainable_variables)
    twin.d_optimizer.apply_gradients(zip(gradients, d.trainable_variables, strict=True))
    after = d(tf.concat([l, fake], -1), training=True)
    adversarial = bce(tf.ones_like(after), after)
    l1, l2 = tf.reduce_mean(tf.abs(ab - fake)), tf.reduce_mean((ab - fake) ** 2)
    assert logs["d/loss"] == pytest.approx(float(d_loss), rel=1e-5)
    assert logs["g/adversarial"] == pytest.approx(float(adversarial), rel=1e-5)
    assert logs["g/l2"] == pytest.approx(float(l2), rel=1e-5)
    total = float(adversarial + 100 * l1 + 7 * l2)
    assert logs["g/loss"] == pytest.approx(total, rel=1e-5)
    norm = np.sqrt(sum((g.numpy() ** 2).sum() for g in gradients))
    assert logs["d/gradient_norm"] == pytest.approx(norm, rel=1e-4)


def test_wgan_keeps_every_critic_weight_within_the_clip():
    config = toy_config("wgan")
    trainer = build.trainer(config)
    fit(trainer, toy_batch(config, trainer.n_critic), 1)
    largest = max(np.abs(w).max() for w in weights_of(trainer.discriminator))
    assert largest == np.float32(0.01)


def test_wgan_gp_uses_a_fresh_minibatch_for_each_critic_update(monkeypatch):
    config = toy_config("wgan_gp")
    config.loss.n_critic = 5
    trainer = build.trainer(config)
    seen = []
    penalty = objectives.gradient_penalty

    def spy(critic, real, fake, uniform):
        seen.append((real.numpy(), uniform.numpy()))
        return penalty(critic, real, fake, uniform)

    monkeypatch.setattr(objectives, "gradient_penalty", spy)
    batch = toy_batch(config, trainer.n_critic)
    trainer.train_step({key: tf.constant(x) for key, x in batch.items()})
    assert len(seen) == 5
    together = np.stack([real for real, _ in seen], 1).reshape(batch["ab"].shape)
    np.testing.assert_array_equal(together, batch["ab"])
    assert len(np.unique([uniform for _, uniform in seen])) == 10
    trainer.train_step({key: tf.constant(x) for key, x in batch.items()})
    assert len(np.unique([uniform for _, uniform in seen])) == 20


@pytest.mark.parametrize(
    ("name", "discriminator", "message"),
    [
        *(
            (name, "autoencoder", f"gives energies, but {cls} takes logits; use patch")
            for name, cls in (("cgan", "CGAN"), ("wgan_gp", "WGANGP"), ("uotm", "UOTM"))
        ),
        ("ebgan", "patch", "gives logits, but EBGAN takes energies; use autoencoder"),
        ("ebgan", "image", "gives logits, but EBGAN takes energies; use autoencoder"),
        ("cyclegan", "autoencoder", "judges l and ab, 3 channels, not 1 of drawings"),
    ],
)
def test_a_discriminator_that_does_not_fit_is_refused(name, discriminator, message):
    config = toy_config(name)
    config.discriminator = config_lib.Discriminator(name=discriminator, width=4)
    with pytest.raises(UsageError, match=f"^discriminator.name: .*{message}") as error:
        build.trainer(config)
    assert "\n" not in str(error.value)


def test_cyclegan_takes_no_energies_of_colours():
    trainer = build.trainer(toy_config("cgan"))
    judge = AutoencoderDiscriminator(4)
    with pytest.raises(ValueError, match="gives energies, but CycleGAN takes logits"):
        CycleGAN(trainer.generator, trainer.generator, trainer.discriminator, judge)


def test_wgan_gp_rejects_batch_norm_at_construction():
    config = toy_config("wgan_gp")
    config.discriminator.norm = "batch"
    with pytest.raises(ValueError, match="discriminator.norm: 'batch' breaks"):
        build.trainer(config)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("cgan", "l1_weight", -1.0),
        ("cgan", "l2_weight", -1.0),
        ("wgan", "clip", 0.0),
        ("wgan", "n_critic", 0),
        ("wgan_gp", "gp_weight", -1.0),
        ("robust_wgan", "rho", -0.1),
        ("robust_wgan", "warm_up", -1),
        ("ebgan", "margin", 0.0),
        ("ebgan", "pt_weight", -1.0),
        ("lsgan", "fake_label", 1.0),
        ("uotm", "tau", -1.0),
        ("uotm", "psi", "'hellinger'"),
        ("uotm", "r1_weight", -1.0),
    ],
)
def test_bad_settings_are_named(name, field, value):
    config = toy_config(name)
    setattr(config.loss, field, value.strip("'") if field == "psi" else value)
    with pytest.raises(ValueError, match=f"loss.{field}: {value}"):
        build.trainer(config)


@pytest.mark.slow
def test_robust_wgan_with_no_budget_is_wgan_gp_to_the_last_bit():
    plain, robust = toy_config("wgan_gp"), toy_config("robust_wgan")
    robust.loss.rho, robust.loss.warm_up = 0.0, 0
    found = []
    for config in (plain, robust):
        trainer = build.trainer(config)
        for seed in range(3):
            batch = toy_batch(config, trainer.n_critic, seed)
            trainer.train_step({key: tf.constant(x) for key, x in batch.items()})
        found.append(weights_of(trainer.generator) + weights_of(trainer.discriminator))
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_weight_network_rests_until_the_warm_up_is_over():
    config = toy_config("robust_wgan")
    config.loss.warm_up = 2 * config.loss.n_critic
    trainer = build.trainer(config)
    first = weights_of(trainer.weight_network)
    batch = toy_batch(config, trainer.n_critic)
    for step in range(4):
        fit(trainer, batch, 1)
        moved = any(
            (old != new).any()
            for old, new in zip(first, weights_of(trainer.weight_network), strict=True)
        )
        assert moved == (step >= 2)


def test_critic_of_robust_wgan_sees_the_weights(monkeypatch):
    """The distance of a step, computed a second time from its parts."""
    config = toy_config("robust_wgan")
    config.loss.warm_up, config.loss.n_critic = 0, 1
    config.data.batch_size = 4
    trainer = build.trainer(config)
    batch = {key: tf.constant(x) for key, x in toy_batch(config, 1).items()}
    l, ab = batch["l"], batch["ab"]
    raw = trainer.weight_network(tf.concat([l, ab], -1)).numpy()
    raw = raw * np.float32([1.0, 3.0, 0.5, 1.0])
    monkeypatch.setattr(trainer, "weight_network", lambda x, training: tf.constant(raw))
    monkeypatch.setattr(trainer, "weight_step", lambda l, ab: {})
    real = trainer.critic(l, ab).numpy().mean((1, 2, 3))
    fake = trainer.critic(l, trainer.generator(l, training=True)).numpy().mean()
    logs = trainer.train_step(batch)
    expected = (raw / raw.mean() * real).mean() - fake
    assert float(logs["d/wasserstein"]) == pytest.approx(expected, rel=1e-4)


def test_spectral_norms_move_once_for_each_update_of_their_network():
    config = toy_config("hinge")
    trainer = build.trainer(config)
    moves = []
    for network in (trainer.generator, trainer.discriminator):
        for layer in network._flatten_layers():
            if isinstance(layer, SpectralNormalization):
                layer.advance = lambda layer=layer: moves.append(layer)
    fit(trainer, toy_batch(config, 1), 1)
    assert len(moves) == len({id(layer) for layer in moves}) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cgan", "wgan_gp", "uotm"])
def test_head_of_bins_adds_its_weighted_cross_entropy(name):
    config = toy_config(name)
    config.generator.head = "bins"
    config.bins.cross_entropy = 2.5
    trainer = build.trainer(config)
    batch = {
        key: tf.constant(x) for key, x in toy_batch(config, trainer.n_critic).items()
    }
    logs = trainer.train_step(batch)
    total = sum(
        weight * float(logs.get(key, 0.0))
        for key, weight in (
            ("g/adversarial", 1.0),
            ("g/cost", 1.0),
            ("g/l1", config.loss.l1_weight),
            ("g/cross_entropy", 2.5),
        )
    )
    assert float(logs["g/loss"]) == pytest.approx(total, rel=1e-5)
    assert float(logs["g/cross_entropy"]) == pytest.approx(np.log(313), rel=0.02)


def test_cross_entropy_without_bins_is_an_error():
    config = toy_config("cgan")
    config.bins.neighbors = 3
    with pytest.raises(ValueError, match="bins.neighbors: not used by generator.head"):
        build.trainer(config)
    config = toy_config("classification")
    config.generator.head = "ab"
    with pytest.raises(ValueError, match="bins.cross_entropy: 0 leaves class"):
        build.trainer(config)


def test_regression_has_no_discriminator():
    config = toy_config("l1")
    config.optim.d_lr = 1e-4
    with pytest.raises(ValueError, match="optim.d_lr: 0.0001, but Regression has no"):
        build.trainer(config)
    config.discriminator = config_lib.Discriminator()
    with pytest.raises(ValueError, match="Regression takes generator, and the config"):
        build.trainer(config)
