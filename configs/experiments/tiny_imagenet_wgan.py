"""Tiny ImageNet, the clipped WGAN of a comparison with the conditional GAN.

As published: 64x64 pixels, L repeated to three channels, U-Net, PatchGAN of 46
pixels, clip 0.01, batch 128, 100 epochs.

bin/train --config=configs/experiments/tiny_imagenet_wgan.py
"""

from tfcolor import config


def get_config():
    c = config.of("wgan")
    c.data.source = "folder:data/tiny-imagenet-200/train"
    c.data.validation = "folder:data/tiny-imagenet-200/val"
    c.data.image_size, c.data.batch_size = 64, 128
    c.data.crop = "center"
    c.generator = config.Generator(depth=6, width=64, dropout=0.5, input_channels=3)
    c.discriminator = config.Discriminator(receptive_field=46, width=64, norm="batch")
    c.loss.clip = 0.01
    c.loss.l1_weight = 100.0
    config.long_run(c, steps=78_200)  # 100 epochs of 100,000 images
    return c
