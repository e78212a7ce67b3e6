"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017)."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.gan import ColorGAN
from tfcolor.trainers.gan import check_per_image
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class WGANGP(ColorGAN):
    """Algorithm 1 of Gulrajani et al. 2017, on ab given l.

    Args:
      gp_weight: weight of the gradient penalty; at 64 pixels lambda of the paper,
        at others see `objectives.gradient_penalty`.
      discriminator: a critic without batch norm: the penalty is on the
        gradient of each image alone, which a norm over the batch breaks.
      The rest as in ColorGAN.
    """

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        gp_weight: float,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        check_not_negative(gp_weight=gp_weight)
        check_per_image(discriminator, "gradient")
        self.gp_weight = gp_weight

    def adversarial_step(self, batch: Batch) -> Logs:
        for k, (l, ab) in enumerate(self.minibatches(batch)):
            fake, _ = self.color(l)
            with tf.GradientTape() as tape:
                distance = -objectives.wasserstein_d(*self.both(l, ab, fake))
                critic = functools.partial(self.critic, l)
                penalty = objectives.gradient_penalty(
                    critic, ab, fake, self.uniform(k, l)
                )
                d_loss = -distance + self.gp_weight * penalty
            d_norm = self.descend(d_loss, tape, self.discriminator, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            adversarial = objectives.wasserstein_g(self.critic(l, fake))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + reconstruction
        g_norm = self.descend(g_loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/wasserstein": distance,
            "d/gradient_penalty": penalty,
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/gradient_norm": g_norm,
            **g_logs,
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gp_weight": self.gp_weight}
