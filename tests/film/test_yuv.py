"""Chroma for a film's own luma."""

import cv2
import numpy as np
import pytest
from films import pictures

from tfcolor.color import lab
from tfcolor.film import yuv


@pytest.fixture(scope="module")
def colors():
    """(luma codes [n], ab [2, n]) of colors that sRGB has, their levels [n, 3]."""
    rng = np.random.default_rng(0)
    rgb = rng.uniform(0, 1, (500, 3)).astype(np.float32)
    luma = rgb @ np.float32([0.2126, 0.7152, 0.0722])
    codes = np.rint(16 + 219 * luma).astype(np.uint8)
    return rgb, luma, codes, lab.rgb_to_lab(rgb).numpy()[:, 1:].T


def test_the_color_of_a_luma_and_ab_is_the_one_that_they_were_taken_of(colors):
    rgb, luma, _, (a, b) = colors
    light = yuv.color_at_luma(luma, a, b, yuv.BT709)
    found = np.stack([lab.gamma(channel) for channel in light], -1)
    np.testing.assert_allclose(found, rgb, atol=2e-3)


def test_chroma_is_that_of_the_standard(colors):
    rgb, luma, _, (a, b) = colors
    cb, cr = yuv.chroma_at_luma(luma, a, b, yuv.BT709)
    np.testing.assert_allclose(cb, (rgb[:, 2] - luma) / 1.8556, atol=2e-3)
    np.testing.assert_allclose(cr, (rgb[:, 0] - luma) / 1.5748, atol=2e-3)


def test_rgb_of_codes_is_that_of_the_standard():
    # Pure red of BT.601: Y' = 0.299, Cr = 0.5, Cb = -0.299 / 1.772.
    planes = [np.full((1, 1), code, np.uint8) for code in (81, 90, 240)]
    red = yuv.rgb_of_planes(planes, yuv.BT601, yuv.LIMITED)
    np.testing.assert_allclose(red[0, 0], [1, 0, 0], atol=0.006)
    grey = yuv.rgb_of_planes(planes[:1], yuv.BT601, yuv.LIMITED)
    np.testing.assert_allclose(grey[0, 0], 65 / 219)
    full = yuv.rgb_of_planes(planes[:1], yuv.BT601, yuv.FULL)
    np.testing.assert_allclose(full[0, 0], 81 / 255)


def test_out_of_gamut_colors_lose_chroma_at_their_luma_and_hue():
    luma, hue = np.float32([0.3, 0.5, 0.8]), np.float32([0.5, 2.0, -2.0])
    a, b = 120 * np.cos(hue), 120 * np.sin(hue)
    cb, cr = yuv.chroma_at_luma(luma, a, b, yuv.BT709)
    r, blue = luma + 1.5748 * cr, luma + 1.8556 * cb
    g = (luma - 0.2126 * r - 0.0722 * blue) / 0.7152
    rgb = np.stack([r, g, blue], -1)
    assert rgb.min() > -0.01
    assert rgb.max() < 1.01
    found = lab.rgb_to_lab(rgb.clip(0, 1)).numpy()
    angle = np.arctan2(found[:, 2], found[:, 1])
    np.testing.assert_allclose(angle, hue, atol=0.03)
    at_the_edge = np.minimum(rgb.min(-1), 1 - rgb.max(-1))
    np.testing.assert_allclose(at_the_edge, 0, atol=0.01)


def test_the_tables_are_within_a_level_of_what_it_tabulates(rng):
    square = yuv.tables(yuv.BT709, yuv.LIMITED)
    codes = rng.integers(30, 220, 600).astype(np.uint8)
    ab = rng.normal(0, 15, (2, 600)).astype(np.float32)
    luma = yuv.luma_of_codes(yuv.LIMITED)[codes]
    exact = yuv.chroma_at_luma(luma, *ab, yuv.BT709)
    found = yuv.look_up(square, codes[None], ab[:, None])[0].T
    difference = 224 * np.abs(found - exact)
    assert difference.mean() < 0.15
    assert np.percentile(difference, 99) < 1.0


def test_joined_in_yuv_is_joined_in_rgb_to_a_level(rng):
    """The other way: at full size, color by color, then as RGB to YUV, whose chroma is
    reduced."""
    (luma,) = pictures(1, 48, 64)
    coarse = rng.normal(0, 12, (3, 4, 2)).astype(np.float32)
    ab = np.moveaxis(cv2.resize(coarse, (32, 24), interpolation=cv2.INTER_CUBIC), -1, 0)
    joiner = yuv.Joiner((24, 32), ab.shape[1:], yuv.BT709, yuv.LIMITED, 8)
    cb, cr = joiner(luma, ab)
    assert cb.dtype == np.uint8
    full = yuv.Joiner((48, 64), ab.shape[1:], yuv.BT709, yuv.LIMITED, 8)
    enlarged = np.matmul(np.matmul(full.rows, ab), full.columns.T)
    y = yuv.luma_of_codes(yuv.LIMITED)[luma]
    planes = yuv.chroma_at_luma(y.ravel(), *enlarged.reshape(2, -1), yuv.BT709).reshape(
        2, 24, 2, 32, 2
    )
    exact = 128 + 224 * planes.mean((2, 4))
    difference = np.abs(np.stack([cb, cr]) - exact)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99) <= 1.0


def test_more_bits_are_the_same_colors(rng):
    (luma,) = pictures(1, 48, 64)
    ab = rng.normal(0, 20, (2, 24, 32)).astype(np.float32)
    eight = yuv.Joiner((24, 32), (24, 32), yuv.BT601, yuv.FULL, 8)(luma, ab)
    deep = luma.astype(np.uint16) << 2
    ten = yuv.Joiner((24, 32), (24, 32), yuv.BT601, yuv.FULL, 10)(deep, ab)
    assert ten[0].dtype == np.uint16
    assert np.abs(np.stack(ten) / 4.0 - np.stack(eight)).max() <= 0.5


def test_grey_stays_grey():
    (luma,) = pictures(1, 48, 64)
    joiner = yuv.Joiner((24, 32), (6, 8), yuv.BT709, yuv.LIMITED, 8)
    for plane in joiner(luma, np.zeros((2, 6, 8), np.float32)):
        np.testing.assert_array_equal(plane, 128)
