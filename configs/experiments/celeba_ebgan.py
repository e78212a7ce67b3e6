"""CelebA, 256x256, batch 32, 100,000 iterations: U-Net and EBGAN.

One of a comparison of networks and objectives on CelebA and Places, which shows
pictures and gives no figures. Places: --data=tfds:places365_small

bin/train --config=configs/experiments/celeba_ebgan.py
"""

from tfcolor import config


def get_config():
    c = config.of("ebgan")
    c.data.source = "tfds:celeb_a:train"
    c.data.validation = "tfds:celeb_a:validation"
    c.data.image_size, c.data.batch_size = 256, 32
    c.generator = config.Generator(depth=8, width=64, dropout=0.5)
    c.discriminator.width = 64
    config.long_run(c, steps=100_000)
    return c
