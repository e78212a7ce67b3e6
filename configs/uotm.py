"""Semi-dual unbalanced optimal transport (Choi et al. 2023).

bin/train --loss=uotm

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
18.99, colourfulness 0.69 of the truth's, distance of the colour histograms
0.209.
"""

import dataclasses

from tfcolor import config


@dataclasses.dataclass
class Loss(config.Loss):
    tau: float = 10.0  # of the mean squared ab error, the cost of transport
    psi: str = "softplus"  # or "kl", "chi_square", "linear"
    r1_weight: float = 0.2  # of the R1 penalty, gamma at 64 pixels


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.uotm:UOTM",
        discriminator=config.Discriminator(width=32, norm="instance"),
        loss=Loss(l1_weight=10.0),
        optim=config.Optim(g_lr=2e-4, d_lr=1e-4, beta_1=0.5, beta_2=0.9),
    )
