"""Blurred and erased inputs, against SciPy and by their shares."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tfcolor.images import degrade


def degraded(rng, count, blur, erase, side=32):
    l = rng.uniform(-1, 1, (count, side, side, 1)).astype(np.float32)
    numbers = rng.uniform(size=(count, degrade.INPUT_NUMBERS)).astype(np.float32)
    return l, degrade.degrade(l, tf.constant(numbers), blur, erase).numpy(), numbers


def test_blur_keeps_the_mean_and_lowers_the_variance(rng):
    l, seen, numbers = degraded(rng, 600, 0.3, 0.0)
    chosen = numbers[:, 0] < 0.3
    np.testing.assert_array_equal(seen[~chosen], l[~chosen])
    np.testing.assert_allclose(
        seen[chosen].mean((1, 2, 3)), l[chosen].mean((1, 2, 3)), atol=1e-6
    )
    # What is left of white noise is the sum of the kernel's squares.
    for kernel, sigma, half in ((3, 0.8, 0.0), (5, 1.1, 0.5)):
        weights = np.exp(-0.5 * ((np.arange(kernel) - kernel // 2) / sigma) ** 2)
        left = ((weights / weights.sum()) ** 2).sum() ** 2
        these = chosen & (numbers[:, 1] >= half) & (numbers[:, 1] < half + 0.5)
        inside = seen[these][:, 2:-2, 2:-2].var() / l.var()
        assert inside == pytest.approx(left, rel=0.05)
        one = degrade.blurred(l[:1], np.full([1, 1, 1, 1], half, np.float32))
        expected = scipy.ndimage.gaussian_filter(
            l[0, :, :, 0], sigma, mode="reflect", radius=kernel // 2
        )
        np.testing.assert_allclose(one[0, :, :, 0], expected, atol=1e-6)


def test_shares_of_the_inputs_are_as_set(rng):
    """Within four standard deviations of the binomial."""
    for setting, share in (("blur", 0.25), ("erase", 0.5), ("erase", 0.1)):
        shares = {"blur": 0.0, "erase": 0.0, setting: share}
        l, seen, _ = degraded(rng, 1500, **shares)
        found = (l != seen).any((1, 2, 3)).mean()
        assert abs(found - share) < 4 * (share * (1 - share) / 1500) ** 0.5
    l, seen, _ = degraded(rng, 200, 0.0, 1.0)
    assert (l != seen).any((1, 2, 3)).all()


def test_erased_rectangles_are_of_the_published_size(rng):
    l, seen, numbers = degraded(rng, 400, 0.0, 1.0, side=64)
    gone = (l != seen)[..., 0]
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    np.testing.assert_array_equal(gone.sum((1, 2)), heights * widths)
    areas = gone.mean((1, 2))
    # A side is up to a pixel longer or shorter than the share of it.
    assert 0.003 < areas.min() < 0.008
    assert 0.09 < areas.max() < 0.112
    assert areas.mean() == pytest.approx(0.0525, rel=0.08)
    expected = 0.005 + 0.095 * numbers[:, 3]
    np.testing.assert_allclose(areas, expected, atol=0.012)
    aspects = np.log(heights / widths)
    assert np.abs(aspects).max() < np.log(1 / 0.3) + 0.3
    assert abs(aspects.mean()) < 0.12
    for image, where, number in zip(seen, gone, numbers[:, 7], strict=True):
        np.testing.assert_allclose(image[where], 2 * number - 1, atol=1e-6)
    for edge in (gone[:, 0], gone[:, -1], gone[:, :, 0], gone[:, :, -1]):
        assert 0 < edge.any(1).mean() < 0.15
