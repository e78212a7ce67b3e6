import io

import numpy as np
import pytest
import tensorflow as tf
from harness import jpeg
from harness import picture
from PIL import Image
from PIL import ImageOps

from tfcolor.images import exif


@pytest.mark.parametrize("byte_order", [b"II", b"MM"])
@pytest.mark.parametrize("number", range(1, 9))
def test_upright_as_pillow_turns_it(number, byte_order, rng):
    data = jpeg(picture(rng, 24, 40), number, byte_order)
    assert b"Exif\0\0" + byte_order in data
    image = Image.open(io.BytesIO(data))
    expected = np.asarray(ImageOps.exif_transpose(image))
    found = exif.upright(tf.constant(np.asarray(image)), tf.constant(data))
    assert int(exif.orientation(tf.constant(data))) == number
    np.testing.assert_array_equal(found, expected)


def test_files_without_an_orientation(rng):
    image = picture(rng)
    for data in (
        jpeg(image, None),
        jpeg(image, 9),
        jpeg(image, 6, format="PNG"),
        b"",
        b"\xff",
        b"\xff\xd8Exif\0\0",
        b"\xff\xd8Exif\0\0MM",
        b"\xff\xd8Exif\0\0II*\0\xff\xff\0\0",
    ):
        assert int(exif.orientation(tf.constant(data))) == 1


def test_damage_is_no_error(rng):
    data = jpeg(picture(rng), 6)
    start = data.index(b"Exif")
    orientation = tf.function(exif.orientation)
    for end in range(start, start + 70):
        assert int(orientation(tf.constant(data[:end]))) in (1, 6)
    for at in range(start, start + 60):
        damaged = data[:at] + b"\xff" + data[at + 1 :]
        assert 1 <= int(orientation(tf.constant(damaged))) <= 8
