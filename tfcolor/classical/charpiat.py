"""Color from pictures that resemble: Charpiat, Hofmann and Schoelkopf 2008,
"Automatic image colorization via multimodal predictions".

From reference pictures is learned which colors, and how much change of color,
go with which surroundings; a grey picture then gets, of all ways to choose a color
for each pixel, the one that is most probable as a whole. The descriptor of the
surroundings is DAISY (Tola et al. 2010) at three scales with 64 numbers each,
where the paper has SURF, which scikit-image does not; the rest follows it: colors
quantized to where the references have them, PCA, Parzen windows for the
probability of each color and for the expected gradient of color, graph cuts.
"""

import dataclasses
import math
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.cluster import vq
from skimage import color
from skimage import feature

from tfcolor.classical import expansion
from tfcolor.classical import strokes
from tfcolor.errors import UsageError
from tfcolor.types import Size

# Colors, at most; principal components of the descriptors; reference pixels
# that are remembered; the shorter side of pictures, in pixels.
COLORS = 73
COMPONENTS = 27
SAMPLES = 12_000
WORKING_SIZE = 96

# A picture's longer side over its shorter one, at most; its sides, at least.
_LONGEST = 4
_SMALLEST = 16

# DAISY's radii, in pixels at the working size.
_RADII = (4, 8, 16)

# The deviation of the lightness, where that of all components together is 1.
_LIGHTNESS_WEIGHT = 2.0

# What neighboring colors' distance counts, over the expected gradient, which is
# at least this.
SMOOTHNESS = 0.3
_LEAST_GRADIENT = 1.0

# Every color is at least as probable as this.
_LEAST_PROBABILITY = 1e-4

# References without |a*| or |b*| above this are grey.
_LEAST_COLOR = 5.0

# Boxes of colors that spread over less than this, CIE units, or hold fewer pixels,
# are not halved.
_SPREAD = 3.0
_LEAST_BOX = 8

# The width of a Parzen window, over the usual distance to so many-th a reference
# pixel.
_WIDTH = 0.5
_NEIGHBORS = 10

# The least width of a window, squared, over the squared distance to the nearest.
_BALLOON = 2.0

# Turns that each color gets, and how far colors count as the one chosen.
CYCLES = 2
_MODE_WIDTH = 16.0

# Pixels whose distances are held at a time.
_BLOCK = 1024


@dataclasses.dataclass
class Model:
    """What references teach.

    Attributes:
      colors: a*, b* of the quantized colors, [C, 2].
      mean, axes: of the descriptors' PCA, [D] and [D, 27].
      tone: mean and deviation of L*.
      features: of the remembered pixels, [J, 28].
      bins: their colors, int [J].
      gradients: of their colors, [J], CIE units a pixel.
      bandwidth: of the Parzen windows, in the features' units.
    """

    colors: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    tone: tuple
    features: np.ndarray
    bins: np.ndarray
    gradients: np.ndarray
    bandwidth: float = 1.0

    def project(self, described: np.ndarray, lightness: np.ndarray) -> np.ndarray:
        """Features [N, 28] of descriptors [N, D] and L* [N]."""
        tone = _LIGHTNESS_WEIGHT * (lightness - self.tone[0]) / self.tone[1]
        return np.column_stack([(described - self.mean) @ self.axes, tone])

    def predict(self, lightness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is known of each pixel by itself.

        Args:
          lightness: [h, w] float32, L*.

        Returns:
          The probabilities of the colors, [h w, C] float32, and the expected
          gradients of color, [h w].
        """
        queries = self.project(descriptors(lightness), lightness.ravel())
        known = np.zeros((len(self.features), len(self.colors) + 1), np.float32)
        known[np.arange(len(known)), self.bins] = 1.0
        known[:, -1] = self.gradients
        estimates = np.empty((len(queries), known.shape[1]), np.float32)
        for first in range(0, len(queries), _BLOCK):
            block = slice(first, first + _BLOCK)
            square = _square_distances(queries[block], self.features)
            # Where the references have nothing near, a wider window (a balloon
            # estimator, Terrell and Scott 1992): less is known there.
            nearest = square.min(1, keepdims=True)
            width = np.maximum(self.bandwidth**2, _BALLOON * nearest)
            window = np.exp((nearest - square) / (2.0 * width))
            estimates[block] = window @ known / window.sum(1, keepdims=True)
        return estimates[:, :-1], estimates[:, -1]

    def colorize(
        self, lightness: np.ndarray, smoothness: float = SMOOTHNESS
    ) -> tuple[np.ndarray, np.ndarray, list[float]]:
        """The most probable colors of a picture as a whole.

        Args:
          lightness: [h, w] float32, L*.

        Returns:
          Labels int [h, w], which color each pixel has; a*, b* [h, w, 2]
          float32, the mean of the probable colors around that one; and the
          energies of `expansion.expand`.
        """
        height, width = lightness.shape
        probabilities, gradients = self.predict(lightness)
        probabilities = np.maximum(probabilities, _LEAST_PROBABILITY)
        unary = -np.log(probabilities)
        pairs = expansion.neighbor_pairs(height, width)
        inverse = 1.0 / np.maximum(gradients, _LEAST_GRADIENT)
        weights = smoothness * 0.5 * (inverse[pairs[0]] + inverse[pairs[1]])
        distances = np.sqrt(_square_distances(self.colors, self.colors))
        labels, energies = expansion.expand(
            unary.argmin(1), unary, distances, pairs, weights, CYCLES
        )
        near = np.exp(-(distances**2) / (2.0 * _MODE_WIDTH**2))
        shares = probabilities * near[labels]
        ab = shares @ self.colors / shares.sum(1, keepdims=True)
        shape = lightness.shape
        return labels.reshape(shape), ab.reshape(*shape, 2).astype("f4"), energies


def colorize(
    image: np.ndarray,
    references: Sequence[np.ndarray],
    working_size: int = WORKING_SIZE,
) -> np.ndarray:
    """A picture in the colors of others.

    Args:
      image: uint8 [H, W] or [H, W, 3], whose lightness is kept.
      references: list of uint8 [H, W, 3], in color, of any sizes.
      working_size: pixels of the shorter side at which all are looked at.

    Returns:
      uint8 [H, W, 3].

    Raises:
      UsageError: all references are grey.
    """
    from tfcolor.images import compose

    model = learn([reduced(one, working_size) for one in references])
    return compose.join(image, planes(image, model, working_size))


def planes(
    image: np.ndarray, model: Model, working_size: int = WORKING_SIZE
) -> np.ndarray:
    """The colors of `colorize` by a Model: float32 [2, h, w], a* and b*."""
    _, ab, _ = model.colorize(reduced(image, working_size)[..., 0])
    return np.ascontiguousarray(np.moveaxis(ab, -1, 0))


def reduced(image: np.ndarray, working_size: int) -> np.ndarray:
    """Lab [h, w, 3] float32, CIE units, of uint8 [H, W] or [H, W, 3]: its shorter
    side `working_size`, the longer at most _LONGEST of that."""
    size = working_shape(image.shape[0], image.shape[1], working_size)[::-1]
    small = Image.fromarray(strokes.as_rgb(image)).resize(size, Image.Resampling.BOX)
    return color.rgb2lab(np.asarray(small)).astype(np.float32)


def working_shape(height: int, width: int, working_size: int) -> Size:
    """(height, width) at which a picture is looked at."""
    shorter, longer = sorted((height, width))
    scale = working_size * min(1.0 / shorter, _LONGEST / longer)
    return max(_SMALLEST, round(height * scale)), max(_SMALLEST, round(width * scale))


def is_grey(ab: np.ndarray) -> bool:
    """No |a*| or |b*| of ab [..., 2] is large enough to be seen."""
    return np.abs(ab).max() <= _LEAST_COLOR


def learn(references: Sequence[np.ndarray], seed: int = 0) -> Model:
    """The Model of references.

    Args:
      references: Lab pictures [h, w, 3] at the working size, CIE units.
      seed: of which pixels are remembered.

    Raises:
      UsageError: all of them are grey.
    """
    pixels = np.concatenate([lab.reshape(-1, 3) for lab in references])
    lightness, ab = pixels[:, 0], pixels[:, 1:]
    if is_grey(ab):
        raise UsageError(f"reference: grey, no |a*| or |b*| above {_LEAST_COLOR:g}")
    described = np.concatenate([descriptors(lab[..., 0]) for lab in references])
    slopes = np.concatenate([gradient(lab[..., 1:]).ravel() for lab in references])
    chosen = np.random.default_rng(seed).permutation(len(described))[:SAMPLES]
    described = described[chosen]
    mean, axes = _principal_axes(described)
    tone = lightness.mean(), max(lightness.std(), 1.0)
    colors = quantize(ab)
    bins = nearest(colors, ab[chosen])
    model = Model(colors, mean, axes, tone, np.zeros(0), bins, slopes[chosen])
    model.features = model.project(described, lightness[chosen])
    model.bandwidth = _bandwidth(model.features)
    return model


def quantize(ab: np.ndarray, count: int = COLORS) -> np.ndarray:
    """Colors that stand for those of pixels: boxes of the ab plane are halved,
    that of the widest spread first, until there are `count` or none spreads over
    more than 3 CIE units; then k-means from their means.

    Args:
      ab: [N, 2].

    Returns:
      [C, 2] float32, at most `count`.
    """
    boxes = [ab]
    while len(boxes) < count:
        spreads = [box.std(0).max() if len(box) > _LEAST_BOX else 0.0 for box in boxes]
        widest = int(np.argmax(spreads))
        if spreads[widest] <= _SPREAD:
            break
        box = boxes.pop(widest)
        axis = box.std(0).argmax()
        low = box[:, axis] <= box[:, axis].mean()
        boxes += [box[low], box[~low]]
    means = np.stack([box.mean(0) for box in boxes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a mean that has lost all its pixels
        centers, bins = vq.kmeans2(ab, means, 5, minit="matrix")
    return centers[np.unique(bins)].astype(np.float32)


def nearest(colors: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """The number of the nearest color [C, 2] of each of ab [N, 2]."""
    return vq.vq(ab, colors)[0]


def descriptors(lightness: np.ndarray) -> np.ndarray:
    """DAISY at three scales around every pixel of L* [h, w]: [h w, 192] float32,
    the square roots of its histograms, as SIFT's in Arandjelovic and Zisserman
    2012."""
    parts = []
    for radius in _RADII:
        padded = np.pad(lightness / 100.0, radius, mode="symmetric")
        one = feature.daisy(
            padded,
            step=1,
            radius=radius,
            rings=1,
            histograms=7,
            orientations=8,
            normalization="off",
        )
        parts.append(np.sqrt(one.reshape(lightness.size, -1)).astype(np.float32))
    return np.concatenate(parts, 1)


def gradient(ab: np.ndarray) -> np.ndarray:
    """How much the color of ab [h, w, 2] changes, [h, w], CIE units a pixel."""
    return np.sqrt(sum((d * d).sum(-1) for d in np.gradient(ab, axis=(0, 1))))


def _principal_axes(described):
    """Mean and axes of the descriptors, scaled to variance 1 in all."""
    mean = described.mean(0)
    variances, axes = np.linalg.eigh(np.cov(described - mean, rowvar=False))
    scale = math.sqrt(max(variances[-COMPONENTS:].sum(), 1e-6))
    return mean, (axes[:, -COMPONENTS:] / scale).astype(np.float32)


def _bandwidth(features):
    """From how far the _NEIGHBORS-th nearest others are."""
    square = _square_distances(features[:500], features)
    count = min(_NEIGHBORS, len(features) - 1)
    distance = np.sqrt(np.median(np.partition(square, count)[:, count]))
    return max(_WIDTH * float(distance), 1e-3)


def _square_distances(x, y):
    """[N, M] of x [N, D] and y [M, D]."""
    square = (x * x).sum(1)[:, None] + (y * y).sum(1) - 2.0 * x @ y.T
    return np.maximum(square, 0.0)
