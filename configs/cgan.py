"""The conditional GAN of pix2pix (Isola et al. 2017): BCE, L_D halved, 100 L1.

bin/train --loss=cgan

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
19.90, colourfulness 0.86 of the truth's, distance of the colour histograms
0.152.
"""

from tfcolor import config


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.cgan:CGAN",
        discriminator=config.Discriminator(width=32, norm="batch"),
        loss=config.Loss(l1_weight=100.0),
        optim=config.Optim(g_lr=2e-4, d_lr=2e-4, beta_1=0.5, beta_2=0.999),
    )
