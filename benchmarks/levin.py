"""The multigrid of Levin et al.'s system against SciPy's sparse LU.

python benchmarks/levin.py --data=folder:PHOTOS

Pictures of several sizes are laid out of pieces of photographs, --share of their
pixels are known, or what --strokes of a brush cover, and both chroma planes are
solved for: the system put together, then solved, each in a process of its own.
Seconds by the clock and of the CPU, peak memory beyond that of the imports and the
picture, iterations, the CPU seconds that one stroke more takes, which starts from that
solution, and the differences from LU, which is left out above --largest_lu megapixels.
"""

import json
import pathlib
import subprocess
import sys
import time

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
from skimage import color

from tfcolor.classical import levin
from tfcolor.classical.canvas import Canvas

_DATA = flags.DEFINE_string("data", "sample", "SPEC of the photographs")
_SHARE = flags.DEFINE_float("share", 0.01, "of the pixels, known")
_STROKES = flags.DEFINE_integer("strokes", 0, "instead of a share: how many")
_SIZES = flags.DEFINE_list("sizes", "0.25,0.5,1,2,4,8", "megapixels")
_LARGEST_LU = flags.DEFINE_float("largest_lu", 1.0, "megapixels that LU is tried at")
_LARGEST_AGAIN = flags.DEFINE_float("largest_again", 4.0, "the same of a stroke more")
_AFFINITY = flags.DEFINE_enum("affinity", "gaussian", levin.AFFINITIES, "of levin")
_PICTURE = flags.DEFINE_string("picture", None, "of a process of the benchmark's own")
_SOLVER = flags.DEFINE_enum("solver", None, ("lu", "multigrid"), "of such a process")

_PIECE = 320


def mosaic(source, side, seed=0):
    """Lab float32 [side, side, 3] of squares out of photographs."""
    order = np.random.default_rng(seed).permutation(len(source))
    lab = np.empty((side, side, 3), np.float32)
    number = 0
    for y in range(0, side, _PIECE):
        for x in range(0, side, _PIECE):
            place = lab[y : y + _PIECE, x : x + _PIECE]
            piece = source.read(order[number % len(order)])[:_PIECE, :_PIECE]
            number += 1
            repeats = [
                -(-n // m) for n, m in zip(place.shape, piece.shape, strict=True)
            ]
            whole = np.tile(piece, repeats)[: place.shape[0], : place.shape[1]]
            place[:] = color.rgb2lab(whole)
    return lab


def work():
    """Solve, as a process of its own, and print what it took as JSON."""
    exact = _SOLVER.value == "lu"
    with np.load(_PICTURE.value) as file:
        lab, known = file["lab"], file["known"]
    luminance = (lab[..., 0] / 100.0).astype(np.float64 if exact else np.float32)
    chroma = lab[..., 1:]
    before, start, cpu = _peak(), time.perf_counter(), time.process_time()
    if exact:
        found = levin.spread(luminance, chroma, known, _AFFINITY.value, exact=True)
    else:
        canvas = Canvas(luminance, _AFFINITY.value)
        found = levin.spread(luminance, chroma, known, exact=False, canvas=canvas)
    said = {"s": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    said["GB"] = _peak() - before
    np.save(f"{_PICTURE.value}.{_SOLVER.value}.npy", found)
    if not exact:
        said["iterations"] = max(canvas.iterations)
        said["again"] = float("nan")
    if not exact and known.size <= _LARGEST_AGAIN.value * 1e6:
        said["again"] = again(canvas, luminance, chroma, known)
    print(json.dumps(said))


def again(canvas, luminance, chroma, known):
    """CPU seconds that one stroke more takes."""
    added = strokes(known.shape, 1, seed=9)
    chroma[added & ~known] = (40.0, 30.0)
    start = time.process_time()
    levin.spread(luminance, chroma, known | added, exact=False, canvas=canvas)
    return time.process_time() - start


def strokes(shape, count, seed=1):
    """Where a brush was drawn: bool [H, W]."""
    rng, (height, width) = np.random.default_rng(seed), shape
    known = np.zeros(shape, bool)
    for _ in range(count):
        y, x = rng.integers(height * 9 // 10), rng.integers(width * 8 // 10)
        known[y : y + max(1, height // 100), x : x + width // 6] = True
    return known


def _peak():
    """GB. Not ru_maxrss, which begins with what the parent process had."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**20


def run(path, solver):
    flags_of_it = [
        f"--{n}={flags.FLAGS[n].value}" for n in ("affinity", "largest_again")
    ]
    command = [sys.executable, __file__, f"--picture={path}", f"--solver={solver}"]
    done = subprocess.run([*command, *flags_of_it], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def row(source, megapixels, folder):
    side = round((megapixels * 1e6) ** 0.5)
    lab, known = mosaic(source, side), np.zeros(side * side, bool)
    places = np.random.default_rng(1).permutation(side * side)
    known[places[: max(1, round(_SHARE.value * known.size))]] = True
    known = known.reshape(side, side)
    if _STROKES.value:
        known = strokes(known.shape, _STROKES.value)
    path = folder / "picture.npz"
    np.savez(path, lab=lab, known=known)
    del lab, known, places
    new = run(path, "multigrid")
    line = f"{megapixels:6.2f}{new['s']:9.2f}{new['cpu']:9.2f}"
    line += f"{new['cpu'] / megapixels:9.2f}"
    line += f"{new['GB']:9.2f}{new['GB'] / megapixels:9.3f}{new['iterations']:7d}"
    line += f"{new['again']:9.2f}"
    if megapixels > _LARGEST_LU.value:
        return line
    old = run(path, "lu")
    line += f"{old['s']:10.2f}{old['GB']:8.2f}"
    line += f"{old['s'] / new['s']:8.1f}{old['GB'] / new['GB']:8.1f}"
    found, exact = (np.load(f"{path}.{s}.npy") for s in ("multigrid", "lu"))
    difference = np.abs(found - exact)
    return line + f"{difference.mean():11.5f}{np.quantile(difference, 0.999):9.4f}"


def main(_):
    if _SOLVER.value:
        work()
        return
    import tempfile

    from tfcolor.data import sources

    source = sources.open_source(_DATA.value)
    print(
        f"{'MP':>6s}{'s':>9s}{'CPU s':>9s}{'CPU/MP':>9s}{'GB':>9s}{'GB/MP':>9s}"
        f"{'iter.':>7s}{'stroke':>9s}"
        f"{'LU s':>10s}{'GB':>8s}{'times':>8s}{'times':>8s}{'mean diff.':>11s}"
        f"{'99.9 %':>9s}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in _SIZES.value:
            print(row(source, float(size), pathlib.Path(folder)), flush=True)


if __name__ == "__main__":
    app.run(main)
