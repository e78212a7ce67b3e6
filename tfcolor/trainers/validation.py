"""What shows in a colorizer's validation pictures whether its colors collapse."""

import math
from collections.abc import Iterator
from collections.abc import Mapping

import tensorflow as tf

from tfcolor.color import lab
from tfcolor.metrics import color as metrics
from tfcolor.types import Logs
from tfcolor.types import Tensor

VALIDATION = (
    "l1",
    "psnr",
    "ab_error",
    "colorfulness",
    "colorfulness_truth",
    "chroma",
    "chroma_truth",
    "a",
    "b",
    "a_truth",
    "b_truth",
)

# Colors this weak, or this much of one hue while the truth's are this mixed,
# are called a collapse.
GREY_RATIO = 0.2
ONE_HUE = 0.9
MIXED_HUES = 0.7


def values_of(rgb: Tensor, true_rgb: Tensor) -> Logs:
    """Figures of pictures, {name of VALIDATION but "l1": [B]}.

    Args:
      rgb, true_rgb: uint8 [B, H, W, 3], predictions and ground truth.
    """
    predicted, truth = (lab.rgb_to_lab(x)[..., 1:] for x in (rgb, true_rgb))
    values = {
        "psnr": metrics.psnr(true_rgb, rgb),
        "ab_error": metrics.ab_error(truth, predicted),
        "colorfulness": metrics.colorfulness(rgb),
        "colorfulness_truth": metrics.colorfulness(true_rgb),
    }
    for suffix, colors in (("", predicted), ("_truth", truth)):
        values["chroma" + suffix] = metrics.chroma(colors)
        values["a" + suffix] = tf.reduce_mean(colors[..., 0], [1, 2])
        values["b" + suffix] = tf.reduce_mean(colors[..., 1], [1, 2])
    return values


def summary(values: Mapping[str, float]) -> dict[str, float]:
    """The `val/...` scalars of the means of VALIDATION."""
    chroma, truth = values["chroma"], values["chroma_truth"]
    return {
        "val/l1": values["l1"],
        "val/psnr": values["psnr"],
        "val/ab_error": values["ab_error"],
        "val/ab_error_over_grey": values["ab_error"] / max(truth, 1e-6),
        "val/colorfulness_ratio": values["colorfulness"]
        / max(values["colorfulness_truth"], 1e-6),
        "val/chroma": chroma,
        "val/chroma_truth": truth,
        "val/one_hue": math.hypot(values["a"], values["b"]) / max(chroma, 1e-6),
        "val/one_hue_truth": math.hypot(values["a_truth"], values["b_truth"])
        / max(truth, 1e-6),
    }


def warnings(line: Mapping[str, float]) -> Iterator[str]:
    """What is wrong with the colors of a `summary`, in words."""
    if line["val/colorfulness_ratio"] < GREY_RATIO:
        yield (
            "the colours are nearly grey: colourfulness "
            f"{line['val/colorfulness_ratio']:.2f} of the truth's"
        )
    elif line["val/one_hue"] > ONE_HUE and line["val/one_hue_truth"] < MIXED_HUES:
        yield (
            f"nearly all colours have one hue ({line['val/one_hue']:.2f}, the "
            f"truth's {line['val/one_hue_truth']:.2f}; 1 is a single hue)"
        )
