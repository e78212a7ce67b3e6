"""Do the robust objectives leave outliers alone? wgan_gp beside robust_wgan and
uotm.

python benchmarks/outliers.py --part=mixture
python benchmarks/outliers.py --part=spoil --spoil=folder:PHOTOS --output=SPOILT

mixture: points of the plane, eight normal distributions on a circle, of which
5 % are outliers far outside; how much of the generator's mass ends there, with
the trainers that bin/train uses.

spoil: a copy of a folder in which 10 % of the images have noise for colours (half
of them) or one wrong hue, for bin/train to train on and to compare with the same
training on the folder itself.
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import tensorflow as tf
import tqdm
from absl import app
from absl import flags
from PIL import Image

from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.data import sources
from tfcolor.trainers.robust_wgan import RobustWGAN
from tfcolor.trainers.uotm import UOTM
from tfcolor.trainers.wgan_gp import WGANGP
from tfcolor.training.optimizers import Adam

_PART = flags.DEFINE_enum("part", "mixture", ["mixture", "spoil"], "")
_SEEDS = flags.DEFINE_integer("seeds", 3, "mixture: runs of each objective")
_STEPS = flags.DEFINE_integer("steps", 2000, "mixture: generator updates of a run")
_NAMES = flags.DEFINE_list("names", ["wgan_gp", "robust_wgan", "uotm"], "objectives")
_SHARE = flags.DEFINE_float("share", None, "of outliers (0.05; spoil 0.1)")
_SPOIL = flags.DEFINE_string("spoil", None, "spoil: SPEC of a folder")
_OUTPUT = flags.DEFINE_string("output", None, "spoil: folder for the copy")

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
NOISE_DEVIATION, WRONG_HUE = 55.0, (60.0, -60.0)


def spoilt(image, rng):
    """The image, uint8 [H, W, 3], with its L* and colours that are not its own."""
    planes = lab.rgb_to_lab(image).numpy()
    if rng.random() < 0.5:
        planes[..., 1:] = rng.normal(0.0, NOISE_DEVIATION, planes[..., 1:].shape)
    else:
        planes[..., 1:] = WRONG_HUE
    return gamut.to_uint8(*np.moveaxis(planes, -1, 0)).numpy()


def run_spoil():
    if not (_SPOIL.value and _OUTPUT.value):
        raise app.UsageError("--part=spoil needs --spoil and --output")
    share = 0.1 if _SHARE.value is None else _SHARE.value
    source, output = sources.open_source(_SPOIL.value), pathlib.Path(_OUTPUT.value)
    count = 0
    for number in tqdm.trange(len(source), unit="image"):
        rng = np.random.default_rng([0, number])
        target = output / source.name(number)
        target.parent.mkdir(parents=True, exist_ok=True)
        if rng.random() < share:
            image = Image.fromarray(spoilt(source.read(number), rng))
            image.save(target, quality=95, subsampling=0)
            count += 1
        else:
            shutil.copyfile(pathlib.Path(source.root) / source.name(number), target)
    print(f"{count} of {len(source)} images spoilt, in {output}")


def main(_):
    if _PART.value == "mixture":
        run_mixture()
    else:
        run_spoil()


if __name__ == "__main__":
    app.run(main)
