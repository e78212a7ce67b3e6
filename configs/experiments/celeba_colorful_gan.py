"""CelebA, 256x256, batch 32, 100,000 iterations: the network of Zhang
et al. 2016 as the generator of a GAN.

One of a comparison of networks and objectives on CelebA and Places, which shows
pictures and gives no figures. Places: --data=tfds:places365_small

bin/train --config=configs/experiments/celeba_colorful_gan.py
"""

from tfcolor import config


def get_config():
    c = config.of("cgan")
    c.data.source = "tfds:celeb_a:train"
    c.data.validation = "tfds:celeb_a:validation"
    c.data.image_size, c.data.batch_size = 256, 32
    c.generator = config.Generator(name="colorful", width=64)
    c.discriminator.width = 64
    c.loss.l1_weight = 100.0
    config.long_run(c, steps=100_000)
    return c
