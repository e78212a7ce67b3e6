"""Pictures by NumPy alone, held to the functions on tensors."""

import numpy as np
import pytest

from tfcolor.color import arrays
from tfcolor.color import gamut
from tfcolor.color import lab


def recolored(pixels, planes):
    result = np.empty((*pixels.shape[:2], 3), np.uint8)
    arrays.recolored(pixels, planes, result)
    return result


@pytest.mark.parametrize("deviation", [5, 80])  # of 80 most are outside of sRGB
@pytest.mark.parametrize("changed", [False, True])
def test_recolored_is_what_tensors_give(deviation, changed, rng):
    image = rng.integers(0, 256, (300, 211, 3), dtype=np.uint8)
    image[:20] //= 16  # where the curves are lines
    planes = rng.normal(0, deviation, (2 + changed, 300, 211)).astype("float32")
    l = lab.lightness(image).numpy()
    if changed:
        l = np.clip(l + planes[2], 0, 100)
    expected = gamut.to_uint8(l, planes[0], planes[1]).numpy().astype(int)
    difference = np.abs(recolored(image, planes) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


def test_recolored_in_chunks_is_the_same(rng, monkeypatch):
    image = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    planes = rng.normal(0, 60, (2, 40, 30)).astype("float32")
    whole = recolored(image, planes)
    monkeypatch.setattr(arrays, "CHUNK", 7 * 30)
    np.testing.assert_array_equal(recolored(image, planes), whole)


def test_without_colours_grey_stays_what_it_is():
    levels = np.arange(256, dtype=np.uint8)[None]
    grey = np.repeat(levels[..., None], 3, -1)
    for image in (levels, grey):
        found = recolored(image, np.zeros((2, 1, 256), "float32"))
        np.testing.assert_array_equal(found, grey)


def test_lightness_is_that_of_tensors(rng):
    rgb = rng.uniform(0, 1, (50, 40, 3)).astype("float32")
    rgb[:5] *= 0.05
    expected = lab.lightness(rgb).numpy()
    np.testing.assert_allclose(arrays.lightness(rgb), expected, atol=1e-4)
