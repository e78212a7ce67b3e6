"""Colours of photographs: an encoder that knows what things are, and a hinge GAN
beside L1 and a distance of features (Zhang et al. 2019; Tan and Le 2019).

pip install 'tfcolor[encoder]'
bin/train --config=configs/experiments/photo.py --data=folder:PHOTOS

The first quarter trains the generator alone. The weights `photo` were trained with
these networks and losses by tools/train_torch.py (docs/photo.md).
"""

from tfcolor import config


def get_config():
    settings = config.of("hinge")
    settings.data.image_size, settings.data.batch_size = 128, 32
    settings.generator = config.Generator(
        name="efficientnet", norm="batch", frozen_blocks=3
    )
    settings.discriminator.width = 64
    settings.loss.l1_weight, settings.loss.perceptual_weight = 60.0, 3.0
    settings.optim.g_lr, settings.optim.encoder_rate = 3e-4, 0.2
    config.long_run(settings, 20_000)
    settings.train.generator_alone = 5_000
    return settings
