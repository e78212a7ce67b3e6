"""Discriminators and critics: (l, ab) [B, H, W, 3] -> raw logits."""

import keras

from tfcolor.networks.layers import ConvBlock
from tfcolor.networks.layers import check_choice

NORMS = ("batch", "instance", "layer", "none")

# receptive field: (kernel size, [(factor of the width, stride), ...]) of all
# layers but the last, which has one channel and stride 1.
LAYERS = {
    1: (1, [(1, 1), (2, 1)]),
    16: (4, [(1, 2), (2, 1)]),
    34: (4, [(1, 2), (2, 2), (4, 1)]),
    46: (4, [(1, 2), (2, 2), (4, 1), (8, 1)]),
    70: (4, [(1, 2), (2, 2), (4, 2), (8, 1)]),
    142: (4, [(1, 2), (2, 2), (4, 2), (8, 2), (8, 1)]),
    286: (4, [(1, 2), (2, 2), (4, 2), (8, 2), (8, 2), (8, 1)]),
}


@keras.saving.register_keras_serializable("tfcolor")
class PatchDiscriminator(keras.Model):
    """PatchGAN: one logit for each patch (Isola et al. 2017, appendix 6.1.2).

    Args:
      receptive_field: side of the patch that one logit sees, pixels: 1, 16,
        34, 46, 70, 142 or 286.
      width: channels of the first layer.
      norm: "batch", "instance", "layer" or "none"; the first and the last
        layer have none.

    Input: [B, H, W, 3] float, l and ab concatenated, in [-1, 1].
    Output: [B, h, w, 1] float32 raw logits, high = real; 30x30 of them for
    256x256 pixels at 70.

    Raises:
      ValueError: a setting that is not allowed, or an input so small that no
        patch is left.
    """

    def __init__(self, receptive_field=70, width=64, norm="batch", **kwargs):
        super().__init__(**kwargs)
        check_choice("discriminator.receptive_field", receptive_field, tuple(LAYERS))
        check_choice("discriminator.norm", norm, NORMS)
        if width < 1:
            raise ValueError(f"discriminator.width: {width} must be at least 1")
        self.settings = {
            "receptive_field": receptive_field,
            "width": width,
            "norm": norm,
        }
        kernel, layers = LAYERS[receptive_field]
        self.blocks = [
            ConvBlock(
                width * factor,
                kernel,
                stride=stride,
                norm=norm if i else "none",
                activation="leaky_relu",
                padding="pix2pix",
            )
            for i, (factor, stride) in enumerate(layers)
        ]
        self.blocks.append(ConvBlock(1, kernel, stride=1, padding="pix2pix"))
        self.to_float32 = keras.layers.Activation("linear", dtype="float32")

    def build(self, shape):
        self.check_size(shape)
        self.call(keras.KerasTensor(shape))  # builds every layer

    def check_size(self, shape):
        kernel, layers = LAYERS[self.settings["receptive_field"]]
        for size in shape[1:3]:
            left = size
            for stride in [stride for _, stride in layers] + [1]:
                if left is not None and kernel > 1:
                    left = -(-left // stride) - (stride == 1)
            if left is not None and left < 1:
                raise ValueError(
                    f"image size {shape[1]}x{shape[2]} leaves no patch for "
                    f"discriminator.receptive_field "
                    f"{self.settings['receptive_field']}"
                )

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x, training=training)
        return self.to_float32(x)

    def get_config(self):
        return {**super().get_config(), **self.settings}
