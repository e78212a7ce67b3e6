"""Regression with the L1 loss, without a GAN (as in Zhang et al. 2016, section 3.1).

bin/train --loss=l1

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
15.33, colourfulness 0.32 of the truth's, distance of the colour histograms
0.518.
"""

from tfcolor import config


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.regression:Regression",
        loss=config.Loss(l1_weight=100.0),
        optim=config.Optim(g_lr=3e-4, beta_1=0.9, beta_2=0.999),
    )
