import io

import numpy as np
import pytest
from PIL import Image

from tfcolor.images import decode


def photograph(rng, height=67, width=93):
    """A smooth uint8 picture, whose chroma a decoder interpolates."""
    small = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90},
        {"quality": 90, "subsampling": 0},
        {"quality": 90, "subsampling": 1},
        {"quality": 90, "progressive": True},
        {"quality": 90, "restart_marker_blocks": 3},
    ],
)
def test_the_bits_of_pillow(rng, options):
    data = encoded(photograph(rng), **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode.decode(data), expected)


def test_grey_is_three_equal_channels_of_the_bits_of_pillow(rng):
    data = encoded(photograph(rng).convert("L"))
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode.decode(data), expected[..., None].repeat(3, 2))


@pytest.mark.parametrize(("side", "factor"), [(67, 1), (33, 2), (16, 4), (8, 8)])
def test_the_decoder_reduces_by_a_power_of_two(rng, side, factor):
    image = decode.decode(encoded(photograph(rng), quality=95), side)
    assert image.shape == (-(-67 // factor), -(-93 // factor), 3)


def test_a_jpeg_with_garbage_between_its_segments_is_read(rng):
    """As cameras write it: what the decoder warns of, it still decodes."""
    image = photograph(rng)
    data = encoded(image, quality=90)
    place = data.index(b"\xff\xdb")
    garbled = data[:place] + b"\0\0" + data[place:]
    np.testing.assert_array_equal(decode.decode(garbled), decode.decode(data))
