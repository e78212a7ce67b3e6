"""The energy-based GAN (Zhao et al. 2017)."""

from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.base import check_positive
from tfcolor.trainers.gan import ColorGAN
from tfcolor.trainers.gan import all_images
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class EBGAN(ColorGAN):
    """L_D = E(l, ab) + relu(margin - E(l, G(l))); L_G = E(l, G(l)) + weighted
    pulling-away term + weighted reconstruction. The energy E of an image is the
    mean squared error with which an autoencoder restores its ab, so that the
    margin does not depend on the image's size.

    Args:
      discriminator: l and ab -> (energy [B], code [B, d]).
      margin: energy that fakes are pushed up to, in units of ab squared.
      pt_weight: of the pulling-away term; 0: without.
      The rest as in ColorGAN.
    """

    takes = "energies"

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        margin: float,
        pt_weight: float,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        check_positive(margin=margin)
        check_not_negative(pt_weight=pt_weight)
        self.margin = margin
        self.pt_weight = pt_weight

    def adversarial_step(self, batch: Batch) -> Logs:
        l, ab = self.pair(batch)
        with tf.GradientTape() as g_tape:
            fake, logits = self.color(l)

            with g_tape.stop_recording():
                with tf.GradientTape() as tape:
                    (real_energy, _), (fake_energy, _) = self.both(l, ab, fake)
                    d_loss = objectives.energy_d(real_energy, fake_energy, self.margin)
                d_norm = self.descend(
                    d_loss, tape, self.discriminator, self.d_optimizer
                )

            energy, code = self.critic(l, fake)
            adversarial = objectives.energy_g(energy)
            pulling_away = objectives.pulling_away(all_images(code))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + self.pt_weight * pulling_away + reconstruction
        g_norm = self.descend(g_loss, g_tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/real": tf.reduce_mean(real_energy),
            "d/fake": tf.reduce_mean(fake_energy),
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/pulling_away": pulling_away,
            "g/gradient_norm": g_norm,
            **g_logs,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "margin": self.margin,
            "pt_weight": self.pt_weight,
        }
