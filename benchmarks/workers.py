"""A step of 1, 2 and 4 workers, the same batch each, and what of it is communication.

python benchmarks/workers.py --counts=1,2,4

Workers are processes of this machine, which share its cores: what counts is the share
of communication, which is timed apart: the all-reduce of as many bytes, alone. Then an
estimate, from those bytes, for GPUs that a network or NVLink joins.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import processes
from absl import app
from absl import flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_COUNTS = flags.DEFINE_list("counts", ["1", "2", "4"], "how many workers")
_LOSS = flags.DEFINE_string("loss", "cgan", "which objective")
_BATCH = flags.DEFINE_integer("batch", 8, "images a worker")
_SIZE = flags.DEFINE_integer("size", 64, "side of the images, pixels")
_WIDTH = flags.DEFINE_integer(
    "width", 64, "channels of the first level of both networks"
)
_STEPS = flags.DEFINE_integer("steps", 10, "timed steps")
_GPU_MS = flags.DEFINE_float("gpu_ms", 100.0, "a step of one GPU, for the estimate")
_CHILD = flags.DEFINE_bool("child", False, "be a worker (used by itself)")

# Bytes a second in each direction, and seconds before the first of a message.
LINKS = {"10 GbE": (1.25e9, 30e-6), "NVLink 4": (450e9, 3e-6)}
GPUS = (8, 64, 512)


def worker():
    """Time steps, and the all-reduce of their bytes; print both as JSON."""
    import numpy as np
    import tensorflow as tf

    from tfcolor import config as config_lib
    from tfcolor.training import build
    from tfcolor.training import steps
    from tfcolor.training.workers import Workers

    config = config_lib.load(config_lib.CONFIGS / f"{_LOSS.value}.py")
    config.data.image_size = _SIZE.value
    config.generator.width = _WIDTH.value
    if config.discriminator is not None:
        config.discriminator.width = _WIDTH.value
    workers = Workers(build.strategy(config.train))
    config.data.batch_size = _BATCH.value * workers.count
    with workers.strategy.scope():
        trainer = build.trainer(config_lib.resolve(config))
    rng = np.random.default_rng(workers.number)
    shape = (_BATCH.value * trainer.n_critic, _SIZE.value, _SIZE.value)
    batch = {
        "l": tf.constant(rng.uniform(-1, 1, (*shape, 1)), tf.float32),
        "ab": tf.constant(rng.uniform(-1, 1, (*shape, 2)), tf.float32),
    }
    shapes = [v.shape for v in gradients(trainer)]
    step = steps.Step(trainer, workers.strategy)
    found = {
        "step": timed(lambda: step(batch).numpy()),
        "communication": timed(reduction(workers, shapes)),
        "bytes": 4 * sum(int(np.prod(shape)) for shape in shapes),
        "tensors": len(shapes),
    }
    if workers.chief:
        print(json.dumps(found), flush=True)
    workers.wait()
    workers._leave()
    os._exit(0)


def gradients(trainer):
    """The variables whose gradients a step sums over the workers, as often as so."""
    updates = {"g": 1, "d": trainer.n_critic}
    for key, network in trainer.networks().items():
        for _ in range(updates.get(key, 1)):
            yield from network.trainable_variables


def reduction(workers, shapes):
    """A function that sums float32 tensors of these shapes over the workers."""
    import tensorflow as tf

    values = [tf.zeros(shape) for shape in shapes]

    def replica():
        context = tf.distribute.get_replica_context()
        copies = [tf.identity(value) for value in values]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, copies)[0]

    @tf.function(autograph=False)
    def run():
        results = workers.strategy.run(replica)
        return workers.strategy.experimental_local_results(results)[0]

    return lambda: run().numpy()


def timed(function):
    """The median of seconds that a call takes, after two."""
    seconds = []
    for _ in range(_STEPS.value + 2):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[2:])


def start(count):
    """What the chief of `count` workers has found."""
    command = [sys.executable, __file__, "--child", *sys.argv[1:]]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = processes.workers(command, count, **pipes)
    said = [process.communicate() for process in started]
    if any(process.returncode for process in started):
        sys.exit("\n".join(errors.strip().splitlines()[-1] for _, errors in said))
    return json.loads(said[0][0].strip().splitlines()[-1])


def estimate(size, gpus, bandwidth, latency, messages=2):
    """Seconds of ring all-reduces of `size` bytes in all, in `messages` of them."""
    hops = 2 * (gpus - 1)
    return hops / gpus * size / bandwidth + messages * hops * latency


def main(_):
    if _CHILD.value:
        worker()
    print("workers  ms a step  images/s  MB a step  communication ms  share of step")
    for count in map(int, _COUNTS.value):
        found = start(count)
        step, communication = found["step"], found["communication"] * (count > 1)
        print(
            f"{count:7d}  {1e3 * step:9.1f}  {count * _BATCH.value / step:8.1f}  "
            f"{found['bytes'] / 1e6:9.1f}  {1e3 * communication:16.1f}  "
            f"{communication / step:13.0%}",
            flush=True,
        )
    own = _GPU_MS.value / 1e3
    print(f"\nGPUs  link      communication ms  efficiency where a step takes {own} s")
    for name, (bandwidth, latency) in LINKS.items():
        for gpus in GPUS:
            seconds = estimate(found["bytes"], gpus, bandwidth, latency)
            share = own / (own + seconds)
            print(f"{gpus:4d}  {name:8s}  {1e3 * seconds:16.1f}  {share:10.0%}")


if __name__ == "__main__":
    app.run(main)
