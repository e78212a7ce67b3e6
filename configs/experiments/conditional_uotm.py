"""The conditional transport of UOTM (Choi et al. 2023) in place of the conditional
WGAN-GP. Those who tried it for colour reported no success; see conditional_wgan.

bin/train --config=configs/experiments/conditional_uotm.py
"""

from tfcolor import config


def get_config():
    c = config.of("uotm")
    c.data.image_size, c.data.batch_size = 64, 64
    c.data.source = "folder:data/tiny-imagenet-200/train"
    c.data.validation = "folder:data/tiny-imagenet-200/val"
    c.generator = config.Generator(depth=6, width=64)
    c.discriminator = config.Discriminator(width=64, norm="layer")
    config.long_run(c, steps=100_000)
    return c
