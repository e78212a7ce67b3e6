"""From bytes to upright RGB, against Pillow and by hand."""

import io
import os

import forged
import numpy as np
import pytest
from harness import picture
from PIL import Image

from tfcolor.images import decode


def encoded(image, form, **options):
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


@pytest.fixture
def rgb(rng):
    return picture(rng)


@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 8),
        ("JPEG", {"quality": 95, "progressive": True, "subsampling": 0}, 8),
    ],
)
def test_formats(rgb, form, options, tolerance):
    found = decode.decode(encoded(Image.fromarray(rgb), form, **options))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - rgb).max() <= tolerance


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(rgb, form, orientation):
    """EXIF 2.32, tag 0x0112: what each value says row 0 and column 0 show."""
    stored = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, 1),
        7: np.rot90(rgb, 2).transpose(1, 0, 2),
        8: np.rot90(rgb, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    exact = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    image = Image.fromarray(np.ascontiguousarray(stored))
    data = encoded(image, form, exif=exif, **exact.get(form, {}))
    found = decode.decode(data)
    assert found.shape == rgb.shape
    tolerance = 8 if form == "JPEG" else 0
    assert np.abs(found.astype(int) - rgb).max() <= tolerance


def test_16_bit_grey_is_scaled_not_clipped():
    levels = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    found = decode.decode(encoded(Image.fromarray(levels), "PNG"))
    expected = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(found, np.stack([expected] * 3, -1))


def test_16_bit_colour_png(rgb):
    """Written by hand: Pillow writes no 16-bit colour."""
    import struct
    import zlib

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width, _ = rgb.shape
    rows = (rgb.astype(">u2") * 257).reshape(height, -1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode.decode(data), rgb)


def test_palette(rgb):
    image = Image.fromarray(rgb).quantize(32)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decode.decode(encoded(image, "PNG")), expected)


def test_transparency_is_laid_on_white(rgb):
    alpha = np.full(rgb.shape[:2], 255, np.uint8)
    alpha[:, :10] = 0
    alpha[:, 10:20] = 51
    image = Image.fromarray(np.dstack([rgb, alpha]))
    found = decode.decode(encoded(image, "PNG")).astype(int)
    np.testing.assert_array_equal(found[:, :10], 255)
    mixed = 255 * 0.8 + rgb[:, 10:20] * 0.2
    assert np.abs(found[:, 10:20] - mixed).max() <= 1
    np.testing.assert_array_equal(found[:, 20:], rgb[:, 20:])


def test_transparent_palette_colour(rgb):
    image = Image.fromarray(rgb).quantize(8)
    image.info["transparency"] = image.getpixel((0, 0))
    found = decode.decode(encoded(image, "PNG", transparency=image.getpixel((0, 0))))
    np.testing.assert_array_equal(found[0, 0], 255)


def test_cmyk_jpeg(rgb):
    cmyk = Image.fromarray(rgb).convert("CMYK")
    data = encoded(cmyk, "JPEG", quality=100, subsampling=0)
    expected = np.asarray(cmyk.convert("RGB")).astype(int)
    assert np.abs(decode.decode(data) - expected).mean() < 3


def test_grey_becomes_three_equal_channels(rgb):
    for form in ("PNG", "JPEG"):
        found = decode.decode(encoded(Image.fromarray(rgb[..., 0]), form))
        assert found.shape == rgb.shape
        assert np.ptp(found, axis=-1).max() == 0


def test_first_frame_of_an_animation(rgb):
    first, second = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (8, 6), "blue")
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode.decode(data)[0, 0], [255, 0, 0])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"this is no picture at all", "not an image of a known format"),
        (b"\xff\xd8\xff\xe0 nor this", "."),
        (b"\x89PNG\r\n\x1a\n", "."),
    ],
)
def test_what_is_no_image_is_unreadable(data, reason):
    with pytest.raises(decode.Unreadable, match=reason):
        decode.decode(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damaged_bytes_are_unreadable_or_read_but_never_an_error(rgb, form, rng):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(Image.fromarray(rgb), form, exif=exif)
    reasons = []
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 200), 4):
            data[place] = rng.integers(256)
        try:
            decode.decode(bytes(data))
        except decode.Unreadable as error:
            reasons.append(str(error))
    assert reasons
    assert all(reason and "{{" not in reason for reason in reasons)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_file_is_unreadable(rgb, form):
    data = encoded(Image.fromarray(rgb), form)
    with pytest.raises(decode.Unreadable):
        decode.decode(data[: len(data) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("side", [None, 30])
def test_a_window_is_a_part_of_the_whole(rng, form, side):
    data = encoded(Image.fromarray(picture(rng, 130, 170)), form)
    whole = decode.decode(data, side)
    seen = []

    def window(size):
        seen.append(size)
        return 5, 11, 20, 17

    part = decode.decode(data, side, window)
    difference = np.abs(part.astype(int) - whole[5:25, 11:28])
    assert seen == [whole.shape[:2]]
    assert part.shape == (20, 17, 3)
    # A JPEG's colours are interpolated, at the last column from one side only.
    assert difference[:, :-1].max() == 0
    assert difference.max() <= (8 if form == "JPEG" else 0)


def test_large_pictures_are_reduced_while_they_are_decoded(rng):
    rgb = picture(rng, 400, 560)
    for form in ("JPEG", "PNG"):
        data = encoded(Image.fromarray(rgb), form, quality=95)
        assert decode.decode(data, 50).shape == (50, 70, 3)
        assert decode.decode(data, 51).shape == (100, 140, 3)
        small = decode.decode(data, 50).astype(float)
        expected = rgb.reshape(50, 8, 70, 8, 3).mean((1, 3))
        assert np.abs(small - expected).mean() < 2


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zeros.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "zeros.jpg"):
        with pytest.raises(decode.Unreadable, match="not a regular file"):
            decode.read(tmp_path / name)
    with open(tmp_path / "holes.jpg", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(decode.Unreadable, match=f"{2**40} bytes are more than {2**30}"):
        decode.read(tmp_path / "holes.jpg")
    (tmp_path / "a.jpg").write_bytes(b"abc")
    assert decode.read(tmp_path / "a.jpg") == b"abc"


def test_pillow_reads_the_formats_that_are_named_and_no_other(rgb):
    for form in ("PPM", "TGA", "ICO", "PCX"):
        assert not {form} & set(decode.FORMATS)
        with pytest.raises(decode.Unreadable, match="not an image of a known format"):
            decode.decode(encoded(Image.fromarray(rgb), form))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_bomb_is_refused_before_it_is_decoded(progressive):
    data = forged.jpeg(65_500, 65_500, progressive)
    said = "65500 x 65500 pixels are more than 178956970"
    for side in (None, 32):
        with pytest.raises(decode.Unreadable, match=said):
            decode.decode(data, side)
        cmyk = encoded(Image.new("CMYK", (16, 16)), "JPEG")
        at = cmyk.index(b"\xff\xc0") + 5
        cmyk = cmyk[:at] + b"\xff\xdc\xff\xdc" + cmyk[at + 4 :]
        with pytest.raises(decode.Unreadable, match="pixels"):
            decode.decode(cmyk, side)


def test_scans_are_counted_as_libjpeg_does(rgb):
    image = Image.fromarray(rgb)
    plain = encoded(image, "JPEG")
    assert decode.scans_of(plain) == 1
    progressive = encoded(image, "JPEG", progressive=True)
    assert decode.scans_of(progressive) == progressive.count(b"\xff\xda") > 5
    # Neither those of another file behind it nor those in a comment.
    assert decode.scans_of(plain + bytes(2) + progressive) == 1
    comment = plain[:2] + b"\xff\xfe\x00\x06\xff\xda\xff\xd9" + plain[2:]
    assert decode.scans_of(comment) == 1
    many = forged.jpeg(2000, 2000, progressive=True, scans=741)
    assert decode.scans_of(many) == 750
    assert decode.decode(many, 250).shape == (250, 250, 3)  # 750 x 4e6 are 3e9
    many = forged.jpeg(2000, 2000, progressive=True, scans=742)
    said = "751 scans of 2000 x 2000 pixels are too many"
    with pytest.raises(decode.Unreadable, match=said):
        decode.decode(many)
