"""Colorization as classification (Zhang et al. 2016)."""

from typing import Any

import keras

from tfcolor.trainers.colorizer import Colorizer
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class Classification(Colorizer):
    """L = the cross-entropy of the 313 colors at a quarter of the size, each pixel
    weighted by the rarity of its color (eqs. 2 to 4), + weighted L1 and L2 terms on
    the annealed mean.

    Args:
      generator: one with the head "bins".
      The rest as in Colorizer.

    Raises:
      ValueError: `cross_entropy` is 0.
    """

    def __init__(self, generator: Network, **settings: Any) -> None:
        super().__init__(generator, **settings)
        if not self.cross_entropy:
            raise ValueError(
                "bins.cross_entropy: 0 leaves classification nothing to learn"
            )

    def train_step(self, batch: Batch) -> Logs:
        return self.reconstruction_step(batch)
