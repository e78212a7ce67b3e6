"""Hints as points that move."""

import numpy as np
import pytest

from tfcolor.film import hinting
from tfcolor.film.steady import Motion


def test_points_follow_a_flow_and_are_lost_where_it_does_not_lead_to_them():
    y, x = np.mgrid[:20, :30].astype(np.float32)
    # Twice as large, from (10, 15): what was at (7, 12) is at (4, 9).
    motion = Motion(15 + (x - 15) / 2, 10 + (y - 10) / 2, np.ones((20, 30), "f4"))
    points = np.float32([[7, 12, 0.1, 0.2], [10, 15, 0, 0.3], [1, 15, 0, 0.4]])
    found = hinting.carried(points, motion)
    expected = [[4, 9, 0.1, 0.2], [10, 15, 0, 0.3]]  # the third has left
    np.testing.assert_allclose(found, expected, atol=0.02)
    motion.agreement[10, 15] = 0.49
    found = hinting.carried(points, motion)
    np.testing.assert_allclose(found, expected[:1], atol=0.02)
    assert not len(hinting.carried(points, None))
    # A flow that leads nowhere near a point: all to one place.
    motion = Motion(0 * x + 15, 0 * y + 10, np.ones((20, 30), "f4"))
    assert len(hinting.carried(points[:1], motion)) == 0
    plane = hinting.drawn(np.float32([[1.4, 2, 0.2, 0], [0.6, 2.2, 0.4, 1]]), (3, 4))
    np.testing.assert_allclose(plane[1, 2], [0.3, 0.5, 1])
    assert plane.sum() == pytest.approx(1.8)
