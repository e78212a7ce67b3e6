"""Line art without weights trained elsewhere: that of line_art.py with a U-Net, at
64 pixels, in less than an hour on two cores.

bin/train --loss=cyclegan --workdir=runs/cyclegan --config.data.batch_size=8 \
  --config.train.steps=4000
bin/train --config=configs/experiments/line_art_unet.py
"""

from tfcolor import config


def get_config():
    settings = config.load(config.CONFIGS / "experiments" / "line_art.py")
    settings.generator = config.Generator(head="rgb", white_point=75.0)
    settings.discriminator.width = 32
    settings.train = config.Train(
        steps=4000, validate_every=200, sample_every=200, checkpoint_every=200
    )
    return settings
