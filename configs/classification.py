"""The 313-colour classifier with rebalancing (Zhang et al. 2016).

bin/train --loss=classification

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
19.92, colourfulness 1.05 of the truth's, distance of the colour histograms
0.346.
"""

from tfcolor import config


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.classification:Classification",
        generator=config.Generator(head="bins"),
        loss=config.Loss(l1_weight=0.0),
        optim=config.Optim(g_lr=3e-4, beta_1=0.9, beta_2=0.99),
    )
