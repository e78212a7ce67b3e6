"""Requests of all sizes, some of them broken, for an export under load."""

import dataclasses
import io
import math
import re

import forged
import numpy as np
from harness import picture
from PIL import Image

from tfcolor.images import encoded
from tfcolor.images.decode import MAX_SCANNED

CLIENTS = 8
ALLOWED = 12_000_000


@dataclasses.dataclass
class Asked:
    """A request.

    Attributes:
      kind: for the table.
      weight: how often, of all.
      signature: that is asked.
      files: encoded pictures, [N].
      says: of each what is wrong with it, or "".
    """

    kind: str
    weight: float
    signature: str
    files: list
    says: list


def mixture(rng, largest=(3000, 4000), large=1000, allowed=ALLOWED):
    """Requests from one pixel to `largest`, (height, width), some of about `large` x
    `large`. In 100 there are 5 broken ones, and 5 of four pictures of which one is
    broken: among them one of more pixels than `allowed`."""

    def file(form, *size, **way):
        return forged.encoded(Image.fromarray(picture(rng, *size)), form, **way)

    small, medium = file("JPEG", 256, 256), file("WEBP", 375, 500)
    tiny = [file("PNG", 1, 1), file("GIF", 7, 100), file("BMP", 64, 64)]
    two = [file("JPEG", large, large), file("PNG", large * 6 // 5, large * 4 // 5)]
    sizes = {  # the largest first, so that all clients have it at once
        f"{largest[0] * largest[1] / 1e6:g} megapixels": (1, [file("JPEG", *largest)]),
        "to 64 x 64": (30, tiny),
        "256 x 256 to 500 x 375": (43, [small, medium]),
        f"{large * large / 1e6:g} megapixel": (16, two),
    }
    asked = [
        Asked(kind, weight / len(files), "serving_default", [data], [""])
        for kind, (weight, files) in sizes.items()
        for data in files
    ]
    wrong = broken(small, file("PNG", 256, 256), allowed)
    for data, said in wrong:
        weight = 5 / len(wrong)
        asked.append(Asked("broken", weight, "serving_default", [data], [said]))
        four, says = [small, data, tiny[2], small], ["", said, "", ""]
        asked.append(Asked("4 with a broken one", weight, "colorize_each", four, says))
    return asked


def broken(jpeg, png, allowed):
    """[(bytes, what is said of them)]."""
    side = math.isqrt(allowed)
    scans = MAX_SCANNED // side**2
    tiff = forged.encoded(Image.new("L", (9, 9)), "TIFF")
    unknown = "not a JPEG, PNG, WebP, BMP or GIF"
    return [
        (b"", "no bytes"),
        (b"a text\n" * 99, unknown),
        (tiff, unknown),
        (jpeg[: len(jpeg) // 2], f"JPEG{encoded._UNREAD}"),
        (jpeg[:9] + bytes(99) + jpeg[108:], f"JPEG{encoded._UNREAD}"),
        (png[: len(png) // 2], f"PNG{encoded._UNREAD}"),
        (
            forged.png(60_000, 60_000),
            f"3600000000 pixels (60000 x 60000) are more than {allowed}",
        ),
        (
            forged.jpeg(side, side, progressive=True, scans=scans),
            f"{9 + scans} scans of a JPEG are too many",
        ),
    ]


def faults(asked, load):
    """What is wrong with a `served.Load` of requests, lines."""
    alone = {}  # the answers to single pictures
    for one, first in zip(asked, load.firsts, strict=True):
        if len(one.files) == 1 and isinstance(first, dict):
            alone[one.files[0]] = first["colorized_bytes"][0]
    for one, first in zip(asked, load.firsts, strict=True):
        if one.signature == "serving_default" and any(one.says):
            said = f"assertion failed: [image_bytes[0]: {one.says[0]}]"
            if first != said:
                yield f"{first} is not {said}"
        elif isinstance(first, str):
            yield f"{one.kind}: {first}"
        else:
            yield from _faults_of_answer(one, first, alone)
    numbers = load.runs[:, 0].astype(int)
    for number in np.unique(numbers[load.runs[:, 2] == 0]):
        yield f"{asked[number].kind}: request {number} was answered otherwise"


def _faults_of_answer(one, first, alone):
    said = [text.decode() for text in first.get("error", [b""])]
    if said != one.says:
        yield f"{said} is not {one.says}"
    for data, result, wrong in zip(
        one.files, first["colorized_bytes"], one.says, strict=True
    ):
        if wrong:
            if result:
                yield f"a broken picture was answered with {len(result)} bytes"
            continue
        size = Image.open(io.BytesIO(data)).size
        if not re.match(b"\x89PNG", result) or (
            Image.open(io.BytesIO(result)).size != size
        ):
            yield f"{one.kind}: not a PNG of {size}"
        if result != alone.get(data, result):
            yield f"{one.kind}: coloured otherwise than alone"


def times(asked, load):
    """{kind: seconds of its requests}."""
    kinds = np.array([one.kind for one in asked])[load.runs[:, 0].astype(int)]
    found = dict.fromkeys(one.kind for one in asked)
    return {kind: load.runs[kinds == kind, 1] for kind in found}
