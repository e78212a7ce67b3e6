"""The conditional WGAN-GP, to compare its optimal-transport variants with:
conditional_robust_wgan and conditional_uotm. Those who tried these two for colour
reported no success.

bin/train --config=configs/experiments/conditional_wgan.py
"""

from tfcolor import config


def get_config():
    c = config.of("wgan_gp")
    c.data.image_size, c.data.batch_size = 64, 64
    c.data.source = "folder:data/tiny-imagenet-200/train"
    c.data.validation = "folder:data/tiny-imagenet-200/val"
    c.generator = config.Generator(depth=6, width=64)
    c.discriminator = config.Discriminator(width=64, norm="layer", bias=False)
    config.long_run(c, steps=100_000)
    return c
