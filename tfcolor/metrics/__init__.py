"""How right colors and lines are: figures of pictures.

METRICS says what an evaluation shows. A new figure of single pictures is a function and
a line there. Importing this needs no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import pkgutil

from tfcolor.types import Batch
from tfcolor.types import Tensor


@dataclasses.dataclass(frozen=True)
class Metric:
    """A column of an evaluation.

    Attributes:
      title: what the report calls it.
      more: whether more is better; None: near the truth's is.
      each: of what is the mean of a figure of single pictures: "module:function" to
        [B] float32; or the name of a value that is at hand; "" if another part of the
        evaluation computes it.
      of: names of its arguments, which are at hand: rgb and true_rgb, uint8
        [B, H, W, 3]; ab and true_ab, CIE units [B, H, W, 2]; lightness, L*
        [B, H, W, 1]; hasler and true_hasler, [B].
      printed: whether it is among the lines that bin/evaluate prints.
      bars: whether the report draws it.
    """

    title: str
    more: bool | None
    each: str = ""
    of: tuple[str, ...] = ()
    printed: bool = True
    bars: bool = False

    def values(self, batch: Batch) -> Tensor:
        """[B] of a batch, {name of an argument: value}."""
        if self.each in batch:
            return batch[self.each]
        return pkgutil.resolve_name(self.each)(*(batch[name] for name in self.of))


def _color(name):
    return f"tfcolor.metrics.color:{name}"


# Those from "features" on only where their networks are to be had.
METRICS = {
    "psnr": Metric("PSNR, dB", True, _color("psnr"), ("true_rgb", "rgb"), bars=True),
    "ssim": Metric("SSIM", True, _color("ssim"), ("true_rgb", "rgb")),
    "ab_error": Metric(
        "mean ab error", False, _color("ab_error"), ("true_ab", "ab"), bars=True
    ),
    "auc": Metric("AuC, %", True, _color("auc"), ("true_ab", "ab")),
    "balanced_auc": Metric("class-balanced AuC, %", True),
    "histogram": Metric("ab-histogram distance, 313 bins", False, bars=True),
    "histogram_24": Metric("ab-histogram distance, 24 x 24", False),
    "hasler": Metric("colourfulness, Hasler", None, "hasler", bars=True),
    "abs": Metric(
        "colourfulness, abs", None, _color("abs_colorfulness"), ("rgb",), printed=False
    ),
    "delta_set": Metric("delta colourfulness by data set", False, printed=False),
    "delta_image": Metric("delta colourfulness by image", False, printed=False),
    "sepia": Metric("sepia collapse", False, bars=True),
    "blobs": Metric(
        "colour blobs", None, _color("blobs"), ("lightness", "ab"), bars=True
    ),
    "features": Metric("feature distance", False),
    "frechet": Metric("Frechet distance of features", False),
    "kid": Metric("KID of features x 1000", False),
    "names": Metric("share of the truth's names kept", True, bars=True),
    "won_back": Metric("share won back of the names that grey lost", True),
    "fid_keras": Metric("FID (Keras Inception)", False),
    "vgg_top1": Metric("VGG-16 top-1, %", True),
}


def per_image() -> dict[str, Metric]:
    """{name: Metric} of those that are means of figures of single pictures."""
    return {name: metric for name, metric in METRICS.items() if metric.each}
