import io
import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from harness import picture
from harness import write_pictures
from PIL import Image

from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.images import decode
from tfcolor.runs import folder as run_folder


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


def test_names_need_not_be_text(tmp_path, rng):
    name = os.fsdecode(b"caf\xe9.png")
    write_pictures(tmp_path, rng, 12)
    (tmp_path / "0000.png").rename(tmp_path / name)
    source = sources.open_source(str(tmp_path))
    assert source.read(source.names.index(name)).shape == (40, 56, 3)
    assert sources.fingerprint(source).startswith("12-")
    assert len(sources.hold_out(source)[1]) >= 1
    reports = run_folder.Workdir(tmp_path).reporter()
    reports(name, "why")
    assert (tmp_path / "skipped.tsv").read_bytes() == b"caf\xe9.png\twhy\n"


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


def test_folder_is_read_recursively_in_a_fixed_order(tmp_path, rng):
    write_pictures(tmp_path / "b" / "deep", rng, 2)
    write_pictures(tmp_path / "a", rng, 1, ".JPG")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    for spec in (f"folder:{tmp_path}", str(tmp_path)):
        source = sources.open_source(spec)
        names = [source.name(i) for i in range(len(source))]
        assert names == ["a/0000.JPG", "b/deep/0000.png", "b/deep/0001.png"]
        assert source.read(1).shape == (40, 56, 3)


def test_sample_is_there_and_colourful():
    source = sources.open_source("sample")
    assert len(source) == 8
    for i in range(len(source)):
        assert np.ptp(source.read(i).astype(int), axis=-1).max() > 32


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nope", "neither a folder nor one of sample, drawings"),
        ("folder:/no/such", "/no/such: no such folder"),
        ("/no/such", "/no/such: no such folder"),
        (__file__, "is not a folder"),
        ("tfds:no_such_data_set", "no_such_data_set"),
    ],
)
def test_bad_specs_are_named(spec, message):
    with pytest.raises(UsageError, match=message):
        sources.open_source(spec)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no image in it"):
        sources.open_source(str(tmp_path))


class Names:
    def __init__(self, names):
        self.names = names

    def __len__(self):
        return len(self.names)

    def name(self, i):
        return self.names[i]


def test_hold_out_is_2_percent_by_name_whatever_else_is_there():
    source = Names([f"{i}.jpg" for i in range(5000)])
    kept, held = sources.hold_out(source)
    held = {held.name(i) for i in range(len(held))}
    kept = {kept.name(i) for i in range(len(kept))}
    assert not held & kept
    assert held | kept == set(source.names)
    assert 70 <= len(held) <= 130
    _, fewer = sources.hold_out(Names(source.names[1::2]))
    fewer = {fewer.name(i) for i in range(len(fewer))}
    assert fewer == held & set(source.names[1::2])


def test_hold_out_of_small_sets():
    kept, held = sources.hold_out(Names([f"{i}.png" for i in range(20)]))
    assert len(held) == 1
    assert len(kept) == 19
    few = Names(["a", "b", "c"])
    assert sources.hold_out(few) == (few, few)


def test_fingerprint_changes_with_the_names():
    first = sources.fingerprint(Names(["a", "bc"]))
    assert first != sources.fingerprint(Names(["ab", "c"]))
    assert first == sources.fingerprint(Names(["a", "bc"]))


class Colours(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(None, None, 3))
        features = tfds.features.FeaturesDict({"image": image})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples(3)}

    def _generate_examples(self, count=7):
        rng = np.random.default_rng(0)
        for i in range(count):
            yield i, {"image": picture(rng, 20 + i, 30)}


def test_tfds_is_read_by_random_access(tmp_path):
    builder = Colours(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    source = sources.open_source("tfds:colours", str(tmp_path))
    assert len(source) == 7
    assert len(sources.open_source("tfds:colours:test", str(tmp_path))) == 3
    by_hand = builder.as_data_source(split="train")
    for i in (5, 0, 5):
        np.testing.assert_array_equal(source.read(i), by_hand[i]["image"])
    assert source.name(5) == "colours:train[5]"
    part = source.read(0, None, lambda size: (1, 2, 3, 4))
    np.testing.assert_array_equal(part, by_hand[0]["image"][1:4, 2:6])
    with pytest.raises(UsageError, match="nope"):
        sources.open_source("tfds:colours:nope", str(tmp_path))
