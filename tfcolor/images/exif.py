"""The EXIF orientation of JPEG files, as a graph: TensorFlow ignores it.

Exchangeable image file format 2.32, sections 4.5 and 4.6.4.
"""

import tensorflow as tf

from tfcolor.types import Tensor

_MARK = b"Exif\0\0"
_TAG = 0x0112
_ENTRY = 12  # bytes of a field of an image file directory

# Bytes to look at: a JPEG segment, which EXIF must fit into, and what may come
# before it.
_HEAD = 1 << 17


def upright(image: Tensor, data: Tensor) -> Tensor:
    """Turn and mirror a decoded picture as its file says.

    Args:
      image: [H, W, C].
      data: scalar string, the file; of any format, and perhaps damaged.
    """
    number = orientation(data)
    image = tf.cond(number >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = _flipped(image, 1, _is_one_of(number, (2, 3, 6, 7)))
    return _flipped(image, 0, _is_one_of(number, (3, 4, 7, 8)))


def orientation(data: Tensor) -> Tensor:
    """Scalar string -> scalar int32 in 1..8; 1 where a file says none."""
    codes = tf.cast(
        tf.io.decode_raw(tf.strings.substr(data, 0, _HEAD), tf.uint8), tf.int32
    )
    places = tf.where(_starts(codes, _MARK))[:, 0]
    is_jpeg = tf.reduce_all(tf.pad(codes, [[0, 2]])[:2] == [0xFF, 0xD8])
    return tf.cond(
        is_jpeg & (tf.size(places) > 0),
        lambda: _of_tiff(codes[tf.cast(places[0], tf.int32) + len(_MARK) :]),
        lambda: 1,
    )


def _of_tiff(tiff):
    """Orientation in a TIFF header, int32 [n] of bytes, zeros beyond its end."""
    tiff = tf.pad(tiff, [[0, 8]])
    little = tiff[0] == ord("I")

    def number(codes):
        """Unsigned 16 bits of [..., 2]."""
        first, second = codes[..., 0], codes[..., 1]
        return tf.where(little, second * 256 + first, first * 256 + second)

    # The upper half of the offset is 0: a segment has no more than 64 KiB.
    offset = number(tf.where(little, tiff[4:6], tiff[6:8]))
    fields = tf.pad(tiff[offset:], [[0, 2]])
    count = tf.minimum(number(fields[:2]), (tf.size(fields) - 2) // _ENTRY)
    fields = tf.reshape(fields[2 : 2 + count * _ENTRY], [-1, _ENTRY])
    values = number(tf.boolean_mask(fields, number(fields[:, :2]) == _TAG)[:, 8:10])
    value = tf.concat([values, [1]], 0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def _starts(codes, mark):
    """[n] bool: where the bytes of `mark` start."""
    padded = tf.pad(codes, [[0, len(mark)]], constant_values=-1)
    count = tf.size(codes)
    return tf.reduce_all(
        [padded[i : i + count] == code for i, code in enumerate(mark)], 0
    )


def _is_one_of(number, numbers):
    return tf.reduce_any(number == tf.constant(numbers))


def _flipped(image, axis, condition):
    return tf.cond(condition, lambda: tf.reverse(image, [axis]), lambda: image)
