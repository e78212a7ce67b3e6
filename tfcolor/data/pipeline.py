"""Batches of Lab for training and validation.

Example i of a run is a pure function of (seed, i): a stateless permutation of
each epoch names its image, stateless random numbers what is done to it. So there
is no shuffle buffer, memory does not grow with the number of images, workers
share the examples by number, and a run resumes at step s by starting there.
"""

import functools
import threading

import numpy as np
import skimage.color
import tensorflow as tf

from tfcolor.color import lab
from tfcolor.data import augment
from tfcolor.data import distortions
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.errors import UsageError

# An image with no |a*| or |b*| above this teaches no colour (Zhang et al.
# 2016 give such images no loss).
LEAST_COLOR = 5.0

# Channels of 8 bits this close to one another are below that, whichever colour.
LEAST_SPREAD = 6

# Channels of 8 bits this far apart are above it, whichever colour.
SURE_SPREAD = 32

# Images tried before the first step, and the share that may be unreadable.
PROBES = (64, 1024)
UNREADABLE = 0.05

_ATTEMPTS = 100

# Added to a run's seed, which is less, for random numbers of their own.
_GEOMETRY, _INPUT = 1 << 32, 2 << 32


class Reader:
    """Reads crop after crop, replacing images that cannot be used.

    Args:
      source: the images.
      data: the `data` section of the config.
      seed: of the replacements.
      report: called once for each rejected image with its name and reason.
    """

    def __init__(self, source, data, seed, report):
        self.source = source
        self.data = data
        self.seed = seed
        self.report = report
        self.side = _needed_side(data)
        self.rejected = set()
        self.unreadable = 0
        self._lock = threading.Lock()

    def read(self, example, number, numbers):
        """The crop that random `numbers` choose of image `number`, or, where
        that cannot be used, of another that follows from seed and example.

        Returns:
          uint8 [h, w, 3].
        """
        for attempt in range(_ATTEMPTS):
            window = self.try_read(int(number), numbers)
            if window is not None:
                return window
            number = _mix(self.seed, int(example), attempt) % len(self.source)
        raise RunError(
            f"{_ATTEMPTS} images in a row could not be used, the last: "
            f"{self.source.name(int(number))}"
        )

    def try_read(self, number, numbers):
        """The crop, or None where the image is unreadable or has no colour.

        What was rejected before saves work but decides nothing: it depends on
        where the run was started.
        """
        try:
            window = self._window(number, numbers)
            if has_color(window):
                return window
            # A grey crop is fine if the rest of its image has colour.
            if number in self.rejected:
                return None
            if has_color(self.source.read(number, self.side)):
                return window
            self._reject(number, f"grey: no |a*| or |b*| above {LEAST_COLOR:g}")
        except sources.Unreadable as error:
            self._reject(number, f"unreadable: {error}")
        return None

    def _window(self, number, numbers):
        return sources.shrink(self._crop(number, numbers), self.data.image_size)

    def _crop(self, number, numbers):
        if self.data.crop == "center":
            return self.source.read(number, self.side, augment.center_box)
        area, numbers = self.data.crop_area, numbers[:-1]
        smart = self.data.crop == "smart"

        def box(size):
            nonlocal smart
            smart = smart or augment.is_extreme(size)
            if smart:
                return 0, 0, *size
            return augment.random_box(size, numbers[: augment.BOX_NUMBERS], area)

        image = self.source.read(number, self.side, box)
        if smart:
            image = augment.cut(image, augment.smart_box(image, numbers, area))
        return image

    def _reject(self, number, reason):
        with self._lock:
            if number in self.rejected:
                return
            self.rejected.add(number)
            if reason.startswith("unreadable"):
                self.unreadable += 1
                self.last = f"{self.source.name(number)} ({reason})"
        self.report(self.source.name(number), reason)
        if self.unreadable > UNREADABLE * len(self.source):
            raise RunError(
                f"{self.unreadable} of {len(self.source)} images are unreadable, "
                f"more than {UNREADABLE:.0%}; the last: {self.last}"
            )


def probe(reader):
    """Try images spread evenly over the source; more of them where the first
    few leave a doubt.

    Raises:
      UsageError: more than 5 % of them are unreadable, or none has colour.
    """
    source, middle = reader.source, np.full(augment.NUMBERS, 0.5)
    tried, usable = set(), False
    for count in PROBES:
        spread = np.linspace(0, len(source) - 1, min(count, len(source)))
        for number in set(spread.astype(int).tolist()) - tried:
            try:
                usable |= reader.try_read(number, middle) is not None
            except RunError as error:
                raise UsageError(f"--data: {error}") from error
            tried.add(number)
        if usable and reader.unreadable <= UNREADABLE * len(tried):
            return
    if not usable:
        raise UsageError(f"--data: none of the {len(tried)} images tried has colour")
    raise UsageError(
        f"--data: {reader.unreadable} of {len(tried)} images tried are unreadable, "
        f"more than {UNREADABLE:.0%}; the last: {reader.last}"
    )


def has_color(image):
    """Whether some |a*| or |b*| of a uint8 [H, W, 3] image is above 5.

    A few pixels settle it for nearly every colour picture; only where they
    do not are all of them converted.
    """
    stride = max(1, int((image.shape[0] * image.shape[1] / 256) ** 0.5))
    return _has_color(image[::stride, ::stride]) or _has_color(image)


def _has_color(image):
    r, g, b = image[..., 0], image[..., 1], image[..., 2]
    spread = np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)
    most = spread.max()
    if most <= LEAST_SPREAD or most >= SURE_SPREAD:
        return most >= SURE_SPREAD
    # scikit-image, because this runs outside the graph, where single
    # TensorFlow operations cost more than the decoding.
    vivid = skimage.color.rgb2lab(image[spread > LEAST_SPREAD])
    return np.abs(vivid[:, 1:]).max() > LEAST_COLOR


def file_number(example, seed, count):
    """The image that example number `example` shows: each epoch of `count`
    examples is a permutation of its own.

    Args:
      example: int64 scalar tensor.
    """
    epoch = example // count
    return tf.random.experimental.index_shuffle(
        example % count,
        seed=tf.stack([tf.constant(seed, tf.int64), epoch]),
        max_index=count - 1,
    )


def training(reader, data, seed, *, start=0, n_critic=1, shard=0, shards=1):
    """Endless batches from step `start` on.

    Args:
      reader: a Reader of the training images.
      data: the `data` section of the config.
      seed: of order and augmentation, 0 .. 2^32 - 1.
      start: steps already done.
      n_critic: minibatches a step.
      shard, shards: this worker's number and how many there are. The batch
        of a worker is its part of the global one, so any number of workers
        sees the same examples.

    Returns:
      A dataset of {"l": [B, S, S, 1], "ab": [B, S, S, 2]}, float32 in [-1, 1]
      with B = batch_size n_critic / shards. With `data.blur` or `data.erase`
      also {"numbers": [B, INPUT_NUMBERS]}, for `distortions.degrade`.
    """
    per_step = data.batch_size * n_critic
    part = per_step // shards
    last = np.iinfo(np.int64).max // per_step

    def load(example):
        number = file_number(example, seed, len(reader.source))
        numbers = _uniform(augment.NUMBERS, seed, example)
        window = tf.numpy_function(
            reader.read, [example, number, numbers], tf.uint8, stateful=False
        )
        square = _resize(window, data.image_size)
        if data.flip:
            square = tf.cond(
                numbers[-1] >= 0.5, lambda: tf.reverse(square, [1]), lambda: square
            )
        return {"rgb": square, **_drawn(data, seed, example)}

    steps = tf.data.Dataset.range(start, last)
    numbers = tf.range(shard * part, (shard + 1) * part, dtype=tf.int64)
    examples = steps.flat_map(
        lambda step: tf.data.Dataset.from_tensor_slices(step * per_step + numbers)
    )
    images = examples.map(load, tf.data.AUTOTUNE, deterministic=True)
    images = images.batch(part, drop_remainder=True)
    if "matrix" in images.element_spec:
        warp = functools.partial(_warp, fill=data.fill)
        images = images.map(warp, tf.data.AUTOTUNE, deterministic=True)
    return _lab_batches(images, data.image_size)


def validation(source, data, limit, report, numbered=False):
    """Each image once, its largest central square, at most `limit` of them
    spread evenly; what is unreadable is left out and reported.

    Returns:
      A dataset of batches as in `training`, the last one perhaps smaller; with
      `numbered` also {"number": [B] int64}, of the image in the source.
    """

    def read(number):
        try:
            image = source.read(int(number), data.image_size, augment.center_box)
            return sources.shrink(image, data.image_size)
        except sources.Unreadable as error:
            report(source.name(int(number)), f"unreadable: {error}")
            return np.zeros([0, 0, 3], np.uint8)

    def load(number):
        return tf.numpy_function(read, [number], tf.uint8, stateful=False)

    def square(image, number):
        found = {"rgb": _resize(image, data.image_size)}
        return {**found, "number": number} if numbered else found

    count = min(limit, len(source))
    numbers = np.linspace(0, len(source) - 1, count).astype(np.int64)
    images = tf.data.Dataset.from_tensor_slices(numbers)
    images = images.map(load, tf.data.AUTOTUNE, deterministic=True)
    images = tf.data.Dataset.zip(images, tf.data.Dataset.from_tensor_slices(numbers))
    images = images.filter(lambda image, number: tf.size(image) > 0)
    images = images.map(square, tf.data.AUTOTUNE, deterministic=True)
    return _lab_batches(images.batch(data.batch_size), data.image_size)


def _uniform(count, seed, example):
    """[count] float32 in [0, 1) of an example."""
    return tf.random.stateless_uniform(
        [count], seed=tf.stack([tf.constant(seed, tf.int64), example])
    )


def _drawn(data, seed, example):
    """What the distortions of an example follow from, where they are set."""
    drawn = {}
    if data.rotation or data.perspective:
        numbers = _uniform(distortions.MATRIX_NUMBERS, seed + _GEOMETRY, example)
        drawn["matrix"] = distortions.matrix(
            numbers, data.image_size, data.rotation, data.perspective
        )
    if data.blur or data.erase:
        drawn["numbers"] = _uniform(distortions.INPUT_NUMBERS, seed + _INPUT, example)
    return drawn


def _warp(batch, fill):
    matrix = batch.pop("matrix")
    return {**batch, "rgb": distortions.warp(batch["rgb"], matrix, fill)}


def _needed_side(data):
    """Pixels of an image's shorter side that the smallest crop needs."""
    share = 1.0 if data.crop == "center" else data.crop_area
    return int(np.ceil(data.image_size / share**0.5))


def _resize(image, side):
    """uint8 [h, w, 3] -> uint8 [side, side, 3].

    The image has been shrunk to less than twice the size, so that bilinear
    interpolation misses no pixel.
    """
    image.set_shape([None, None, 3])
    return tf.cast(tf.image.resize(image, [side, side]) + 0.5, tf.uint8)


@tf.function(jit_compile=True)
def _encode(rgb):
    """Compiled, Lab costs a third of what its operations cost one by one. This
    is never part of an exported graph."""
    l, ab = lab.encode(rgb)
    return {"l": l, "ab": ab}


def _lab_batches(batches, side):
    """Batches of {"rgb": uint8 [B, S, S, 3]} -> of {"l", "ab"}, each with what
    else it has."""

    def encode(batch):
        rgb = tf.ensure_shape(batch.pop("rgb"), [None, side, side, 3])
        return {**_encode(rgb), **batch}

    options = tf.data.Options()
    # A strategy must not divide the files: replicas divide each batch.
    policy = tf.data.experimental.AutoShardPolicy
    options.experimental_distribute.auto_shard_policy = policy.OFF
    batches = batches.map(encode, tf.data.AUTOTUNE, deterministic=True)
    return batches.with_options(options).prefetch(2)


def _mix(*numbers):
    """A hash of whole numbers (splitmix64, Steele et al. 2014)."""
    mask, value = 2**64 - 1, 0
    for number in numbers:
        value = (value ^ number) + 0x9E3779B97F4A7C15 & mask
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
        value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
        value ^= value >> 31
    return value
