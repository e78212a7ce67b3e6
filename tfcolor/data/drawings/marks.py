"""Marks on a page, and the painter of them.

Points are complex numbers x + iy, y downwards. Colors are tuples of three numbers
in 0..255.
"""

import cmath
import dataclasses
import functools
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

import numpy as np
from PIL import Image
from PIL import ImageChops
from PIL import ImageDraw

Color: TypeAlias = tuple[float, ...]  # red, green, blue, 0..255

SHADOW = 0.49  # share of the shadow's color in a second tone
LEAST_TONE = 0.008  # of a second tone's width
HATCH_GAP, HATCH_LINE = 0.05, 0.0115
GRADIENT_STEPS = 128


@dataclasses.dataclass(slots=True)
class Mark:
    """What is drawn at once.

    Attributes:
      contour: complex [N].
      kind: "shape": a closed contour, filled and outlined; "stroke": an open line
        with thin ends; "patch": color without a line, which the scan lacks.
      line: width of the outline.
      color, ink: of the area and of its outline.
      shade: width of the darker second tone along the side away from the light,
        as a share of the shape's smaller extent.
      below: the color that the area fades into downwards, or None.
      hatched: whether the second tone is hatched too.
      opacity: of a patch, 0..1; `soft` ones fade out towards their rim.
    """

    contour: np.ndarray
    kind: str = "shape"
    line: float = 0.0
    color: tuple = (255, 255, 255)
    ink: tuple = (20, 18, 24)
    shade: float = 0.0
    below: tuple | None = None
    hatched: bool = False
    opacity: float = 1.0
    soft: bool = False


class Placed(NamedTuple):
    """Where a mark comes to lie, in pixels of the drawn page.

    Attributes:
      contour, outline: flat [x, y, x, y, ...] float32, to be filled.
      box: (left, top, right, bottom) in whole pixels, around both.
      extent: of the contour, the smaller of width and height.
    """

    contour: np.ndarray
    outline: np.ndarray
    box: list
    extent: float


class Painter:
    """Paints marks on a Pillow image of a Page, `scale` pixels to its unit: in
    color, or the ink alone."""

    def __init__(self, image: Image.Image, scale: float, page: Any, scan: bool) -> None:
        self.image, self.scale, self.scan = image, scale, scan
        self.page = page
        self.pen = ImageDraw.Draw(image)

    def paint(self, mark: Mark, placed: Placed) -> None:
        """Draw a Mark where it comes to lie, or of a scan its ink."""
        if mark.kind == "patch":
            if not self.scan:
                self._patch(mark, placed)
            return
        if self._on_page(placed.box) is None:
            return
        ink = 0 if self.scan else _whole(mark.ink)
        if mark.kind == "shape":
            self._area(mark, placed, ink)
        if mark.line:
            self.pen.polygon(placed.outline.tolist(), fill=ink)

    def _area(self, mark, placed, ink):
        fill = 255 if self.scan else _whole(mark.color)
        self.pen.polygon(placed.contour.tolist(), fill=fill)
        fades = mark.below is not None and not self.scan
        shade = mark.shade * placed.extent
        toned = shade >= LEAST_TONE * self.scale and (mark.hatched or not self.scan)
        box = self._on_page(placed.box)
        if fades:
            area = self._mask(placed.contour, box)
            self.image.paste(_fade(mark, box, placed.box), box, area)
        if toned:
            self._tone(mark, placed.contour, box, shade, ink)

    def _tone(self, mark, contour, box, width, ink):
        """What the area leaves uncovered when it is moved towards the light."""
        light = np.array([self.page.light.real, self.page.light.imag], np.float32)
        moved = (contour.reshape(-1, 2) + width * light).ravel()
        tone = self._mask(contour, box, moved)
        if not self.scan:
            dark = _whole(mix(mark.color, self.page.shadow, SHADOW))
            self.image.paste(dark, box, tone)
        if mark.hatched:
            tone = ImageChops.logical_and(tone, self._hatches(box))
            self.image.paste(ink, box, tone)

    def _hatches(self, box):
        image = Image.new("1", (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(image)
        along = cmath.rect(1.0, self.page.hatch_angle)
        across, gap = 1j * along, HATCH_GAP * self.scale
        corners = [complex(x, y) for x in box[::2] for y in box[1::2]]
        places = [(corner * across.conjugate()).real / gap for corner in corners]
        length, middle = 2.0 * sum(image.size) * along, sum(corners) / 4
        middle -= (middle * across.conjugate()).real * across + complex(*box[:2])
        width = max(1, round(HATCH_LINE * self.scale))
        for place in range(int(min(places)), int(max(places)) + 2):
            center = middle + place * gap * across
            ends = center - length, center + length
            pen.line([(z.real, z.imag) for z in ends], fill=255, width=width)
        return image

    def _patch(self, mark, placed):
        if mark.opacity == 1.0 and not mark.soft:
            self.pen.polygon(placed.contour.tolist(), fill=_whole(mark.color))
            return
        box = self._on_page(placed.box)
        if box is None:
            return
        if mark.soft:
            box = placed.box
            mask = _glow(mark.opacity).resize((box[2] - box[0], box[3] - box[1]))
        else:
            level = round(255 * mark.opacity)
            mask = self._mask(placed.contour, box, mode="L", level=level)
        self.image.paste(_whole(mark.color), box, mask)

    def _on_page(self, box):
        """The part of a box that is on the page; None if there is none."""
        left, top, right, bottom = box
        width, height = self.image.size
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            return None
        return left, top, right, bottom

    def _mask(self, contour, box, without=None, mode="1", level=1):
        """The inside of a contour, perhaps without that of another."""
        mask = Image.new(mode, (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(mask)
        corner = np.array(box[:2], np.float32)
        for outline, fill in ((contour, level), (without, 0)):
            if outline is not None:
                inside = outline.reshape(-1, 2) - corner
                pen.polygon(inside.ravel().tolist(), fill=fill)
        return mask


def mix(first: Color, second: Color, share: float) -> Color:
    """The color that has `share` of the second."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def _whole(color):
    return tuple(min(255, max(0, round(level))) for level in color)


def _fade(mark, box, whole):
    """The colors of a box, faded from the whole's top to its bottom."""
    _, top, _, bottom = whole
    share = (np.linspace(box[1], box[3], GRADIENT_STEPS) - top) / (bottom - top)
    rows = np.array(mark.color) + np.subtract(mark.below, mark.color) * share[:, None]
    strip = Image.fromarray(rows.clip(0, 255).astype(np.uint8)[:, None])
    return strip.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST)


@functools.cache
def _glow(opacity):
    x = np.linspace(-1.0, 1.0, 64)
    inside = np.maximum(1.0 - x**2 - x[:, None] ** 2, 0.0)
    return Image.fromarray(np.rint(255.0 * opacity * inside**2).astype(np.uint8))
