"""Contours as complex numbers x + iy, y downwards."""

import functools

import numpy as np
from numpy.typing import ArrayLike

# Points of a span of a curve, of an edge, of an ellipse.
SAMPLES, STRAIGHT_SAMPLES, CIRCLE_SAMPLES = 6, 3, 28


def curve(points: ArrayLike, closed: bool = True) -> np.ndarray:
    """A smooth curve through control points (centripetal enough: Catmull-Rom):
    complex [n] -> [SAMPLES n] closed, [SAMPLES (n - 1) + 1] open."""
    points = np.asarray(points)
    return _catmull_rom(len(points), closed) @ points


def polygon(points: ArrayLike, closed: bool = True) -> np.ndarray:
    """Straight edges between points: complex [n] -> [STRAIGHT_SAMPLES n] closed,
    [STRAIGHT_SAMPLES (n - 1) + 1] open."""
    points = np.asarray(points)
    return _straight(len(points), closed) @ points


def scalloped(points: ArrayLike, bulge: float = 0.4) -> np.ndarray:
    """Closed arcs from point to point, clockwise on the page, bulging outwards by
    that share of their lengths: complex [n] -> [SAMPLES n]."""
    points = np.asarray(points)
    steps = np.roll(points, -1) - points
    angles = np.pi * np.arange(SAMPLES) / SAMPLES
    arc = 0.5 - 0.5 * np.cos(angles) - 1j * bulge * np.sin(angles)
    return (points[:, None] + steps[:, None] * arc).ravel()


def ellipse(center: complex, rx: float, ry: float | None = None) -> np.ndarray:
    """Complex [CIRCLE_SAMPLES], around `center`."""
    circle = _circle()
    return center + rx * circle.real + 1j * (rx if ry is None else ry) * circle.imag


def normals(
    points: np.ndarray, starts: np.ndarray, ends: np.ndarray, is_open: np.ndarray
) -> np.ndarray:
    """Of all contours at once: complex [N], longer than 1 at corners."""
    after = np.arange(1, len(points) + 1)
    before = after - 2
    after[ends - 1] = np.where(is_open, ends - 1, starts)
    before[starts] = np.where(is_open, starts, ends - 1)
    ahead, behind = points[after] - points, points - points[before]
    ahead, behind = (step / np.maximum(np.abs(step), 1e-9) for step in (ahead, behind))
    along = ahead + behind
    length = np.abs(along)
    # At the ends of a stroke one of the two is missing.
    missing = np.zeros(len(points))
    missing[starts], missing[ends - 1] = is_open, is_open
    cosine = np.maximum(length / (2.0 - missing), 0.5)
    return -1j * along / np.maximum(length, 1e-9) / cosine


@functools.cache
def _circle():
    return np.exp(2j * np.pi * np.arange(CIRCLE_SAMPLES) / CIRCLE_SAMPLES)


@functools.cache
def _catmull_rom(count, closed):
    spans = count if closed else count - 1
    t = np.arange(spans * SAMPLES + (not closed)) / SAMPLES
    span = np.minimum(t.astype(int), spans - 1)
    t = t - span
    weights = [
        -0.5 * t + t**2 - 0.5 * t**3,
        1.0 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2.0 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    ]
    matrix = np.zeros([len(t), count])
    for step, weight in enumerate(weights, -1):
        place = span + step
        place = place % count if closed else place.clip(0, count - 1)
        np.add.at(matrix, (np.arange(len(t)), place), weight)
    return matrix


@functools.cache
def _straight(count, closed):
    spans = count if closed else count - 1
    t = np.arange(spans * STRAIGHT_SAMPLES + (not closed)) / STRAIGHT_SAMPLES
    span = np.minimum(t.astype(int), spans - 1)
    matrix = np.zeros([len(t), count])
    rows = np.arange(len(t))
    matrix[rows, span] = 1.0 - (t - span)
    matrix[rows, (span + 1) % count] += t - span
    return matrix
