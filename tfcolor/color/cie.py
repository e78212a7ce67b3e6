"""The constants and curves of sRGB (IEC 61966-2-1) and CIELAB (CIE 1976; D65, 2
degree observer), and the only place of those that scale Lab for the networks.

The curves are written once, for the arrays of any library: they take its functions
`power`, `where` and `maximum`. This module itself has NumPy alone: also for networks
that run without TensorFlow.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

# Linear sRGB -> XYZ and the white point of ASTM E308 with four decimals, as
# scikit-image and OpenCV have them, so that figures can be compared.
XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
WHITE_FROM_RGB = XYZ_FROM_RGB / WHITE[:, None]  # to XYZ in units of the white's

# The networks see l = L*/50 - 1 and ab = (a*, b*)/110 (Isola et al. 2017).
L_HALF = 50.0
AB_MAX = 110.0

# CIE 15:2018, rounded as usual: f is a line below the threshold.
THRESHOLD = 0.008856
SLOPE = 7.787
OFFSET = 16.0 / 116.0
F_THRESHOLD = THRESHOLD ** (1.0 / 3.0)

# IEC 61966-2-1: light is a line up to this level.
KNEE = 0.04045


def linear(
    rgb: Any,
    power: Callable[..., Any],
    where: Callable[..., Any],
    maximum: Callable[..., Any],
) -> Any:
    """Levels of sRGB, 0..1 [...], to light, 0..1 [...]. Finite, with a finite
    gradient, everywhere."""
    curve = power((maximum(rgb, KNEE) + 0.055) * (1.0 / 1.055), 2.4)
    return where(rgb > KNEE, curve, rgb * (1.0 / 12.92))


def f(
    t: Any,
    root: Callable[..., Any],
    where: Callable[..., Any],
    maximum: Callable[..., Any],
) -> Any:
    """The curve of CIELAB: `root`, a cube root, of t [...], X, Y or Z in units of the
    white's; a line below the threshold."""
    return where(t > THRESHOLD, root(maximum(t, THRESHOLD)), SLOPE * t + OFFSET)


def planes(x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
    """L*, a* and b* of `f` of X, Y and Z."""
    return 116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)
