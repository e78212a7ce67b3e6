"""The energy-based GAN (Zhao et al. 2017): the discriminator is an autoencoder.

bin/train --loss=ebgan

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
20.70, colourfulness 0.89 of the truth's, distance of the colour histograms
0.112.
"""

import dataclasses

from tfcolor import config


@dataclasses.dataclass
class Loss(config.Loss):
    margin: float = 0.1  # energy that fakes are pushed up to, ab in units of 110
    pt_weight: float = 0.1  # of the pulling-away term; 0: without


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.ebgan:EBGAN",
        discriminator=config.Discriminator(name="autoencoder", width=32, norm="batch"),
        loss=Loss(l1_weight=1.0),
        optim=config.Optim(g_lr=2e-4, d_lr=2e-4, beta_1=0.5, beta_2=0.999),
    )
