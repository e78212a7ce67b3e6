"""A training step of tfcolor beside the same layers in eager PyTorch.

pip install 'tfcolor[bench]' && python benchmarks/train_step.py

The cGAN step (D, then G with 100 L1; Adam) on 64x64 pixels. Both sides have
the U-Net and the PatchGAN of pix2pix with the same widths, and one forward pass
of the generator a step. Runs are interleaved; each figure is a median.
"""

import pathlib
import statistics
import subprocess
import sys
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_BATCH = flags.DEFINE_integer("batch", 32, "images a step")
_SIZE = flags.DEFINE_integer("size", 64, "side of the images, pixels")
_WIDTH = flags.DEFINE_integer("width", 64, "channels of the first U-Net level")
_STEPS = flags.DEFINE_integer("steps", 12, "timed steps of one turn")
_TURNS = flags.DEFINE_integer("turns", 3, "turns of each side")
_SIDE = flags.DEFINE_string("side", None, "run only this side (used by itself)")

DEPTH = 6
SIDES = {
    "pytorch eager float32": lambda: torch_step(None),
    "pytorch eager bfloat16": lambda: torch_step("bfloat16"),
    "tfcolor float32": lambda: tfcolor_step("float32"),
    "tfcolor mixed_bfloat16": lambda: tfcolor_step("mixed_bfloat16"),
}


def tfcolor_step(precision):
    import numpy as np
    import tensorflow as tf

    from tfcolor import config as config_lib
    from tfcolor.training import build

    config = config_lib.load(config_lib.CONFIGS / "cgan.py")
    config.data.image_size, config.data.batch_size = _SIZE.value, _BATCH.value
    config.generator.depth, config.generator.width = DEPTH, _WIDTH.value
    config.discriminator.width = 64
    config.train.precision, config.train.ema_decay = precision, 0.0
    trainer = build.trainer(config)
    rng = np.random.default_rng(0)
    shape = (_BATCH.value, _SIZE.value, _SIZE.value)
    batch = {
        "l": tf.constant(rng.uniform(-1, 1, (*shape, 1)), tf.float32),
        "ab": tf.constant(rng.uniform(-1, 1, (*shape, 2)), tf.float32),
    }
    step = tf.function(trainer.train_step)
    size = trainer.generator.count_params()
    return lambda: float(step(batch)["g/loss"]), size


def torch_step(dtype):
    import contextlib

    import torch
    from torch import nn
    from torch_networks import UNet
    from torch_networks import block

    layers = [(3, 64, 2), (64, 128, 2), (128, 256, 2), (256, 512, 1)]
    critic = nn.Sequential(
        *[
            block(nn.Conv2d(i, o, 4, s, 1, bias=i == 3), i != 3, nn.LeakyReLU(0.2))
            for i, o, s in layers
        ],
        nn.Conv2d(512, 1, 4, 1, 1),
    )
    generator = UNet(_WIDTH.value, DEPTH)
    g_adam = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    d_adam = torch.optim.Adam(critic.parameters(), 2e-4, (0.5, 0.999))
    bce = nn.functional.binary_cross_entropy_with_logits
    l = torch.rand(_BATCH.value, 1, _SIZE.value, _SIZE.value) * 2 - 1
    ab = torch.rand(_BATCH.value, 2, _SIZE.value, _SIZE.value) * 2 - 1

    def autocast():
        if dtype is None:
            return contextlib.nullcontext()
        return torch.autocast("cpu", getattr(torch, dtype))

    def score(colors):
        return critic(torch.cat([l, colors], 1)).float()

    def step():
        with autocast():
            fake = generator(l)
            real_logits, fake_logits = score(ab), score(fake.detach())
        d_loss = 0.5 * (
            bce(real_logits, torch.ones_like(real_logits))
            + bce(fake_logits, torch.zeros_like(fake_logits))
        )
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        critic.requires_grad_(False)
        with autocast():
            logits = score(fake)
        g_loss = bce(logits, torch.ones_like(logits)) + 100 * (fake - ab).abs().mean()
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        critic.requires_grad_(True)
        return float(g_loss)

    return step, sum(p.numel() for p in generator.parameters())


def time_side(name):
    step, size = SIDES[name]()
    for _ in range(3):
        step()
    for _ in range(_STEPS.value):
        began = time.perf_counter()
        step()
        print("ms", 1e3 * (time.perf_counter() - began))
    print("parameters", size)


def run_apart(name):
    """One turn of a side in a process of its own: milliseconds, parameters."""
    command = [sys.executable, *sys.argv, f"--side={name}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    lines = [line.split() for line in done.stdout.splitlines()]
    times = [float(line[1]) for line in lines if line[0] == "ms"]
    return times, int(lines[-1][1])


def main(_):
    if _SIDE.value:
        time_side(_SIDE.value)
        return
    times, sizes = {name: [] for name in SIDES}, {}
    for _ in range(_TURNS.value):
        for name in SIDES:
            found, sizes[name] = run_apart(name)
            times[name] += found
    medians = {name: statistics.median(found) for name, found in times.items()}
    base = medians["pytorch eager float32"]
    print(f"{_SIZE.value}x{_SIZE.value}, batch {_BATCH.value}, {_TURNS.value} turns")
    print(f"{'':26s}{'generator':>12s}{'ms a step':>12s}{'speed-up':>12s}")
    for name, found in medians.items():
        print(f"{name:26s}{sizes[name]:12,}{found:12.0f}{base / found:12.2f}")


if __name__ == "__main__":
    app.run(main)
