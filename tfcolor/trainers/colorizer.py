"""A generator of colours, and what all training steps of one share."""

import math

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.color.quantize import quarter
from tfcolor.images import aging
from tfcolor.images import degrade
from tfcolor.images import grid
from tfcolor.metrics import color as metrics
from tfcolor.networks.features import Features
from tfcolor.registry import DRAWING
from tfcolor.trainers.base import Trainer
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.base import over_replicas

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

# Colours this weak, or this much of one hue while the truth's are this mixed,
# are called a collapse.
GREY_RATIO = 0.2
ONE_HUE = 0.9
MIXED_HUES = 0.7


class Colorizer(Trainer):
    """A Trainer of a generator: lightness, or the scan of a drawing, to colour.

    Args:
      generator: l [B, H, W, 1] -> ab [B, H, W, 2], built; with the heads
        "lab" and "rgb" the scan of a drawing -> its l, a and b, [B, H, W, 3].
      l1_weight: weight of the mean absolute error of the colour.
      l1_final: that weight at the last step, to which it goes linearly; None:
        it stays.
      l1_steps: steps of the run.
      l2_weight: weight of the mean squared error.
      edge_weight: weight of the error of the colour's edges.
      perceptual_weight: weight of the distance between what EfficientNet-Lite0
        sees in the pictures; above 0 it needs the extra `encoder`.
      colorfulness_weight: weight of what the pictures lack of colourfulness 1.
      cross_entropy: weight of the head's cross-entropy; 0 without logits.
      class_weights: [313] weights of the colours in it; None: all 1.
      neighbors: nearest colours that encode a true one in it.
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
    `aging.age`; it is one generator update. Calling the model colours with the
    averaged generator where there is one.
    """

    def __init__(
        self,
        generator,
        *,
        l1_weight=0.0,
        l1_final=None,
        l1_steps=1,
        l2_weight=0.0,
        edge_weight=0.0,
        perceptual_weight=0.0,
        colorfulness_weight=0.0,
        cross_entropy=0.0,
        class_weights=None,
        neighbors=5,
        blur=0.0,
        erase=0.0,
        aging=0.0,
        scanner=None,
        **settings,
    ):
        super().__init__(generator, VALIDATION, **settings)
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
        self.features = _features() if perceptual_weight else None
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

    def prepare(self, scanner=None, class_weights=None):
        """Take what a run has found out before its first step; None: as it is."""
        if scanner is not None:
            self.scanner = scanner
        if class_weights is not None:
            self.class_weights = class_weights

    @classmethod
    def parts(cls):
        return ("generator",)

    def networks(self):
        return {"g": self.generator}

    def call(self, l, training=None):
        return (self.average or self.generator)(l, training=training)

    def pair(self, batch):
        """(input, colour) of a batch: l and ab; of drawings the scan, and l, a
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

    def color(self, l):
        """The generator's colour and what its head made it of, in training."""
        return self.generator(l, training=True, with_logits=True)

    def reconstruction(self, l, ab, fake, logits):
        """The weighted terms between prediction and truth: L1, L2, edges, the
        pictures' features and the cross-entropy of the head's logits; the
        colourfulness of the prediction; and their unweighted values as logs."""
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

    def perceptual(self, l, ab, fake):
        """Distance of the features of predicted and true pictures, both on the
        lightness that the generator saw."""
        rgb, true_rgb = (lab.decode(*self.planes(l, x)) for x in (fake, ab))
        truth = [tf.stop_gradient(x) for x in self.features.maps(true_rgb)]
        return objectives.feature_distance(
            truth, self.features.maps(rgb), over_replicas
        )

    def reconstructs(self):
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

    def reconstruction_step(self, batch):
        """One generator update on the reconstruction terms alone."""
        l, ab = self.pair(batch)
        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            loss, logs = self.reconstruction(l, ab, fake, logits)
        norm = self.descend(loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {"g/loss": loss, "g/gradient_norm": norm, **logs}

    def planes(self, l, color):
        """(l, ab) of an input and a colour for it."""
        return (color[..., :1], color[..., 1:]) if self.draws else (l[..., :1], color)

    def test_step(self, batch):
        """Means over the images of what a colour collapse shows in: of the 8-bit
        pictures, as `evaluate` judges them, but `l1`, which is the network's."""
        l, color = self.pair(batch)
        prediction = self(l, training=False)
        values = {"l1": tf.reduce_mean(tf.abs(color - prediction), [1, 2, 3])}
        rgb, true_rgb = (gamut.picture(*self.planes(l, x)) for x in (prediction, color))
        predicted, truth = (lab.rgb_to_lab(x)[..., 1:] for x in (rgb, true_rgb))
        values["psnr"] = metrics.psnr(true_rgb, rgb)
        values["ab_error"] = metrics.ab_error(truth, predicted)
        values["colorfulness"] = metrics.colorfulness(rgb)
        values["colorfulness_truth"] = metrics.colorfulness(true_rgb)
        for suffix, colors in (("", predicted), ("_truth", truth)):
            values["chroma" + suffix] = metrics.chroma(colors)
            values["a" + suffix] = tf.reduce_mean(colors[..., 0], [1, 2])
            values["b" + suffix] = tf.reduce_mean(colors[..., 1], [1, 2])
        return self.validated(values)

    def summary(self, values):
        """The `val/...` scalars of what `evaluate` returns."""
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

    def warnings(self, line):
        """What is wrong with the colours of a `summary`, in words."""
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

    def picture(self, batch):
        """uint8 [h, w, 3]: rows of the inputs, the predictions, the truth."""
        l, color = self.pair(batch)
        prediction = self(l, training=False)
        rows = [(l[..., :1], tf.zeros_like(batch["ab"]))]
        rows += [self.planes(l, x) for x in (prediction, color)]
        return grid.of_rows(rows)

    def get_config(self):
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
    def from_config(cls, config):
        if config.get("scanner"):
            config["scanner"] = keras.saving.deserialize_keras_object(config["scanner"])
        return super().from_config(config)


def _features():
    try:
        return Features()
    except ValueError as error:
        raise ValueError(f"loss.perceptual_weight: {error}") from error
