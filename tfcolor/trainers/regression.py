"""Regression of ab on l, without a discriminator."""

import keras

from tfcolor.trainers.colorizer import Colorizer
from tfcolor.types import Batch
from tfcolor.types import Logs


@keras.saving.register_keras_serializable("tfcolor")
class Regression(Colorizer):
    """L = weighted L1 and L2 terms (and, with the head "bins", its cross-entropy).
    What is uncertain turns out grey or brown: the median of what could be with
    L1, the mean with L2 (Zhang et al. 2016, section 2.1).

    Arguments as in Colorizer.
    """

    def train_step(self, batch: Batch) -> Logs:
        return self.reconstruction_step(batch)
