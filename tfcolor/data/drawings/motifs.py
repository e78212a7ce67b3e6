"""Things to draw, each with the colors that are usual for it.

A motif is drawn at a Place, in whose coordinates it is about 1 high or wide; what
stands on the ground stands at 0 and grows to negative y.
"""

from __future__ import annotations

import cmath
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfcolor.data.drawings.contours import curve
from tfcolor.data.drawings.contours import ellipse
from tfcolor.data.drawings.contours import polygon
from tfcolor.data.drawings.contours import scalloped
from tfcolor.data.drawings.marks import Color
from tfcolor.data.drawings.page import Page

WHITE, BLACK = (250, 250, 246), (40, 38, 46)
SUNS = ((255, 214, 60), (255, 190, 50), (255, 150, 60))
LEAVES = ((92, 168, 72), (120, 188, 70), (66, 144, 84), (80, 170, 110))
CROWNS = (*LEAVES, *LEAVES, (226, 128, 48), (206, 80, 48), (240, 168, 190))
BARKS = ((134, 92, 60), (116, 78, 58), (160, 116, 78))
WALLS = ((240, 222, 180), (228, 190, 150), (214, 150, 120), (196, 214, 220))
ROOFS = ((196, 70, 56), (206, 96, 60), (84, 110, 168), (120, 90, 90))
DOORS = ((140, 88, 54), (70, 120, 110), (160, 56, 60))
GLASS = ((156, 206, 232), (176, 220, 236))
PETALS = ((236, 84, 110), (250, 150, 180), (250, 206, 70), (152, 100, 206), WHITE)
CARS = ((214, 58, 54), (60, 120, 200), (244, 190, 56), (86, 170, 110))
HULLS = ((186, 66, 54), (140, 92, 58), (60, 96, 160), (230, 226, 216))
SAILS = ((246, 238, 220), (246, 238, 220), (226, 96, 76))
CLOTHES = (
    (214, 72, 72),
    (72, 110, 190),
    (84, 160, 120),
    (246, 200, 80),
    (150, 96, 180),
)


class Place:
    """Where on a page something is drawn, how large, turned and mirrored."""

    def __init__(
        self,
        page: Page,
        center: complex,
        size: float,
        angle: float = 0.0,
        mirrored: bool = False,
    ) -> None:
        self.page, self.center, self.size = page, center, size
        self.turn = cmath.rect(size, angle)
        self.mirrored = mirrored
        self.fineness = min(1.0, 0.5 + size)  # small things have thin lines

    def at(self, points: ArrayLike) -> np.ndarray:
        """Points of the place, complex [N], on the page."""
        points = np.asarray(points)
        points = -points.conj() if self.mirrored else points
        return self.center + self.turn * points

    def inside(self, center: complex, size: float, angle: float = 0.0) -> Place:
        """A smaller place within this one."""
        return Place(self.page, complex(self.at(center)), self.size * size, angle)

    def shape(
        self,
        contour: np.ndarray,
        color: Color,
        line: float = 1.0,
        shade: float = 0.16,
        hatching: bool = True,
    ) -> None:
        """`Page.shape` of a contour of this place, complex [N]; small places have
        thinner lines."""
        line *= self.fineness
        self.page.shape(self.at(contour), color, line, shade, None, hatching)

    def stroke(self, points: ArrayLike, line: float = 0.6) -> None:
        """`Page.stroke` of points of this place; small places have thinner lines."""
        self.page.stroke(self.at(points), line * self.fineness)

    def patch(
        self,
        contour: np.ndarray,
        color: Color,
        opacity: float = 1.0,
        soft: bool = False,
    ) -> None:
        """`Page.patch` of a contour of this place, complex [N]."""
        self.page.patch(self.at(contour), color, opacity, soft)

    def gloss(self, center: complex, size: float) -> None:
        """A highlight; the light falls from wherever it does on this page."""
        self.patch(ellipse(center, size, 0.6 * size), WHITE, 0.75)

    def color(self, palette: Sequence[Color]) -> Color:
        """One of a palette's colors, nearly."""
        page = self.page
        light = page.between(-14, 14)
        return tuple(c + light + page.between(-12, 12) for c in page.pick(palette))


def sun(place: Place) -> None:
    """A sun with rays and a glow, about 2 wide, around 0."""
    color = place.color(SUNS)
    place.patch(ellipse(0, 1.1), (255, 244, 190), 0.8, soft=True)
    count = place.page.pick([8, 10, 12])
    for turn in np.exp(2j * np.pi * np.arange(count) / count):
        ray = polygon(np.array([0.56 - 0.09j, 0.9, 0.56 + 0.09j]) * turn)
        place.shape(ray, color, line=0.7, shade=0)
    place.shape(ellipse(0, 0.46), color, shade=0.1)


def moon(place: Place) -> None:
    """A crescent moon with a glow, about 1 high, around 0."""
    horns = [0.1 - 0.5j, -0.36 - 0.32j, -0.46 + 0.1j, -0.2 + 0.46j, 0.3 + 0.4j]
    place.patch(ellipse(0, 1.0), (250, 246, 210), 0.5, soft=True)
    outline = curve([*horns, 0.04 + 0.22j, -0.1 - 0.1j])
    place.shape(outline, place.color(((250, 236, 160), (244, 240, 206))), shade=0.1)


def star(place: Place, palette: Sequence[Color] = ((252, 232, 130),)) -> None:
    """A star with five points, 1 wide, around 0."""
    radii = np.where(np.arange(10) % 2, 0.22, 0.5)
    points = radii * np.exp(1j * np.pi * (np.arange(10) / 5 - 0.5))
    place.shape(polygon(points), place.color(palette), line=0.8, shade=0.1)


def cloud(place: Place, color: Color = WHITE) -> None:
    """A cloud, about 1 wide, around 0."""
    page, count = place.page, place.page.pick([5, 6, 7])
    angles = np.linspace(np.pi, 2 * np.pi, count)
    heights = 0.26 + 0.12 * page.rng.random(count)
    bumps = 0.5 * np.cos(angles) + 1j * heights * np.sin(angles)
    place.shape(scalloped([*bumps, 0.2 + 0.08j, -0.2 + 0.08j]), color, shade=0.2)


def tree(place: Place) -> None:
    """A tree with a round crown, perhaps with fruit, 1 high, from 0 upwards."""
    page = place.page
    trunk = [-0.1 + 0j, -0.06 - 0.45j, 0.06 - 0.45j, 0.1 + 0j]
    place.shape(polygon(trunk), place.color(BARKS))
    place.stroke(polygon([0.02 - 0.08j, 0.01 - 0.3j], closed=False), 0.5)
    count = page.pick([7, 8, 9])
    radii = page.between(0.3, 0.34) + 0.04 * page.rng.random(count)
    crown = radii * np.exp(2j * np.pi * (np.arange(count) + page.rng.random()) / count)
    color = place.color(CROWNS)
    place.shape(scalloped(crown - 0.66j), color, shade=0.22)
    fruit = place.color(((220, 60, 50), (250, 180, 60)))
    fruiting = page.chance(0.35)
    for spot in (-0.16 - 0.74j, 0.14 - 0.8j, 0.02 - 0.58j, 0.2 - 0.58j):
        if fruiting:
            place.shape(ellipse(spot, 0.05), fruit, line=0.6, shade=0)
        else:
            bow = spot + 0.07 * np.array([-1 + 0.3j, -0.2 - 0.4j, 0.8 + 0.4j])
            place.stroke(curve(bow, closed=False))


def pine(place: Place) -> None:
    """A pine, 1 high, from 0 upwards."""
    color = place.color(((48, 116, 92), (40, 104, 80), (70, 130, 90)))
    place.shape(polygon([-0.06, -0.06 - 0.2j, 0.06 - 0.2j, 0.06]), place.color(BARKS))
    for top, width in ((-0.5, 0.36), (-0.75, 0.28), (-1.0, 0.2)):
        skirt = [complex(0, top), complex(width, top + 0.4)]
        skirt += [complex(x * width, top + y) for x, y in ((0.3, 0.34), (-0.3, 0.34))]
        skirt += [complex(-width, top + 0.4)]
        place.shape(polygon(skirt), color, shade=0.2)


def house(place: Place, lit: bool = False) -> None:
    """A house, about 1 high, from 0 upwards; `lit`: light in its window."""
    page = place.page
    high, roof = page.between(0.45, 0.7), page.between(0.3, 0.42)
    wall = [-0.4, -0.4 - 1j * high, 0.4 - 1j * high, 0.4]
    if page.chance(0.6):
        flue = [0.16 - 1j * high, 0.16 - 1j * (high + roof), 0.3 - 1j * (high + roof)]
        place.shape(polygon([*flue, 0.3 - 1j * high]), place.color(ROOFS))
    place.shape(polygon(wall), place.color(WALLS))
    eaves = [-0.52 - 1j * high + 0.04j, 0.52 - 1j * high + 0.04j]
    ridge = [0.3 - 1j * (high + roof), -0.3 - 1j * (high + roof)]
    if page.chance(0.5):
        ridge = [-1j * (high + roof)]
    place.shape(polygon([*eaves, *ridge]), place.color(ROOFS), shade=0.24)
    door = np.array([0, -0.3j, 0.18 - 0.3j, 0.18]) + page.pick([-0.28, -0.09, 0.1])
    place.shape(polygon(door), place.color(DOORS), line=0.8)
    glass = (252, 220, 110) if lit else place.color(GLASS)
    left = -0.2 if door[0].real > 0 else 0.12
    pane = np.array([0, 0.17, 0.17 + 0.17j, 0.17j]) + left - 1j * (high - 0.1)
    place.shape(polygon(pane), glass, line=0.8, shade=0.2)
    cross = pane.mean()
    place.stroke(polygon([cross - 0.085, cross + 0.085], closed=False), 0.6)
    place.stroke(polygon([cross - 0.085j, cross + 0.085j], closed=False), 0.6)


def flower(place: Place, stem: bool = True) -> None:
    """A flower with a stem, 1 high, from 0 upwards; without one its head alone, around
    0."""
    page = place.page
    head = -0.75j if stem else 0j
    if stem:
        bend = page.between(-0.1, 0.1)
        path = [0.03, 0.03 + bend - 0.4j, 0.02 + head, head - 0.02, bend - 0.03 - 0.4j]
        green = place.color(LEAVES)
        place.shape(curve([*path, -0.03]), green, line=0.7)
        for side in (-1, 1):
            leaf = [0.02 - 0.1j, side * 0.18 - 0.3j, side * 0.3 - 0.34j]
            leaf += [side * 0.2 - 0.16j]
            place.shape(curve(leaf), green, line=0.8)
    petals, count = place.color(PETALS), page.pick([5, 6, 8])
    blade = curve(np.array([0, 0.16 - 0.1j, 0.3 - 0.06j, 0.3 + 0.06j, 0.16 + 0.1j]))
    blade = blade.real + 1j * blade.imag * 8 / count
    for turn in np.exp(2j * np.pi * (np.arange(count) / count + page.rng.random())):
        place.shape(head + turn * blade, petals, line=0.8, shade=0.12)
    heart = place.color(((250, 206, 70), (250, 206, 70), (150, 92, 50)))
    place.shape(ellipse(head, 0.12), heart, line=0.8)


def tulip(place: Place) -> None:
    """A tulip, 1 high, from 0 upwards."""
    green = place.color(LEAVES)
    place.shape(polygon([-0.03, -0.03 - 0.6j, 0.03 - 0.6j, 0.03]), green, line=0.7)
    leaf = [0j, -0.2 - 0.3j, -0.24 - 0.5j, -0.08 - 0.25j]
    place.shape(curve(leaf), green, line=0.8)
    cup = [-0.58j, -0.17 - 0.68j, -0.18 - 0.98j, -0.08 - 0.84j, -1.02j]
    cup += [0.08 - 0.84j, 0.18 - 0.98j, 0.17 - 0.68j]
    place.shape(curve(cup), place.color(PETALS[:4]), shade=0.25)


def mushroom(place: Place) -> None:
    """A mushroom, 0.8 high, from 0 upwards."""
    stalk = [-0.12, -0.09 - 0.4j, 0.09 - 0.4j, 0.12]
    place.shape(polygon(stalk), place.color(((246, 234, 214),)))
    cap = [-0.42 - 0.36j, -0.32 - 0.66j, -0.8j, 0.32 - 0.66j, 0.42 - 0.36j, -0.3j]
    dotted = place.page.chance(0.7)
    palette = ((216, 54, 48),) if dotted else ((168, 112, 70), (196, 140, 84))
    place.shape(curve(cap), place.color(palette), shade=0.2)
    for spot, radius in (
        (-0.2 - 0.54j, 0.06),
        (0.06 - 0.64j, 0.07),
        (0.23 - 0.48j, 0.05),
    ):
        if dotted:
            place.shape(ellipse(spot, radius), WHITE, line=0.6, shade=0)


def grass(place: Place, color: Color) -> None:
    """A tuft of grass, up to 1 high, from 0 upwards."""
    for foot in (-0.32, -0.16, 0.0, 0.16, 0.32):
        tip = foot * 1.7 + place.page.between(-0.1, 0.1)
        tip -= 1j * place.page.between(0.6, 1.0)
        middle = 0.6 * foot + 0.4 * tip
        blade = [foot - 0.08, middle - 0.06, tip, middle + 0.06, foot + 0.08]
        place.shape(curve(blade), color, line=0.6, shade=0)


def car(place: Place) -> None:
    """A car from the side, 1 long, from 0 upwards."""
    body, glass = place.color(CARS), place.color(GLASS)
    roof = [-0.3 - 0.36j, -0.2 - 0.6j, 0.12 - 0.6j, 0.27 - 0.36j]
    place.shape(polygon(roof), body)
    window = [-0.22 - 0.38j, -0.15 - 0.54j, 0.09 - 0.54j, 0.19 - 0.38j]
    place.shape(polygon(window), glass, line=0.7, shade=0.2)
    place.stroke(polygon([-0.02 - 0.54j, -0.02 - 0.38j], closed=False))
    hull = [-0.5 - 0.14j, -0.49 - 0.32j, -0.3 - 0.37j, 0.26 - 0.37j]
    place.shape(polygon([*hull, 0.48 - 0.3j, 0.52 - 0.14j]), body, shade=0.25)
    place.shape(ellipse(0.46 - 0.24j, 0.04), (255, 240, 170), line=0.6, shade=0)
    for hub in (-0.27 - 0.12j, 0.28 - 0.12j):
        place.shape(ellipse(hub, 0.13), (66, 64, 74))
        place.shape(ellipse(hub, 0.05), (196, 198, 206), line=0.6, shade=0)


def boat(place: Place) -> None:
    """A boat with two sails, about 1 high, its waterline at 0."""
    sail, hull = place.color(SAILS), place.color(HULLS)
    place.shape(polygon([-0.03, -0.03 - 0.95j, 0.03 - 0.95j, 0.03]), BARKS[0], line=0.7)
    place.shape(polygon([0.05 - 0.9j, 0.42 - 0.25j, 0.05 - 0.25j]), sail, shade=0.24)
    second = sail if place.page.chance(0.7) else place.color(SAILS)
    place.shape(
        polygon([-0.05 - 0.8j, -0.05 - 0.25j, -0.32 - 0.25j]), second, shade=0.24
    )
    bow = [-0.5 - 0.17j, 0.52 - 0.17j, 0.36 + 0.08j, -0.36 + 0.08j]
    place.shape(polygon(bow), hull, shade=0.3)


def balloon(place: Place) -> None:
    """A hot-air balloon, about 1 high, around 0."""
    first, second = place.color(CLOTHES), place.color((WHITE, (250, 214, 90)))
    place.stroke(polygon([-0.24 - 0.3j, -0.09 + 0.1j], closed=False), 0.5)
    place.stroke(polygon([0.24 - 0.3j, 0.09 + 0.1j], closed=False), 0.5)
    place.shape(ellipse(-0.5j, 0.4), first, shade=0.2)
    place.shape(ellipse(-0.5j, 0.2, 0.4), second, line=0.7, shade=0.2)
    basket = [-0.1 + 0.06j, 0.1 + 0.06j, 0.08 + 0.24j, -0.08 + 0.24j]
    place.shape(polygon(basket), place.color(BARKS), line=0.8)
