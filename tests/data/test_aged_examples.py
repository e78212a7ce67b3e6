"""Which examples are aged, how, and what the network sees of old photographs."""

import numpy as np
import pytest
import tensorflow as tf
from harness import toy_config
from toys import photographs
from toys import seeds

from tfcolor import streams
from tfcolor.config import resolve
from tfcolor.data import pipeline
from tfcolor.errors import UsageError
from tfcolor.images import aging


@pytest.mark.slow
def test_a_share_of_the_images_is_aged_and_the_others_are_bit_equal(rng):
    """Within four standard deviations of the binomial."""
    age = tf.function(aging.age)
    l = np.tile(photographs(rng, 10, 16), [40, 1, 1, 1])  # 400
    for share in (0.0, 0.25, 1.0):
        seen = age(l, seeds(400), tf.constant(share)).numpy()
        assert seen.dtype == np.float32
        assert np.abs(seen).max() <= 1.0
        changed = (seen != l).any((1, 2, 3)).mean()
        assert abs(changed - share) <= 4 * (share * (1 - share) / 400) ** 0.5
    changes = np.abs(seen - l).mean((1, 2, 3))
    assert 0.05 < np.median(changes) < 0.2
    assert np.quantile(changes, 0.1) < 0.05
    assert changes.max() < 0.7


@pytest.mark.slow
def test_an_image_is_aged_alike_in_every_batch(rng):
    l, own = photographs(rng, 6, 24), seeds(6, first=70)
    age = tf.function(aging.age, reduce_retracing=True)
    whole = age(l, own, 0.7).numpy()
    order = [4, 0, 5]
    mixed = age(l[order], tf.gather(own, order), 0.7)
    np.testing.assert_array_equal(mixed, whole[order])
    alone = np.concatenate([age(l[i : i + 1], own[i : i + 1], 0.7) for i in range(6)])
    np.testing.assert_array_equal(alone, whole)
    np.testing.assert_array_equal(age(l, own, 0.7), whole)
    np.testing.assert_allclose(aging.age(l, own, 0.7), whole, atol=1e-5)
    assert not np.array_equal(age(l, seeds(6, first=80), 0.7), whole)


def test_cyclegan_refuses_it():
    config = toy_config("cyclegan")
    config.data.scans, config.data.aging = "drawings:scans", 0.5
    with pytest.raises(UsageError, match=r"data.aging: 0.5: not used by cyclegan"):
        resolve(config)


def test_seeds_are_of_the_run_and_the_example():
    data = toy_config("cgan").data
    assert "seeds" not in pipeline._drawn(data, 7, tf.constant(3, tf.int64))
    data.aging = 0.1
    found = pipeline._drawn(data, 7, tf.constant(3, tf.int64))
    np.testing.assert_array_equal(found["seeds"], [streams.AGING + 7, 3])
