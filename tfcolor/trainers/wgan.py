"""Wasserstein GAN with weight clipping (Arjovsky et al. 2017)."""

from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.base import check_positive
from tfcolor.trainers.gan import ColorGAN
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class WGAN(ColorGAN):
    """Algorithm 1 of Arjovsky et al. 2017, on ab given l.

    Args:
      clip: every weight of the critic is kept within +-clip.
      The rest as in ColorGAN.
    """

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        clip: float,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        check_positive(clip=clip)
        self.clip = clip

    def adversarial_step(self, batch: Batch) -> Logs:
        for l, ab in self.minibatches(batch):
            fake, _ = self.color(l)
            with tf.GradientTape() as tape:
                d_loss = objectives.wasserstein_d(*self.both(l, ab, fake))
            d_norm = self.descend(d_loss, tape, self.discriminator, self.d_optimizer)
            for weight in self.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            adversarial = objectives.wasserstein_g(self.critic(l, fake))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + reconstruction
        g_norm = self.descend(g_loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/wasserstein": -d_loss,
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/gradient_norm": g_norm,
            **g_logs,
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "clip": self.clip}
