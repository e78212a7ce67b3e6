"""Do the robust objectives leave outliers alone? wgan_gp beside robust_wgan and
uotm, with the trainers that bin/train uses.

python benchmarks/outliers.py --part=mixture
python benchmarks/outliers.py --part=photographs --train=folder:TRAIN --data=folder:VAL

mixture: points of the plane, eight normal distributions on a circle, of which
5 % are outliers far outside; how much of the generator's mass ends there.

photographs: of 10 % of the training images the colours are replaced by noise
(half of them) or by one wrong hue; the error on clean, unseen images, beside
that of the same training without them.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import tensorflow as tf
from absl import app
from absl import flags

from tfcolor import build
from tfcolor import config as config_lib
from tfcolor import evaluate
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.optimizers import Adam
from tfcolor.trainers.robust_wgan import RobustWGAN
from tfcolor.trainers.uotm import UOTM
from tfcolor.trainers.wgan_gp import WGANGP

_PART = flags.DEFINE_enum("part", "mixture", ["mixture", "photographs"], "")
_SEEDS = flags.DEFINE_integer("seeds", 3, "mixture: runs of each objective")
_STEPS = flags.DEFINE_integer("steps", 2000, "generator updates of a run")
_DATA = flags.DEFINE_string("data", "sample", "photographs: SPEC of clean images")
_LIMIT = flags.DEFINE_integer("limit", 1000, "of them, at most")
_SHARE = flags.DEFINE_float("share", None, "of outliers (0.05, photographs 0.1)")
_TRAIN = flags.DEFINE_string("train", None, "photographs: SPEC to train on")
_NAMES = flags.DEFINE_list("names", ["wgan_gp", "robust_wgan", "uotm"], "objectives")
_SET = flags.DEFINE_multi_string("set", [], "photographs: NAME.section.field=value")

MODES, RADIUS, SPREAD = 8, 1.0, 0.05
OUTLIER, BATCH, NOISE = (3.0, 3.0), 256, 4


def mixture(share, step):
    """A batch of the toy as l (noise) and ab (points), [B, 1, 1, .]."""
    uniform = tf.random.stateless_uniform([BATCH, 2], seed=[1, step])
    normal = tf.random.stateless_normal([BATCH, 2], seed=[2, step])
    angle = tf.floor(uniform[:, 0] * MODES) * (2.0 * np.pi / MODES)
    center = RADIUS * tf.stack([tf.cos(angle), tf.sin(angle)], 1)
    center = tf.where(uniform[:, 1:] < share, tf.constant([OUTLIER]), center)
    points = center + SPREAD * normal
    noise = tf.random.stateless_normal([BATCH, 1, 1, NOISE], seed=[3, step])
    return {"l": noise, "ab": points[:, None, None]}


class Dense(keras.Model):
    """Three hidden layers on the last channels of a map of one pixel."""

    def __init__(self, seen, outputs, squeeze, positive=False):
        super().__init__()
        self.seen, self.squeeze, self.positive = seen, squeeze, positive
        hidden = [keras.layers.Dense(128, "relu") for _ in range(3)]
        bias = "ones" if positive else "zeros"
        self.hidden = [*hidden, keras.layers.Dense(outputs, bias_initializer=bias)]

    def call(self, x, training=None, with_logits=False):
        x = x[..., -self.seen :]
        for layer in self.hidden:
            x = layer(x)
        if self.positive:
            x = keras.ops.relu(x) + 1e-4
        x = x[:, 0, 0, 0] if self.squeeze else x
        return (x, x) if with_logits else x

    def get_config(self):
        return {}


def toy_trainer(name):
    networks = [Dense(NOISE, 2, False), Dense(2, 1, False)]
    shapes = [(None, 1, 1, NOISE), (None, 1, 1, 2)]
    if name == "robust_wgan":
        networks.append(Dense(2, 1, True, positive=True))
        shapes.append((None, 1, 1, 2))
    for network, shape in zip(networks, shapes, strict=True):
        network(tf.zeros([1, *shape[1:]]))
    if name == "wgan_gp":
        trainer = WGANGP(*networks, gp_weight=1.0, n_critic=5)
    elif name == "robust_wgan":
        trainer = RobustWGAN(
            *networks, gp_weight=1.0, n_critic=5, rho=0.05, warm_up=300
        )
    else:
        trainer = UOTM(*networks, tau=0.2, psi="softplus", r1_weight=0.02)
    rates = {"g": 1e-4, "d": 2e-4, "w": 2e-4}
    trainer.compile(
        **{f"{key}_optimizer": Adam(rates[key], 0.5, 0.9) for key in trainer.networks()}
    )
    return trainer


def toy_mass(name, share, seed):
    """Shares of the generated points near the outliers, and near each mode."""
    keras.utils.set_random_seed(seed)
    trainer = toy_trainer(name)

    @tf.function
    def step(i):
        first = 10**6 * seed + i * trainer.n_critic
        parts = [mixture(share, first + k) for k in range(trainer.n_critic)]
        trainer.train_step(
            {key: tf.concat([part[key] for part in parts], 0) for key in parts[0]}
        )

    for i in range(_STEPS.value):
        step(tf.constant(i))
    noise = tf.random.stateless_normal([10_000, 1, 1, NOISE], seed=[4, seed])
    points = trainer.generator(noise).numpy()[:, 0, 0]
    outliers = np.linalg.norm(points - OUTLIER, axis=1) < 1.5
    angles = np.arange(MODES) * (2.0 * np.pi / MODES)
    centers = RADIUS * np.stack([np.cos(angles), np.sin(angles)], 1)
    distance = np.linalg.norm(points[:, None] - centers, axis=2)
    near = distance.min(1) < 5 * SPREAD
    found = np.bincount(distance.argmin(1)[near], minlength=MODES) / len(points)
    return outliers.mean(), near.mean(), (found > 0.02).sum()


def run_mixture():
    share = 0.05 if _SHARE.value is None else _SHARE.value
    print(f"{share:.0%} outliers, {_STEPS.value} steps, {_SEEDS.value} seeds")
    print(f"{'':16s}{'on outliers':>14s}{'on modes':>12s}{'modes found':>14s}")
    for name in _NAMES.value:
        rows = [toy_mass(name, share, seed) for seed in range(_SEEDS.value)]
        outliers, near, modes = np.mean(rows, 0)
        spread = np.ptp([row[0] for row in rows])
        print(
            f"{name:16s}{outliers:14.2%}{near:12.2%}{modes:12.1f}/{MODES}"
            f"   (outliers: {spread:.2%} between seeds)",
            flush=True,
        )


# What the colours of a spoilt image are: noise of this deviation, or one hue.
NOISE_DEVIATION, WRONG_HUE = 0.5, (0.55, -0.55)


def spoil(batches, share):
    """Batches in which a share of the images has colours that are not theirs."""

    def change(number, batch):
        shape = tf.shape(batch["ab"])
        chance = tf.random.stateless_uniform([shape[0], 2], seed=[8, number])
        noise = NOISE_DEVIATION * tf.random.stateless_normal(shape, seed=[9, number])
        hue = tf.broadcast_to(tf.constant(WRONG_HUE), shape)
        kind = chance[:, 1, None, None, None] < 0.5
        wrong = tf.clip_by_value(tf.where(kind, noise, hue), -1.0, 1.0)
        chosen = chance[:, 0, None, None, None] < share
        return {"l": batch["l"], "ab": tf.where(chosen, wrong, batch["ab"])}

    return batches.enumerate().map(change).prefetch(2)


def photographs_config(name):
    config = config_lib.of(name)
    config.data.source, config.data.validation = _TRAIN.value, "none"
    config.data.crop_area = 0.8
    config.train.steps = _STEPS.value
    for setting in _SET.value:
        path, _, value = setting.partition("=")
        loss, section, field = path.split(".")
        if loss == name:
            part = getattr(config, section)
            setattr(part, field, type(getattr(part, field))(value))
    return config


def judged_error(name, share):
    """Mean ab error and histogram distance on clean images after training."""
    config = photographs_config(name)
    trainer = build.trainer(config)
    source = sources.open_source(config.data.source)
    reader = pipeline.Reader(source, config.data, config.seed, lambda *_: None)
    batches = pipeline.training(
        reader, config.data, config.seed, n_critic=trainer.n_critic
    )
    began = time.monotonic()
    trainer.fit(spoil(batches, share), steps_per_epoch=_STEPS.value, verbose=0)
    judges = sources.open_source(_DATA.value)
    held_out = pipeline.validation(
        judges, config.data, _LIMIT.value, lambda *_: None, numbered=True
    )
    predict = tf.function(lambda l: trainer(l, training=False))
    table, _ = evaluate.judge(
        {name: predict}, held_out, _LIMIT.value, judges.name, None, resamples=1
    )
    row = {metric: values[0] for metric, values in table[name].items()}
    return row, time.monotonic() - began


def run_photographs():
    share = 0.1 if _SHARE.value is None else _SHARE.value
    print(f"{_STEPS.value} steps; {share:.0%} of the images spoilt, or none")
    print(f"{'':16s}{'error':>18s}{'histogram distance':>24s}{'colorfulness':>20s}")
    for name in _NAMES.value:
        clean, _ = judged_error(name, 0.0)
        spoilt, seconds = judged_error(name, share)
        line = f"{name:16s}"
        for key in ("ab_error", "histogram_24", "hasler"):
            line += f"{clean[key]:10.3f} -> {spoilt[key]:7.3f}"
        print(f"{line}   ({seconds:.0f} s each)", flush=True)


def main(_):
    if _PART.value == "mixture":
        run_mixture()
    else:
        run_photographs()


if __name__ == "__main__":
    app.run(main)
