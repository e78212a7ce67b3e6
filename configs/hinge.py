"""The hinge GAN of SAGAN (Zhang et al. 2019): spectral norm on both networks,
D learns four times as fast as G, one update each.

bin/train --loss=hinge

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
16.78, colourfulness 0.51 of the truth's, distance of the colour histograms
0.277.
"""

from tfcolor import config


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.hinge:HingeGAN",
        generator=config.Generator(spectral_norm=True),
        discriminator=config.Discriminator(width=32, norm="none", spectral_norm=True),
        loss=config.Loss(l1_weight=100.0),
        optim=config.Optim(g_lr=1e-4, d_lr=4e-4, beta_1=0.0, beta_2=0.9),
    )
