"""The least squares GAN (Mao et al. 2017)."""

from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.gan import ColorGAN
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class LSGAN(ColorGAN):
    """L_D = 1/2 (D(l, ab) - b)^2 + 1/2 (D(l, G(l)) - a)^2; L_G = 1/2 (D(l, G(l)) -
    c)^2 + weighted reconstruction.

    Args:
      fake_label, real_label, wanted_label: a, b and c. 0, 1, 1 is what most
        use; -1, 1, 0 makes it the Pearson chi-square divergence.
      The rest as in ColorGAN.

    Raises:
      ValueError: a = b, which teaches D nothing.
    """

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        fake_label: float = 0.0,
        real_label: float = 1.0,
        wanted_label: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        if fake_label == real_label:
            raise ValueError(
                f"loss.fake_label: {fake_label} must differ from loss.real_label"
            )
        self.fake_label = fake_label
        self.real_label = real_label
        self.wanted_label = wanted_label

    def adversarial_step(self, batch: Batch) -> Logs:
        l, ab = self.pair(batch)
        with tf.GradientTape() as g_tape:
            fake, logits = self.color(l)

            with g_tape.stop_recording():
                with tf.GradientTape() as tape:
                    real_scores, fake_scores = self.both(l, ab, fake)
                    d_loss = objectives.least_squares_d(
                        real_scores, fake_scores, self.fake_label, self.real_label
                    )
                d_norm = self.descend(
                    d_loss, tape, self.discriminator, self.d_optimizer
                )

            adversarial = objectives.least_squares_g(
                self.critic(l, fake), self.wanted_label
            )
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + reconstruction
        g_norm = self.descend(g_loss, g_tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/real": tf.reduce_mean(real_scores),
            "d/fake": tf.reduce_mean(fake_scores),
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/gradient_norm": g_norm,
            **g_logs,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fake_label": self.fake_label,
            "real_label": self.real_label,
            "wanted_label": self.wanted_label,
        }
