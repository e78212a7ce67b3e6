"""The hinge GAN of SAGAN (Zhang et al. 2019): one update of D, one of G."""

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.gan import ColorGAN
from tfcolor.types import Batch
from tfcolor.types import Logs


@keras.saving.register_keras_serializable("tfcolor")
class HingeGAN(ColorGAN):
    """L_D = E relu(1 - D(l, ab)) + E relu(1 + D(l, G(l))); L_G = -E D(l, G(l)) +
    weighted reconstruction.

    Arguments as in ColorGAN.
    """

    def adversarial_step(self, batch: Batch) -> Logs:
        l, ab = self.pair(batch)
        with tf.GradientTape() as g_tape:
            fake, logits = self.color(l)

            with g_tape.stop_recording():
                with tf.GradientTape() as tape:
                    # Not `both`: within the margins the gradients of the last bias
                    # cancel, to the bit only where each is summed by itself.
                    real_scores = self.critic(l, ab)
                    fake_scores = self.critic(l, fake)
                    d_loss = objectives.hinge_d(real_scores, fake_scores)
                d_norm = self.descend(
                    d_loss, tape, self.discriminator, self.d_optimizer
                )

            adversarial = objectives.wasserstein_g(self.critic(l, fake))
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
