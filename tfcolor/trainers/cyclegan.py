"""CycleGAN (Zhu et al. 2017) between colored drawings and scans."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcolor import objectives
from tfcolor.color import cie
from tfcolor.color import lab
from tfcolor.images import grid
from tfcolor.trainers.base import Trainer
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.gan import check_discriminator
from tfcolor.trainers.pool import ImagePool
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network
from tfcolor.types import Tensor
from tfcolor.types import Variable

VALIDATION = ("cycle", "ink", "ink_of_scans", "ink_of_lightness")

# Ink this much less, or more, than that of true scans is called a collapse.
INK_RATIO = (0.3, 3.0)


@keras.saving.register_keras_serializable("tfcolor")
class CycleGAN(Trainer):
    """Learns to make scans of colored drawings from pictures of both kinds that
    have nothing to do with each other.

    The colorist, which is wanted for the way back only, is weak on purpose: one
    that could color well would have the scanner hide the colors in the scan
    (Chu et al. 2017). Some are hidden all the same, in the tone of the paper;
    `generator.white_point` of the network that learns from the scans is against
    that.

    Args:
      scanner: a built network, RGB [B, H, W, 3] -> scan [B, H, W, 1].
      colorist: the way back, [B, H, W, 1] -> [B, H, W, 3].
      scan_discriminator, color_discriminator: of [B, H, W, 1] and [B, H, W, 3] ->
        raw logits, high = real.
      cycle_weight: of the L1 error of pictures that went there and back, lambda.
      identity_weight: of the L1 error of the scanner on true scans, which must
        be left as they are. The colorist has no such term: it cannot be given
        three channels.
      pool: size of the image pools; see ImagePool.
      image_size: pixels of a side, which the pools are of; None: that which the
        scanner was built with.
      ema_decay, seed: as in Trainer; the average is of the scanner.

    `train_step` takes {"rgb": [B, H, W, 3], "scan": [B, H, W, 1]}, float32 in
    [-1, 1], and updates each network once. Calling the model makes scans of
    RGB.

    Raises:
      ValueError: a negative setting, or a discriminator that gives no logits.
    """

    def __init__(
        self,
        scanner: Network,
        colorist: Network,
        scan_discriminator: Network,
        color_discriminator: Network,
        *,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        pool: int = 50,
        image_size: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(scanner, VALIDATION, **settings)
        check_not_negative(cycle_weight=cycle_weight, identity_weight=identity_weight)
        for judge in (scan_discriminator, color_discriminator):
            check_discriminator(judge, "logits", type(self).__name__)
        self.scanner = scanner
        self.colorist = colorist
        self.scan_discriminator = scan_discriminator
        self.color_discriminator = color_discriminator
        self.generators = NetworkPair(scanner, colorist)
        self.discriminators = NetworkPair(scan_discriminator, color_discriminator)
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool = pool
        side = image_size or scanner.get_build_config()["input_shape"][1]
        self.image_size = side
        self.scan_pool = ImagePool(pool, (side, side, 1), 2 * self.seed)
        self.color_pool = ImagePool(pool, (side, side, 3), 2 * self.seed + 1)

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        return ("scanner", "colorist", "scan_discriminator", "color_discriminator")

    def networks(self) -> dict[str, Network]:
        return {"g": self.generators, "d": self.discriminators}

    def state(self) -> dict[str, list[Variable]]:
        pools = (self.scan_pool, self.color_pool)
        return {"pool": [v for pool in pools for v in pool.variables()]}

    def call(self, rgb: Tensor, training: bool | None = None) -> Tensor:
        return (self.average or self.scanner)(rgb, training=training)

    def train_step(self, batch: Batch) -> Logs:
        rgb, scan = batch["rgb"], batch["scan"]
        with tf.GradientTape() as tape:
            fake_scan = self.scanner(rgb, training=True)
            fake_rgb = self.colorist(scan, training=True)
            adversarial = objectives.least_squares_g(
                self.scan_discriminator(fake_scan, training=True), 1.0
            ) + objectives.least_squares_g(
                self.color_discriminator(fake_rgb, training=True), 1.0
            )
            cycle = objectives.l1(
                rgb, self.colorist(fake_scan, training=True)
            ) + objectives.l1(scan, self.scanner(fake_rgb, training=True))
            identity = tf.zeros([])
            if self.identity_weight:
                grey = tf.repeat(scan, 3, -1)
                identity = objectives.l1(scan, self.scanner(grey, training=True))
            # Only the discriminators' terms are halved in CycleGAN.
            g_loss = (
                2.0 * adversarial
                + self.cycle_weight * cycle
                + self.identity_weight * identity
            )
        g_norm = self.descend(g_loss, tape, self.generators, self.g_optimizer)

        fake_scan = self.scan_pool.exchange(fake_scan, self.step.value)
        fake_rgb = self.color_pool.exchange(fake_rgb, self.step.value)
        with tf.GradientTape() as tape:
            d_loss = objectives.least_squares_d(
                self.scan_discriminator(scan, training=True),
                self.scan_discriminator(fake_scan, training=True),
                0.0,
                1.0,
            ) + objectives.least_squares_d(
                self.color_discriminator(rgb, training=True),
                self.color_discriminator(fake_rgb, training=True),
                0.0,
                1.0,
            )
        d_norm = self.descend(d_loss, tape, self.discriminators, self.d_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/cycle": cycle,
            "g/identity": identity,
            "g/gradient_norm": g_norm,
        }

    def test_step(self, batch: Batch) -> Logs:
        """Means over the images of what shows whether there are lines left."""
        rgb, scan = batch["rgb"], batch["scan"]
        fake = self(rgb, training=False)
        back = self.colorist(fake, training=False)
        return self.validated(
            {
                "cycle": tf.reduce_mean(tf.abs(rgb - back), [1, 2, 3]),
                "ink": _ink(fake),
                "ink_of_scans": _ink(scan),
                "ink_of_lightness": _ink(lightness(rgb)),
            }
        )

    def summary(self, values: Mapping[str, float]) -> dict[str, float]:
        """The `val/...` scalars of what `evaluate` returns."""
        ratio = values["ink"] / max(values["ink_of_scans"], 1e-6)
        return {f"val/{name}": values[name] for name in VALIDATION} | {
            "val/ink_ratio": ratio
        }

    def warnings(self, line: Mapping[str, float]) -> Iterator[str]:
        """What is wrong with the scans of a `summary`, in words."""
        least, most = INK_RATIO
        if not least <= line["val/ink_ratio"] <= most:
            yield (
                f"the scans have {line['val/ink_ratio']:.2f} times the ink of true ones"
            )

    def picture(self, batch: Batch) -> np.ndarray:
        """uint8 [h, w, 3]: rows of drawings, their scans, their lightness, the
        way back; then of true scans and their colors."""
        rgb, scan = batch["rgb"], batch["scan"]
        fake = self(rgb, training=False)
        back, colored = (self.colorist(x, training=False) for x in (fake, scan))
        shown, back, colored = (
            lab.encode((x + 1.0) / 2.0) for x in (rgb, back, colored)
        )
        greys = [(l, tf.zeros_like(shown[1])) for l in (fake, shown[0], scan)]
        return grid.of_rows([shown, greys[0], greys[1], back, greys[2], colored])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "pool": self.pool,
            "image_size": self.image_size,
        }


class NetworkPair(keras.Model):
    """Two networks that one optimizer moves."""

    def __init__(self, first: Network, second: Network) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.built = True


def lightness(rgb: Tensor) -> Tensor:
    """[B, H, W, 3] in [-1, 1] -> L*/50 - 1, [B, H, W, 1]."""
    return (lab.lightness((rgb + 1.0) / 2.0) / cie.L_HALF - 1.0)[..., None]


def _ink(scan):
    """[B]: mean darkness, 0 white to 1 black."""
    return tf.reduce_mean(1.0 - scan, [1, 2, 3]) / 2.0
