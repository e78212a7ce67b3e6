"""Images a second that `data.aging` makes old, on one core.

python benchmarks/aging.py --size=128 --batch=16

Of every image of a batch; in seconds of the processor, so that what else runs
hardly counts. The median of several turns.
"""

import pathlib
import statistics
import sys
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

_SIZE = flags.DEFINE_integer("size", 128, "side of the squares, pixels")
_BATCH = flags.DEFINE_integer("batch", 16, "images a batch")
_TURNS = flags.DEFINE_integer("turns", 7, "turns, of 20 batches each")


def main(_):
    import tensorflow as tf

    from tfcolor.images import aging

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    l = tf.random.uniform([_BATCH.value, _SIZE.value, _SIZE.value, 1], -1.0, 1.0)
    age, rates = tf.function(aging.age), []
    for turn in range(_TURNS.value + 1):
        began = time.process_time()
        for i in range(20):
            numbers = tf.range(_BATCH.value) + (20 * turn + i) * _BATCH.value
            seeds = tf.stack([tf.zeros_like(numbers), numbers], 1)
            age(l, tf.cast(seeds, tf.int64), 1.0)
        rates.append(20 * _BATCH.value / (time.process_time() - began))
    print(f"{statistics.median(rates[1:]):.0f} images a second")  # the first traces


if __name__ == "__main__":
    app.run(main)
