"""Motifs put together: a landscape, the sea, under water, a table, a portrait.

What the lines show of time and place settles the colors of the rest: stars stand
in a dark sky, a half sun at the horizon in an orange one.
"""

import functools
from collections.abc import Callable

import numpy as np

from tfcolor.data.drawings import creatures
from tfcolor.data.drawings import indoors
from tfcolor.data.drawings import motifs
from tfcolor.data.drawings.contours import curve
from tfcolor.data.drawings.contours import ellipse
from tfcolor.data.drawings.contours import polygon
from tfcolor.data.drawings.marks import Color
from tfcolor.data.drawings.marks import mix
from tfcolor.data.drawings.motifs import Place
from tfcolor.data.drawings.page import Page

# Width over height.
ASPECTS = (1.0, 1.0, 4.0 / 3.0, 3.0 / 4.0)

# Of a sky: its top and its bottom.
SKIES = {
    "day": (((84, 160, 226), (176, 218, 240)), ((104, 178, 230), (206, 232, 240))),
    "dusk": (((150, 100, 170), (250, 170, 110)), ((230, 110, 110), (252, 206, 120))),
    "night": (((44, 56, 112), (92, 104, 170)), ((50, 50, 100), (120, 100, 160))),
}
CLOUDS = {"day": motifs.WHITE, "dusk": (252, 206, 196), "night": (140, 146, 190)}
MEADOWS = ((122, 190, 84), (150, 204, 96), (100, 172, 88), (206, 190, 100))
SEAS = ((60, 132, 186), (64, 160, 180), (80, 150, 210))
SANDS = ((238, 214, 156), (232, 200, 140))
DEEPS = (((104, 196, 206), (40, 110, 160)), ((90, 170, 220), (50, 80, 150)))
TABLES = ((184, 128, 80), (206, 156, 104), (150, 98, 66))
PAPERS = (
    *((232, 196, 150), (170, 204, 180), (196, 180, 220)),
    *((240, 190, 180), (150, 190, 214), (226, 206, 120)),
)

ON_TABLES = (
    *(indoors.apple, indoors.apple, indoors.pear, indoors.banana),
    *(indoors.orange, indoors.cherries, indoors.mug, indoors.vase),
)


def scene(rng: np.random.Generator) -> Page:
    """A page with one of the scenes on it.

    Args:
      rng: NumPy generator that settles all of it.
    """
    aspect = ASPECTS[int(rng.random() * len(ASPECTS))]
    page = Page(rng, max(1.0, aspect), max(1.0, 1.0 / aspect))
    draw = page.pick(
        [landscape, landscape, landscape, seaside, underwater, table, portrait]
    )
    draw(page)
    return page


def landscape(page: Page) -> None:
    """Hills by day, at dusk or by night, with houses, trees, cars, cats and flowers."""
    time = page.pick(["day", "day", "day", "dusk", "night"])
    horizon = page.height * page.between(0.45, 0.66)
    sky(page, time, horizon)
    meadow = Place(page, 0j, 1.0).color(MEADOWS)
    meadow = mix(meadow, (50, 60, 120), 0.45) if time == "night" else meadow
    far = mix(meadow, SKIES[time][0][1], 0.4)
    hills(page, far, horizon - 0.06, page.between(0.08, 0.16))
    hills(page, meadow, horizon + 0.05, page.between(0.03, 0.07))
    house = functools.partial(motifs.house, lit=time == "night")
    motif = [motifs.tree, motifs.tree, motifs.pine, motifs.car, creatures.cat]
    motif += [house, house]
    for x, depth in standing(page, page.pick([2, 3, 3, 4])):
        foot = complex(x, horizon + 0.08 + depth * (page.height - horizon - 0.16))
        size = (0.42 + 0.25 * depth) * page.between(0.8, 1.2)
        ground_shadow(page, foot, 0.5 * size)
        page.pick(motif)(Place(page, foot, size, 0.0, page.chance(0.5)))
    foreground(page, meadow)
    if time == "day" and page.chance(0.4):
        at = complex(
            page.between(0.2, page.width - 0.2), horizon * page.between(0.4, 0.9)
        )
        creatures.butterfly(
            Place(page, at, page.between(0.2, 0.3), page.between(-0.6, 0.6))
        )


def foreground(page: Page, meadow: Color) -> None:
    """Small things along the lower edge."""
    blades = functools.partial(motifs.grass, color=mix(meadow, (30, 90, 50), 0.35))
    motif: list[Callable[[Place], None]] = [motifs.flower, motifs.flower]
    motif += [motifs.tulip, motifs.mushroom, blades]
    for x in spread(page, page.pick([1, 2, 3, 4])):
        foot = complex(x, page.height - page.between(0.0, 0.1))
        size, angle = page.between(0.24, 0.36), page.between(-0.15, 0.15)
        page.pick(motif)(Place(page, foot, size, angle))


def seaside(page: Page) -> None:
    """The sea with a boat and waves, perhaps a beach and a leaping fish."""
    time = page.pick(["day", "day", "dusk", "night"])
    horizon = page.height * page.between(0.38, 0.55)
    sky(page, time, horizon)
    sea = Place(page, 0j, 1.0).color(SEAS)
    sea = mix(
        sea, {"day": sea, "dusk": (190, 110, 120), "night": (30, 36, 90)}[time], 0.5
    )
    box(page, horizon, page.height + 0.1, mix(sea, motifs.WHITE, 0.25), below=sea)
    x = page.between(0.25, page.width - 0.25)
    size = page.between(0.35, 0.6)
    boat = Place(page, complex(x, horizon + 0.1), size, page.between(-0.1, 0.1))
    motifs.boat(boat)
    for _ in range(page.pick([5, 7, 9])):
        at = complex(
            page.between(0, page.width), page.between(horizon + 0.16, page.height)
        )
        wave(page, at, page.between(0.05, 0.1))
    if page.chance(0.6):
        beach(page, time)
    if page.chance(0.5):
        at = complex(page.between(0.25, page.width - 0.25), horizon + 0.24)
        leap = Place(page, at, page.between(0.25, 0.35), page.between(-0.7, -0.2))
        creatures.fish(leap)


def beach(page: Page, time: str) -> None:
    """Sand with starfish along the lower edge; `time` is a key of SKIES."""
    sand = Place(page, 0j, 1.0).color(SANDS)
    sand = mix(sand, (70, 70, 130), 0.4) if time == "night" else sand
    top = page.height - page.between(0.16, 0.26)
    hills(page, sand, top, 0.03)
    for x in spread(page, page.pick([1, 2, 3])):
        at = complex(x, page.height - page.between(0.05, 0.12))
        place = Place(page, at, page.between(0.16, 0.24), page.between(0, 1.2))
        motifs.star(place, ((244, 130, 70), (240, 110, 130)))


def underwater(page: Page) -> None:
    """The bottom of the sea: weed, starfish, fish and bubbles."""
    top, bottom = page.pick(DEEPS)
    box(page, -0.1, page.height + 0.1, top, below=bottom)
    floor = page.height - page.between(0.12, 0.25)
    hills(page, mix(page.pick(SANDS), bottom, 0.15), floor, 0.04)
    for x in spread(page, page.pick([2, 3, 4])):
        foot = complex(x, floor + page.between(0.04, 0.1))
        creatures.seaweed(Place(page, foot, page.between(0.35, 0.6)))
    for x in spread(page, page.pick([1, 2])):
        at = complex(x, page.height - page.between(0.05, 0.1))
        star = Place(page, at, page.between(0.16, 0.24), page.between(0, 1.2))
        motifs.star(star, ((244, 130, 70), (240, 110, 130)))
    for x in spread(page, page.pick([2, 3, 4])):
        at = complex(x, page.between(0.12, floor - 0.06))
        size, turn = page.between(0.28, 0.5), page.between(-0.3, 0.3)
        creatures.fish(Place(page, at, size, turn, page.chance(0.5)))
    for x in spread(page, page.pick([2, 4, 6])):
        at = complex(x, page.between(0.05, floor))
        creatures.bubble(Place(page, at, page.between(0.06, 0.14)))


def table(page: Page) -> None:
    """Fruit, mugs and vases on a table before a wall."""
    edge = page.height * page.between(0.55, 0.72)
    wall(page)
    wood = Place(page, 0j, 1.0).color(TABLES)
    box(page, edge, page.height + 0.1, wood, below=mix(wood, (60, 30, 30), 0.25))
    for y in np.arange(edge + 0.12, page.height, 0.12):
        start = page.between(-0.2, page.width)
        grain = [complex(start, y), complex(start + 0.2, y + 0.01)]
        page.stroke(polygon([*grain, complex(start + 0.4, y)], closed=False), 0.5)
    for x, depth in standing(page, page.pick([2, 3, 4, 5])):
        foot = complex(x, edge + 0.06 + depth * (page.height - edge - 0.1))
        motif = page.pick(ON_TABLES)
        size = page.between(0.42, 0.55) * (1.2 if motif is indoors.vase else 1.0)
        ground_shadow(page, foot, 0.5 * size)
        motif(Place(page, foot, size, 0.0, page.chance(0.5)))


def portrait(page: Page) -> None:
    """A person before a sky or a wall."""
    time = page.pick(["day", "dusk", "night", "wall", "wall", "wall"])
    if time == "wall":
        wall(page)
    else:
        sky(page, time, page.height)
    size = page.between(0.58, 0.74)
    x = 0.5 * page.width + page.between(-0.1, 0.1)
    neck = complex(x, 0.9 * page.height - 0.3 * size)
    sitter = Place(page, neck, size, page.between(-0.12, 0.12), page.chance(0.5))
    indoors.person(sitter)


def sky(page: Page, time: str, horizon: float) -> None:
    """The sky down to the horizon, y; its sun, moon, stars and clouds follow from
    `time`, a key of SKIES."""
    top, bottom = page.pick(SKIES[time])
    box(page, -0.1, horizon + 0.12, top, below=bottom, line=0.0)
    x, y = page.between(0.15, page.width - 0.15), page.between(0.14, 0.3)
    if time == "night":
        for at in spread(page, page.pick([3, 5, 7])):
            center = complex(at, page.between(0.05, 0.8 * horizon))
            motifs.star(
                Place(page, center, page.between(0.07, 0.14), page.between(0, 1))
            )
        motifs.moon(Place(page, complex(x, y), page.between(0.22, 0.32)))
    elif time == "dusk":
        motifs.sun(Place(page, complex(x, horizon - 0.04), page.between(0.3, 0.42)))
    elif page.chance(0.7):
        motifs.sun(Place(page, complex(x, y), page.between(0.22, 0.34)))
    for at in spread(page, page.pick([0, 1, 2, 3])):
        center = complex(at, page.between(0.1, 0.6 * horizon))
        place = Place(page, center, page.between(0.28, 0.46), 0.0, page.chance(0.5))
        motifs.cloud(place, place.color((CLOUDS[time],)))
    if time == "day" and page.chance(0.3):
        center = complex(page.between(0.15, page.width - 0.15), 0.6 * horizon)
        motifs.balloon(Place(page, center, page.between(0.28, 0.4)))


def wall(page: Page) -> None:
    """Wallpaper: plain, striped or dotted, or with a window."""
    paper = Place(page, 0j, 1.0).color(PAPERS)
    box(page, -0.1, page.height + 0.1, paper, below=mix(paper, (90, 70, 90), 0.25))
    pattern = page.pick(["plain", "stripes", "dots"])
    gap = page.between(0.16, 0.24)
    second = mix(paper, motifs.WHITE, 0.45)
    for x in np.arange(0.5 * gap, page.width, gap):
        if pattern == "stripes":
            corners = [complex(x, -0.1), complex(x + 0.4 * gap, -0.1)]
            corners += [z + 1j * (page.height + 0.2) for z in corners[::-1]]
            page.shape(polygon(corners), second, line=0.6, shade=0)
        elif pattern == "dots":
            for y in np.arange(0.5 * gap, page.height, gap):
                page.shape(ellipse(complex(x, y), 0.16 * gap), second, 0.6, 0)


def box(
    page: Page,
    top: float,
    bottom: float,
    color: Color,
    below: Color,
    line: float = 1.0,
) -> None:
    """A band across the whole page."""
    corners = [complex(-0.1, top), complex(page.width + 0.1, top)]
    corners += [complex(page.width + 0.1, bottom), complex(-0.1, bottom)]
    page.shape(polygon(corners), color, line=line, shade=0, below=below)


def hills(page: Page, color: Color, top: float, swing: float) -> None:
    """Ground whose upper edge swings by about that much."""
    xs = np.linspace(-0.2, page.width + 0.2, 6)
    edge = [complex(x, top + page.between(-swing, swing)) for x in xs]
    ends = [complex(xs[-1], page.height + 0.2), complex(xs[0], page.height + 0.2)]
    outline = np.concatenate([curve(edge, closed=False), polygon(ends, closed=False)])
    page.shape(outline, color, shade=0)


def wave(page: Page, center: complex, size: float) -> None:
    """A wave of three crests, 2 `size` wide."""
    crest = [-1 + 0.2j, -0.5 - 0.3j, 0.2j, 0.5 - 0.3j, 1 + 0.2j]
    page.stroke(curve(center + size * np.array(crest), closed=False), 0.7)


def ground_shadow(page: Page, foot: complex, width: float) -> None:
    """The shadow of a thing that stands at `foot`, away from the light."""
    away = -0.5 * width * page.light.real
    page.patch(ellipse(foot + away, width, 0.16 * width), (40, 40, 80), 0.4)


def spread(page: Page, count: int) -> list[float]:
    """Places along the page's width, one in each of `count` parts, shuffled."""
    part = page.width / max(count, 1)
    order = page.rng.permutation(count).tolist()
    return [(k + page.between(0.15, 0.85)) * part for k in order]


def standing(page: Page, count: int) -> list[tuple[float, float]]:
    """(place along the width, depth 0..1), from the back to the front."""
    depths = np.sort(page.rng.random(count)).tolist()
    return list(zip(spread(page, count), depths, strict=True))
