"""What EfficientNet-Lite0 sees in pictures: for a loss and for judging."""

import keras

from tfcolor.networks.efficientnet_lite import MEAN
from tfcolor.networks.efficientnet_lite import SCALE
from tfcolor.networks.efficientnet_lite import EfficientNetLite0
from tfcolor.types import Tensor

# Maps that pictures are compared in: at 1/2, 1/4, 1/8 and 1/16 of the size.
DEPTHS = 4


class Features:
    """EfficientNet-Lite0 with its ImageNet weights, as they are.

    It computes in the precision of the layers made with it. No Keras object, so
    a trainer that has one neither trains nor saves its weights: they are read
    from the package of the extra `encoder` each time.

    Args:
      top: whether there is `recognize`.

    Raises:
      ValueError: that package is not installed, or is damaged; one line.
    """

    def __init__(self, top: bool = False) -> None:
        self.network = EfficientNetLite0(top=top)
        self.network.build((None, None, None, 3))
        self.network.load("imagenet")
        self.network.trainable = False

    def maps(self, rgb: Tensor) -> list[Tensor]:
        """SRGB [B, H, W, 3] float in 0..1 -> the maps of DEPTHS, a list of
        [B, h, w, C]."""
        return self._maps(rgb)[:DEPTHS]

    def recognize(self, rgb: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """SRGB as of `maps` -> (maps; pooled features [B, 1280]; logits of
        ImageNet's classes [B, 1000])."""
        maps = self._maps(rgb)
        pooled = keras.ops.mean(self.network.last(maps[-1]), (1, 2))
        return maps[:DEPTHS], pooled, self.network.classify(pooled)

    def _maps(self, rgb):
        return self.network((rgb * 255.0 - MEAN) / SCALE)
