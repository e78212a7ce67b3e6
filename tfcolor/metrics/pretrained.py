"""Metrics that a pretrained network computes: Keras-Inception FID, and how often
VGG-16 recognizes what the picture shows. Their weights are files of
keras.applications, local or downloaded by it."""

import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcolor.errors import UsageError
from tfcolor.metrics import distances
from tfcolor.types import Path
from tfcolor.types import Tensor

FID, VGG = "fid_keras", "vgg_top1"

# Where keras.applications has the weights from.
_HOME = "https://storage.googleapis.com/tensorflow/keras-applications"
FILES = {
    FID: f"{_HOME}/inception_v3/"
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    VGG: f"{_HOME}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
}


class Fid:
    """Frechet distance (Heusel et al. 2017, section 2) between the features of a
    method's pictures and of the true ones, in keras.applications' InceptionV3:
    not to be compared with published values, which come of other networks.

    Args:
      weights: a file, or "imagenet" to have Keras download it.

    Raises:
      UsageError: the weights cannot be had; the message says how.
    """

    def __init__(self, weights: str) -> None:
        build = keras.applications.InceptionV3
        self.network = _network(FID, build, weights, include_top=False, pooling="avg")
        self.sums: dict[str, Any] = {}

    @tf.function(reduce_retracing=True, autograph=False)
    def features(self, rgb: Tensor) -> Tensor:
        """Uint8 [B, H, W, 3] -> [B, 2048] float32."""
        x = tf.image.resize(tf.cast(rgb, tf.float32), [299, 299])
        return self.network(x / 127.5 - 1.0, training=False)

    def add(self, method: str, rgb: Tensor, numbers: Sequence[int]) -> None:
        """Take the pictures uint8 [B, H, W, 3] that a method made of the images
        `numbers`."""
        x = self.features(rgb).numpy().astype(np.float64)
        count, total, square = self.sums.get(method, (0, 0.0, 0.0))
        self.sums[method] = count + len(x), total + x.sum(0), square + x.T @ x

    def results(self, truth: str) -> dict[str, dict[str, np.ndarray]]:
        """{method: {metric: [1]}} of all pictures; `truth` names the true ones."""
        moments = {method: _moments(*sums) for method, sums in self.sums.items()}
        return {
            method: {
                FID: np.array([distances.gaussian_distance(*own, *moments[truth])])
            }
            for method, own in moments.items()
        }


class Recognition:
    """Share of the pictures whose class VGG-16 puts first, in % (Zhang et al.
    2016, section 3.1).

    Args:
      weights: as of Fid.
      labels: {number of an image: class number of keras.applications}.
    """

    def __init__(self, weights: str, labels: Mapping[int, int]) -> None:
        self.network = _network(VGG, keras.applications.VGG16, weights)
        self.labels = labels
        self.hits: dict[str, list[bool]] = {}

    @tf.function(reduce_retracing=True, autograph=False)
    def classes(self, rgb: Tensor) -> Tensor:
        """Uint8 [B, H, W, 3] -> [B] int64."""
        x = tf.image.resize(tf.cast(rgb, tf.float32), [224, 224])
        x = keras.applications.vgg16.preprocess_input(x)
        return tf.argmax(self.network(x, training=False), -1)

    def add(self, method: str, rgb: Tensor, numbers: Sequence[int]) -> None:
        """Take the pictures uint8 [B, H, W, 3] that a method made of the images
        `numbers`; those without a label are left out."""
        known = [i for i, number in enumerate(numbers) if int(number) in self.labels]
        if known:
            predicted = self.classes(tf.gather(rgb, known)).numpy()
            wanted = [self.labels[int(numbers[i])] for i in known]
            self.hits.setdefault(method, []).extend((predicted == wanted).tolist())

    def results(self, truth: str) -> dict[str, dict[str, np.ndarray]]:
        """{method: {metric: [1]}} of all pictures so far, in %."""
        return {
            method: {VGG: np.array([100.0 * np.mean(hits)])}
            for method, hits in self.hits.items()
        }


def read_labels(path: Path, source: Any) -> dict[int, int]:
    """{number: class number} of a file with a line NAME<TAB>NUMBER an image.

    Raises:
      UsageError: no such file, a line that is no such, or no image of the
        source in it.
    """
    try:
        lines = pathlib.Path(path).expanduser().read_text().splitlines()
        classes = {}
        for line in filter(None, lines):
            name, _, number = line.rpartition("\t")
            classes[name] = int(number)
    except (OSError, ValueError) as error:
        raise UsageError(f"--labels={path}: {error}") from error
    names = ((i, source.name(i)) for i in range(len(source)))
    labels = {i: classes[name] for i, name in names if name in classes}
    if not labels:
        raise UsageError(f"--labels={path}: none of the images is in it")
    return labels


def _network(name, build, weights, **settings):
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise UsageError(
            f"{name}: {weights}: no such file; it can be had from {FILES[name]}"
        )
    try:
        return build(weights=weights, **settings)
    except Exception as error:  # of the network, or of reading the file
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{name}: its weights cannot be had ({reason}); download {FILES[name]} "
            "and name the file"
        ) from error


def _moments(count, total, square):
    mean = total / count
    return mean, (square - count * np.outer(mean, mean)) / max(count - 1, 1)
