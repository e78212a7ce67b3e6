"""Batches of Lab for training and validation.

Example i of a run is a pure function of (seed, i): a stateless permutation of
each epoch names its image, stateless random numbers what is done to it. So there
is no shuffle buffer, memory does not grow with the number of images, workers
share the examples by number, and a run resumes at step s by starting there.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor import streams
from tfcolor.color import lab
from tfcolor.config import Data
from tfcolor.data import crops
from tfcolor.data import distortions
from tfcolor.data import hints
from tfcolor.data import mixtures
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.data.readers import Report
from tfcolor.images import axes
from tfcolor.images import decode
from tfcolor.images import degrade
from tfcolor.images import resize
from tfcolor.types import Dataset


def training(reader: readers.Reader, data: Data, seed: int, **position: Any) -> Dataset:
    """Endless batches of Lab.

    Args:
      reader, data, seed, position: as in `training_crops`.

    Returns:
      A dataset of {"l": [B, S, S, 1], "ab": [B, S, S, 2]}, float32 in [-1, 1];
      what else `training_crops` gives; with `data.scanner` {"rgb": [B, S, S, 3]};
      and with `data.hints` {"hints": [B, S, S, 3]}, of `hints.simulated`.
    """
    return _lab_batches(training_crops(reader, data, seed, **position), data)


def unpaired(
    colors: readers.Reader,
    scans: readers.Reader,
    data: Data,
    seed: int,
    **position: Any,
) -> Dataset:
    """Endless batches of colored drawings, and of scans of others.

    Args:
      colors, scans: Readers.
      data, seed, position: as in `training_crops`.

    Returns:
      A dataset of {"rgb": [B, S, S, 3], "scan": [B, S, S, 1]}, float32 in
      [-1, 1]; a scan is its lightness.
    """
    colored = training_crops(colors, data, seed, **position).map(_only_rgb)
    scanned = training_crops(scans, data, seed + streams.SCANS, **position)
    zipped = tf.data.Dataset.zip(colored, _lab_batches(scanned, data))
    return _finished(zipped.map(_with_scan))


def _only_rgb(batch):
    return {"rgb": tf.cast(batch["rgb"], tf.float32) / 127.5 - 1.0}


def _with_scan(colored, scanned):
    return {**colored, "scan": scanned["l"]}


def training_crops(
    reader: readers.Reader,
    data: Data,
    seed: int,
    *,
    start: int = 0,
    first: int = 0,
    examples: int = 0,
    n_critic: int = 1,
    shard: int = 0,
    shards: int = 1,
) -> Dataset:
    """Endless batches of square crops of images from step `start` on.

    Args:
      reader: a Reader of the training images.
      data: the `data` section of the config.
      seed: of order and augmentation, 0 .. 2^32 - 1.
      start: steps already done.
      first, examples: a step done before `start`, and the images seen before
        it, which depend on the batch sizes until then.
      n_critic: minibatches a step.
      shard, shards: this worker's number and how many there are. The batch
        of a worker is its part of the global one, so any number of workers
        sees the same examples.

    Returns:
      A dataset of {"rgb": uint8 [B, S, S, 3]} with B = batch_size n_critic /
      shards. With `data.blur` or `data.erase` also {"numbers": [B,
      INPUT_NUMBERS]}, for `degrade.degrade`, with `data.aging` {"seeds":
      [B, 2] int64}, for `aging.age`, and with `data.hints` {"drawn": [B,
      hints.NUMBERS]}.
    """
    per_step = data.batch_size * n_critic
    part = per_step // shards
    last = np.iinfo(np.int64).max // per_step

    def read(example, number, numbers):
        window = reader.read(example, number, numbers)
        return resize.picture(window, data.image_size, data.image_size)

    def load(example):
        number = mixtures.image_number(example, seed, reader.source)
        numbers = _uniform(crops.NUMBERS, seed, example)
        square = tf.numpy_function(
            read, [example, number, numbers], tf.uint8, stateful=False
        )
        square = tf.ensure_shape(square, [data.image_size, data.image_size, 3])
        if data.flip:
            square = tf.cond(
                numbers[-1] >= 0.5, lambda: tf.reverse(square, [1]), lambda: square
            )
        return {"rgb": square, **_drawn(data, seed, example)}

    steps = tf.data.Dataset.range(start, last)
    numbers = tf.range(shard * part, (shard + 1) * part, dtype=tf.int64)
    order = steps.flat_map(
        lambda step: tf.data.Dataset.from_tensor_slices(
            examples + (step - first) * per_step + numbers
        )
    )
    images = order.map(load, tf.data.AUTOTUNE, deterministic=True)
    images = images.batch(part, drop_remainder=True)
    if "matrix" in images.element_spec:
        warp = functools.partial(_warp, fill=data.fill)
        images = images.map(warp, tf.data.AUTOTUNE, deterministic=True)
    return images


def validation(
    source: sources.Source,
    data: Data,
    limit: int,
    report: Report,
    numbered: bool = False,
    scans: sources.Source | None = None,
) -> Dataset:
    """Each colored image once, as in `center_crops`, as batches of Lab.

    Args:
      scans: a source of the images' true scans, or None; images that have them
        are drawings, and colored.

    Returns:
      A dataset of batches as in `training`, the last one perhaps smaller; with
      `numbered` also {"number": [B] int64}, of the image in the source; with
      `scans` {"scan": [B, S, S, 1]}, their lightness.
    """
    crops_of = functools.partial(center_crops, source, data, limit, report)
    batches = _lab_batches(crops_of(numbered, colored=scans is None), data)
    if scans is None:
        return batches
    scanned = _lab_batches(center_crops(scans, data, limit, report), data)
    return _finished(tf.data.Dataset.zip(batches, scanned).map(_with_scan))


def unpaired_validation(
    colors: sources.Source,
    scans: sources.Source,
    data: Data,
    limit: int,
    report: Report,
) -> Dataset:
    """Batches as in `unpaired`, of each drawing once, with the scans in turn."""
    colored = center_crops(colors, data, limit, report).map(_only_rgb)
    scanned = center_crops(scans, data, limit, report)
    zipped = tf.data.Dataset.zip(
        colored.unbatch(), _lab_batches(scanned, data).unbatch().repeat()
    )
    return _finished(zipped.map(_with_scan).batch(data.batch_size))


def center_crops(
    source: sources.Source,
    data: Data,
    limit: int,
    report: Report,
    numbered: bool = False,
    colored: bool = False,
) -> Dataset:
    """Each image's largest central square, at most `limit` of them spread
    evenly; what is unreadable is left out and reported.

    Args:
      colored: so is a square that fails `readers.has_color`. It has no color
        to be right or wrong about, and its error is that of rounding alone.

    Returns:
      A dataset of {"rgb": uint8 [B, S, S, 3]}, with `numbered` {"number"} too.
    """
    side = data.image_size

    def read(number):
        try:
            image = source.read(int(number), axes.GAP * side, crops.center_box)
            image = resize.picture(image, side, side)
            if not colored or readers.has_color(image):
                return image
            report(source.name(int(number)), readers.GREY)
        except decode.Unreadable as error:
            report(source.name(int(number)), f"unreadable: {error}")
        return np.zeros([0, 0, 3], np.uint8)

    def load(number):
        return tf.numpy_function(read, [number], tf.uint8, stateful=False)

    def square(image, number):
        example = {"rgb": tf.ensure_shape(image, [side, side, 3])}
        return {**example, "number": number} if numbered else example

    count = min(limit, len(source))
    numbers = np.linspace(0, len(source) - 1, count).astype(np.int64)
    images = tf.data.Dataset.from_tensor_slices(numbers)
    images = images.map(load, tf.data.AUTOTUNE, deterministic=True)
    images = tf.data.Dataset.zip(images, tf.data.Dataset.from_tensor_slices(numbers))
    images = images.filter(lambda image, number: tf.size(image) > 0)
    images = images.map(square, tf.data.AUTOTUNE, deterministic=True)
    return images.batch(data.batch_size)


def _uniform(count, seed, example):
    """[count] float32 in [0, 1) of an example."""
    return tf.random.stateless_uniform(
        [count], seed=tf.stack([tf.constant(seed, tf.int64), example])
    )


def _drawn(data, seed, example):
    """What the distortions of an example follow from, where they are set."""
    drawn = {}
    if data.rotation or data.perspective:
        numbers = _uniform(distortions.MATRIX_NUMBERS, seed + streams.GEOMETRY, example)
        drawn["matrix"] = distortions.matrix(
            numbers, data.image_size, data.rotation, data.perspective
        )
    if data.blur or data.erase:
        drawn["numbers"] = _uniform(
            degrade.INPUT_NUMBERS, seed + streams.INPUT, example
        )
    if data.aging:
        aging_seed = tf.constant(seed + streams.AGING, tf.int64)
        drawn["seeds"] = tf.stack([aging_seed, example])
    if data.hints:
        drawn["drawn"] = _uniform(hints.NUMBERS, seed + streams.HINTS, example)
    return drawn


def _warp(batch, fill):
    matrix = batch.pop("matrix")
    return {**batch, "rgb": distortions.warp(batch["rgb"], matrix, fill)}


def _encode(rgb):
    l, ab = _compiled(rgb)
    return {"l": l, "ab": tf.bitcast(ab, tf.float32)}


@tf.function(jit_compile=True, autograph=False)
def _compiled(rgb):
    """L [B, S, S, 1], and ab [B, S, S] as complex numbers: XLA makes planes, and
    pairs of floats that lie beside each other only so, without computing each
    twice. Compiled, Lab costs a sixth of what its operations cost one by one.
    This is never part of an exported graph."""
    l, a, b = lab.encoded_planes(rgb)
    return l[..., None], tf.complex(a, b)


# Compiled, it costs half of what its operations cost one by one.
_simulated = tf.function(hints.simulated, jit_compile=True, autograph=False)


def _lab_batches(batches, data):
    """Batches of {"rgb": uint8 [B, S, S, 3]} -> of {"l", "ab"}, each with what
    else it has."""
    side = data.image_size

    def encode(batch):
        rgb = tf.ensure_shape(batch["rgb"], [None, side, side, 3])
        picture = _only_rgb(batch) if data.scanner else {}
        rest = {name: value for name, value in batch.items() if name != "rgb"}
        encoded = _encode(rgb)
        if "drawn" in rest:
            rest["hints"] = _simulated(encoded["ab"], rest.pop("drawn"))
        return {**encoded, **picture, **rest}

    return _finished(batches.map(encode, tf.data.AUTOTUNE, deterministic=True))


def _finished(batches):
    options = tf.data.Options()
    # A strategy must not divide the files: replicas divide each batch.
    policy = tf.data.experimental.AutoShardPolicy
    options.experimental_distribute.auto_shard_policy = policy.OFF
    return batches.with_options(options).prefetch(2)
