"""Colour for a picture of any size.

The colours are predicted at the size that the network was trained for, brought
to the picture's own size by bicubic interpolation, and joined to its own,
untouched lightness; of line art, to its lightness as far as the network has not
changed it. The functions on tensors hold in an exported graph too.
"""

import logging

import numpy as np
import tensorflow as tf

from tfcolor import resize
from tfcolor.color import cie
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.networks import heads

log = logging.getLogger("tfcolor")

# A picture's longer side at the network, over the working size, at most.
LONGEST = 4

# Pixels that are joined at a time, so that memory hardly grows with a picture.
_BAND = 1 << 20


class Predictor:
    """A trained generator that colours pictures. Calls from several threads at
    a time are safe.

    Args:
      network: a function l [N, h, w, 1] -> {"ab": [N, h, w, 2]}, of the head
        "bins" {"logits": [N, h/4, w/4, 313]} too, and of those of drawings
        {"l": [N, h, w, 1]}, in the networks' units.
      info: a dict: working_size, multiple (of which h and w must be) and head.
    """

    def __init__(self, network, info):
        self.network = network
        self.info = info

    def __call__(self, images, **settings):
        """Colour a picture, or a batch of pictures of one size.

        Args:
          images: uint8 [H, W] or [H, W, 3]; a batch [N, H, W, 1 or 3]. Of a
            colour picture its lightness is used.
          settings: as in `predict_ab`.

        Returns:
          uint8 [H, W, 3]; of a batch [N, H, W, 3].

        Raises:
          UsageError: a shape, dtype or setting that cannot be.
        """
        images = _checked(images)
        if images.ndim < 4:
            return self.colorize([images], **settings)[0]
        if images.shape[-1] == 1:
            images = images[..., 0]
        if not len(images):
            return np.zeros((*images.shape[:3], 3), np.uint8)
        return np.stack(self.colorize(list(images), **settings))

    def colorize(self, images, **settings):
        """Pictures uint8 [H, W] or [H, W, 3] of one size -> list of uint8
        [H, W, 3]; `settings` as in `predict_ab`. Where memory does not suffice for
        all at a time, one after the other."""
        try:
            planes = self.predict_ab(images, **settings)
        except RunError:
            if len(images) == 1:
                raise
            planes = None
        if planes is None:  # only here, where the error holds no memory any more
            return [self.colorize([image], **settings)[0] for image in images]
        return [join(*pair) for pair in zip(images, planes, strict=True)]

    def check(self, working_size=None, temperature=None, saturation=1.0):
        """Raise ValueError if a setting of `predict_ab` cannot be."""
        if working_size is not None and working_size < 1:
            raise UsageError(f"working_size: {working_size} must be at least 1")
        if working_size is not None and working_size < self.info["multiple"]:
            raise UsageError(
                f"working_size: {working_size} is less than the network needs, "
                f"{self.info['multiple']}"
            )
        if saturation < 0:
            raise UsageError(f"saturation: {saturation} must not be negative")
        if temperature is not None and self.info["head"] != "bins":
            raise UsageError(
                f"temperature: {temperature} is for models with generator.head=bins, "
                f"not {self.info['head']}"
            )
        if temperature is not None and temperature <= 0:
            raise UsageError(f"temperature: {temperature} must be positive")

    def working_shape(self, height, width, working_size=None):
        """(height, width), ints, at which `predict_ab` looks at a picture."""
        size = working_size or self.info["working_size"]
        return tuple(int(side) for side in working_shape(height, width, size))

    def predict_ab(self, images, working_size=None, temperature=None, saturation=1.0):
        """The colours at the working size.

        Args:
          images: a list of uint8 [H, W] or [H, W, 3] of one size.
          working_size: pixels of the shorter side at the network; None: the
            size that it was trained for. Where memory does not suffice for one
            picture it is halved, with a warning.
          temperature: of the annealed mean of the head "bins"; None: that of
            training.
          saturation: what a* and b* are multiplied by.

        Returns:
          float32 [N, 2, h, w]: a* and b* planes, CIE units; of heads of drawings
          [N, 3, h, w], the third by how much L* changes.

        Raises:
          RunError: no working size fits into memory, or not as many pictures at
            a time.
        """
        self.check(working_size, temperature, saturation)
        size = working_size or self.info["working_size"]
        while True:
            try:
                planes = self._predict(images, size, temperature)
                planes[:, :2] *= saturation
                return planes
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                if len(images) > 1:
                    said = f"out of memory for {len(images)} pictures at a time"
                    raise RunError(said) from error
                if size <= self.info["multiple"]:
                    raise RunError("out of memory at every working size") from error
                log.warning("out of memory at working size %d: halved", size)
                size = max(size // 2, self.info["multiple"])

    def _predict(self, images, size, temperature):
        height, width = working_shape(*images[0].shape[:2], size)
        small = np.stack([reduced_lightness(i, height, width) for i in images])
        found = predict_planes(
            self.network, tf.constant(small), self.info["multiple"], temperature
        )
        planes = [found["ab"]] + [found[name] for name in ("change",) if name in found]
        return np.concatenate(planes, 1)


def working_shape(height, width, working_size):
    """(height, width) at the network: the aspect ratio kept, the shorter side
    `working_size`, or less where the longer would pass LONGEST of it."""
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    size = tf.cast(working_size, tf.float32)
    shorter, longer = tf.minimum(height, width), tf.maximum(height, width)
    scale = tf.minimum(size / shorter, LONGEST * size / longer)
    return tuple(
        tf.maximum(tf.cast(tf.round(side * scale), tf.int32), 1)
        for side in (height, width)
    )


def predict_planes(network, lightness, multiple, temperature=None):
    """Run a network at the size given, padded by reflection to what it takes.

    Args:
      network: as of Predictor.
      lightness: [N, h, w] float32, L* 0..100.

    Returns:
      {"ab": [N, 2, h, w] float32, a* and b*}, of the head "bins" {"logits": [N,
      ceil(h/4), ceil(w/4), 313]} too, and of those of drawings {"change":
      [N, 1, h, w]}, what the network adds to L*.
    """
    height, width = tf.unstack(tf.shape(lightness)[1:])
    padded = lightness
    for axis, size in ((1, height), (2, width)):
        index = resize.reflected(size, 0, -size % multiple)
        padded = tf.gather(padded, index, axis=axis)
    found = dict(network(padded[..., None] / cie.L_HALF - 1.0))
    if temperature is not None:
        found["ab"] = heads.ab_of_logits(found["logits"], temperature)
    planes = tf.transpose(found["ab"][:, :height, :width], [0, 3, 1, 2])
    found["ab"] = planes * cie.AB_MAX
    if "l" in found:
        drawn = (found.pop("l")[:, :height, :width, 0] + 1.0) * cie.L_HALF
        found["change"] = (drawn - lightness)[:, None]
    if "logits" in found:
        found["logits"] = found["logits"][
            :, : -(-height // heads.QUARTER), : -(-width // heads.QUARTER)
        ]
    return found


def join(image, planes):
    """A picture with other colours.

    Args:
      image: uint8 [H, W] or [H, W, 3], whose lightness is kept; colours that
        sRGB cannot show at it lose chroma.
      planes: float32 [2, h, w], a* and b* at any size; [3, h, w] with what is
        added to L*: lines finer than the planes show stay all the same.

    Returns:
      uint8 [H, W, 3].
    """
    result = np.empty((*image.shape[:2], 3), np.uint8)
    for rows, band in enlarged_bands(planes, *image.shape[:2]):
        result[rows] = _joined(as_rgb(image[rows]), band).numpy()
    return result


def enlarged_bands(planes, height, width):
    """Yields (slice of rows, planes [., rows, width]) of planes brought to a
    size."""
    same = planes.shape[1:] == (height, width)
    columns = None if same else resize.weights(planes.shape[2], width, "cubic")
    count = max(1, _BAND // width)
    for first in range(0, height, count):
        rows = slice(first, min(first + count, height))
        if same:
            yield rows, planes[:, rows]
            continue
        matrix = resize.weights(
            planes.shape[1], height, "cubic", first, rows.stop - first
        )
        yield rows, resize.apply(planes, matrix, columns)


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, None, None], tf.float32),
    ],
    autograph=False,
)
def _joined(rgb, planes):
    lightness = changed(lab.lightness(rgb), planes[2:])
    return gamut.to_uint8(lightness, planes[0], planes[1])


def changed(lightness, change):
    """L* [...] plus the sum of changes [0 or 1, ...], within 0..100."""
    return tf.clip_by_value(lightness + tf.reduce_sum(change, 0), 0.0, 100.0)


def reduced_lightness(image, height, width):
    """L* [h, w] of a picture at a smaller size, or a larger one, as networks
    are shown it in training."""
    full_height, full_width = image.shape[:2]
    rows, columns = resize.reducing((full_height, full_width), (height, width))
    lines = tf.zeros([height, 3 * full_width])
    count = max(1, _BAND // full_width)
    for first in range(0, full_height, count):
        band = slice(first, first + count)
        lines += _reduced_lines(as_rgb(image[band]), rows[:, band])
    return reduced_columns(lines, columns).numpy()


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, None], tf.float32),
    ],
    autograph=False,
)
def _reduced_lines(rgb, rows):
    return reduced_lines(rgb, rows)


def reduced_lines(rgb, rows):
    """[..., H, W, 3] with as many rows as the weights [h, H] have: [..., h, 3W]."""
    shape = tf.shape(rgb)
    lines = tf.concat([shape[:-2], shape[-2:-1] * shape[-1:]], 0)
    return tf.matmul(rows, tf.reshape(tf.cast(rgb, tf.float32), lines))


def reduced_columns(lines, columns):
    """L* [..., h, w] of such lines [..., h, 3W] of levels 0..255, brought to as
    many columns as the weights [w, W] have."""
    shape = tf.concat([tf.shape(lines)[:-1], [-1, 3]], 0)
    return lab.lightness(tf.matmul(columns, tf.reshape(lines, shape)) / 255.0)


def as_rgb(image):
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)


def _checked(images):
    images = np.asarray(images)
    shape = "x".join(map(str, images.shape))
    if images.dtype != np.uint8:
        raise UsageError(f"images: {images.dtype}, not uint8")
    if images.ndim == 3 and images.shape[-1] == 1:
        images = images[..., 0]
    channels = images.shape[-1] if images.ndim in (3, 4) else 3
    if images.ndim not in (2, 3, 4) or channels not in (1, 3):
        raise UsageError(
            f"images: shape {shape} is none of [H, W], [H, W, 3], [N, H, W, 1 or 3]"
        )
    if 0 in (images.shape[1:3] if images.ndim == 4 else images.shape[:2]):
        raise UsageError(f"images: shape {shape} has no pixel")
    return images
