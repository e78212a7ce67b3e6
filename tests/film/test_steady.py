"""Cuts, motion, and the filter along it."""

import cv2
import numpy as np
import pytest

from tfcolor.film import steady

HEIGHT, WIDTH = 64, 96


def texture(seed, height=HEIGHT, width=WIDTH):
    """Smooth lightness, float32 [height, width], 10..90."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    noise = cv2.GaussianBlur(noise, (0, 0), 4)
    low, high = noise.min(), noise.max()
    return (10 + 80 * (noise - low) / (high - low)).astype(np.float32)


def pan(count, dx=3, dy=1, seed=0):
    """Frames that show a texture from (dx, dy) further on each time."""
    big = texture(seed, HEIGHT + abs(dy) * count, WIDTH + dx * count)
    for t in range(count):
        yield big[dy * t : dy * t + HEIGHT, dx * t : dx * t + WIDTH]


def test_flow_leads_back_to_where_a_point_was():
    before, now = pan(2, 3, 1)
    motion = steady.flow(now, before)[12:-12, 12:-12]
    np.testing.assert_allclose(np.median(motion, (0, 1)), [3, 1], atol=0.1)
    assert np.abs(motion - [3, 1]).mean() < 0.3


def test_what_is_carried_lies_where_it_has_moved_to():
    before, now = pan(2, 3, 1)
    x, y, moved, sight = steady.followed(now, before)
    inside = np.zeros(now.shape, bool)
    inside[8:-8, 8:-8] = True
    assert np.abs(moved - now)[inside].mean() < 1.0
    np.testing.assert_allclose(np.median(x - np.arange(WIDTH)), 3, atol=0.1)
    np.testing.assert_allclose(np.median(y.T - np.arange(HEIGHT)), 1, atol=0.1)
    assert not sight[:, -2:].any()  # came into sight
    assert sight[8:-8, 8:-8].all()
    filter_ = steady.Steady(0.5)
    filter_(before, np.stack([before / 2, 40 - before]))
    zero = np.zeros((2, *now.shape), np.float32)
    a, b = filter_(now, zero)  # half of it is the past
    assert np.abs(2 * a - now / 2)[inside].mean() < 1.0
    assert np.abs(2 * b - (40 - now))[inside].mean() < 2.0


@pytest.mark.parametrize("gain", [1.0, 0.7])
def test_a_pan_is_one_shot_even_where_the_brightness_flickers(gain):
    before, now = pan(2, 4, 2)
    now = now * np.float32(gain)
    _, _, moved, inside = steady.followed(now, before)
    assert steady.same_shot(now, moved, inside)


@pytest.mark.parametrize("seed", range(1, 6))
def test_another_picture_is_a_cut(seed):
    before, now = texture(0), texture(seed)
    _, _, moved, inside = steady.followed(now, before)
    assert not steady.same_shot(now, moved, inside)


def test_correlation_is_pearsons_and_of_nothing_0():
    x, y = texture(0), texture(1)
    inside = np.ones(x.shape, bool)
    expected = np.corrcoef(x.ravel(), y.ravel())[0, 1]
    np.testing.assert_allclose(steady.correlation(x, y, inside), expected, atol=1e-4)
    assert steady.correlation(x, np.full_like(x, 7), inside) == 0
    assert steady.correlation(x, y, ~inside) == 0


def test_agreement_does_not_see_brightness_but_what_is_new():
    before = texture(0)
    inside = np.ones(before.shape, bool)
    changed = 0.8 * before + 9
    found = steady.agreement(changed, before, inside)
    np.testing.assert_allclose(found, 1, atol=1e-3)
    now = before.copy()
    now[20:40, 30:50] += 4  # AGREEMENT
    found = steady.agreement(now, before, inside)
    np.testing.assert_allclose(found[25:35, 35:45], np.exp(-0.5), atol=0.05)
    np.testing.assert_allclose(found[:10], 1, atol=0.02)
    inside[:5] = False
    np.testing.assert_array_equal(steady.agreement(now, before, inside)[:5], 0)


def test_of_a_still_film_it_is_the_mean_until_the_limit_is_reached(rng):
    lightness = texture(0)
    ab = rng.normal(0, 10, (8, 2, HEIGHT, WIDTH)).astype(np.float32)
    filter_ = steady.Steady(0.75)  # a mean over 4
    found = [filter_(lightness, plane) for plane in ab]
    middle = (slice(None), slice(8, -8), slice(8, -8))
    np.testing.assert_array_equal(found[0], ab[0])
    for n in (2, 3, 4):
        expected = ab[:n].mean(0)[middle]
        np.testing.assert_allclose(found[n - 1][middle], expected, atol=0.2)
    expected = 0.75 * found[5] + 0.25 * ab[6]
    np.testing.assert_allclose(found[6][middle], expected[middle], atol=0.2)


def test_it_takes_flicker_away_along_a_pan_and_keeps_the_colors(rng):
    frames = list(pan(12))
    truth = [np.stack([f - 50, 30 - f / 2]).astype(np.float32) for f in frames]
    noise = rng.normal(0, 8, (12, 2, 1, 1)).astype(np.float32)
    filter_ = steady.Steady()
    found = [filter_(f, t + n) for f, t, n in zip(frames, truth, noise, strict=True)]
    middle = (slice(None), slice(8, -16), slice(8, -20))
    error = np.abs(np.stack(found) - np.stack(truth))[-4:]
    before = np.abs(noise)[-4:].mean()
    assert np.mean([e[middle].mean() for e in error]) < before
    changes = np.diff(
        [(x - t)[middle].mean() for x, t in zip(found, truth, strict=True)]
    )
    alone = np.diff(noise.mean((1, 2, 3)))
    assert np.abs(changes[-6:]).mean() < 0.3 * np.abs(alone[-6:]).mean()


def test_nothing_is_carried_over_a_cut(rng):
    ab = rng.normal(0, 10, (3, 2, HEIGHT, WIDTH)).astype(np.float32)
    filter_ = steady.Steady()
    filter_(texture(0), ab[0])
    filter_(texture(0), ab[1])
    np.testing.assert_array_equal(filter_(texture(1), ab[2]), ab[2])
    assert filter_.past["count"].max() == 1


def test_strength_0_changes_nothing(rng):
    ab = rng.normal(0, 10, (2, 2, HEIGHT, WIDTH)).astype(np.float32)
    filter_ = steady.Steady(0.0)
    for plane in ab:
        assert filter_(texture(0), plane) is plane


def test_it_goes_on_from_its_state_to_the_bit(rng):
    frames = list(pan(6))
    ab = rng.normal(0, 10, (6, 2, HEIGHT, WIDTH)).astype(np.float32)
    whole, first, second = steady.Steady(), steady.Steady(), steady.Steady()
    found = [whole(*pair) for pair in zip(frames, ab, strict=True)]
    for pair in zip(frames[:3], ab[:3], strict=True):
        first(*pair)
    second.before, second.past = first.before, first.past
    for pair, expected in zip(
        zip(frames[3:], ab[3:], strict=True), found[3:], strict=True
    ):
        np.testing.assert_array_equal(second(*pair), expected)


def test_frames_too_small_for_flow_are_steadied_where_they_are(rng):
    ab = rng.normal(0, 10, (2, 2, 8, 8)).astype(np.float32)
    filter_, lightness = steady.Steady(0.5), texture(0)[::8, ::12]
    filter_(lightness, ab[0])
    np.testing.assert_allclose(filter_(lightness, ab[1]), ab.mean(0), atol=1e-4)
