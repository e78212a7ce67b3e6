"""Every step degrades its input and not its ground truth."""

import numpy as np
import pytest
import tensorflow as tf
from harness import COLORIZERS
from harness import each
from harness import toy_batch
from harness import toy_config

from tfcolor.images import aging
from tfcolor.images import degrade
from tfcolor.training import build


@pytest.mark.slow
@pytest.mark.parametrize("name", each(COLORIZERS))
def test_every_step_degrades_its_input_and_not_its_truth(name, rng):
    config = toy_config(name, ema_decay=0.0)
    config.data.blur = config.data.erase = config.data.aging = 0.5
    trainer = build.trainer(config)
    settings = type(trainer).from_config(trainer.get_config()).get_config()
    assert [settings[name] for name in ("blur", "erase", "aging")] == [0.5] * 3
    n = trainer.n_critic
    batch = toy_batch(config, n)
    numbers = rng.uniform(size=(len(batch["l"]), degrade.INPUT_NUMBERS))
    batch["numbers"] = np.float32(numbers)
    batch["seeds"] = np.arange(2 * len(numbers)).reshape(-1, 2)
    expected = aging.age(batch["l"], batch["seeds"], 0.5)
    expected = degrade.degrade(expected, batch["numbers"], 0.5, 0.5)
    assert np.abs(expected - batch["l"]).max() > 0.1
    inputs, truths = [], []
    color, reconstruction = trainer.color, trainer.reconstruction
    trainer.color = lambda l: inputs.append(l) or color(l)
    trainer.reconstruction = lambda l, ab, *rest: (
        truths.append(ab) or reconstruction(l, ab, *rest)
    )
    trainer.train_step({key: tf.constant(value) for key, value in batch.items()})
    for k in range(n):
        np.testing.assert_array_equal(inputs[k], expected[k::n])
    np.testing.assert_array_equal(truths[0], batch["ab"][n - 1 :: n])
    np.testing.assert_array_equal(inputs[-1], inputs[n - 1])


def test_validation_steps_see_what_is_given():
    config = toy_config("l1")
    config.data.blur = config.data.erase = config.data.aging = 1.0
    batch = toy_batch(config, 1)
    l, ab = build.trainer(config).pair(batch)
    assert l is batch["l"]
    assert ab is batch["ab"]
