"""Toy trainers with a discriminator, played move by move by plain descent."""

import copy
import dataclasses
import functools

import formulas
import keras
import numpy as np
import tensorflow as tf
from harness import toy_batch
from harness import toy_config

from tfcolor.networks import layers
from tfcolor.training import build

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
        descent at the rates {letter: rate}; what has none rests.

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
        trainer.frozen_networks = tuple(trainer.networks().keys() - rates.keys())
        before = {n: getattr(trainer, n) for n in loss if hasattr(trainer, n)}
        for n in before:
            setattr(trainer, n, loss[n])
        try:
            for _ in range(steps):
                logs = trainer.train_step(self.batch)
        finally:
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
