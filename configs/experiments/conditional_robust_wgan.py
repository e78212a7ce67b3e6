"""The conditional WGAN-GP with the weights of robust transport (Balaji et al. 2020),
rho = 0.025 as in the authors' code. Those who tried it for colour reported no
success; see conditional_wgan.

bin/train --config=configs/experiments/conditional_robust_wgan.py
"""

from tfcolor import config


def get_config():
    c = config.of("robust_wgan")
    c.data.image_size, c.data.batch_size = 64, 64
    c.data.source = "folder:data/tiny-imagenet-200/train"
    c.data.validation = "folder:data/tiny-imagenet-200/val"
    c.generator = config.Generator(depth=6, width=64)
    c.discriminator = config.Discriminator(width=64, norm="layer", bias=False)
    c.weight_network = config.WeightNetwork(width=64)
    c.loss.rho = 0.025
    config.long_run(c, steps=100_000)
    return c
