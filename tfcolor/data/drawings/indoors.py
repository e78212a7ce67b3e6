"""Things on a table and people, drawn at a Place as in `motifs`."""

import numpy as np

from tfcolor.data.drawings.contours import curve
from tfcolor.data.drawings.contours import ellipse
from tfcolor.data.drawings.contours import polygon
from tfcolor.data.drawings.marks import mix
from tfcolor.data.drawings.motifs import BLACK
from tfcolor.data.drawings.motifs import CLOTHES
from tfcolor.data.drawings.motifs import LEAVES
from tfcolor.data.drawings.motifs import WHITE
from tfcolor.data.drawings.motifs import Place
from tfcolor.data.drawings.motifs import flower
from tfcolor.data.drawings.motifs import tulip

SKINS = ((252, 216, 186), (240, 192, 156), (202, 144, 104), (136, 92, 66))
HAIRS = (
    *((70, 50, 44), (52, 46, 60), (128, 82, 50), (238, 198, 100), (206, 96, 54)),
    *((110, 130, 210), (240, 140, 170)),
)
IRISES = ((84, 130, 200), (96, 150, 90), (120, 80, 54))
CUPS = (*CLOTHES, (240, 236, 226))
STALK = (104, 72, 52)
MOUTH = (196, 84, 90)


def apple(place: Place) -> None:
    """An apple with stalk and leaf, about 0.8 high, from 0 upwards."""
    reds = ((210, 50, 48), (224, 70, 56), (140, 186, 66), (240, 200, 80))
    half = [0.12 - 0.66j, 0.36 - 0.6j, 0.4 - 0.3j, 0.24 - 0.02j, 0.07]
    outline = [-0.58j, *half, *(-np.conj(half[::-1]))]
    place.shape(curve(outline), place.color(reds), shade=0.2)
    place.gloss(-0.16 - 0.46j, 0.08)
    place.stroke(curve([-0.56j, 0.02 - 0.7j, 0.08 - 0.8j], closed=False), 0.9)
    leaf = [0.04 - 0.68j, 0.2 - 0.84j, 0.36 - 0.8j, 0.22 - 0.68j]
    place.shape(curve(leaf), place.color(LEAVES), line=0.8)


def pear(place: Place) -> None:
    """A pear, about 1 high, from 0 upwards."""
    half = [0.1 - 0.86j, 0.15 - 0.62j, 0.33 - 0.32j, 0.26 - 0.05j, 0.08]
    greens = ((190, 204, 84), (222, 206, 90), (150, 180, 70))
    outline = [*half, *(-np.conj(half[::-1]))]
    place.shape(curve(outline), place.color(greens), shade=0.2)
    place.gloss(-0.12 - 0.4j, 0.07)
    place.stroke(curve([-0.86j, 0.02 - 0.95j, 0.06 - 1.02j], closed=False), 0.9)


def banana(place: Place) -> None:
    """A banana on its back, about 1 wide, from 0 upwards."""
    inner = [-0.46 - 0.42j, -0.24 - 0.26j, 0.1 - 0.24j, 0.4 - 0.5j]
    outer = [0.5 - 0.46j, 0.36 - 0.14j, 0.04 - 0.0j, -0.32 - 0.06j, -0.52 - 0.36j]
    place.shape(curve([*inner, *outer]), place.color(((246, 214, 76),)), shade=0.2)
    ridge = [-0.42 - 0.32j, -0.2 - 0.16j, 0.1 - 0.13j, 0.4 - 0.36j]
    place.stroke(curve(ridge, closed=False))
    tip = [0.38 - 0.48j, 0.43 - 0.6j, 0.51 - 0.56j, 0.5 - 0.45j]
    place.shape(polygon(tip), STALK, line=0.7, shade=0)


def orange(place: Place) -> None:
    """An orange, about 0.7 high, from 0 upwards."""
    place.shape(ellipse(-0.32j, 0.33), place.color(((244, 150, 44),)), shade=0.2)
    place.gloss(-0.12 - 0.46j, 0.06)
    for spot in (0.1 - 0.2j, -0.06 - 0.12j, 0.16 - 0.36j):
        place.stroke(polygon([spot, spot + 0.03 + 0.02j], closed=False), 0.6)
    place.shape(star_leaf(-0.62j), place.color(LEAVES), line=0.7, shade=0)


def star_leaf(center: complex) -> np.ndarray:
    """The contour of the green star at the stalk of a fruit: complex [N]."""
    radii = np.where(np.arange(10) % 2, 0.03, 0.09)
    turn = np.exp(2j * np.pi * np.arange(10) / 10)
    return polygon(center + radii * (turn.real + 0.6j * turn.imag))


def cherries(place: Place) -> None:
    """Two cherries on one stalk, about 1 high, from 0 upwards."""
    red = place.color(((196, 30, 56), (220, 50, 60)))
    for x in (-0.2, 0.2):
        stalk = [x - 0.3j, 0.6 * x - 0.6j, 0.06 - 0.9j]
        place.stroke(curve(stalk, closed=False), 0.8)
    leaf = [0.06 - 0.9j, 0.28 - 0.98j, 0.46 - 0.84j, 0.26 - 0.8j]
    place.shape(curve(leaf), place.color(LEAVES), line=0.8)
    for x in (-0.2, 0.2):
        place.shape(ellipse(x - 0.19j, 0.19), red, shade=0.2)
        place.gloss(x - 0.07 - 0.26j, 0.05)


def mug(place: Place) -> None:
    """A mug with a band or a heart, about 0.7 high, from 0 upwards."""
    color = place.color(CUPS)
    handle = [0.26 - 0.5j, 0.52 - 0.5j, 0.52 - 0.14j, 0.24 - 0.12j]
    handle += [0.24 - 0.2j, 0.42 - 0.22j, 0.43 - 0.41j, 0.26 - 0.41j]
    place.shape(polygon(handle), color)
    side = [-0.3 - 0.6j, -0.27, 0.06j, 0.27, 0.3 - 0.6j]
    place.shape(polygon(side), color, shade=0.24)
    place.shape(ellipse(-0.6j, 0.3, 0.08), (96, 60, 44), line=0.8, shade=0)
    if place.page.chance(0.5):
        band = [-0.285 - 0.36j, 0.285 - 0.36j, 0.278 - 0.22j, -0.278 - 0.22j]
        place.shape(polygon(band), mix(color, WHITE, 0.65), line=0.6)
    else:
        heart = [-0.16j, -0.1 - 0.3j, -0.05 - 0.36j, -0.31j, 0.05 - 0.36j, 0.1 - 0.3j]
        place.shape(curve(heart), (222, 70, 90), line=0.6, shade=0)


def vase(place: Place) -> None:
    """A vase with three flowers, about 1 high, from 0 upwards."""
    page = place.page
    for x, size in ((-0.16, 0.62), (0.17, 0.6), (0.0, 0.75)):
        bloom = place.inside(x * 0.5 - 0.42j, size, 1.3 * x + page.between(-0.1, 0.1))
        (tulip if page.chance(0.35) else flower)(bloom)
    half = [0.1 - 0.5j, 0.09 - 0.42j, 0.24 - 0.24j, 0.13]
    outline = [*half, *(-np.conj(half[::-1]))]
    color = place.color(((90, 140, 200), (110, 180, 170), (206, 120, 90), WHITE))
    place.shape(curve(outline), color, shade=0.24)
    place.stroke(curve([-0.2 - 0.2j, 0.0 - 0.14j, 0.2 - 0.2j], closed=False))


def person(place: Place) -> None:
    """Head and shoulders, from the neck at 0: 1 high, and the body below."""
    skin, hair = place.color(SKINS), place.color(HAIRS)
    long = place.page.chance(0.55)
    if long:
        _long_hair(place, hair)
    _body(place, skin)
    for side in (-1, 1):
        place.shape(ellipse(side * 0.37 - 0.38j, 0.07, 0.1), skin, hatching=False)
    half = [0.36 - 0.5j, 0.33 - 0.24j, 0.18 - 0.04j, 0.04 + 0.01j]
    jaw = [-0.86j, 0.28 - 0.76j, *half, *(-np.conj(half[::-1])), -0.28 - 0.76j]
    place.shape(curve(jaw), skin, shade=0.1, hatching=False)
    for side in (-1, 1):
        blush = ellipse(side * 0.22 - 0.22j, 0.1, 0.07)
        place.patch(blush, mix(skin, (230, 80, 90), 0.6), 0.8, soft=True)
    _features(place, hair)
    if place.page.chance(0.25):
        _glasses(place)
    _fringe(place, hair, long)
    if place.page.chance(0.35):
        place.page.pick([_straw_hat, _cap])(place)


def _body(place, skin):
    clothes = place.color(CLOTHES)
    neck = [-0.11 - 0.1j, -0.13 + 0.2j, 0.13 + 0.2j, 0.11 - 0.1j]
    place.shape(polygon(neck), skin, shade=0.3)
    half = [0.16 + 0.1j, 0.42 + 0.2j, 0.58 + 0.5j, 0.62 + 1.2j]
    outline = [0.24j, *half, *(-np.conj(half[::-1]))]
    place.shape(curve(outline), clothes, shade=0.12)
    collar = [-0.2 + 0.09j, 0.0 + 0.36j, 0.2 + 0.09j, 0.28 + 0.2j, 0.5j]
    light = mix(clothes, WHITE, 0.7)
    place.shape(polygon([*collar, -0.28 + 0.2j]), light, line=0.8, shade=0.2)


def _features(place, hair):
    page = place.page
    iris, wide = place.color(IRISES), page.between(0.075, 0.095)
    for side in (-1, 1):
        eye = side * 0.16 - 0.36j
        place.shape(ellipse(eye, wide, 0.1), WHITE, line=0.6, shade=0)
        place.shape(ellipse(eye + 0.01j, 0.6 * wide, 0.08), iris, line=0.5, shade=0)
        place.patch(ellipse(eye + 0.01j, 0.026, 0.036), BLACK)
        place.patch(ellipse(eye - 0.02 - 0.03j, 0.022), WHITE)
        lash = side * wide * 1.3
        lid = [eye - lash - 0.06j, eye - 0.12j, eye + lash - 0.05j]
        place.stroke(curve(lid, closed=False), 0.9)
        brow = [eye - 0.09 - 0.18j, eye - 0.21j, eye + 0.09 - 0.18j]
        place.stroke(curve(brow, closed=False), 0.7)
    place.stroke(curve([-0.01 - 0.24j, 0.03 - 0.2j, -0.01 - 0.18j], closed=False), 0.5)
    if page.chance(0.5):
        place.stroke(curve([-0.1 - 0.12j, -0.08j, 0.1 - 0.12j], closed=False), 0.7)
    else:
        lips = [-0.1 - 0.13j, 0.1 - 0.13j, 0.06 - 0.05j, -0.06 - 0.05j]
        place.shape(curve(lips), MOUTH, line=0.7, shade=0)


def _glasses(place):
    for side in (-1, 1):
        turn = np.exp(2j * np.pi * np.arange(13) / 12)
        rim = side * 0.17 - 0.36j + 0.14 * turn
        place.stroke(rim, 0.7)
        place.stroke(polygon([side * 0.31 - 0.37j, side * 0.4 - 0.4j], False), 0.7)
    place.stroke(curve([-0.03 - 0.37j, -0.4j, 0.03 - 0.37j], closed=False), 0.7)


def _straw_hat(place):
    straw = place.color(((240, 210, 120), (228, 190, 104)))
    brim = [-0.74 - 0.74j, -0.4 - 0.86j, 0.4 - 0.86j, 0.74 - 0.74j, -0.66j]
    place.shape(curve(brim), straw)
    crown = [-0.38 - 0.78j, -0.3 - 1.16j, -1.22j, 0.3 - 1.16j, 0.38 - 0.78j, -0.72j]
    place.shape(curve(crown), straw)
    band = [-0.37 - 0.88j, -0.85j, 0.37 - 0.88j, 0.38 - 0.79j, -0.74j, -0.38 - 0.79j]
    place.shape(polygon(band), place.color(((206, 64, 70), (80, 110, 190))), line=0.8)


def _cap(place):
    color = place.color(CLOTHES)
    dome = [-0.45 - 0.72j, -0.4 - 1.02j, -1.18j, 0.4 - 1.02j, 0.45 - 0.72j, -0.78j]
    place.shape(curve(dome), color)
    peak = [-0.5 - 0.7j, -0.2 - 0.8j, 0.3 - 0.78j, 0.62 - 0.66j, 0.2 - 0.64j]
    place.shape(curve(peak), mix(color, WHITE, 0.3), line=0.9)
    place.stroke(curve([-0.14 - 1.14j, -0.2 - 0.98j, -0.2 - 0.82j], closed=False))
    place.shape(ellipse(-1.18j, 0.05, 0.035), color, line=0.7, shade=0)


def _long_hair(place, hair):
    half = [0.44 - 0.7j, 0.47 - 0.3j, 0.5 + 0.2j, 0.4 + 0.42j, 0.24 + 0.34j]
    back = [-1.0j, *half, *(-np.conj(half[::-1]))]
    place.shape(curve(back), mix(hair, (0, 0, 0), 0.16), shade=0.1)


def _fringe(place, hair, long):
    """The hair in front: a cap with locks over the forehead."""
    parting = place.page.between(-0.16, 0.16)
    down = -0.2j if long else -0.4j
    top = [-0.42 + down, -0.46 - 0.66j, -0.26 - 0.98j, -1.05j]
    top += [0.26 - 0.98j, 0.46 - 0.66j, 0.42 + down]
    locks = [0.34 - 0.58j, 0.25 - 0.5j, 0.14 - 0.64j, parting + 0.02 - 0.52j]
    locks += [parting - 0.1 - 0.66j, -0.22 - 0.5j, -0.34 - 0.6j]
    place.shape(curve([*top, *locks]), hair, shade=0.14)
    for x in (-0.2, 0.06, 0.26):
        lock = [0.3 * x + parting - 0.98j, x + 0.02 - 0.84j, 1.15 * x - 0.68j]
        place.stroke(curve(lock, closed=False), 0.55)
    place.patch(ellipse(-0.14 - 0.86j, 0.12, 0.035), mix(hair, WHITE, 0.5), 0.7)
