"""The conditional GAN of pix2pix (Isola et al. 2017) with the BCE objective."""

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.gan import ColorGAN
from tfcolor.types import Batch
from tfcolor.types import Logs


@keras.saving.register_keras_serializable("tfcolor")
class CGAN(ColorGAN):
    """L_D = (BCE(D(l, ab), 1) + BCE(D(l, G(l)), 0)) / 2, halved so that D
    learns slower than G; L_G = BCE(D(l, G(l)), 1) + weighted reconstruction.

    Arguments as in ColorGAN.
    """

    def adversarial_step(self, batch: Batch) -> Logs:
        l, ab = self.pair(batch)
        with tf.GradientTape() as g_tape:
            fake, logits = self.color(l)

            with g_tape.stop_recording():
                with tf.GradientTape() as tape:
                    real_scores, fake_scores = self.both(l, ab, fake)
                    d_loss = 0.5 * objectives.bce_d(real_scores, fake_scores)
                d_norm = self.descend(
                    d_loss, tape, self.discriminator, self.d_optimizer
                )

            adversarial = objectives.bce_g(self.critic(l, fake))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + reconstruction
        g_norm = self.descend(g_loss, g_tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/real": tf.reduce_mean(tf.sigmoid(real_scores)),
            "d/fake": tf.reduce_mean(tf.sigmoid(fake_scores)),
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/gradient_norm": g_norm,
            **g_logs,
        }
