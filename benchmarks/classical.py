"""How good the classical methods are, on photographs.

python benchmarks/classical.py --data=folder:PHOTOS

Levin et al. shown some of the true pixels; Charpiat et al. with the left half of a
photograph as the reference of its right half, and with the photograph whose
thumbnail is most alike, beside what anybody could do: the reference's mean colour,
and none. Mean ab error at a shorter side of --size pixels, CIE units; lower is
better.
"""

import pathlib
import sys
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
from PIL import Image
from skimage import color

from tfcolor.classical import adapters
from tfcolor.classical import charpiat
from tfcolor.classical import levin
from tfcolor.color import gamut
from tfcolor.data import sources

_DATA = flags.DEFINE_string("data", "sample", "SPEC of the photographs")
_LIMIT = flags.DEFINE_integer("limit", 20, "photographs and pairs")
_SIZE = flags.DEFINE_integer(
    "size", charpiat.WORKING_SIZE, "pixels of the shorter side"
)
_SHEET = flags.DEFINE_string("sheet", None, "a PNG of the pairs to write")

# Thumbnails are compared, in Lab, at this size; grey photographs are left out.
_THUMBNAIL = 8
_LEAST_COLOR = 8.0


def error(found, true):
    return np.hypot(*np.moveaxis(found - true, -1, 0)).mean()


def levin_row(photographs, share):
    rows = []
    for rgb in photographs:
        lab = color.rgb2lab(rgb).astype(np.float32)
        luminance, ab = lab[..., 0] / 100.0, lab[..., 1:]
        known = adapters.simulated(luminance, share)
        start = time.perf_counter()
        found = levin.spread(luminance, ab, known)
        seconds = time.perf_counter() - start
        weights = levin.affinities(luminance)
        energies = [levin.energy(x, weights, known) for x in (found, ab)]
        rows.append([error(found, ab), error(0.0 * ab, ab), *energies, seconds])
    return np.mean(rows, 0)


def halves(photographs):
    for rgb in photographs:
        middle = rgb.shape[1] // 2
        yield rgb[:, :middle], rgb[:, middle:]


def alike(photographs):
    """Pairs of photographs, the most alike first, none twice."""
    thumbnails = np.stack([color.rgb2lab(_thumbnail(p)).ravel() for p in photographs])
    distance = np.linalg.norm(thumbnails[:, None] - thumbnails, axis=-1)
    np.fill_diagonal(distance, np.inf)
    used = set()
    for first in np.argsort(distance.min(1)):
        second = int(distance[first].argmin())
        if not {first, second} & used:
            used |= {first, second}
            yield photographs[second], photographs[first]


def _thumbnail(rgb):
    size = (_THUMBNAIL, _THUMBNAIL)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def charpiat_rows(pairs):
    rows, sheet = [], []
    for reference, picture in pairs:
        seen, true = (charpiat.reduced(x, _SIZE.value) for x in (reference, picture))
        start = time.perf_counter()
        model = charpiat.learn([seen])
        learned = time.perf_counter()
        labels, ab, energies = model.colorize(true[..., 0])
        end = time.perf_counter()
        mean = seen[..., 1:].mean((0, 1)) + 0.0 * ab
        errors = [error(x, true[..., 1:]) for x in (ab, mean, 0.0 * ab)]
        rows.append(
            [*errors, len(model.colors), len(energies), learned - start, end - learned]
        )
        sheet.append(_strip(seen, true, ab, model.colors[labels], mean))
        print(" " * 7 + "".join(f"{v:9.2f}" for v in rows[-1]), flush=True)
    return np.mean(rows, 0), sheet


def _strip(seen, true, *planes):
    pictures = [seen, true, *(np.dstack([true[..., 0], ab]) for ab in planes)]
    rgb = [
        gamut.to_uint8(*np.moveaxis(lab.astype(np.float32), -1, 0)).numpy()
        for lab in pictures
    ]
    return np.hstack([np.asarray(Image.fromarray(x).resize((192, 144))) for x in rgb])


def main(_):
    source = sources.open_source(_DATA.value)
    photographs = [source.read(i) for i in range(len(source))]
    thumbnails = [color.rgb2lab(_thumbnail(p)) for p in photographs]
    photographs = [
        p
        for p, t in zip(photographs, thumbnails, strict=True)
        if np.abs(t[..., 1:]).max() > _LEAST_COLOR
    ]
    places = np.linspace(0, len(photographs) - 1, _LIMIT.value).round().astype(int)
    chosen = [photographs[i] for i in dict.fromkeys(places.tolist())]
    print("levin: pixels shown, ab error, of grey, energy, of the truth, seconds")
    for share in (0.001, 0.01):
        values = levin_row(chosen, share)
        print(f"{share:7.1%}" + "".join(f"{value:10.4g}" for value in values))
    print(
        "charpiat: ab error, of the mean, of grey, colours, moves, seconds to learn, "
        "to colour"
    )
    sheets = []
    for name, pairs in (
        ("halves", list(halves(chosen))),
        ("alike", list(alike(photographs))[: _LIMIT.value]),
    ):
        values, sheet = charpiat_rows(pairs)
        sheets += sheet
        print(f"{name:7s}" + "".join(f"{value:9.2f}" for value in values))
    if _SHEET.value:
        Image.fromarray(np.vstack(sheets)).save(_SHEET.value)


if __name__ == "__main__":
    app.run(main)
