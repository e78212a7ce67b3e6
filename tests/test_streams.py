import numpy as np
import tensorflow as tf
from harness import toy_config

from tfcolor import streams
from tfcolor.training import build


def test_no_two_uses_of_random_numbers_share_a_stream():
    of_images = [0, streams.GEOMETRY, streams.INPUT, streams.ORDER]
    used = of_images + [stream + streams.SCANS for stream in of_images]
    used.append(streams.AGING)
    assert len({*used, streams.PENALTY}) == 10
    trainer = build.trainer(toy_config("wgan_gp"))
    n, step, k = trainer.n_critic, 3, 1
    trainer.step.assign(step)
    found = trainer.uniform(k, tf.zeros([6, 1])).numpy()
    for stream in [*used, streams.PENALTY]:
        seed = tf.constant([trainer.seed + stream, n * step + k], tf.int64)
        numbers = tf.random.stateless_uniform([6], seed).numpy()
        assert np.array_equal(numbers, found) == (stream == streams.PENALTY)
