"""How good a run's colours are on a data set, beside grey ones.

python benchmarks/quality.py --workdir=runs/cgan --data=folder:PHOTOS

Colours are clipped to 8 bits before they are judged, as a viewer sees them.
"""

import pathlib
import sys

from absl import app
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import skimage.metrics
import tensorflow as tf

from tfcolor import build
from tfcolor import checkpoints
from tfcolor import metrics
from tfcolor import samples
from tfcolor import workdir
from tfcolor.color import lab
from tfcolor.data import pipeline
from tfcolor.data import sources

_WORKDIR = flags.DEFINE_multi_string("workdir", [], "a run's folder; repeatable")
_DATA = flags.DEFINE_string("data", "sample", "SPEC of the images to judge on")
_LIMIT = flags.DEFINE_integer("limit", 1000, "images, at most")
_GRID = flags.DEFINE_string("grid", None, "PNG file: input, each run, truth")
_SHOWN = flags.DEFINE_integer("shown", 12, "images in it")

COLUMNS = ("psnr", "ssim", "ab_error", "colorfulness", "auc")


def judge(predict, batches):
    """Means over the images, and the histogram distance, of one method."""
    values = {name: [] for name in COLUMNS}
    found, true = 0, 0
    for batch in batches:
        rgb = lab.to_uint8(lab.decode(batch["l"], predict(batch["l"])))
        truth = lab.to_uint8(lab.decode(batch["l"], batch["ab"]))
        ab, true_ab = lab.rgb_to_lab(rgb)[..., 1:], lab.rgb_to_lab(truth)[..., 1:]
        values["psnr"] += metrics.psnr(truth, rgb).numpy().tolist()
        values["ssim"] += [
            _ssim(*pair) for pair in zip(truth.numpy(), rgb.numpy(), strict=True)
        ]
        values["ab_error"] += metrics.ab_error(true_ab, ab).numpy().tolist()
        values["colorfulness"] += metrics.colorfulness(rgb).numpy().tolist()
        values["auc"] += metrics.auc(true_ab, ab).numpy().tolist()
        found, true = (
            found + metrics.ab_histogram(ab),
            true + metrics.ab_histogram(true_ab),
        )
    row = {name: sum(column) / len(column) for name, column in values.items()}
    row["histogram"] = float(metrics.histogram_distance(found, true))
    return row, len(values["psnr"])


def _ssim(truth, rgb):
    return skimage.metrics.structural_similarity(
        truth,
        rgb,
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def load(path):
    """(name with its step, function l -> ab, data section) of a run."""
    config = workdir.load_config(path)
    generator = build.generator_of(config)
    step = checkpoints.restore_generator(
        pathlib.Path(path) / "checkpoints", generator, bool(config.train.ema_decay)
    )
    predict = tf.function(lambda l: generator(l, training=False))
    return f"{path} @ {step}", predict, config.data


def main(_):
    runs = [load(path) for path in _WORKDIR.value]
    source = sources.open_source(_DATA.value)
    batches = pipeline.validation(source, runs[0][2], _LIMIT.value, print)
    methods = [
        ("grey", lambda l: tf.zeros([*l.shape[:3], 2])),
        *[(name, predict) for name, predict, _ in runs],
    ]
    header = "".join(f"{name:>14s}" for name in (*COLUMNS, "histogram"))
    print(f"{'':40s}{header}")
    for name, predict in methods:
        row, count = judge(predict, batches)
        print(f"{name:40s}" + "".join(f"{value:14.3f}" for value in row.values()))
    print(f"{count} images of {_DATA.value}")
    if _GRID.value:
        shown = pipeline.validation(source, runs[0][2], _SHOWN.value, print)
        batch = next(iter(shown.unbatch().batch(_SHOWN.value)))
        pictures = [predict(batch["l"]) for _, predict, _ in runs]
        samples.write_png(_GRID.value, samples.grid(batch["l"], pictures, batch["ab"]))


if __name__ == "__main__":
    app.run(main)
