"""What a request to an export may be, as a graph."""

from collections.abc import Callable

import tensorflow as tf

from tfcolor.images import encoded
from tfcolor.types import Batch
from tfcolor.types import Tensor

# Of a picture of encoded bytes, or of a request of arrays. Coloring takes some
# 70 bytes a pixel.
MAX_PIXELS = 50_000_000


def check(images: Tensor, max_pixels: int) -> Tensor:
    """Images [N, H, W, C] as they are; the request fails where they have no pixel, or
    all together more than `max_pixels`."""
    size = tf.shape(images, tf.int64)[:3]
    pixels = tf.reduce_prod(size)
    sides = tf.strings.reduce_join(tf.strings.as_string(size), separator=" x ")
    empty = tf.strings.join(["no pixels: ", sides])
    many = encoded.too_large(pixels, max_pixels, size)
    with tf.control_dependencies(
        [
            tf.debugging.Assert(pixels > 0, [empty]),
            tf.debugging.Assert(pixels <= max_pixels, [many]),
        ]
    ):
        return tf.identity(images)


def colored(
    colorize: Callable[[Tensor], Batch],
    data: Tensor,
    max_pixels: int,
    strict: bool,
) -> tuple[Tensor, Tensor]:
    """Encoded pictures, each of its own size, colored one after another.

    Args:
      colorize: uint8 [1, H, W, 3] -> {"image": the same}.
      data: string [N].
      max_pixels: of a picture.
      strict: the request fails where one is broken.

    Returns:
      PNGs, string [N], "" where a picture is broken, and what is wrong, string [N].
    """

    def each(given):
        number, bytes_ = given
        image, error = encoded.decoded(bytes_, max_pixels)
        if strict:
            place = tf.strings.as_string(number)
            said = tf.strings.join(["image_bytes[", place, "]: ", error])
            with tf.control_dependencies([tf.debugging.Assert(error == "", [said])]):
                return _png(colorize, image), error
        return tf.cond(error == "", lambda: _png(colorize, image), lambda: ""), error

    text = tf.TensorSpec([], tf.string)
    numbers = tf.range(tf.size(data))
    # One by one: the memory that a request takes is that of its largest picture.
    return tf.map_fn(
        each, (numbers, data), fn_output_signature=(text, text), parallel_iterations=1
    )


def _png(colorize, image):
    return tf.io.encode_png(colorize(image[None])["image"][0], compression=3)
