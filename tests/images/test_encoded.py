"""Bytes of requests to pictures in a graph."""

import struct

import forged
import mutilated
import numpy as np
import pytest
import tensorflow as tf
from harness import picture
from PIL import Image

from tfcolor.images import decode
from tfcolor.images import encoded

ALLOWED = 50_000_000


@pytest.fixture(scope="module")
def read():
    """A function: bytes -> (picture, what is wrong)."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def graph(data):
        return encoded.decoded(data, ALLOWED)

    def read(data):
        image, error = graph(data)
        return image.numpy(), error.numpy().decode()

    return read


def test_is_what_tensorflow_decodes_or_says_why(read, tmp_path):
    """Of files that were mutilated in every format; none ends the graph."""
    count = {True: 0, False: 0}
    for item in mutilated.make(tmp_path / "in", 400, 3):
        path = tmp_path / "in" / item.path
        if not path.is_file() or path.stat().st_size > 2**24:
            continue
        data = path.read_bytes()
        image, error = read(data)
        try:
            expected = tf.io.decode_image(data, 3, expand_animations=False).numpy()
        except tf.errors.OpError:
            expected = None
        if "scans" not in error:
            assert (expected is None) == bool(error), (item, error)
        if not error:
            assert sorted(image.shape) == sorted(expected.shape)
            assert sorted(image.flat) == sorted(expected.flat)
        assert error.isascii()
        count[not error] += 1
    assert min(count.values()) > 50


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_pixels_are_counted_before_decoding(form, rng):
    """Of each format to the last one; of every kind of WebP; of a BMP from top to
    bottom."""
    image = Image.fromarray(picture(rng, 37, 53))
    files = [forged.encoded(image, form)]
    if form == "WEBP":
        files.append(forged.encoded(image, form, lossless=True))
        files.append(forged.encoded(image, form, exif=True))
    if form == "BMP":
        data = files[0]
        files.append(data[:22] + struct.pack("<i", -37) + data[26:])
    for data in files:
        found, error = encoded.decoded(tf.constant(data), 37 * 53)
        assert found.shape == (37, 53, 3)
        assert error.numpy() == b""
        found, error = encoded.decoded(tf.constant(data), 37 * 53 - 1)
        assert found.shape == (0, 0, 3)
        assert error.numpy() == b"1961 pixels (37 x 53) are more than 1960"


def test_files_that_lie(read):
    """Of forged.bombs: small files that become large ones, or take long."""
    for extension, data in forged.bombs():
        image, error = read(data)
        assert image.shape[0] * image.shape[1] <= ALLOWED, extension
        assert error or image.size
    for data, message in (
        (b"", "no bytes"),
        (b"RIFF\x1e\0\0\0WAVEVP8X", "not a JPEG, PNG, WebP, BMP or GIF"),
        (b"II*\0" + bytes(90), "not a JPEG, PNG, WebP, BMP or GIF"),
        (b"GIF8", f"GIF{encoded._UNREAD}"),
        (b"GIF89a" + b"\xff" * 90, f"GIF{encoded._UNREAD}"),
        (b"\xff\xd8\xff", f"JPEG{encoded._UNREAD}"),
        (
            forged.png(2**31 - 1, 2**31 - 1),
            f"{(2**31 - 1) ** 2} pixels (2147483647 x 2147483647) are more than "
            f"{ALLOWED}",
        ),
        (
            forged.jpeg(2000, 2000, progressive=True, scans=3000),
            "3009 scans of a JPEG are too many",
        ),
    ):
        assert read(data)[1] == message


def test_frames_of_a_gif(read):
    """Their own sizes count, not the one that its header says."""
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    data = forged.encoded(image, "GIF", frames=2)
    at = data.index(b"\x2c\0\0\0\0") + 5
    large = data[:at] + struct.pack("<HH", 60_000, 50_000) + data[at + 4 :]
    said = "3000000000 pixels (50000 x 60000) are more than 50000000"
    assert read(large)[1] == said
    frame = data[data.rindex(b"\x21\xf9") : -1]
    sides = frame.index(b"\x2c\0\0\0\0") + 5
    frame = frame[:sides] + struct.pack("<HH", 5000, 5000) + frame[sides + 4 :]
    many = data[:-1] + frame * 33 + b";"
    assert read(many)[1] == "825000128 pixels of all frames are more than 800000000"


def test_scans_are_those_of_the_other_reader(monkeypatch):
    monkeypatch.setattr(encoded, "_STEPS", 1000)
    scans_of = tf.function(encoded._scans, [tf.TensorSpec([None], tf.uint8)])
    for scans in (1, 7, 300):
        for tail in (b"", b"\xff\xda\0\2" * 9):
            data = forged.jpeg(16, 16, progressive=True, scans=scans) + tail
            found = scans_of(encoded._codes(tf.constant(data)))
            assert found == decode.scans_of(data)
