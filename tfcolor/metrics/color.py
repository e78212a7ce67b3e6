"""What a colorization is judged by: pure functions, one value an image.

rgb is [B, H, W, 3] uint8 or float in 0..255; ab is [B, H, W, 2] in CIE units.
"""

import functools

import numpy as np
import tensorflow as tf

from tfcolor.color import quantize
from tfcolor.images import resize
from tfcolor.types import Tensor

# The largest distance in ab that counts for AuC, CIE units.
AUC_LIMIT = 150.0

# Of `blobs`: a blob's diameter and its surroundings as shares of the picture's
# shorter side, its least excess over the picture's mean chroma (or over 1), and the
# variance of L* below which lightness explains nothing.
BLOB, SURROUNDINGS = 1 / 16, 1 / 3
FINENESS = 64  # pixels of the shorter side that are looked at
BLOB_EXCESS = 1.0
LEAST_CHROMA = 1.0
FLAT = 9.0

# Mean squared error of rounding to whole levels.
ROUNDING = 1.0 / 12.0

# The two-dimensional histogram of ab: 24 bins a side on [-120, 120].
AB_RANGE = 120.0
AB_SIDE = 24


def psnr(truth: Tensor, prediction: Tensor) -> Tensor:
    """10 log10(255^2 / MSE) over all channels of RGB, dB: [B], at most 58.92.

    The cap is where rounding to whole levels alone puts it: its error is uniform in
    -1/2..1/2, of variance 1/12, so that a prediction equal to the truth before
    rounding has that MSE. A smaller one is no more accuracy, but its logarithm has
    no bound, and the few pictures that a method meets exactly would outweigh all
    others in a mean of decibels.
    """
    error = tf.cast(truth, tf.float32) - tf.cast(prediction, tf.float32)
    mse = tf.reduce_mean(error**2, [1, 2, 3])
    return 10.0 * tf.math.log(255.0**2 / tf.maximum(mse, ROUNDING)) / tf.math.log(10.0)


def ab_error(truth: Tensor, prediction: Tensor) -> Tensor:
    """Mean Euclidean distance in (a*, b*), CIE units: [B]."""
    return tf.reduce_mean(tf.norm(truth - prediction, axis=-1), [1, 2])


def ssim(truth: Tensor, prediction: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of RGB, mean of the channels, with
    a Gaussian of deviation 1.5 over 11x11 pixels: [B]. At least 11x11 pixels."""
    first, second = (tf.cast(rgb, tf.float32) for rgb in (truth, prediction))
    return tf.image.ssim(first, second, max_val=255.0)


def auc(truth: Tensor, prediction: Tensor) -> Tensor:
    """Area under the share of pixels within t of the truth, t = 0..150, in %.

    Raw accuracy of Zhang et al. 2016 (section 3.1) in closed form: [B].
    """
    return 100.0 * tf.reduce_mean(_closeness(truth, prediction), [1, 2])


def closeness_by_bin(bins: Tensor, truth: Tensor, prediction: Tensor) -> Tensor:
    """What `balanced_auc` sums up: [B, 313] float32, for each of the 313 colors
    the sum of 1 - distance / 150 over the pixels whose truth is nearest to it;
    `bins` is `quantize.nearest` of the truth."""
    return _sums(bins, _closeness(truth, prediction), quantize.BINS)


def count_by_bin(bins: Tensor) -> Tensor:
    """Pixels of each of the 313 colors, `quantize.nearest` [B, H, W] of ab:
    [B, 313] float32."""
    return _sums(bins, tf.ones(tf.shape(bins)), quantize.BINS)


def balanced_auc(closeness: Tensor, count: Tensor) -> Tensor:
    """AuC with each pixel weighted by 1 / the share of its true color among the
    313, in % (Zhang et al. 2016, section 3.1): those that occur weigh alike.

    Args:
      closeness, count: [..., 313], sums over all images of `closeness_by_bin`
        and of `count_by_bin` of the truth.

    Returns:
      [...].
    """
    occurs = tf.cast(count > 0, closeness.dtype)
    shares = tf.math.divide_no_nan(closeness, count)
    return 100.0 * tf.reduce_sum(shares, -1) / tf.reduce_sum(occurs, -1)


def _closeness(truth, prediction):
    distance = tf.norm(truth - prediction, axis=-1)
    return tf.nn.relu(1.0 - distance / AUC_LIMIT)


def _sums(places, values, count):
    """Sums [B, count] of values [B, H, W] by their places [B, H, W]."""
    batch = tf.shape(values)[0]
    places = tf.reshape(places, [batch, -1]) + count * tf.range(batch)[:, None]
    sums = tf.math.unsorted_segment_sum(
        tf.reshape(values, [-1]), tf.reshape(places, [-1]), batch * count
    )
    return tf.reshape(sums, [batch, count])


def chroma(ab: Tensor) -> Tensor:
    """Mean of sqrt(a*^2 + b*^2), CIE units: [B]."""
    return tf.reduce_mean(tf.norm(ab, axis=-1), [1, 2])


def colorfulness(rgb: Tensor, variant: str = "hasler") -> Tensor:
    """M3 of Hasler and Suesstrunk 2003: [B].

    0 is grey, 15 slightly, 45 averagely, 82 highly colorful.

    Args:
      variant: "hasler": signed opponent channels, as published; "abs": their
        magnitudes, as the code of CT2, UniColor and DDColor has it. Values of one are
        not to be compared with values of the other.

    Raises:
      ValueError: another variant.
    """
    r, g, b = tf.unstack(tf.cast(rgb, tf.float32), axis=-1)
    opponents = tf.stack([r - g, 0.5 * (r + g) - b], -1)
    if variant == "abs":
        opponents = tf.abs(opponents)
    elif variant != "hasler":
        raise ValueError(f"variant: {variant!r} is not one of hasler, abs")
    mean, variance = tf.nn.moments(opponents, [1, 2])
    spread = tf.sqrt(tf.reduce_sum(variance, -1))
    return spread + 0.3 * tf.sqrt(tf.reduce_sum(mean**2, -1))


def abs_colorfulness(rgb: Tensor) -> Tensor:
    """`colorfulness` of the variant "abs": [B]."""
    return colorfulness(rgb, "abs")


def one_hue(a: Tensor, b: Tensor, chroma: Tensor) -> Tensor:
    """Length of the mean color over the mean chroma of many pictures: 1 if all pixels
    of all have one hue, 0 if their hues cancel. The mean resultant length of
    directional statistics with each hue weighted by its chroma.

    Args:
      a, b, chroma: [...], sums or means over the same pixels.
    """
    return tf.math.divide_no_nan(tf.sqrt(a**2 + b**2), chroma)


def sepia(prediction: Tensor, truth: Tensor) -> Tensor:
    """How far a set of pictures has collapsed into one hue.

    A network that does not know a color and minimizes the error paints brown: each
    picture may look fine, all of them look alike. So the concentration of the hues is
    taken over all pictures together, and what the true colors have of it (skin, wood
    and soil are frequent) is no fault: 0 for concentrations up to the truth's, 1 for a
    single hue. It is a ratio of chroma to chroma, so mere desaturation does not move
    it.

    Args:
      prediction, truth: `one_hue` of the two sets, [...].
    """
    return tf.nn.relu(prediction - truth) / tf.maximum(1.0 - truth, 1e-6)


def blobs(l: Tensor, ab: Tensor) -> Tensor:
    """Bright spots of color that nothing in the picture explains: [B].

    GANs leave isolated spots of high chroma on flat ground while their losses
    look fine. A true object of another color mostly differs in lightness too,
    so within a window its color is nearly linear in L* (the assumption of Levin
    et al. 2004). Here the color, averaged over a spot's size, is compared with
    its surroundings; the part linear in L* is taken off, and what remains counts
    as far as it exceeds the picture's mean chroma. The mean over the pixels; a
    ratio of chroma to chroma, so desaturation does not move it.

    Args:
      l: [B, H, W, 1], L* 0..100.
      ab: [B, H, W, 2], CIE units.
    """
    # Much finer than a spot nothing is to be seen.
    factor = max(1, min(l.shape[1:3]) // FINENESS)
    l, ab = (tf.nn.avg_pool2d(x, factor, factor, "VALID") for x in (l, ab))
    height, width = l.shape[1:3]
    side = min(height, width)
    spot, wide = (
        [_box(size, max(1, round(side * share / 2))) for size in (height, width)]
        for share in (BLOB, SURROUNDINGS)
    )
    l, ab = (tf.transpose(x, [0, 3, 1, 2]) for x in (l, ab))
    wanted = tf.concat([l, ab, l * l, l * ab], 1)
    # Planes of one product, because TensorFlow 2.21 breaks down on graphs that
    # multiply two batched matrix products with each other.
    means = tf.split(resize.apply(wanted, *wide), [1, 2, 1, 2], 1)
    mean_l, mean_ab, mean_square, mean_product = means
    slope = (mean_product - mean_l * mean_ab) / (mean_square - mean_l**2 + FLAT)
    here_l, here = tf.split(resize.apply(wanted[:, :3], *spot), [1, 2], 1)
    left = here - mean_ab - slope * (here_l - mean_l)
    brighter = tf.norm(here, axis=1) - tf.norm(mean_ab, axis=1)
    excess = tf.minimum(tf.norm(left, axis=1), brighter)
    usual = tf.reduce_mean(tf.norm(ab, axis=1), [1, 2], keepdims=True)
    share = excess / tf.maximum(usual, LEAST_CHROMA)
    return tf.reduce_mean(tf.nn.relu(share - BLOB_EXCESS), [1, 2])


@functools.cache
def _box(size, radius):
    """[size, size] float32 that takes means over 2 radius + 1 samples of an
    axis, mirrored at its edges."""
    mirrored = np.pad(
        np.eye(size, dtype=np.float32), ((radius, radius), (0, 0)), "symmetric"
    )
    sums = np.cumsum(np.pad(mirrored, ((1, 0), (0, 0))), 0)
    return (sums[2 * radius + 1 :] - sums[:size]) / (2 * radius + 1)


def count_by_cell(ab: Tensor) -> Tensor:
    """Pixels in AB_SIDE^2 cells of (a*, b*): [B, AB_SIDE**2] float32.

    Colors beyond +-120 fall in the outermost cells.
    """
    step = 2.0 * AB_RANGE / AB_SIDE
    cells = tf.cast(tf.floor((ab + AB_RANGE) / step), tf.int32)
    cells = tf.clip_by_value(cells, 0, AB_SIDE - 1)
    places = cells[..., 0] * AB_SIDE + cells[..., 1]
    return _sums(places, tf.ones_like(ab[..., 0]), AB_SIDE**2)


def histogram_distance(first: Tensor, second: Tensor) -> Tensor:
    """Total variation between histograms [..., K]: [...], 0 (alike) to 1
    (disjoint)."""
    first, second = (
        counts / tf.reduce_sum(counts, -1, keepdims=True) for counts in (first, second)
    )
    return 0.5 * tf.reduce_sum(tf.abs(first - second), -1)
