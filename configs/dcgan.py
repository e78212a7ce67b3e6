"""A discriminator of the whole image (DCGAN, Radford et al. 2016), BCE.

bin/train --loss=dcgan

Ten minutes on two cores, Tiny ImageNet at 64x64 (README, Results): mean ab error
19.42, colourfulness 0.84 of the truth's, distance of the colour histograms
0.163.
"""

from tfcolor import config


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.dcgan:DCGAN",
        # The only noise of the generator.
        generator=config.Generator(dropout=0.5),
        discriminator=config.Discriminator(name="image", width=32, norm="batch"),
        loss=config.Loss(l1_weight=100.0),
        optim=config.Optim(g_lr=2e-4, d_lr=2e-4, beta_1=0.5, beta_2=0.999),
    )
