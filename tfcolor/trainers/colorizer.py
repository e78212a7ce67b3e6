"""A generator of colors, and what all training steps of one share."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcolor import objectives
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.color.quantize import quarter
from tfcolor.images import aging
from tfcolor.images import degrade
from tfcolor.images import grid
from tfcolor.networks.features import Features
from tfcolor.registry import DRAWING
from tfcolor.trainers import validation
from tfcolor.trainers.base import Trainer
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.base import over_replicas
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network
from tfcolor.types import Tensor


class Colorizer(Trainer):
    """A Trainer of a generator: lightness, or the scan of a drawing, to color.

    Args:
      generator: l [B, H, W, 1] -> ab [B, H, W, 2], built; with the heads
        "lab" and "rgb" the scan of a drawing -> its l, a and b, [B, H, W, 3].
      l1_weight: weight of the mean absolute error of the color.
      l1_final: that weight at the last step, to which it goes linearly; None:
        it stays.
      l1_steps: steps of the run.
      l2_weight: weight of the mean squared error.
      edge_weight: weight of the error of the color's edges.
      perceptual_weight: weight of the distance between what EfficientNet-Lite0
        sees in the pictures; above 0 it needs the extra `encoder`.
      colorfulness_weight: weight of what the pictures lack of colorfulness 1.
      cross_entropy: weight of the head's cross-entropy; 0 without logits.
      class_weights: [313] weights of the colors in it; None: all 1.
      neighbors: nearest colors that encode a true one in it.
      blur, erase: shares of the training inputs that are blurred, and that lose
        a rectangle, 0..1.
      aging: share of them that look like old photographs, 0..1.
      scanner: a network RGB [B, H, W, 3] -> scan [B, H, W, 1], not trained,
        that makes the input from the drawing; None: the input is l.
      ema_decay, seed: as in Trainer.

    `train_step` takes {"l": [B, H, W, 1], "ab": [B, H, W, 2]}, float32 in
    [-1, 1], with a scanner {"rgb": [B, H, W, 3]} too, for a generator that takes hints
    {"hints": [B, H, W, 3]} (none: no hint), and with blur or erase
    {"numbers"}, as of `degrade.degrade`, and with aging {"seeds"}, as of
    `aging.age`; it is one generator update. Calling the model colors with the
    averaged generator where there is one.
    """

    def __init__(
        self,
        generator: Network,
        *,
        l1_weight: float = 0.0,
        l1_final: float | None = None,
        l1_steps: int = 1,
        l2_weight: float = 0.0,
        edge_weight: float = 0.0,
        perceptual_weight: float = 0.0,
        colorfulness_weight: float = 0.0,
        cross_entropy: float = 0.0,
        class_weights: Sequence[float] | None = None,
        neighbors: int = 5,
        blur: float = 0.0,
        erase: float = 0.0,
        aging: float = 0.0,
        scanner: Network | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(generator, validation.VALIDATION, **settings)
        check_not_negative(
            l1_weight=l1_weight,
            l1_final=l1_final or 0.0,
            l2_weight=l2_weight,
            edge_weight=edge_weight,
            perceptual_weight=perceptual_weight,
            colorfulness_weight=colorfulness_weight,
            cross_entropy=cross_entropy,
        )
        self.generator = generator
        self.l1_weight = l1_weight
        self.l1_final = l1_final
        self.l1_steps = l1_steps
        self.l2_weight = l2_weight
        self.edge_weight = edge_weight
        self.perceptual_weight = perceptual_weight
        self.colorfulness_weight = colorfulness_weight
        self.features: Any = _features() if perceptual_weight else None
        self.cross_entropy = cross_entropy
        count = len(quantize.AB_BINS)
        self.class_weights = tuple(class_weights or [1.0] * count)
        self.neighbors = neighbors
        self.blur = blur
        self.erase = erase
        self.aging = aging
        self.scanner = scanner
        self.draws = generator.get_config().get("head") in DRAWING
        self.hinted = bool(generator.get_config().get("hints"))

    def prepare(
        self,
        scanner: Network | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        """Take what a run has found out before its first step; None: as it is."""
        if scanner is not None:
            self.scanner = scanner
        if class_weights is not None:
            self.class_weights = tuple(class_weights)

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        return ("generator",)

    def networks(self) -> dict[str, Network]:
        return {"g": self.generator}

    def call(self, l: Tensor, training: bool | None = None) -> Tensor:
        return (self.average or self.generator)(l, training=training)

    def pair(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(input, color) of a batch: l and ab; of drawings the scan, and l, a
        and b [B, H, W, 3]. The input is perhaps aged, then perhaps blurred, then
        perhaps loses a rectangle, each whatever the others are. Of a generator that
        takes hints it is l and they, [B, H, W, 4]."""
        l, ab = batch["l"], batch["ab"]
        color = tf.concat([l, ab], -1) if self.draws else ab
        if self.scanner is not None:
            l = tf.stop_gradient(self.scanner(batch["rgb"], training=False))
        if "seeds" in batch:
            l = aging.age(l, batch["seeds"], self.aging)
        if "numbers" in batch:
            l = degrade.degrade(l, batch["numbers"], self.blur, self.erase)
        if self.hinted:
            none = tf.zeros([*tf.unstack(tf.shape(l)[:3]), 3])
            l = tf.concat([l, batch.get("hints", none)], -1)
        return l, color

    def color(self, l: Tensor) -> tuple[Tensor, Tensor]:
        """The generator's color and what its head made it of, in training."""
        return self.generator(l, training=True, with_logits=True)

    def reconstruction(
        self, l: Tensor, ab: Tensor, fake: Tensor, logits: Tensor | None
    ) -> tuple[Tensor, Logs]:
        """The weighted terms between prediction and truth: L1, L2, edges, the
        pictures' features and the cross-entropy of the head's logits; the
        colorfulness of the prediction; and their unweighted values as logs."""
        logs = {"g/l1": objectives.l1(ab, fake)}
        loss = self._l1_weight_now() * logs["g/l1"]
        if self.l2_weight:
            logs["g/l2"] = objectives.l2(ab, fake)
            loss += self.l2_weight * logs["g/l2"]
        if self.edge_weight:
            logs["g/edges"] = objectives.edges(ab, fake)
            loss += self.edge_weight * logs["g/edges"]
        if self.perceptual_weight:
            logs["g/perceptual"] = self.perceptual(l, ab, fake)
            loss += self.perceptual_weight * logs["g/perceptual"]
        if self.colorfulness_weight:
            rgb = lab.decode(*self.planes(l, fake))
            logs["g/colorfulness"] = objectives.colorfulness(rgb)
            loss += self.colorfulness_weight * logs["g/colorfulness"]
        if self.cross_entropy:
            logs["g/cross_entropy"] = quantize.cross_entropy(
                logits, quarter(ab) * lab.AB_MAX, self.class_weights, self.neighbors
            )
            loss += self.cross_entropy * logs["g/cross_entropy"]
        return loss, logs

    def perceptual(self, l: Tensor, ab: Tensor, fake: Tensor) -> Tensor:
        """Distance of the features of predicted and true pictures, both on the
        lightness that the generator saw."""
        rgb, true_rgb = (lab.decode(*self.planes(l, x)) for x in (fake, ab))
        truth = [tf.stop_gradient(x) for x in self.features.maps(true_rgb)]
        return objectives.feature_distance(
            truth, self.features.maps(rgb), over_replicas
        )

    def reconstructs(self) -> bool:
        """Whether any of the terms of `reconstruction` that know the truth has a
        weight."""
        weights = (self.l1_weight, self.l1_final, self.l2_weight, self.edge_weight)
        return any((*weights, self.perceptual_weight, self.cross_entropy))

    def _l1_weight_now(self):
        if self.l1_final is None:
            return self.l1_weight
        last = self.l1_steps - 1  # steps done before the last one
        done = tf.cast(self.step.value, tf.float32)
        share = tf.minimum(done / last, 1.0) if last else 1.0
        return (1.0 - share) * self.l1_weight + share * self.l1_final

    def reconstruction_step(self, batch: Batch) -> Logs:
        """One generator update on the reconstruction terms alone."""
        l, ab = self.pair(batch)
        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            loss, logs = self.reconstruction(l, ab, fake, logits)
        norm = self.descend(loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {"g/loss": loss, "g/gradient_norm": norm, **logs}

    def planes(self, l: Tensor, color: Tensor) -> tuple[Tensor, Tensor]:
        """(l, ab) of an input and a color for it."""
        return (color[..., :1], color[..., 1:]) if self.draws else (l[..., :1], color)

    def test_step(self, batch: Batch) -> Logs:
        """Means over the images of what a color collapse shows in: of the 8-bit
        pictures, as `evaluate` judges them, but `l1`, which is the network's."""
        l, color = self.pair(batch)
        prediction = self(l, training=False)
        l1 = tf.reduce_mean(tf.abs(color - prediction), [1, 2, 3])
        pictures = (gamut.picture(*self.planes(l, x)) for x in (prediction, color))
        return self.validated({"l1": l1, **validation.values_of(*pictures)})

    def summary(self, values: Mapping[str, float]) -> dict[str, float]:
        """The `val/...` scalars of what `evaluate` returns."""
        return validation.summary(values)

    def warnings(self, line: Mapping[str, float]) -> Iterator[str]:
        """What is wrong with the colors of a `summary`, in words."""
        return validation.warnings(line)

    def picture(self, batch: Batch) -> np.ndarray:
        """uint8 [h, w, 3]: rows of the inputs, the predictions, the truth."""
        l, color = self.pair(batch)
        prediction = self(l, training=False)
        rows = [(l[..., :1], tf.zeros_like(batch["ab"]))]
        rows += [self.planes(l, x) for x in (prediction, color)]
        return grid.of_rows(rows)

    def get_config(self) -> dict[str, Any]:
        scanner = self.scanner
        return {
            **super().get_config(),
            "l1_weight": self.l1_weight,
            "l1_final": self.l1_final,
            "l1_steps": self.l1_steps,
            "l2_weight": self.l2_weight,
            "edge_weight": self.edge_weight,
            "perceptual_weight": self.perceptual_weight,
            "colorfulness_weight": self.colorfulness_weight,
            "cross_entropy": self.cross_entropy,
            "class_weights": list(self.class_weights),
            "neighbors": self.neighbors,
            "blur": self.blur,
            "erase": self.erase,
            "aging": self.aging,
            "scanner": scanner and keras.saving.serialize_keras_object(scanner),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if config.get("scanner"):
            config["scanner"] = keras.saving.deserialize_keras_object(config["scanner"])
        return super().from_config(config)


def _features():
    try:
        return Features()
    except ValueError as error:
        raise ValueError(f"loss.perceptual_weight: {error}") from error
