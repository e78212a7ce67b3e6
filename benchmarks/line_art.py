"""How true are the scans that a run of cyclegan makes of coloured drawings?

python benchmarks/line_art.py --workdir=runs/cyclegan

On held-out drawings whose true scans are known, beside what dropping the colour
gives: mean absolute error (0 black to 1 white), precision and recall of the lines
(`tfcolor.metrics.line_art`), each a mean over the drawings with its 95 % interval;
--picture writes drawings, true scans, made ones and lightness, one below the other.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
import tensorflow as tf
from absl import app
from absl import flags

from tfcolor import config as config_lib
from tfcolor.color import lab
from tfcolor.data import datasets
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.images import grid
from tfcolor.inference import restore
from tfcolor.metrics import line_art
from tfcolor.runs import folder as run_folder
from tfcolor.trainers.cyclegan import lightness

_WORKDIR = flags.DEFINE_multi_string("workdir", None, "runs of cyclegan", required=True)
_LIMIT = flags.DEFINE_integer("limit", 1000, "drawings", 1)
_SIZE = flags.DEFINE_integer("size", 64, "side of the squares, pixels")
_PICTURE = flags.DEFINE_string("picture", None, "file for a picture of eight")

RESAMPLES = 1000


def batches():
    """Of (rgb [B, S, S, 3] and true scan [B, S, S, 1] of the same drawings)."""
    data = config_lib.Data(image_size=_SIZE.value, batch_size=datasets.SAMPLES)
    colors, scans = (
        sources.open_source(f"drawings:{split}") for split in ("test", "test_scans")
    )
    return pipeline.unpaired_validation(
        colors, scans, data, _LIMIT.value, lambda *_: None
    )


def measures(scan, truth):
    """[B, 3] of scans in [-1, 1]."""
    rows = []
    for one, true in zip((scan + 1) / 2, (truth + 1) / 2, strict=True):
        one, true = one[..., 0].clip(0, 1), true[..., 0].clip(0, 1)
        precision, recall = line_art.line_precision_recall(one, true)
        rows.append((line_art.mean_absolute_error(one, true), precision, recall))
    return np.array(rows)


def main(_):
    methods = {"lightness": lightness}
    for path in _WORKDIR.value:
        scanner = restore.scanner_of_run(path)
        methods[run_folder.Workdir(path).path.name] = tf.function(scanner)
    found, shown = {name: [] for name in methods}, None
    for batch in batches():
        rgb, truth = batch["rgb"], batch["scan"].numpy()
        scans = {name: method(rgb).numpy() for name, method in methods.items()}
        for name, scan in scans.items():
            found[name].append(measures(scan, truth))
        shown = shown or (rgb, truth, scans)
    count = sum(map(len, found["lightness"]))
    print(f"{count} drawings, {_SIZE.value}x{_SIZE.value}")
    print(f"{'':20s}{'error':>26s}{'precision':>26s}{'recall':>26s}{'F':>8s}")
    rng = np.random.default_rng(0)
    for name, rows in found.items():
        rows = np.concatenate(rows)
        picks = rng.integers(0, len(rows), (RESAMPLES, len(rows)))
        low, high = np.quantile(rows[picks].mean(1), [0.025, 0.975], 0)
        mean = rows.mean(0)
        cells = [
            f"{m:.3f} [{a:.3f}, {b:.3f}]"
            for m, a, b in zip(mean, low, high, strict=True)
        ]
        score = line_art.f_score(*mean[1:])
        print(
            f"{name:20s}" + "".join(f"{cell:>26s}" for cell in cells) + f"{score:8.3f}"
        )
    if _PICTURE.value:
        rgb, truth, scans = shown
        greys = [truth, *(scans[name] for name in methods if name != "lightness")]
        rows = [(l, np.zeros([*l.shape[:3], 2])) for l in (*greys, scans["lightness"])]
        picture = grid.of_rows([lab.encode((rgb + 1) / 2), *rows])
        grid.write_png(pathlib.Path(_PICTURE.value), picture)


if __name__ == "__main__":
    app.run(main)
