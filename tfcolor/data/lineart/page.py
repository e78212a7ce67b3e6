"""A page of line art: contours in painter's order, drawn as a coloured page or as
the scan of its ink.

Points are complex numbers x + iy, y downwards, in units of the page's shorter side.
Colours are tuples of three numbers in 0..255.
"""

import cmath
import dataclasses
import functools

import numpy as np
from PIL import Image
from PIL import ImageChops
from PIL import ImageDraw

from tfcolor.data.lineart.contours import normals

# Vertices fall on whole pixels, so a page is drawn larger and averaged: at least
# this many times, and to at least this many pixels along its shorter side.
OVERSAMPLING, LEAST_DRAWN = 3, 256

LEAST_LINE = 0.009  # of a line's width
LEAST_TONE = 0.008  # of a second tone's width
HATCH_GAP, HATCH_LINE = 0.05, 0.0115
GRADIENT_STEPS = 128


@dataclasses.dataclass(slots=True)
class Mark:
    """What is drawn at once.

    Attributes:
      contour: complex [N].
      kind: "shape": a closed contour, filled and outlined; "stroke": an open line
        with thin ends; "patch": colour without a line, which the scan lacks.
      line: width of the outline.
      colour, ink: of the area and of its outline.
      shade: width of the darker second tone along the side away from the light.
      below: the colour that the area fades into downwards, or None.
      hatched: whether the second tone is hatched too.
      opacity: of a patch, 0..1; `soft` ones fade out towards their rim.
    """

    contour: np.ndarray
    kind: str = "shape"
    line: float = 0.0
    colour: tuple = (255, 255, 255)
    ink: tuple = (20, 18, 24)
    shade: float = 0.0
    below: tuple | None = None
    hatched: bool = False
    opacity: float = 1.0
    soft: bool = False


class Page:
    """An empty page of `width` x `height` and how it will be inked and lit.

    Args:
      rng: NumPy generator that all that is random about the page comes from.
      width, height: the smaller is 1.
    """

    def __init__(self, rng, width, height):
        self.rng = rng
        self.width, self.height = width, height
        self.marks = []
        self.light = cmath.rect(1.0, self.between(-2.7, -0.45))
        self.line = self.between(0.016, 0.027)
        self.ink = self.pick([(16, 14, 20), (30, 20, 18), (18, 20, 40)])
        self.tinted = self.chance(0.35)
        self.shadow = self.pick([(70, 60, 130), (90, 50, 90), (40, 70, 120)])
        self.hatching = 0.5 if self.chance(0.35) else 0.0
        self._hatch_angle = self.between(0.5, 1.1) * self.pick([-1, 1])
        self._waves = self.rng.uniform(-9, 9, (3, 2)), self.rng.uniform(0, 6.3, 3)

    def between(self, low, high):
        return low + (high - low) * self.rng.random()

    def pick(self, choices):
        return choices[int(self.rng.random() * len(choices))]

    def chance(self, probability):
        return self.rng.random() < probability

    def shape(self, contour, colour, line=1.0, shade=0.16, below=None, hatching=True):
        """A filled contour with an outline, `line` times the page's usual width, and
        a second tone `shade` times the shape's smaller extent wide."""
        ink = mix(colour, (0, 0, 0), 0.78) if self.tinted else self.ink
        shade *= min(np.ptp(contour.real), np.ptp(contour.imag))
        shade = shade if shade >= LEAST_TONE else 0.0
        hatched = hatching and shade > 0 and self.chance(self.hatching)
        line = max(line * self.line, LEAST_LINE)
        mark = Mark(contour, "shape", line, colour, ink, shade, below, hatched)
        self.marks.append(mark)

    def stroke(self, points, line=0.6):
        """An open line in ink."""
        line = max(line * self.line, LEAST_LINE)
        self.marks.append(Mark(points, "stroke", line, ink=self.ink))

    def patch(self, contour, colour, opacity=1.0, soft=False):
        """Colour without a line."""
        mark = Mark(contour, "patch", colour=colour, opacity=opacity, soft=soft)
        self.marks.append(mark)

    def draw(self, side, scan):
        """The picture with `side` pixels along its shorter side.

        Args:
          scan: the ink alone, on white.

        Returns:
          Pillow image, RGB, of the scan L: 0 is ink, 255 none.
        """
        factor = max(OVERSAMPLING, LEAST_DRAWN // side)
        size = [factor * round(extent * side) for extent in (self.width, self.height)]
        image = Image.new("L" if scan else "RGB", size, "white")
        geometry = self._geometry(side * factor)
        painter = _Painter(image, side * factor, self, scan)
        for mark, contour, outline in zip(self.marks, *geometry, strict=True):
            painter.paint(mark, contour, outline)
        return image.reduce(factor)

    def _warp(self, points):
        """Slow waves that make everything look drawn by hand."""
        frequencies, phases = self._waves
        bent = points
        for (fx, fy), phase in zip(frequencies.tolist(), phases.tolist(), strict=True):
            sway = np.cos(fx * points.real + fy * points.imag + phase)
            bent = bent + cmath.rect(0.005, phase) * sway
        return bent

    def _geometry(self, scale):
        """(contours, outlines) of all marks, in pixels: lists of [2 N] float32."""
        counts = np.array([len(mark.contour) for mark in self.marks])
        ends = np.cumsum(counts)
        starts = ends - counts
        points = self._warp(np.concatenate([mark.contour for mark in self.marks]))
        widths = np.array([mark.line for mark in self.marks])
        is_open = np.array([mark.kind == "stroke" for mark in self.marks])
        half = (
            0.5
            * np.repeat(widths, counts)
            * self._pressure(points, starts, counts, is_open)
        )
        # Polygons are drawn with the pixels of their edges.
        half = np.maximum(half - 0.5 / scale, 0.0)
        offset = half * normals(points, starts, ends, is_open)
        contours, left, right = (
            np.stack([z.real, z.imag], 1).astype(np.float32) * scale
            for z in (points, points + offset, points - offset)
        )
        spans = [
            slice(*span) for span in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        outlines = [
            _ring(left[span], right[span], mark)
            for mark, span in zip(self.marks, spans, strict=True)
        ]
        return [contours[span] for span in spans], outlines

    def _pressure(self, points, starts, counts, is_open):
        """Of the pen: heavier in the shade; light at the ends of a stroke."""
        centres = np.add.reduceat(points, starts) / counts
        out = points - np.repeat(centres, counts)
        facing = (out * np.conj(self.light)).real / (np.abs(out) + 1e-6)
        along = np.arange(len(points)) - np.repeat(starts, counts)
        along = along / np.repeat(counts - 1, counts)
        taper = 0.35 + 0.8 * np.sin(np.pi * along)
        return np.where(np.repeat(is_open, counts), taper, 1.0 - 0.3 * facing)


class _Painter:
    def __init__(self, image, scale, page, scan):
        self.image, self.scale, self.scan = image, scale, scan
        self.page = page
        self.pen = ImageDraw.Draw(image)

    def paint(self, mark, contour, outline):
        if mark.kind == "patch":
            if not self.scan:
                self._patch(mark, contour)
            return
        ink = 0 if self.scan else _whole(mark.ink)
        if mark.kind == "shape":
            self._area(mark, contour, ink)
        if mark.line:
            self.pen.polygon(outline.ravel().tolist(), fill=ink)

    def _area(self, mark, contour, ink):
        fill = 255 if self.scan else _whole(mark.colour)
        self.pen.polygon(contour.ravel().tolist(), fill=fill)
        fades = mark.below is not None and not self.scan
        toned = mark.shade > 0 and (mark.hatched or not self.scan)
        box = self._box(contour) if fades or toned else None
        if box is None:
            return
        if fades:
            self.image.paste(_fade(mark, box, contour), box, self._mask(contour, box))
        if toned:
            self._tone(mark, contour, box, ink)

    def _tone(self, mark, contour, box, ink):
        """What the area leaves uncovered when it is moved towards the light."""
        extent = mark.shade * self.scale
        light = np.float32([self.page.light.real, self.page.light.imag])
        tone = self._mask(contour, box, contour + extent * light)
        if not self.scan:
            dark = mix(mix(mark.colour, self.page.shadow, 0.42), (0, 0, 0), 0.12)
            self.image.paste(_whole(dark), box, tone)
        if mark.hatched:
            tone = ImageChops.logical_and(tone, self._hatches(box))
            self.image.paste(ink, box, tone)

    def _hatches(self, box):
        image = Image.new("1", (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(image)
        along = cmath.rect(1.0, self.page._hatch_angle)
        across, gap = 1j * along, HATCH_GAP * self.scale
        corners = [complex(x, y) for x in box[::2] for y in box[1::2]]
        places = [(corner * across.conjugate()).real / gap for corner in corners]
        length, middle = 2.0 * sum(image.size) * along, sum(corners) / 4
        middle -= (middle * across.conjugate()).real * across + complex(*box[:2])
        width = max(1, round(HATCH_LINE * self.scale))
        for place in range(int(min(places)), int(max(places)) + 2):
            centre = middle + place * gap * across
            ends = centre - length, centre + length
            pen.line([(z.real, z.imag) for z in ends], fill=255, width=width)
        return image

    def _patch(self, mark, contour):
        if mark.opacity == 1.0 and not mark.soft:
            self.pen.polygon(contour.ravel().tolist(), fill=_whole(mark.colour))
            return
        box = self._box(contour, clipped=not mark.soft)
        if box is None:
            return
        if mark.soft:
            mask = _radial().resize((box[2] - box[0], box[3] - box[1]))
        else:
            mask = self._mask(contour, box).convert("L")
        mask = mask.point([round(mark.opacity * level) for level in range(256)])
        self.image.paste(_whole(mark.colour), box, mask)

    def _box(self, contour, clipped=True):
        """(left, top, right, bottom) in whole pixels; None outside the page."""
        low = np.floor(contour.min(0)).astype(int).tolist()
        high = (np.ceil(contour.max(0)).astype(int) + 1).tolist()
        width, height = self.image.size
        if low[0] >= width or low[1] >= height or high[0] <= 0 or high[1] <= 0:
            return None
        if not clipped:
            return *low, *high
        return max(low[0], 0), max(low[1], 0), min(high[0], width), min(high[1], height)

    def _mask(self, contour, box, without=None):
        """The inside of a contour, perhaps without that of another."""
        mask = Image.new("1", (box[2] - box[0], box[3] - box[1]))
        pen, corner = ImageDraw.Draw(mask), np.float32(box[:2])
        pen.polygon((contour - corner).ravel().tolist(), fill=1)
        if without is not None:
            pen.polygon((without - corner).ravel().tolist(), fill=0)
        return mask


def mix(first, second, share):
    """The colour that has `share` of the second."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def _whole(colour):
    return tuple(min(255, max(0, round(level))) for level in colour)


def _fade(mark, box, contour):
    """The colours of a box, from the contour's top to its bottom."""
    top, bottom = contour[:, 1].min(), contour[:, 1].max()
    steps = np.linspace(box[1] - top, box[3] - top, GRADIENT_STEPS) / (bottom - top)
    rows = np.array(mark.colour) + np.subtract(mark.below, mark.colour) * steps[:, None]
    strip = Image.fromarray(rows.clip(0, 255).astype(np.uint8)[:, None])
    return strip.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST)


def _ring(left, right, mark):
    if mark.kind == "stroke":
        return np.concatenate([left, right[::-1]])
    return np.concatenate([left, left[:1], right[:1], right[::-1]])


@functools.cache
def _radial():
    x = np.linspace(-1.0, 1.0, 64)
    inside = np.maximum(1.0 - x**2 - x[:, None] ** 2, 0.0)
    return Image.fromarray(np.rint(255.0 * inside**2).astype(np.uint8))
