"""Bytes of a picture to upright RGB in a graph, or what is wrong with them.

An operation that fails ends the whole graph, and with it all requests of a batch. So
sizes are read from the headers before anything is decoded, and decoding is an element
of a tf.data dataset, which can leave out what fails.
"""

import tensorflow as tf

from tfcolor.images import exif
from tfcolor.images.decode import MAX_SCANNED
from tfcolor.types import Tensor

# How files begin, as TensorFlow tells them apart.
_BEGINNINGS = {
    "JPEG": b"\xff\xd8\xff",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF8",
    "BMP": b"BM",
    "WebP": b"RIFF",
}

_HEAD = 32  # bytes, in which all sizes but those of JPEG and GIF are

# Frames of a GIF are decoded all, to a byte a pixel; what is colored takes some 60.
_FRAMES = 16

_UNREAD = ": damaged, cut off, or of a kind that is not read"

# Steps through the blocks of a GIF or the markers of a JPEG, of which a file could have
# as many as bytes.
_STEPS = 100_000


def decoded(data: Tensor, max_pixels: int) -> tuple[Tensor, Tensor]:
    """A picture of a request.

    Args:
      data: scalar string: JPEG, PNG, WebP, BMP or GIF, of which the first frame.
      max_pixels: larger pictures are not decoded.

    Returns:
      uint8 [H, W, 3], upright, and a scalar string: "", or what is wrong; then the
      picture is [0, 0, 3].
    """
    codes = _codes(tf.strings.join([tf.strings.substr(data, 0, _HEAD), bytes(_HEAD)]))
    head, form = codes[:_HEAD], tf.constant("")
    zero = tf.constant(0, tf.int64)
    for name, start in _BEGINNINGS.items():
        form = tf.where(_is(head, start), name, form)
    form = tf.where((form != "WebP") | _is(head[8:], b"WEBP"), form, "")
    size, weight = tf.cond(
        form == "GIF", lambda: _gif(_codes(data)), lambda: (_size(head, form), zero)
    )
    too_many = (size[0] * size[1] > max_pixels) | (weight > _FRAMES * max_pixels)
    nothing = tf.zeros([0, 0, 3], tf.uint8), size, zero

    def opened(data):
        return tf.cond(
            form == "JPEG",
            lambda: _jpeg(data, max_pixels),
            lambda: (_pixels(data), size, zero),
        )

    image, size, scans = tf.cond(
        (form == "") | too_many, lambda: nothing, lambda: _tried(opened, data, nothing)
    )
    error = tf.case(
        [
            (tf.strings.length(data) == 0, lambda: tf.constant("no bytes")),
            (form == "", lambda: tf.constant("not a JPEG, PNG, WebP, BMP or GIF")),
            (
                size[0] * size[1] > max_pixels,
                lambda: too_large(size[0] * size[1], max_pixels, size),
            ),
            (weight > max_pixels * _FRAMES, lambda: _many_frames(weight, max_pixels)),
            (scans > 0, lambda: _joined(scans, " scans of a JPEG are too many")),
            (tf.size(image) == 0, lambda: _joined(form, _UNREAD)),
        ],
        lambda: tf.constant(""),
    )
    return image, error


def too_large(pixels: Tensor, max_pixels: int, size: Tensor) -> Tensor:
    """What is said of a picture of too many pixels, scalar string; `size`: of any
    number of sides."""
    sides = tf.strings.reduce_join(tf.strings.as_string(size), separator=" x ")
    return _joined(pixels, " pixels (", sides, f") are more than {max_pixels}")


def _many_frames(weight, max_pixels):
    allowed = f" pixels of all frames are more than {_FRAMES * max_pixels}"
    return _joined(weight, allowed)


def _joined(*parts):
    return tf.strings.join(
        [
            part
            if isinstance(part, str) or part.dtype == tf.string
            else tf.strings.as_string(part)
            for part in parts
        ]
    )


def _tried(function, data, otherwise):
    """function(data), or `otherwise` where one of its operations fails."""
    of = tf.data.Dataset.from_tensors
    found = of(data).map(function).ignore_errors()
    return found.concatenate(of(otherwise)).take(1).get_single_element()


def _pixels(data):
    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    return exif.upright(tf.ensure_shape(image, [None, None, 3]), data)


def _jpeg(data, max_pixels):
    """The picture, its size, and how many scans it has if they are too many."""
    size = tf.cast(tf.io.extract_jpeg_shape(data)[:2], tf.int64)
    pixels = size[0] * size[1]
    codes = _codes(data)
    # No fewer than there are: what is no marker may look like one.
    scans = tf.math.count_nonzero((codes[:-1] == 0xFF) & (codes[1:] == 0xDA))
    scans = tf.cond(scans * pixels > MAX_SCANNED, lambda: _scans(codes), lambda: scans)
    scans = tf.where(scans * pixels > MAX_SCANNED, scans, tf.zeros_like(scans))
    image = tf.cond(
        (pixels > max_pixels) | (scans > 0),
        lambda: tf.zeros([0, 0, 3], tf.uint8),
        lambda: _pixels(data),
    )
    return image, size, scans


def _scans(codes):
    """As `decode.scans_of`, of uint8 [n]; 2^31 - 1 where there is no end."""
    after = tf.concat([codes[1:], [0]], 0)
    restarts = (after >= 0xD0) & (after <= 0xD7)
    markers = (codes == 0xFF) & (after != 0) & (after != 0xFF) & ~restarts
    # The last stands for the end of the file.
    places = tf.concat([tf.where(markers)[:, 0], [tf.size(codes, tf.int64)]], 0)
    padded = tf.concat([codes, [0xFF, 0xD9, 0, 0]], 0)

    def marker(at):
        number = tf.searchsorted(places[:-1], at[None], out_type=tf.int64)[0]
        return tf.gather(places, number)

    def is_left(at, count):
        return _at(padded, marker(at) + 1) != 0xD9

    def step(at, count):
        place = marker(at)
        kind = _at(padded, place + 1)
        has_length = (kind != 0x01) & (kind != 0xD8)
        length = tf.where(has_length, _big(padded, place + 2), 0)
        return place + 2 + length, count + tf.cast(kind == 0xDA, tf.int64)

    start = tf.constant(2, tf.int64), tf.constant(0, tf.int64)
    at, count = tf.while_loop(is_left, step, start, maximum_iterations=_STEPS)
    return tf.where(~is_left(at, count), count, 2**31 - 1)


def _gif(codes):
    """[height, width] of a GIF, the largest sides of all frames, which TensorFlow's
    picture has; and the pixels of all frames together; 2^31 - 1
    where there is no end."""
    end = tf.size(codes, tf.int64)
    padded = tf.pad(codes, [[0, 16]])

    def table(flags):
        return tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)

    def is_left(place, inside, size, weight):
        kind = _at(padded, place)
        return (place < end) & (inside | (kind == 0x2C) | (kind == 0x21))

    def step(place, inside, size, weight):
        kind = _at(padded, place)  # of a block; inside one, the length of a part of it
        is_frame = ~inside & (kind == 0x2C)
        sides = [_little(padded, tf.minimum(place + i, end)) for i in (7, 5)]
        sides = tf.where(is_frame, sides, 0)
        flags = _at(padded, tf.minimum(place + 9, end))
        begins = tf.where(is_frame, 11 + table(flags), 2)
        place = tf.minimum(place + tf.where(inside, 1 + kind, begins), end)
        size = tf.maximum(size, sides)
        return place, ~inside | (kind != 0), size, weight + sides[0] * sides[1]

    first = tf.minimum(13 + table(_at(padded, tf.minimum(end, 10))), end)
    none = tf.zeros([2], tf.int64), tf.constant(0, tf.int64)
    start = first, tf.constant(False), *none
    found = tf.while_loop(is_left, step, start, maximum_iterations=_STEPS)
    return found[2], tf.where(~is_left(*found), found[3], 2**31 - 1)


def _size(head, form):
    """[height, width], int64, of a PNG, BMP or WebP; of others 0, 0."""
    png = [_big(head, i, 4) for i in (20, 16)]
    bmp = [_signed(_little(head, i, 4)) for i in (22, 18)]
    lossy = [_little(head, i) % 2**14 for i in (28, 26)]
    bits = _little(head, 21, 4)
    lossless = [1 + bits // 2**14 % 2**14, 1 + bits % 2**14]
    canvas = [1 + _little(head, i, 3) for i in (27, 24)]
    webp = tf.where(_is(head[12:], b"VP8L"), lossless, lossy)
    webp = tf.where(_is(head[12:], b"VP8X"), canvas, webp)
    found = tf.zeros([2], tf.int64)
    for name, size in (("PNG", png), ("BMP", bmp), ("WebP", webp)):
        found = tf.where(form == name, tf.stack(size), found)
    return tf.minimum(found, 2**31 - 1)  # whose product fits into 63 bits


def _signed(number):
    """The absolute value of 32 bits of two's complement."""
    return tf.where(number < 2**31, number, 2**32 - number)


def _codes(data):
    """The bytes of a scalar string, uint8 [n]."""
    return tf.io.decode_raw(data, tf.uint8)


def _is(codes, start):
    return tf.reduce_all(codes[: len(start)] == list(start))


def _at(codes, place):
    return tf.cast(tf.gather(codes, place), tf.int64)


def _little(codes, place, count=2):
    return sum(_at(codes, place + i) * 256**i for i in range(count))


def _big(codes, place, count=2):
    return sum(_at(codes, place + i) * 256 ** (count - 1 - i) for i in range(count))
