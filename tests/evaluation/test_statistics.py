"""Intervals of bootstrap resamples, and what may be noise."""

import numpy as np
import pytest

from tfcolor.evaluation import statistics


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng, inside = np.random.default_rng(0), []
    for seed in range(200):
        sums = statistics.Sums(200, seed)
        x = rng.exponential(1.0, 60)
        sums.add(sums.weights(range(60)), {"x": x, "images": np.ones(60)})
        means = sums.values["x"] / sums.values["images"]
        assert means[0] == pytest.approx(x.mean())
        _, low, high = statistics.interval(means)
        inside.append(low <= 1.0 <= high)
    assert 0.88 <= np.mean(inside) <= 0.98


@pytest.mark.parametrize("count", [1, 2, 3])
def test_intervals_of_few_images_are_numbers(count):
    sums = statistics.Sums(400)
    sums.add(sums.weights(range(count)), {"x": range(count), "images": [1.0] * count})
    with np.errstate(invalid="ignore"):
        means = sums.values["x"] / sums.values["images"]
    assert np.isnan(means).any()
    assert np.isfinite(statistics.interval(means)).all()


def test_an_interval_of_a_biased_estimate_holds_the_value():
    resamples = np.linspace(1.0, 2.0, 401)
    value, low, high = statistics.interval(np.concatenate([[1.1], resamples]))
    assert value == 1.1
    assert 1.0 <= low < 1.1 < high < 1.4
    # All on one side of it.
    value, low, high = statistics.interval(np.concatenate([[0.9], resamples]))
    assert low == value == 0.9 < high


def test_what_may_be_noise():
    assert not statistics.may_be_noise(0.1, 0.2)
    assert not statistics.may_be_noise(-0.2, -0.1)
    for low, high in ((-0.1, 0.1), (0.0, 0.1), (0.0, 0.0), (np.nan, np.nan)):
        assert statistics.may_be_noise(low, high)


def test_ranked():
    def table(**values):
        return {name: {"hasler": [v], "psnr": [v]} for name, v in values.items()}

    found = table(truth=40.0, grey=0.0, a=20.0, b=45.0, c=70.0)
    assert statistics.ranked(found, "hasler") == ["b", "a", "c"]
    assert statistics.ranked(found, "psnr") == ["c", "b", "a"]
