"""Boxes of crops, by hand and by their shares."""

import numpy as np

from tfcolor.data import crops
from tfcolor.images import decode


def test_boxes_stay_inside_and_have_their_share(rng):
    for _ in range(500):
        size = tuple(rng.integers(1, 90, 2).tolist())
        box = crops.random_box(size, rng.uniform(size=4), 0.3)
        top, left, height, width = box
        assert min(top, left) >= 0
        assert min(height, width) >= 1
        assert top + height <= size[0]
        assert left + width <= size[1]
    areas = [
        np.prod(crops.random_box((300, 300), rng.uniform(size=4), 0.3)[2:]) / 9e4
        for _ in range(500)
    ]
    assert 0.25 < min(areas) < 0.4
    assert 0.9 < max(areas) <= 1
    assert crops.center_box((30, 50)) == (0, 10, 30, 30)


def test_boxes_by_hand():
    """Half of the shorter side, all of it; of twice the aspect's root, 1.1547, and at
    the far ends of where they may lie."""
    box = crops.random_box
    assert box((40, 56), (0.0, 0.5, 0.0, 0.999), 0.25) == (0, 36, 20, 20)
    assert box((40, 56), (1.0, 0.5, 0.5, 0.5), 0.25) == (0, 8, 40, 40)
    assert box((120, 120), (0.0, 1.0, 0.999, 0.0), 0.25) == (51, 0, 69, 52)
    assert box((120, 120), (0.0, 0.0, 0.5, 0.999), 0.25) == (34, 51, 52, 69)


def test_smart_crop_prefers_the_window_with_variety(rng):
    image = np.full([100, 100, 3], 230, np.uint8)
    image[:50, :50] = rng.integers(0, 256, (50, 50, 3))
    inside = []
    for _ in range(50):
        numbers = rng.uniform(size=crops.NUMBERS - 1)
        smart = crops.smart_box(image, numbers, 0.1)
        plain = crops.random_box((100, 100), numbers[:4], 0.1)
        inside.append([decode.cut(image, box).var() for box in (smart, plain)])
    smart, plain = np.mean(inside, 0)
    assert smart > 1.3 * plain
