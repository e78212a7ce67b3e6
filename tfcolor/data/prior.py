"""How often the training images have each of the 313 quantized colors."""

import hashlib
import io
import logging
import os
import pathlib

import numpy as np
import tensorflow as tf
import tqdm

from tfcolor import atomic
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.color.quantize import quarter
from tfcolor.config import Data
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.images import decode

log = logging.getLogger("tfcolor")

# Colors are counted by the nearest point of the bins' grid, -120 .. 120 a side.
_SIDE = 25

# Images whose pixels tell a set of images from others of the same names.
_PROBED = 8


def load(
    source: sources.Source, data: Data, own: pathlib.Path, limit: int
) -> np.ndarray:
    """The share of each bin of `quantize.AB_BINS` among what the cross-entropy
    compares with: the images at a quarter of their training size; of
    grey ones, which are not trained on, none counts.

    A run keeps the prior it began with, in its folder; for further runs on
    the same images it is kept in $XDG_CACHE_HOME/tfcolor (~/.cache/tfcolor),
    where that can be written.

    Args:
      source: the training images.
      data: the `data` section of the config.
      own: pathlib.Path of the run's own, in its folder, which exists.
      limit: images to count, spread evenly over the source.

    Returns:
      [313] float64 that sums to 1.

    Raises:
      RunError: the run's own prior is damaged, or no image can be read and has
        color.
    """
    if own.exists():
        prior = _read(own)
        if prior is None:
            raise RunError(f"{own}: damaged; without it, it is counted anew")
        return prior
    cached = _cache() / f"prior-quarter-{_key(source, data, limit)}.npy"
    prior = _read(cached)
    if prior is None:
        prior = _count(source, data, limit)
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            _write(cached, prior)
        except OSError as error:
            log.warning("the colour prior is not cached: %s", error)
    _write(own, prior)
    return prior


def _count(source, data, limit):
    batches = pipeline.validation(source, data, limit, lambda name, reason: None)
    counts = np.zeros(_SIDE**2)
    total = min(limit, len(source))
    with tqdm.tqdm(
        total=total, unit="image", desc="colour prior", dynamic_ncols=True
    ) as bar:
        for batch in batches.map(_count_batch):
            counts += batch["counts"].numpy()
            bar.update(int(batch["images"]))
    if not counts.any():
        raise RunError(
            f"colour prior: none of {total} images can be read and has colour"
        )
    axis = (np.arange(_SIDE) - _SIDE // 2) * quantize.GRID_STEP
    bins = quantize.nearest(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1))
    return np.bincount(np.ravel(bins), counts, quantize.BINS) / counts.sum()


def _count_batch(batch):
    """Rounding finds the nearest bin of every color of sRGB, as the bins
    reach a step of the grid beyond them; of two as near, the first."""
    steps = quarter(batch["ab"]) * (lab.AB_MAX / quantize.GRID_STEP)
    point = tf.cast(tf.math.ceil(steps - 0.5), tf.int32) + _SIDE // 2
    point = tf.reshape(point[..., 0] * _SIDE + point[..., 1], [-1])
    counts = tf.math.bincount(point, minlength=_SIDE**2)
    return {"counts": counts, "images": tf.shape(steps)[0]}


def _cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "tfcolor"


def _key(source, data, limit):
    """Names the prior: by the images' number and names, the pixels of a few
    of them, their size, and how many are counted."""
    digest = hashlib.sha256()
    spread = np.linspace(0, len(source) - 1, min(_PROBED, len(source)))
    for number in spread.astype(int).tolist():
        try:
            image = source.read(number, data.image_size)
        except decode.Unreadable:
            continue
        digest.update(str(image.shape).encode() + image.tobytes())
    names = sources.fingerprint(source)
    return f"{names}-{digest.hexdigest()[:16]}-{data.image_size}-{limit}-colored"


def _read(path):
    """The prior in a file, or None where there is none or a damaged one."""
    try:
        with open(path, "rb") as file:
            prior = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    if prior.shape != (quantize.BINS,) or prior.dtype != np.float64:
        return None
    # Also false for what is not a number.
    sound = (prior >= 0).all() and abs(prior.sum() - 1.0) < 1e-9
    return prior if sound else None


def _write(path, prior):
    content = io.BytesIO()
    np.save(content, prior)
    atomic.write(path, content.getvalue())
