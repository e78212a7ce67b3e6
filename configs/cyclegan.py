"""CycleGAN (Zhu et al. 2017) that makes scans of coloured drawings.

bin/train --loss=cyclegan --data=folder:COLOUR --config.data.scans=folder:SCANS

Without these it takes drawings that it makes itself. The colour generator is weak
on purpose; what is wanted is the scan generator, for
configs/experiments/line_art.py.
"""

import dataclasses

from tfcolor import config


@dataclasses.dataclass
class Loss(config.Section):
    cycle_weight: float = 10.0  # of pictures that went there and back, lambda
    identity_weight: float = 5.0  # of true scans, which must be left as they are
    pool: int = 50  # fakes that each discriminator's pool holds


def get_config():
    return config.Config(
        trainer="tfcolor.trainers.cyclegan:CycleGAN",
        data=config.Data(source="drawings", scans="drawings:scans"),
        generator=None,
        scanner=config.Translator(width=16, blocks=4, norm="group"),
        colorist=config.Translator(width=8, blocks=2, norm="group"),
        discriminator=config.Discriminator(
            width=32, norm="instance", receptive_field=34
        ),
        loss=Loss(),
        optim=config.Optim(g_lr=2e-4, d_lr=2e-4, beta_1=0.5, beta_2=0.999),
    )
