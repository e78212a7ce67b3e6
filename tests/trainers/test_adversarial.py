"""Every adversarial step against its formulas, and that it goes the right way.

Over every config with a discriminator, so that a new one is covered.
"""

import formulas
import numpy as np
import pytest
import tensorflow as tf
from games import GENERATORS
from games import N_CRITIC
from games import game
from harness import NAMES
from harness import each
from harness import toy_batch
from harness import toy_config

from tfcolor import config as config_lib
from tfcolor.training import build

GANS = [name for name in NAMES if config_lib.of(name).discriminator is not None]

# Of `loss`: what draws G to the truth or its images apart, and what holds D back.
OTHER_TERMS = ("l1_weight", "l2_weight", "edge_weight", "tau", "pt_weight")
OTHER_TERMS += ("cycle_weight", "identity_weight")
PENALTIES = {"gp_weight": 0.0, "r1_weight": 0.0, "clip": 1e3}


@pytest.mark.parametrize("name", each(GANS))
def test_losses_and_gradients_are_those_of_the_formulas(name):
    """Two steps: the gradient of each update, and all that the second logs."""
    this = game(name)
    rates = {"g": 1e-2, "d": 1e-2, "w": 1e-3}
    logs, moves = this.play(rates, 2)
    assert {move.letter for move in moves} == this.formulas.keys()
    n_critic, expected = this.trainer.n_critic, {}
    updates = {n: n_critic if n == "d" else 1 for n in this.formulas}
    done = dict.fromkeys(this.formulas, 0)
    for i, move in enumerate(moves):
        letter, network = move.letter, this.trainer.networks()[move.letter]
        step, k = divmod(done[letter], updates[letter])
        done[letter] += 1
        # Fakes are of the generators that the step began with.
        first = moves[i - i % sum(updates.values())].weights
        fixed = {n: first[n] for n in GENERATORS & first.keys()}
        k = k if letter == "d" else n_critic - 1
        x = this.position(move.weights | fixed, step, k)
        with tf.GradientTape() as tape:
            found = this.formulas[letter](x)
        wanted = tape.gradient(found[f"{letter}/loss"], network.trainable_variables)
        error, norm = distance(move.gradients, wanted)
        assert error <= 1e-5 * norm, f"step {step}, update {k} of {letter}"
        assert norm > 0.01 or (letter == "w" and step == 0)
        expected |= {n: float(y) for n, y in found.items()}
        expected[f"{letter}/gradient_norm"] = norm
    assert done == {letter: 2 * count for letter, count in updates.items()}
    assert logs.keys() == expected.keys()
    for key, value in expected.items():
        assert logs[key] == pytest.approx(value, rel=1e-4, abs=1e-6), key


@pytest.mark.parametrize(("norm", "calls"), [("instance", [8]), ("batch", [4, 4])])
def test_real_and_made_are_seen_in_one_call_but_by_a_batch_norm(
    norm, calls, monkeypatch
):
    config = toy_config("cgan")
    config.data.batch_size, config.discriminator.norm = 4, norm
    trainer, batch = build.trainer(config), toy_batch(config, 1)
    asked, critic = [], type(trainer).critic

    def counted(self, l, ab):
        asked.append(len(ab))
        return critic(self, l, ab)

    l, ab = batch["l"], batch["ab"]
    wanted = [trainer.critic(l, x).numpy() for x in (ab, -ab)]
    monkeypatch.setattr(type(trainer), "critic", counted)
    found = trainer.both(l, ab, -ab)
    assert asked == calls
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-2


def distance(found, wanted):
    """(norm of the difference of two lists of gradients, norm of the second)."""
    squares = [0.0, 0.0]
    for one, two in zip(found, wanted, strict=True):
        two = np.zeros(1) if two is None else np.float64(two)
        one = np.zeros(1) if one is None else np.float64(one)
        squares[0] += ((one - two) ** 2).sum()
        squares[1] += (two**2).sum()
    return np.sqrt(squares[0]), np.sqrt(squares[1])


def realness(this, weights):
    """[(of truths, of fakes)], of each discriminator what it thinks of them, high =
    real: the mean logit, or the energy with its sign changed."""
    x, found = this.position(weights), []
    if "generator" in this.parts:
        pairs = {"discriminator": (x.ab, x.fake())}
        pairs = {n: [x.critic(ab) for ab in pair] for n, pair in pairs.items()}
    else:
        rgb, scan = x.batch["rgb"], x.batch["scan"]
        pairs = {
            "scan_discriminator": (scan, x.of("scanner", rgb)),
            "color_discriminator": (rgb, x.of("colorist", scan)),
        }
        pairs = {n: [x.of(n, y) for y in pair] for n, pair in pairs.items()}
    for n, outputs in pairs.items():
        if this.parts[n].gives == "energies":
            outputs = [-energy for energy, _ in outputs]
        found.append([float(tf.reduce_mean(y)) for y in outputs])
    return np.array(found)


@pytest.mark.parametrize("name", each(GANS))
def test_a_generator_alone_raises_what_the_discriminator_thinks_of_it(name):
    this = game(name)
    others = dict.fromkeys(OTHER_TERMS, 0.0)
    this.play({"g": 0.02}, 2, **others, clip=1e3)
    after = this.weights()
    generators = {n: this.start[n] for n in GENERATORS & this.start.keys()}
    before = realness(this, after | generators)
    after = realness(this, after)
    assert (after[:, 1] > before[:, 1] + 0.001).all()


@pytest.mark.parametrize("name", each(GANS))
def test_a_discriminator_alone_tells_truths_from_fakes(name):
    this = game(name)
    before = realness(this, this.start)
    this.play({"d": 0.02}, 2, **PENALTIES)
    after = realness(this, this.weights())
    wider = (after - before) @ [1.0, -1.0]
    assert (wider > 0.001).all()


def test_a_weight_network_alone_takes_weight_from_what_scores_high():
    """Over and under its budget what it descends falls."""
    this = game("robust_wgan")
    for rho, rate in ((1e-4, 1e-3), (10.0, 0.1)):
        settings = {"rho": rho, "warm_up": 0}
        x = this.position(this.start, k=N_CRITIC - 1, **settings)
        before = {n: float(y) for n, y in this.formulas["w"](x).items()}
        this.play({"w": rate}, 1, **settings)
        x = this.position(this.weights(), k=N_CRITIC - 1, **settings)
        after = {n: float(y) for n, y in this.formulas["w"](x).items()}
        assert after["w/loss"] < before["w/loss"] - 0.002
        # Within the budget unequal weights cost nothing.
        spent = after["w/chi_square"] - before["w/chi_square"]
        assert (spent > 0) == (rho == 10.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in GANS if hasattr(toy_config(n).loss, "pool")]
)
def test_at_a_full_pool_discriminators_see_old_fakes(name, monkeypatch):
    config = toy_config(name)
    config.data.image_size, config.data.batch_size, config.loss.pool = 16, 4, 4
    trainer = build.trainer(config)
    judges = [n for n in trainer.parts() if n.endswith("discriminator")]
    seen = {n: [] for n in judges}
    for n in judges:
        network = getattr(trainer, n)
        call = network.call

        def spy(x, training=None, call=call, n=n):
            seen[n].append(x.numpy())
            return call(x, training=training)

        monkeypatch.setattr(network, "call", spy)
    trainer.frozen_networks = ("g", "d")
    for step in range(6):
        trainer.train_step(toy_batch(config, 1, step))
    for images in seen.values():
        # A step's fakes for G; then the truths and what the pool gave for D.
        new, given = images[0::3], images[2::3]
        np.testing.assert_array_equal(new[0], given[0])
        old = 0
        for step in range(1, 6):
            earlier = {x.tobytes() for fakes in new[:step] for x in fakes}
            now = {x.tobytes() for x in new[step]}
            found = {x.tobytes() for x in given[step]}
            assert len(found) == 4
            assert found <= earlier | now
            old += len(found & earlier)
        assert 0 < old < 20


def test_a_trainer_without_formulas_is_named():
    with pytest.raises(AssertionError, match="NewGAN is in no FORMULAS of tests/form"):
        formulas.of("NewGAN")
