"""What is kept of a file: format, bits, alpha, EXIF, profile."""

import io

import numpy as np
import pytest
from harness import each
from harness import picture
from harness import write_pictures
from PIL import Image
from PIL import ImageCms
from PIL import ImageOps

from tfcolor.color import lab
from tfcolor.images import pictures
from tfcolor.inference import batch
from tfcolor.inference import planning


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


WRITTEN = {
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "bmp": "BMP",
    "tif": "TIFF",
    "gif": "GIF",
}


@pytest.mark.parametrize("extension", each(WRITTEN, ["jpg", "png"]))
def test_formats(extension, tmp_path, predictor, rng):
    image = Image.fromarray(picture(rng, 60, 80))
    source = tmp_path / f"a.{extension}"
    image.save(source)
    for same, name in ((False, "a.png"), (True, source.name)):
        output = tmp_path / f"out{same}"
        ((task,), _) = planning.plan([source], output, same)
        assert task.target == output / name
        options = batch.Options({"saturation": 0.2})
        assert batch.run(predictor, [task], options) == 0
        found = opened(task.target)
        assert found.format == (WRITTEN[extension] if same else "PNG")
        assert found.size == (80, 60)
        pixels = np.asarray(Image.open(source).convert("RGB"))
        expected = predictor(pixels, saturation=0.2)
        found = np.asarray(found.convert("RGB")).astype(int)
        # Lossless but for JPEG, WebP and the 256 colours of GIF.
        lossless = name.endswith(("png", "bmp", "tif"))
        assert np.abs(found - expected).mean() < (0.01 if lossless else 8)


MODES = ["L", "1", "P", "CMYK", "RGBA", "I;16"]


@pytest.mark.parametrize("mode", each(MODES, ["1", "I;16"]))
def test_tiffs_of_any_layout_stay_tiffs_that_open(mode, tmp_path, predictor, rng):
    """A TIFF keeps the layout of its pixels among its EXIF."""
    image = Image.fromarray(picture(rng, 20, 30))
    if mode == "I;16":
        image = Image.fromarray(picture(rng, 20, 30)[..., 0].astype("uint16") * 257)
    else:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    source = tmp_path / "a.tif"
    image.save(source, exif=exif, compression="group4" if mode == "1" else None)
    ((task,), _) = planning.plan([source], tmp_path / "out", same_format=True)
    for wide in (False, True):
        options = batch.Options({"saturation": 0.2}, side_by_side=wide)
        assert batch.run(predictor, [task], options) == 0
        found = opened(task.target)
        assert found.format == "TIFF"
        assert found.size == (68 if wide else 30, 20)
        assert found.getexif()[0x010F] == "a maker"
    grey = pictures.read(source).pixels
    expected = predictor(grey, saturation=0.2)
    np.testing.assert_array_equal(np.asarray(found)[:, 38:, :3], expected)


@pytest.mark.slow
def test_what_an_encoder_refuses_is_one_bad_file(tmp_path, predictor, rng, caplog):
    for name, width in (("wide.webp", 9000), ("fine.webp", 100)):
        (tmp_path / "in").mkdir(exist_ok=True)
        image = Image.fromarray(picture(rng, 50, width))
        image.save(tmp_path / "in" / name)
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out", same_format=True)
    options = batch.Options(side_by_side=True)  # 18,008 pixels; 16,383 at most
    assert batch.run(predictor, tasks, options) == 1
    assert "wide.webp: " in caplog.text
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["fine.webp"]


def test_sixteen_bits_and_palette(tmp_path, predictor, rng):
    grey = picture(rng)[..., 0]
    Image.fromarray(grey.astype("uint16") * 257).save(tmp_path / "deep.png")
    Image.fromarray(grey).quantize(256).save(tmp_path / "palette.png")
    found = pictures.read(tmp_path / "deep.png")
    np.testing.assert_array_equal(found.pixels, grey)
    palette = pictures.read(tmp_path / "palette.png").pixels
    np.testing.assert_array_equal(palette, np.repeat(grey[..., None], 3, -1))


@pytest.mark.parametrize("mode", each(["RGBA", "LA", "P"], ["RGBA", "P"]))
def test_alpha_is_kept(mode, tmp_path, predictor, rng):
    image = Image.fromarray(picture(rng, 20, 30))
    alpha = Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8))
    if mode == "P":
        image = image.quantize(16)
        image.save(tmp_path / "a.png", transparency=3)
        alpha = opened(tmp_path / "a.png").convert("RGBA").getchannel("A")
    else:
        image = image.convert(mode)
        image.putalpha(alpha)
        image.save(tmp_path / "a.png")
    tasks, _ = planning.plan([tmp_path / "a.png"], tmp_path / "out")
    assert batch.run(predictor, tasks, batch.Options()) == 0
    found = opened(tmp_path / "out" / "a.png")
    assert found.mode == "RGBA"
    np.testing.assert_array_equal(found.getchannel("A"), alpha)


def test_orientation_is_applied_and_the_rest_of_exif_kept(tmp_path, predictor, rng):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker"
    image = Image.fromarray(picture(rng, 20, 30))
    image.save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300), quality=100)
    ((task,), _) = planning.plan([tmp_path / "a.jpg"], tmp_path / "out", True)
    assert batch.run(predictor, [task], batch.Options()) == 0
    found = opened(task.target)
    assert found.size == (20, 30)
    assert dict(found.getexif()) == {0x010F: "a maker"}
    assert found.info["dpi"] == (300, 300)
    upright = np.asarray(ImageOps.exif_transpose(opened(tmp_path / "a.jpg")))
    difference = lab.lightness(np.asarray(found)) - lab.lightness(upright)
    assert np.abs(difference).mean() < 2


def test_profiles_are_converted_to_srgb(tmp_path, rng):
    """Through another colour management: Lab by a profile, and by `lab`."""
    image = Image.fromarray(picture(rng))
    lab_profile = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    as_lab = ImageCms.profileToProfile(image, srgb, lab_profile, outputMode="LAB")
    data = ImageCms.ImageCmsProfile(lab_profile).tobytes()
    as_lab.save(tmp_path / "lab.tif", icc_profile=data)
    found = pictures.read(tmp_path / "lab.tif").pixels.astype(int)
    assert np.abs(found - np.asarray(image)).mean() < 2
    image.save(tmp_path / "bad.png", icc_profile=b"no profile")
    found = pictures.read(tmp_path / "bad.png").pixels
    np.testing.assert_array_equal(found, image)


def test_written_with_the_profile_of_srgb(tmp_path, predictor, rng):
    write_pictures(tmp_path / "in", rng, 1)
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    batch.run(predictor, tasks, batch.Options())
    data = opened(tasks[0].target).info["icc_profile"]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
