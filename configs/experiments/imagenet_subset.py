"""10,000 images of ImageNet (3,000 to validate), 256x256: U-Nets and WGAN-GP.

The study varies the U-Net's depth (2, 3, 4), plain or thick, and the weight of the
gradient penalty (0.1, 0.3); this is its deepest and thickest. For the others:
  --config.generator.depth=2 --config.generator.thick=False
  --config.loss.gp_weight=0.075
Both losses are a quarter of the study's: at 256 pixels slopes here are 4 times the
plain gradient's (see objectives.gradient_penalty).

bin/train --config=configs/experiments/imagenet_subset.py
"""

from tfcolor import config


def get_config():
    c = config.of("wgan_gp")
    c.data.source = "tfds:imagenet2012:train[:10000]"
    c.data.validation = "tfds:imagenet2012:validation[:3000]"
    c.data.image_size, c.data.batch_size = 256, 16
    c.generator = config.Generator(depth=4, width=64, thick=True)
    c.discriminator = config.Discriminator(width=64, norm="instance", bias=False)
    c.loss.gp_weight, c.loss.l1_weight = 0.1 / 4.0, 100.0 / 4.0
    config.long_run(c, steps=62_500)  # 100 epochs
    return c
