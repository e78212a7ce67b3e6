"""What lives, and what grows under water, drawn at a Place as in `motifs`."""

import numpy as np

from tfcolor.data.drawings.contours import curve
from tfcolor.data.drawings.contours import ellipse
from tfcolor.data.drawings.contours import polygon
from tfcolor.data.drawings.marks import mix
from tfcolor.data.drawings.motifs import BLACK
from tfcolor.data.drawings.motifs import WHITE
from tfcolor.data.drawings.motifs import Place

FISH = ((246, 140, 50), (246, 196, 60), (80, 140, 220), (236, 100, 120))
WINGS = ((240, 150, 50), (90, 140, 226), (246, 214, 90), (224, 110, 170))
FURS = ((232, 150, 70), (140, 138, 146), (72, 66, 74), (244, 232, 214), (150, 106, 74))


def butterfly(place: Place) -> None:
    """A butterfly with spread wings, about 1 wide and high, around 0."""
    upper, lower = place.color(WINGS), place.color(WINGS)
    for side in (-1, 1):
        wing = np.array([0.02, 0.2 + 0.34j, 0.42 + 0.26j, 0.3 + 0.04j])
        place.shape(curve(side * wing.real + 1j * wing.imag), lower)
        wing = np.array([0.02, 0.18 - 0.38j, 0.5 - 0.42j, 0.44 - 0.06j])
        place.shape(curve(side * wing.real + 1j * wing.imag), upper)
        place.shape(
            ellipse(side * 0.34 - 0.22j, 0.08),
            mix(upper, WHITE, 0.6),
            line=0.6,
            shade=0,
        )
        horn = np.array([0.01 - 0.2j, 0.06 - 0.4j, 0.16 - 0.5j])
        place.stroke(curve(side * horn.real + 1j * horn.imag, closed=False))
    place.shape(ellipse(0, 0.06, 0.26), (84, 64, 60), line=0.8)


def fish(place: Place) -> None:
    """A fish to the right, about 1 long, around 0."""
    page, color = place.page, place.color(FISH)
    fin = mix(color, page.pick([(255, 255, 255), (220, 80, 60)]), 0.35)
    tail = [-0.28, -0.56 - 0.24j, -0.5, -0.56 + 0.24j]
    place.shape(polygon(tail), fin)
    place.shape(curve([-0.15 - 0.16j, 0.0 - 0.38j, 0.2 - 0.2j]), fin)
    body = [0.5, 0.28 - 0.2j, 0.0 - 0.26j, -0.36 - 0.04j, -0.36 + 0.04j, 0.26j]
    place.shape(curve([*body, 0.28 + 0.2j]), color, shade=0.22)
    if page.chance(0.5):
        for x in (-0.14, 0.06):
            stripe = [x - 0.04 - 0.18j, x + 0.06 - 0.2j, x + 0.1, x + 0.06 + 0.2j]
            stripe += [x - 0.04 + 0.18j, x]
            place.shape(curve(stripe), WHITE, line=0.6, shade=0.2)
    else:
        for x in (-0.12, 0.04):
            bow = [x - 0.12j, x - 0.06, x + 0.12j]
            place.stroke(curve(bow, closed=False))
    place.shape(ellipse(0.28 - 0.06j, 0.075), WHITE, line=0.7, shade=0)
    place.shape(ellipse(0.3 - 0.06j, 0.02), BLACK, line=0.5, shade=0)


def seaweed(place: Place) -> None:
    """A swaying leaf of seaweed, 1 high, from 0 upwards."""
    color = place.color(((60, 140, 84), (110, 150, 60), (150, 70, 90)))
    left = [complex(0.09 * (-1) ** k - 0.08 + 0.01 * k, -0.2 * k) for k in range(6)]
    right = [z + 0.17 - 0.02 * k for k, z in enumerate(left)]
    place.shape(curve([*left, *right[::-1]]), color, line=0.8, shade=0.25)


def bubble(place: Place) -> None:
    """A bubble of air, 0.8 wide, around 0."""
    place.shape(ellipse(0, 0.4), (190, 232, 240), line=0.7, shade=0.2)
    place.gloss(-0.1 - 0.14j, 0.1)


def cat(place: Place) -> None:
    """A sitting cat from the front, 1 high, from 0 upwards."""
    fur = place.color(FURS)
    tail = [
        0.24 - 0.04j,
        0.46 - 0.1j,
        0.5 - 0.4j,
        0.42 - 0.42j,
        0.38 - 0.18j,
        0.2 - 0.16j,
    ]
    place.shape(curve(tail), fur)
    body = [-0.24, -0.22 - 0.3j, -0.1 - 0.52j, 0.1 - 0.52j, 0.24 - 0.3j, 0.27]
    place.shape(curve(body), fur, shade=0.2)
    place.shape(ellipse(-0.2j, 0.12, 0.17), mix(fur, WHITE, 0.6), line=0.6, shade=0.1)
    for side in (-1, 1):
        ear = [side * 0.08 - 0.84j, side * 0.24 - 1.0j, side * 0.27 - 0.74j]
        place.shape(polygon(ear), fur)
    place.shape(ellipse(-0.68j, 0.3, 0.24), fur, shade=0.14)
    iris = place.color(((140, 190, 70), (240, 190, 60), (110, 170, 220)))
    for side in (-1, 1):
        place.shape(ellipse(side * 0.12 - 0.71j, 0.055, 0.07), iris, line=0.7, shade=0)
        place.shape(
            ellipse(side * 0.12 - 0.71j, 0.012, 0.045), BLACK, line=0.4, shade=0
        )
        whisker = [side * 0.14 - 0.6j, side * 0.36 - 0.58j]
        place.stroke(polygon(whisker, closed=False), 0.45)
    nose = [-0.035 - 0.635j, 0.035 - 0.635j, -0.6j]
    place.shape(polygon(nose), (230, 130, 130), line=0.5, shade=0)
    place.stroke(curve([-0.08 - 0.56j, -0.55j - 0.03, -0.6j], closed=False), 0.5)
    place.stroke(curve([0.08 - 0.56j, -0.55j + 0.03, -0.6j], closed=False), 0.5)
