r"""A training step of tfcolor beside the same layers in PyTorch.

pip install 'tfcolor[bench]' && python benchmarks/train_step.py \
  --loss=cgan --loss=wgan_gp --size=64 --size=128

The steps of cgan (D, then G with 100 L1) and wgan_gp (five of the critic with its
penalty, then G), with Adam. Both sides have the U-Net and the PatchGAN of pix2pix
with the same widths, and as many forward passes of each. PyTorch is eager, and at
its best: channels last, compiled by Inductor, fused Adam; only the penalty's critic
is eager there too, since what is compiled has no second derivative. Runs are
interleaved, each in a process of its own; each figure is a median.
"""

import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_LOSS = flags.DEFINE_multi_enum("loss", ["cgan"], ["cgan", "wgan_gp"], "its steps")
_BATCH = flags.DEFINE_integer("batch", 32, "images a minibatch")
_SIZE = flags.DEFINE_multi_integer("size", [64], "side of the images, pixels")
_WIDTH = flags.DEFINE_integer("width", 64, "channels of the first U-Net level")
_STEPS = flags.DEFINE_integer("steps", 12, "timed steps of one turn")
_TURNS = flags.DEFINE_integer("turns", 3, "turns of each side")
_SIDE = flags.DEFINE_string("side", None, "run only this side (used by itself)")

DEPTH = 6
SIDES = {
    "pytorch eager float32": lambda: torch_step(None),
    "pytorch eager bfloat16": lambda: torch_step("bfloat16"),
    "pytorch compiled float32": lambda: torch_step(None, best=True),
    "pytorch compiled bfloat16": lambda: torch_step("bfloat16", best=True),
    "tfcolor float32": lambda: tfcolor_step("float32"),
    "tfcolor mixed_bfloat16": lambda: tfcolor_step("mixed_bfloat16"),
}


def tfcolor_step(precision):
    import numpy as np
    import tensorflow as tf

    from tfcolor import config as config_lib
    from tfcolor.training import build

    config = config_lib.load(config_lib.CONFIGS / f"{_LOSS.value[0]}.py")
    size = _SIZE.value[0]
    config.data.image_size, config.data.batch_size = size, _BATCH.value
    config.generator.depth, config.generator.width = DEPTH, _WIDTH.value
    config.discriminator.width = 64
    config.train.precision, config.train.ema_decay = precision, 0.0
    trainer = build.trainer(config)
    rng = np.random.default_rng(0)
    shape = (_BATCH.value * trainer.n_critic, size, size)
    batch = {
        "l": tf.constant(rng.uniform(-1, 1, (*shape, 1)), tf.float32),
        "ab": tf.constant(rng.uniform(-1, 1, (*shape, 2)), tf.float32),
    }
    step = tf.function(trainer.train_step)
    parameters = trainer.generator.count_params()
    return lambda: float(step(batch)["g/loss"]), parameters


def torch_step(dtype, best=False):
    import torch_steps

    sides = torch_steps.Sides(
        _LOSS.value[0],
        _BATCH.value,
        _SIZE.value[0],
        _WIDTH.value,
        DEPTH,
        dtype,
        best,
    )
    step = torch_steps.STEPS[_LOSS.value[0]]
    return lambda: step(sides), sides.parameters


def time_side(name):
    step, size = SIDES[name]()
    for _ in range(3):
        step()
    for _ in range(_STEPS.value):
        began = time.perf_counter()
        step()
        print("ms", 1e3 * (time.perf_counter() - began))
    print("parameters", size)


def run_apart(name, loss, size):
    """One turn of a side in a process of its own: milliseconds, parameters."""
    settings = {
        "side": name,
        "loss": loss,
        "size": size,
        **{f.name: f.value for f in (_BATCH, _WIDTH, _STEPS)},
    }
    command = [
        sys.executable,
        sys.argv[0],
        *(f"--{k}={v}" for k, v in settings.items()),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    lines = [line.split() for line in done.stdout.splitlines()]
    times = [float(line[1]) for line in lines if line[0] == "ms"]
    return times, int(lines[-1][1])


def names_of_sides():
    """Of those that can run here."""
    if shutil.which("g++"):
        return list(SIDES)
    print("no rows of torch.compile: Inductor needs g++ (Debian's package g++)")
    return [name for name in SIDES if "compiled" not in name]


def compare(names, loss, size):
    """Print the table of one loss at one size."""
    times, parameters = {name: [] for name in names}, {}
    for _ in range(_TURNS.value):
        for name in names:
            found, parameters[name] = run_apart(name, loss, size)
            times[name] += found
    medians = {name: statistics.median(found) for name, found in times.items()}
    base = medians["pytorch eager float32"]
    print(f"\n{loss}, {size}x{size}, {_BATCH.value} a minibatch, {_TURNS.value} turns")
    print(f"{'':26s}{'generator':>12s}{'ms a step':>12s}{'speed-up':>12s}")
    for name, found in medians.items():
        print(f"{name:26s}{parameters[name]:12,}{found:12.0f}{base / found:12.2f}")
    best = {
        package: min((ms, name) for name, ms in medians.items() if package in name)
        for package in ("pytorch", "tfcolor")
    }
    (theirs, their_name), (ours, our_name) = best.values()
    print(f"{our_name} is {theirs / ours:.2f} times as fast as {their_name}")


def main(_):
    if _SIDE.value:
        time_side(_SIDE.value)
        return
    names = names_of_sides()
    for loss in _LOSS.value:
        for size in _SIZE.value:
            compare(names, loss, size)


if __name__ == "__main__":
    app.run(main)
