"""What judging costs beside the network, and whether memory grows with images.

python benchmarks/evaluation.py

Milliseconds a batch of 16 of the default U-Net at 64x64 and 256x256, and of all
metrics with their bootstrap; then the peak memory of judging many images, a
process each.
"""

import pathlib
import resource
import subprocess
import sys
import time
from statistics import median

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_CALLS = flags.DEFINE_integer("calls", 10, "timed calls")
_IMAGES = flags.DEFINE_list("images", ["1000", "10000", "50000"], "for the memory")
_COUNT = flags.DEFINE_integer("count", None, "judge so many (used by itself)")

BATCH = 16


def batches(size, count):
    """Random smooth pictures, as the pipeline gives them."""
    import tensorflow as tf

    def make(number):
        coarse = tf.random.stateless_uniform([BATCH, 4, 4, 3], [0, number], -0.6, 0.6)
        planes = tf.image.resize(coarse, [size, size], "bicubic")
        numbers = number * BATCH + tf.range(BATCH, dtype=tf.int64)
        return {"l": planes[..., :1], "ab": planes[..., 1:], "number": numbers}

    return tf.data.Dataset.range(count // BATCH).map(make).prefetch(1)


def generator(size):
    import tensorflow as tf

    from tfcolor import config as config_lib
    from tfcolor.networks import factory

    config = config_lib.of("l1")
    config.data.image_size = size
    network = factory.generator_of(config)
    return tf.function(lambda l: network(l, training=False))


def time_batch(size):
    from tfcolor.evaluation import statistics
    from tfcolor.metrics import sets

    predict, (batch,) = generator(size), batches(size, BATCH)
    sums = statistics.Sums(statistics.RESAMPLES)
    true = sets.render(batch["l"], batch["ab"])
    lightness = (batch["l"] + 1.0) * 50.0

    def network():
        return predict(batch["l"]).numpy()

    def metrics():
        found = sets.render(batch["l"], batch["ab"])
        values = sets.statistics(found, true, lightness)
        sums.add(sums.weights(batch["number"].numpy()), values)

    medians = []
    for part in (network, metrics):
        part()
        times = []
        for _ in range(_CALLS.value):
            began = time.perf_counter()
            part()
            times.append(1e3 * (time.perf_counter() - began))
        medians.append(median(times))
    return medians


def judge(count):
    from tfcolor.evaluation import statistics

    methods = {"brown": lambda batch: (batch["l"], 0.2 + 0.0 * batch["ab"])}
    statistics.judge(methods, batches(64, count), count, str, None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def main(_):
    if _COUNT.value:
        judge(_COUNT.value)
        return
    print(f"{'size':>8s}{'network, ms':>14s}{'metrics, ms':>14s}{'ratio':>8s}")
    for size in (64, 256):
        network, metrics = time_batch(size)
        print(f"{size:8d}{network:14.0f}{metrics:14.0f}{metrics / network:8.2f}")
    print(f"\n{'images':>8s}{'peak memory, MiB':>20s}")
    for count in _IMAGES.value:
        command = [sys.executable, __file__, f"--count={count}"]
        done = subprocess.run(command, capture_output=True, text=True)
        print(f"{count:>8s}{float(done.stdout.split()[-1]):20.0f}")


if __name__ == "__main__":
    app.run(main)
