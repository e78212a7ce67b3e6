"""What a data SPEC names: numbered images, decoded one at a time.

A source has `len()`, `name(i)` and `read(i, side, window)`; reading one image
never depends on another, and nothing is decoded before it is asked for.
"""

import hashlib
import io
import os
import pathlib
import re
import zlib

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL import ImageOps

from tfcolor.data.augment import cut
from tfcolor.data.drawings import Drawings
from tfcolor.errors import UsageError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# The colour photographs among the images inside the scikit-image wheel.
SAMPLE = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)

# Share of the images that are held out for validation: one in this many.
HOLD_OUT = 50


class Unreadable(Exception):
    """An image that cannot be decoded; the message is the reason."""


class Files:
    """Image files.

    Args:
      root: folder that the names are relative to.
      names: paths below root, in the order of their numbers.
    """

    def __init__(self, root, names):
        self.root = root
        self.names = names

    def __len__(self):
        return len(self.names)

    def name(self, i):
        return self.names[i]

    def read(self, i, side=None, window=None):
        """Image i as uint8 [H, W, 3].

        Args:
          side: pixels of the shorter side that are enough. A larger picture
            is reduced by a power of two while it is decoded.
          window: a function of the size (height, width) that this leaves, to
            the box that is wanted of it; None for all of it.

        Raises:
          Unreadable: with the reason.
        """
        try:
            with open(os.path.join(self.root, self.names[i]), "rb") as file:
                return decode(file.read(), side, window)
        except OSError as error:
            raise Unreadable(reason(error)) from error


class Tfds:
    """A prepared TensorFlow Datasets split, through its random access.

    Args:
      spec: NAME[:SPLIT], split "train" by default.
      data_dir: the cache of TensorFlow Datasets; None for its default.
    """

    def __init__(self, spec, data_dir=None):
        import tensorflow_datasets as tfds

        self.dataset, _, split = spec.partition(":")
        self.split = split or "train"
        try:
            builder = tfds.builder(
                self.dataset, data_dir=data_dir, file_format="array_record"
            )
            builder.download_and_prepare()
            self.records = builder.as_data_source(split=self.split)
        except Exception as error:
            raise UsageError(f"--data=tfds:{spec}: {reason(error)}") from error
        if "image" not in builder.info.features:
            raise UsageError(
                f"--data=tfds:{spec}: has no feature 'image', only "
                f"{', '.join(builder.info.features)}"
            )

    def __len__(self):
        return len(self.records)

    def name(self, i):
        return f"{self.dataset}:{self.split}[{i}]"

    def read(self, i, side=None, window=None):
        try:
            image = np.asarray(self.records[int(i)]["image"])
        except Exception as error:
            raise Unreadable(reason(error)) from error
        if image.dtype != np.uint8:
            raise Unreadable(f"its pixels are {image.dtype}, not uint8")
        image = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image
        return _reduced(Image.fromarray(image[..., :3]), side, window)


class Part:
    """Some images of a source, by their numbers."""

    def __init__(self, source, numbers):
        self.source = source
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def name(self, i):
        return self.source.name(self.numbers[i])

    def read(self, i, side=None, window=None):
        return self.source.read(self.numbers[i], side, window)

    def scans(self):
        """The true scans of the same images, or None where they are not known."""
        scans = scans_of(self.source)
        return scans and Part(scans, self.numbers)


def open_source(spec, data_dir=None):
    """The source that a SPEC names.

    Args:
      spec: "sample", "drawings[:SPLIT]", "folder:PATH", an existing folder's
        path, or "tfds:NAME[:SPLIT]".

    Raises:
      UsageError: what is wrong with the SPEC, or that it has no image.
    """
    kind, _, rest = spec.partition(":")
    if spec == "sample":
        return Files(_skimage_folder(), list(SAMPLE))
    if kind == "drawings":
        return Drawings(rest or "train")
    if kind == "tfds" and rest:
        source = Tfds(rest, data_dir)
    elif kind == "folder" and rest:
        source = _folder(rest)
    elif os.path.exists(spec) or os.sep in spec:
        source = _folder(spec)
    else:
        raise UsageError(
            f"--data={spec}: neither a folder nor one of sample, drawings[:SPLIT], "
            "folder:PATH, tfds:NAME[:SPLIT]"
        )
    if not len(source):
        raise UsageError(
            f"--data={spec}: no image in it (looked for {', '.join(EXTENSIONS)})"
        )
    return source


def scans_of(source):
    """The true scans of a source's drawings, or None where they are not known."""
    return source.scans() if hasattr(source, "scans") else None


def hold_out(source):
    """(training part, validation part): 2 % of the images, chosen by a hash
    of their names, so that the choice stays when images are added.

    A small set gives its image of the lowest hash; one too small to give any
    is validated on itself.
    """
    hashes = [zlib.crc32(os.fsencode(source.name(i))) for i in range(len(source))]
    held = [i for i, value in enumerate(hashes) if value % HOLD_OUT == 0]
    if not held and len(source) > len(SAMPLE):
        held = [min(range(len(source)), key=hashes.__getitem__)]
    if not held or len(held) == len(source):
        return source, source
    chosen = set(held)
    kept = [i for i in range(len(source)) if i not in chosen]
    return Part(source, kept), Part(source, held)


def fingerprint(source):
    """Hex digest of the number of images and of their names."""
    digest = hashlib.sha256()
    for i in range(len(source)):
        digest.update(os.fsencode(source.name(i)) + b"\0")
    return f"{len(source)}-{digest.hexdigest()[:16]}"


def decode(data, side=None, window=None):
    """Bytes of an image file to uint8 RGB [H, W, 3], upright; `side` and
    `window` as in `Files.read`.

    EXIF orientation is applied, 16 bits are scaled to 8, palettes and CMYK are
    converted, transparency is laid on white, and of several frames the first
    is taken.

    Raises:
      Unreadable: with the reason.
    """
    if not data:
        raise Unreadable("the file is empty")
    try:
        if _is_plain_jpeg(data):
            return _decode_jpeg(data, side, window)
        with Image.open(io.BytesIO(data)) as image:
            return _reduced(_upright_rgb(image), side, window)
    except Image.UnidentifiedImageError as error:
        raise Unreadable("not an image of a known format") from error
    except Exception as error:  # decoders raise nearly anything
        raise Unreadable(reason(error)) from error


def reduction(size, side):
    """The power of two, at most 8, by which a picture of (height, width) may
    be reduced so that its shorter side keeps at least `side` pixels."""
    factor = 1
    while side and factor < 8 and min(size) // (2 * factor) >= side:
        factor *= 2
    return factor


def reason(error):
    """The first line of an error, without what TensorFlow wraps around it."""
    text = re.sub(r"\{\{.*?\}\} ?| ?\[Op:\w+\].*", "", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _is_plain_jpeg(data):
    """A JPEG that needs no Pillow: no EXIF, which may turn it."""
    return data[:2] == b"\xff\xd8" and data.find(b"Exif\0", 0, 65536) < 0


def _decode_jpeg(data, side, window):
    data = tf.constant(data)
    height, width, _ = tf.io.extract_jpeg_shape(data).numpy().tolist()
    factor = reduction((height, width), side)
    size = -(-height // factor), -(-width // factor)
    box = window(size) if window else (0, 0, *size)
    # Only the rows and columns of the box are decoded.
    image = tf.io.decode_and_crop_jpeg(
        data, box, channels=3, ratio=factor, dct_method="INTEGER_ACCURATE"
    )
    return np.asarray(memoryview(image))  # .numpy() would copy


def _upright_rgb(image):
    image = ImageOps.exif_transpose(to_8_bit(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _reduced(image, side, window):
    image = np.asarray(image.reduce(reduction(image.size, side)))
    return cut(image, window(image.shape[:2])) if window else image


def to_8_bit(image):
    """16-bit greyscale scaled to 8 bits, which `convert` would clip."""
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    levels = np.asarray(image).astype(np.float32)
    if image.mode == "F" and levels.max(initial=0.0) <= 1.0:
        levels = levels * 65535.0
    levels = np.round(levels / 257.0).clip(0, 255).astype(np.uint8)
    grey = Image.fromarray(levels)
    grey.info = image.info
    return grey


def _folder(path):
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "no such folder"
        raise UsageError(f"--data={path}: {what}")
    names = [
        os.path.relpath(os.path.join(folder, file), root)
        for folder, _, files in os.walk(root)
        for file in files
        if file.lower().endswith(EXTENSIONS) and not file.startswith(".")
    ]
    return Files(str(root), sorted(names))


def _skimage_folder():
    import skimage

    return os.path.join(os.path.dirname(skimage.__file__), "data")
