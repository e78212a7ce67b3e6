"""Ways to bring predicted colours to a picture's full size, compared.

python benchmarks/upsampling.py --workdir=runs/photos --data=folder:PHOTOS

The colours that a run predicts at its working size, and the true ones reduced
to that size, are enlarged by each method and compared with the true colours at
full size: mean ab error over all pixels, and over the tenth of the pixels where
the lightness changes most. Lower is better.
"""

import pathlib
import sys

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
from scipy import ndimage

import tfcolor
from tfcolor.color import lab
from tfcolor.data import sources
from tfcolor.images import resize
from tfcolor.images import working

_WORKDIR = flags.DEFINE_string("workdir", None, "a run's folder", required=True)
_DATA = flags.DEFINE_string("data", "sample", "SPEC of the photographs")
_LIMIT = flags.DEFINE_integer("limit", 40, "photographs, at most")


def box(radius, x):
    """Mean over squares of 2 radius + 1 pixels."""
    return ndimage.uniform_filter(x, 2 * radius + 1, mode="reflect")


def interpolated(kernel):
    def method(small, lightness, small_l):
        return enlarge(small, lightness.shape, kernel)

    return method


def blurred(radius):
    """The control: the bicubic result blurred without a look at the edges."""

    def method(small, lightness, small_l):
        ab = enlarge(small, lightness.shape, "cubic")
        return np.stack([box(radius, box(radius, plane)) for plane in ab])

    return method


def guided(radius, epsilon):
    """Guided filter (He et al. 2013) of the bicubic result by L*."""

    def method(small, lightness, small_l):
        ab = enlarge(small, lightness.shape, "cubic")
        centre, planes = box(radius, lightness), []
        variance = box(radius, lightness**2) - centre**2
        for plane in ab:
            gain = box(radius, lightness * plane) - centre * box(radius, plane)
            gain = gain / (variance + epsilon)
            offset = box(radius, plane) - gain * centre
            planes.append(box(radius, gain) * lightness + box(radius, offset))
        return np.stack(planes)

    return method


def fast_guided(radius, epsilon):
    """Fast guided filter (He and Sun 2015): the linear model is fitted at the
    small size; what it leaves is added, enlarged bicubically."""

    def method(small, lightness, small_l):
        centre, planes = box(radius, small_l), []
        variance = box(radius, small_l**2) - centre**2
        for plane in small:
            gain = box(radius, small_l * plane) - centre * box(radius, plane)
            gain = gain / (variance + epsilon)
            gain, offset = (
                box(radius, gain),
                box(radius, box(radius, plane) - gain * centre),
            )
            left = plane - (gain * small_l + offset)
            gain, offset, left = enlarge(
                np.stack([gain, offset, left]), lightness.shape, "cubic"
            )
            planes.append(gain * lightness + offset + left)
        return np.stack(planes)

    return method


def joint_bilateral(sigma_l):
    """Joint bilateral upsampling (Kopf et al. 2007), 5x5 small pixels."""

    def method(small, lightness, small_l):
        height, width = lightness.shape
        y = (np.arange(height) + 0.5) * small.shape[1] / height - 0.5
        x = (np.arange(width) + 0.5) * small.shape[2] / width - 0.5
        total, weights = 0.0, 0.0
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                i, j = np.round(y).astype(int) + dy, np.round(x).astype(int) + dx
                near = np.exp(-((i - y) ** 2) / 2)[:, None] * np.exp(
                    -((j - x) ** 2) / 2
                )
                i = i.clip(0, small.shape[1] - 1)[:, None]
                j = j.clip(0, small.shape[2] - 1)
                alike = np.exp(-((small_l[i, j] - lightness) ** 2) / (2 * sigma_l**2))
                total = total + near * alike * small[:, i, j]
                weights = weights + near * alike
        return total / np.maximum(weights, 1e-12)

    return method


METHODS = {
    "bicubic": interpolated("cubic"),
    "bilinear": interpolated("linear"),
    **{f"blurred, radius {r}": blurred(r) for r in (4, 8)},
    **{
        f"guided, radius {r}, epsilon {e}": guided(r, e)
        for r, e in ((4, 10), (8, 10), (8, 100))
    },
    **{
        f"fast guided + residual, {r}, {e}": fast_guided(r, e)
        for r, e in ((1, 10), (2, 10), (2, 100))
    },
    **{f"joint bilateral, sigma {s}": joint_bilateral(s) for s in (5, 10, 20)},
}


def enlarge(planes, size, kernel):
    rows, columns = (
        resize.weights(n, m, kernel)
        for n, m in zip(planes.shape[1:], size, strict=True)
    )
    return resize.apply(planes.astype("float32"), rows, columns).numpy()


def main(_):
    predictor = tfcolor.load(_WORKDIR.value)
    source = sources.open_source(_DATA.value)
    count = min(_LIMIT.value, len(source))
    errors = {name: [] for name in METHODS}
    for i in np.linspace(0, len(source) - 1, count).astype(int):
        rgb = source.read(i)
        truth = np.moveaxis(lab.rgb_to_lab(rgb).numpy(), -1, 0)
        lightness, truth = truth[0], truth[1:]
        predicted = predictor.predict_ab([rgb])[0]
        size = predicted.shape[1:]
        small_l = enlarge(lightness[None], size, "linear")[0]
        slope = ndimage.gaussian_gradient_magnitude(lightness, 1.0)
        edges = slope >= np.quantile(slope, 0.9)
        for name, method in METHODS.items():
            row = []
            for small in (predicted, enlarge(truth, size, "linear")):
                found = method(small, lightness, small_l)
                error = np.hypot(*(found - truth))
                row += [
                    error.mean(),
                    error[edges].mean(),
                ]
            errors[name].append(row)
    size = working.working_shape(1, 1, predictor.info["working_size"])[0]
    print(f"{count} photographs, working size {int(size)}")
    print(f"{'':32s}{'predicted':>12s}{'at edges':>10s}{'true':>12s}{'at edges':>10s}")
    for name, rows in errors.items():
        means = np.mean(rows, 0)
        print(
            f"{name:32s}{means[0]:12.3f}{means[1]:10.3f}{means[2]:12.3f}{means[3]:10.3f}"
        )


if __name__ == "__main__":
    app.run(main)
