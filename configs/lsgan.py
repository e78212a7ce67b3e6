"""The least squares GAN (Mao et al. 2017).

bin/train --loss=lsgan

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
21.13, colourfulness 0.88 of the truth's, distance of the colour histograms
0.171.
"""

import dataclasses

from tfcolor import config


@dataclasses.dataclass
class Loss(config.Loss):
    fake_label: float = 0.0  # a: what D wants of fakes
    real_label: float = 1.0  # b: what D wants of truths
    wanted_label: float = 1.0  # c: what G wants of fakes


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.lsgan:LSGAN",
        discriminator=config.Discriminator(width=32, norm="batch"),
        loss=Loss(l1_weight=10.0),
        optim=config.Optim(g_lr=2e-4, d_lr=2e-4, beta_1=0.5, beta_2=0.999),
    )
