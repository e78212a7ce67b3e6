"""A page of line art: contours in painter's order, drawn as a colored page or as
the scan of its ink.

Points are complex numbers x + iy, y downwards, in units of the page's shorter side.
Colors are tuples of three numbers in 0..255.
"""

import cmath
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from tfcolor.data.drawings.contours import normals
from tfcolor.data.drawings.marks import Color
from tfcolor.data.drawings.marks import Mark
from tfcolor.data.drawings.marks import Painter
from tfcolor.data.drawings.marks import Placed
from tfcolor.data.drawings.marks import mix

# Vertices fall on whole pixels, so a page is drawn larger and averaged: at least
# this many times, and to at least this many pixels along its shorter side.
OVERSAMPLING, LEAST_DRAWN = 3, 256

LEAST_LINE = 0.009  # of a line's width
T = TypeVar("T")

EDGE = 0.7  # pixels that a filled polygon is too wide


class Page:
    """An empty page of `width` x `height` and how it will be inked and lit.

    Args:
      rng: NumPy generator that all that is random about the page comes from.
      width, height: the smaller is 1.
    """

    def __init__(self, rng: np.random.Generator, width: float, height: float) -> None:
        self.rng = rng
        self.width, self.height = width, height
        self.marks: list[Mark] = []
        self.light = cmath.rect(1.0, self.between(-2.7, -0.45))
        self.line = self.between(0.016, 0.027)
        self.ink = self.pick([(16, 14, 20), (30, 20, 18), (18, 20, 40)])
        self.tinted = self.chance(0.35)
        self.shadow = self.pick([(53, 45, 98), (68, 38, 68), (30, 53, 91)])
        self.hatching = 0.5 if self.chance(0.35) else 0.0
        self.hatch_angle = self.between(0.5, 1.1) * self.pick([-1, 1])
        self._waves = self.rng.uniform(-9, 9, (3, 2)), self.rng.uniform(0, 6.3, 3)

    def between(self, low: float, high: float) -> float:
        """A random number in low..high."""
        return low + (high - low) * self.rng.random()

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[int(self.rng.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with this probability, 0..1."""
        return self.rng.random() < probability

    def shape(
        self,
        contour: np.ndarray,
        color: Color,
        line: float = 1.0,
        shade: float = 0.16,
        below: Color | None = None,
        hatching: bool = True,
    ) -> None:
        """Draw a filled contour with an outline.

        Args:
          contour: complex [N].
          line: width of the outline, over the page's usual one.
          shade: width of the second tone, over the smaller extent of the shape.
          below: color that it fades into downwards, or None.
          hatching: whether the second tone may be hatched.
        """
        ink = mix(color, (0, 0, 0), 0.78) if self.tinted else self.ink
        hatched = hatching and shade > 0 and self.chance(self.hatching)
        line = max(line * self.line, LEAST_LINE)
        mark = Mark(contour, "shape", line, color, ink, shade, below, hatched)
        self.marks.append(mark)

    def stroke(self, points: np.ndarray, line: float = 0.6) -> None:
        """Draw an open line in ink through points, complex [N]."""
        line = max(line * self.line, LEAST_LINE)
        self.marks.append(Mark(points, "stroke", line, ink=self.ink))

    def patch(
        self,
        contour: np.ndarray,
        color: Color,
        opacity: float = 1.0,
        soft: bool = False,
    ) -> None:
        """Draw color without a line inside a contour, complex [N]."""
        mark = Mark(contour, "patch", color=color, opacity=opacity, soft=soft)
        self.marks.append(mark)

    def draw(self, side: int, scan: bool) -> Image.Image:
        """The picture with `side` pixels along its shorter side.

        Args:
          scan: the ink alone, on white.

        Returns:
          Pillow image, RGB, of the scan L: 0 is ink, 255 none.
        """
        factor = max(OVERSAMPLING, LEAST_DRAWN // side)
        size = [factor * round(extent * side) for extent in (self.width, self.height)]
        image = Image.new("L" if scan else "RGB", size, "white")
        painter = Painter(image, side * factor, self, scan)
        for mark, placed in zip(self.marks, self._place(side * factor), strict=True):
            painter.paint(mark, placed)
        return image.reduce(factor)

    def _warp(self, points):
        """Slow waves that make everything look drawn by hand."""
        frequencies, phases = self._waves
        bent = points
        for (fx, fy), phase in zip(frequencies.tolist(), phases.tolist(), strict=True):
            sway = np.cos(fx * points.real + fy * points.imag + phase)
            bent = bent + cmath.rect(0.005, phase) * sway
        return bent

    def _place(self, scale):
        """All marks as Placed; together, because NumPy is slow on short arrays."""
        counts = np.array([len(mark.contour) for mark in self.marks])
        ends = np.cumsum(counts)
        starts = ends - counts
        points = self._warp(np.concatenate([mark.contour for mark in self.marks]))
        is_open = np.array([mark.kind == "stroke" for mark in self.marks])
        widths = np.repeat([mark.line for mark in self.marks], counts)
        widths = widths * self._pressure(points, starts, counts, is_open)
        # Polygons are drawn with the pixels of their edges.
        widths = np.maximum(widths - EDGE / scale, 0.0)
        offset = 0.5 * widths * normals(points, starts, ends, is_open)
        contours, left, right = (
            np.stack([z.real, z.imag], 1).astype(np.float32) * scale
            for z in (points, points + offset, points - offset)
        )
        low = np.minimum.reduceat(contours, starts)
        high = np.maximum.reduceat(contours, starts)
        reach = np.array([[scale * mark.line] for mark in self.marks])
        boxes = np.concatenate([np.floor(low - reach), np.ceil(high + reach) + 1], 1)
        spans = map(slice, starts.tolist(), ends.tolist())
        return [
            Placed(
                contours[span].ravel(), _ring(left[span], right[span], a), box, extent
            )
            for span, a, box, extent in zip(
                spans,
                is_open,
                boxes.astype(int).tolist(),
                (high - low).min(1).tolist(),
                strict=True,
            )
        ]

    def _pressure(self, points, starts, counts, is_open):
        """Of the pen: heavier in the shade; light at the ends of a stroke."""
        centers = np.add.reduceat(points, starts) / counts
        out = points - np.repeat(centers, counts)
        facing = (out * np.conj(self.light)).real / (np.abs(out) + 1e-6)
        along = np.arange(len(points)) - np.repeat(starts, counts)
        along = along / np.repeat(counts - 1, counts)
        taper = 0.35 + 0.8 * np.sin(np.pi * along)
        return np.where(np.repeat(is_open, counts), taper, 1.0 - 0.3 * facing)


def _ring(left, right, is_open):
    """Both sides of a line as one polygon."""
    if is_open:
        return np.concatenate([left, right[::-1]]).ravel()
    return np.concatenate([left, left[:1], right[:1], right[::-1]]).ravel()
