"""Every adversarial step against its formulas, and that it goes the right way.

Over every config with a discriminator, so that a new one is covered.
"""

import copy
import dataclasses
import functools

import formulas
import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import NAMES
from harness import toy_batch
from harness import toy_config

from tfcolor import build
from tfcolor import config as config_lib
from tfcolor.networks import layers

GANS = [name for name in NAMES if config_lib.of(name).discriminator is not None]

# Of `loss`: what draws G to the truth or its images apart, and what holds D back.
OTHER_TERMS = ("l1_weight", "l2_weight", "edge_weight", "tau", "pt_weight")
OTHER_TERMS += ("cycle_weight", "identity_weight")
PENALTIES = {"gp_weight": 0.0, "r1_weight": 0.0, "clip": 1e3}

# Not the defaults, under which some term counts too little to be seen.
SETTINGS = {
    "cgan": {"l1_weight": 2.0},
    "dcgan": {"l1_weight": 2.0},
    "ebgan": {"margin": 1.0, "pt_weight": 0.7},
    "hinge": {"l1_weight": 2.0},
    "lsgan": {"fake_label": -0.5, "real_label": 1.5, "wanted_label": 0.75},
    "robust_wgan": {"rho": 1e-4},
    "uotm": {"r1_weight": 3.0},
    "wgan": {"clip": 0.2},
    "cyclegan": {"pool": 0},
}
N_CRITIC = 2
GENERATORS = {"generator", "scanner", "colorist"}


class Recorder(keras.optimizers.SGD):
    """Plain gradient descent that keeps what it is asked to do."""

    def __init__(self, rate, keep):
        super().__init__(rate)
        self.keep = keep

    def apply(self, gradients, variables):
        self.keep([None if g is None else g.numpy() for g in gradients])
        super().apply(gradients, variables)


@dataclasses.dataclass
class Move:
    """One update: of which network, its gradients, all weights before it."""

    letter: str
    gradients: list
    weights: dict


class Game:
    """A toy trainer whose weights are large enough for every term to count."""

    def __init__(self, name):
        config = self.config = toy_config(name, ema_decay=0.0)
        config.data.image_size, config.data.batch_size = 16, 4
        if config.generator is not None:
            config.generator.dropout = None
            config.loss.l2_weight, config.loss.edge_weight = 3.0, 5.0
        if hasattr(config.loss, "n_critic"):
            config.loss.n_critic = N_CRITIC
        if hasattr(config.loss, "warm_up"):
            config.loss.warm_up = N_CRITIC  # over after the first step
        for field, value in SETTINGS.get(name, {}).items():
            setattr(config.loss, field, value)
        self.formulas = formulas.of(config.trainer.rpartition(":")[2])
        self.trainer = build.trainer(config)
        self.parts = {n: getattr(self.trainer, n) for n in self.trainer.parts()}
        rng = np.random.default_rng(0)
        for network in self.parts.values():
            enliven(network, rng)
        self.start = self.weights()
        count = self.trainer.n_critic
        self.shares = tf.constant(rng.uniform(size=(count, 4)), tf.float32)
        self.trainer.uniform = lambda k, *_: self.shares[k]
        self.batch = {
            key: tf.constant(x) for key, x in toy_batch(config, count).items()
        }

    def weights(self):
        return {n: network.get_weights() for n, network in self.parts.items()}

    def set_weights(self, weights):
        for n, values in weights.items():
            self.parts[n].set_weights(values)

    def play(self, rates, steps=1, **loss):
        """(logs of the last step, Moves of all steps) from the start, by plain
        descent at the rates {letter: rate}, 0 where there is none.

        Args:
          loss: fields of `loss` to set for these steps, where there are such.
        """
        trainer, moves = self.trainer, []
        self.set_weights(self.start)
        trainer.step.assign(0)

        def keep(letter, gradients):
            moves.append(Move(letter, gradients, self.weights()))

        trainer.compile(
            **{
                f"{letter}_optimizer": Recorder(
                    rates.get(letter, 0.0), functools.partial(keep, letter)
                )
                for letter in trainer.networks()
            }
        )
        before = {n: getattr(trainer, n) for n in loss if hasattr(trainer, n)}
        for n in before:
            setattr(trainer, n, loss[n])
        for _ in range(steps):
            logs = trainer.train_step(self.batch)
        for n, value in before.items():
            setattr(trainer, n, value)
        return {n: float(value) for n, value in logs.items()}, moves

    def position(self, weights, step=0, k=None, **loss):
        """The networks with these weights, before minibatch k; None: all."""
        self.set_weights(weights)
        part = slice(None) if k is None else slice(k, None, self.trainer.n_critic)
        settings = copy.copy(self.config.loss)
        for n in loss.keys() & vars(settings).keys():
            setattr(settings, n, loss[n])
        batch = {n: x[part] for n, x in self.batch.items()}
        shares = self.shares[k or 0]
        return formulas.Position(self.parts, batch, settings, step, shares)


@functools.cache
def game(name):
    return Game(name)


def enliven(network, rng):
    """Random weights that keep the size of what goes through the layers."""
    for weight in network.trainable_weights:
        shape = weight.shape
        if len(shape) > 1:
            scale = (2.0 / np.prod(shape[:-1])) ** 0.5
            weight.assign(rng.normal(0.0, scale, shape))
        elif weight.name == "bias":
            # A logit's between the labels of fakes and truths.
            weight.assign(rng.normal(0.5 if shape == (1,) else 0.0, 0.1, shape))
    for _ in range(30):
        layers.advance(network)


def numbers(found, letter):
    return {n: float(y) for n, y in found.items() if n.startswith(f"{letter}/")}


@pytest.mark.parametrize("name", GANS)
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
        last = updates[letter] == 1
        x = this.position(move.weights | fixed, step, n_critic - 1 if last else k)
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


@pytest.mark.parametrize("name", GANS)
def test_a_generator_alone_raises_what_the_discriminator_thinks_of_it(name):
    this = game(name)
    others = dict.fromkeys(OTHER_TERMS, 0.0)
    this.play({"g": 0.01}, 4, **others, clip=1e3)
    after = this.weights()
    generators = {n: this.start[n] for n in GENERATORS & this.start.keys()}
    before = realness(this, after | generators)
    after = realness(this, after)
    assert (after[:, 1] > before[:, 1] + 0.001).all()


@pytest.mark.parametrize("name", GANS)
def test_a_discriminator_alone_tells_truths_from_fakes(name):
    this = game(name)
    before = realness(this, this.start)
    this.play({"d": 0.01}, 4, **PENALTIES)
    after = realness(this, this.weights())
    wider = (after - before) @ [1.0, -1.0]
    assert (wider > 0.001).all()


def test_a_weight_network_alone_takes_weight_from_what_scores_high():
    """Over and under its budget what it descends falls."""
    this = game("robust_wgan")
    for rho, rate in ((1e-4, 1e-3), (10.0, 0.1)):
        settings = {"rho": rho, "warm_up": 0}
        x = this.position(this.start, k=N_CRITIC - 1, **settings)
        before = numbers(this.formulas["w"](x), "w")
        this.play({"w": rate}, 1, **settings)
        x = this.position(this.weights(), k=N_CRITIC - 1, **settings)
        after = numbers(this.formulas["w"](x), "w")
        assert after["w/loss"] < before["w/loss"] - 0.002
        # Within the budget unequal weights cost nothing.
        spent = after["w/chi_square"] - before["w/chi_square"]
        assert (spent > 0) == (rho == 10.0)


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
