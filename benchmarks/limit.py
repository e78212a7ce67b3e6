"""A training step beside its convolutions and matrix products alone.

python benchmarks/limit.py --loss=wgan_gp --loss=hinge [--precision=mixed_bfloat16]

Every convolution and matrix product of the traced step is timed by itself: the same
kernel of TensorFlow with the same shapes, several in a row in a graph of its own. Their
sum is what the step would take if everything else cost nothing. Turns of step and
kernels are interleaved; each figure is a median.
"""

import collections
import pathlib
import statistics
import sys
import time

import numpy as np
import tensorflow as tf
from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import kernels

from tfcolor import config as config_lib
from tfcolor.training import build

_LOSS = flags.DEFINE_multi_string("loss", ["cgan"], "names of configs/")
_BATCH = flags.DEFINE_integer("batch", 16, "images a minibatch")
_SIZE = flags.DEFINE_integer("size", 64, "side of the images, pixels")
_PRECISION = flags.DEFINE_string("precision", "float32", "or mixed_bfloat16")
_STEPS = flags.DEFINE_integer("steps", 5, "timed steps of a turn")
_TURNS = flags.DEFINE_integer("turns", 3, "turns of each side")
_DETAILS = flags.DEFINE_bool("details", True, "print every kernel")


def step_of(loss):
    """(a step without arguments, its graph, images that it takes) of a config."""
    config = config_lib.load(config_lib.CONFIGS / f"{loss}.py")
    config.data.image_size, config.data.batch_size = _SIZE.value, _BATCH.value
    config.train.precision = _PRECISION.value
    trainer = build.trainer(config)
    count = _BATCH.value * trainer.n_critic
    shape = (count, _SIZE.value, _SIZE.value)
    rng = np.random.default_rng(0)
    batch = {
        "l": tf.constant(rng.uniform(-1, 1, (*shape, 1)), tf.float32),
        "ab": tf.constant(rng.uniform(-1, 1, (*shape, 2)), tf.float32),
    }
    traced = tf.function(trainer.train_step, autograph=False).get_concrete_function(
        batch
    )
    return lambda: traced(batch), traced.graph, count


def seconds(function, count):
    """Each of `count` calls."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        for value in tf.nest.flatten(function()):
            value.numpy()
        found.append(time.perf_counter() - began)
    return found


def measured(loss):
    """(seconds of a step, {Kernel: (count, seconds of one)}, images)."""
    step, graph, images = step_of(loss)
    counts = kernels.of(graph)
    rows = {kernel: kernel.function() for kernel in counts}
    for function in (step, *rows.values()):
        seconds(function, 1)
    steps, alone = [], {kernel: [] for kernel in counts}
    for _ in range(_TURNS.value):
        steps += seconds(step, _STEPS.value)
        for kernel, row in rows.items():
            alone[kernel] += [found / kernels.IN_A_ROW for found in seconds(row, 2)]
    found = {
        kernel: (count, statistics.median(alone[kernel]))
        for kernel, count in counts.items()
    }
    return statistics.median(steps), found, images


def main(_):
    print(
        f"{_SIZE.value}x{_SIZE.value}, {_BATCH.value} a minibatch, {_PRECISION.value}"
    )
    table = []
    for loss in _LOSS.value:
        whole, found, images = measured(loss)
        kinds = collections.Counter()
        for kernel, (count, one) in found.items():
            kinds[kernels.KINDS[kernel.type]] += 1e3 * count * one
        if _DETAILS.value:
            print(f"\n{loss}: {'kernel':66s}{'times':>6s}{'ms each':>9s}")
            order = sorted(found.items(), key=lambda x: -x[1][0] * x[1][1])
            for kernel, (count, one) in order:
                print(f"  {kernel!s:76s}{count:6d}{1e3 * one:9.3f}")
            for kind, total in kinds.most_common():
                print(f"  {kind:76s}{total:15.1f} in all")
        table.append((loss, images, 1e3 * whole, sum(kinds.values())))
        tf.keras.backend.clear_session()
    print(f"\n{'':20s}{'images':>8s}{'ms a step':>12s}{'kernels':>10s}{'share':>8s}")
    for loss, images, whole, limit in table:
        share = limit / whole
        print(f"{loss:20s}{images:8d}{whole:12.1f}{limit:10.1f}{share:8.0%}")


if __name__ == "__main__":
    app.run(main)
