"""8-bit sRGB from lightness and colors, as `lab` and `gamut` make it, with NumPy alone.

For pictures as large as they come. The pixels go in chunks that fit into the cache
through operations that write in place, and no operation branches: of a curve in two
pieces that meet, both are added, each where it is not constant. Nothing here imports
TensorFlow; `tests/color/test_arrays.py` holds it to the functions on tensors.
"""

import numpy as np

from tfcolor.color import cie

# Pixels at a time.
CHUNK = 1 << 16

# As in `gamut`.
SLACK = 1e-5
HALVINGS = 14

_RGB_FROM_WHITE = np.linalg.inv(cie.WHITE_FROM_RGB).astype(np.float32)

# What each level of red, green and blue adds to Y.
_LUMINANCE = (
    cie.WHITE_FROM_RGB[1][:, None].astype(np.float32)
    * cie.linear(np.arange(256) / 255.0, np.power, np.where, np.maximum)
).astype(np.float32)
_GREY = _LUMINANCE[0] + _LUMINANCE[1] + _LUMINANCE[2]

# Of f, where its pieces meet; light below which sRGB is a line.
_F_MEETS = np.float32(cie.F_THRESHOLD)
_DARK = np.float32(0.0031308)


def lightness(rgb: np.ndarray) -> np.ndarray:
    """L* [...] float32, 0..100, of sRGB [..., 3], float in 0..1."""
    light = cie.linear(rgb.astype(np.float32), np.power, np.where, np.maximum)
    y = light @ cie.WHITE_FROM_RGB[1].astype(np.float32)
    return (116.0 * cie.f(y, np.cbrt, np.where, np.maximum) - 16.0).astype(np.float32)


def recolored(pixels: np.ndarray, planes: np.ndarray, result: np.ndarray) -> None:
    """The lightness of pixels with other colors.

    Args:
      pixels: uint8 [H, W] or [H, W, 3].
      planes: float32 [2, H, W], a* and b*; [3, H, W] with what is added to L*.
      result: uint8 [H, W, 3], which is written.
    """
    width, flat = pixels.shape[1], result.reshape(-1, 3)
    rows = max(1, CHUNK // width)
    memory = np.empty((6, min(rows, len(pixels)) * width), np.float32)
    outside: list = []
    for first in range(0, len(pixels), rows):
        band = slice(first, first + rows)
        start, own = first * width, pixels[band]
        count = own.shape[0] * width
        f, light, spare = memory[0, :count], memory[1:4, :count], memory[4:, :count]
        y = light[1]
        _luminance(own, y, f)
        _curve(y, f, light[0])
        a, b, *change = planes[:, band].reshape(len(planes), -1)
        if change:
            _add_change(f, change[0], y, light[0])
        _white(f, a, b, light, spare)
        channels = np.matmul(_RGB_FROM_WHITE, light)
        places = np.flatnonzero(_outside(channels))
        outside.append((start + places, *(x[places] for x in (f, y, a, b))))
        _write(channels, light, flat[start : start + count])
        if sum(len(found[0]) for found in outside) > CHUNK:
            _bring_inside(outside, flat)
    if outside:
        _bring_inside(outside, flat)


def _luminance(pixels, y, spare):
    """Y of pixels, into y."""
    if pixels.ndim == 2:
        np.take(_GREY, pixels.reshape(-1), out=y, mode="clip")
        return
    red, green, blue = pixels.reshape(-1, 3).T
    np.take(_LUMINANCE[0], red, out=y, mode="clip")
    for levels, channel in ((_LUMINANCE[1], green), (_LUMINANCE[2], blue)):
        y += np.take(levels, channel, out=spare, mode="clip")


def _curve(y, f, spare):
    """`cie.f` of Y, into f."""
    np.maximum(y, np.float32(cie.THRESHOLD), out=f)
    np.cbrt(f, out=f)
    np.subtract(y, np.float32(cie.THRESHOLD), out=spare)
    np.minimum(spare, 0.0, out=spare)
    spare *= np.float32(cie.SLOPE)
    f += spare


def _inverse(f, result, spare):
    """The inverse of `cie.f`, into result."""
    np.maximum(f, _F_MEETS, out=spare)
    np.multiply(spare, spare, out=result)
    result *= spare
    np.subtract(f, _F_MEETS, out=spare)
    np.minimum(spare, 0.0, out=spare)
    spare *= np.float32(1.0 / cie.SLOPE)
    result += spare


def _add_change(f, change, y, spare):
    """F and Y after a change of L*, which stays within 0..100."""
    f += change * np.float32(1.0 / 116.0)
    np.clip(f, np.float32(cie.OFFSET), 1.0, out=f)
    _inverse(f, y, spare)


def _white(f, a, b, light, spare):
    """X and Z in units of the white's, into light[0] and light[2]."""
    np.multiply(a, np.float32(1.0 / 500.0), out=spare[0])
    spare[0] += f
    _inverse(spare[0], light[0], spare[1])
    np.multiply(b, np.float32(-1.0 / 200.0), out=spare[0])
    spare[0] += f
    _inverse(spare[0], light[2], spare[1])


def _write(channels, spare, result):
    """Light [3, n] as levels into result, uint8 [n, 3]; changes all of them."""
    for number, light in enumerate(channels):
        np.clip(light, 0.0, 1.0, out=light)
        levels, line = spare[0], spare[1]
        np.maximum(light, _DARK, out=levels)
        np.log(levels, out=levels)
        levels *= np.float32(1.0 / 2.4)
        np.exp(levels, out=levels)
        levels *= np.float32(255.0 * 1.055)
        np.minimum(light, _DARK, out=line)
        line -= _DARK
        line *= np.float32(255.0 * 12.92)
        levels += line
        levels += np.float32(0.5 - 255.0 * 0.055)
        result[:, number] = levels  # cut, and so rounded


def _bring_inside(outside, result):
    """Colors outside sRGB at less chroma, as `gamut.to_uint8` says, into result.

    Args:
      outside: tuples of their places in result and of f, Y, a* and b*; is emptied.
    """
    places, f, y, a, b = (np.concatenate(x) for x in zip(*outside, strict=True))
    outside.clear()
    low, step = np.zeros_like(f), np.float32(1.0)
    for _ in range(HALVINGS):
        step *= np.float32(0.5)
        middle = low + step
        low += step * ~_outside(_linear(f, y, middle * a, middle * b))
    channels, written = _linear(f, y, low * a, low * b), np.empty((len(f), 3), "u1")
    _write(channels, np.empty_like(channels), written)
    result[places] = written


def _outside(channels):
    low, high = channels.min(0), channels.max(0)
    return ~((low >= -SLACK) & (high <= 1.0 + SLACK))


def _linear(f, y, a, b):
    """Red, green and blue light [3, n]."""
    light = np.empty((3, len(f)), np.float32)
    light[1] = y
    _white(f, a, b, light, np.empty((2, len(f)), np.float32))
    return np.matmul(_RGB_FROM_WHITE, light)
