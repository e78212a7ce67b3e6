"""Regression of ab on l, without a discriminator."""

import keras
import tensorflow as tf

from tfcolor.trainers.base import Colorizer


@keras.saving.register_keras_serializable("tfcolor")
class Regression(Colorizer):
    """L = weighted L1 and L2 terms (and, with the head "bins", its cross-entropy).
    What is uncertain turns out grey or brown: the median of what could be with
    L1, the mean with L2 (Zhang et al. 2016, section 2.1).

    Arguments as in Colorizer.
    """

    def train_step(self, batch):
        l, ab = self.pair(batch)
        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            loss, logs = self.reconstruction(ab, fake, logits)
        norm = self.descend(loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {"g/loss": loss, "g/gradient_norm": norm, **logs}
