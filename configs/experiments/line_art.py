"""Colour for line art (OnePunchGAN): a ResNet U-Net that learns from coloured
drawings and the scans that a run of cyclegan makes of them.

bin/train --config=configs/experiments/line_art.py --data=folder:COLOUR

The run of cyclegan is --config.data.scanner (runs/cyclegan). LSGAN + 10 L1, two
learning rates, 64 to 128 to 256 pixels. The network predicts lightness too, which
the lines of a scan do not say.
"""

from tfcolor import config


def get_config():
    settings = config.of("lsgan")
    settings.data = config.Data(source="drawings", scanner="runs/cyclegan")
    settings.generator = config.Generator(
        name="resnet_unet",
        head="rgb",
        white_point=75.0,
        attention="sagan",
        attention_at="16",
    )
    settings.discriminator = config.Discriminator(
        width=64, norm="instance", attention="simple", attention_at="16"
    )
    settings.loss.l1_weight = 10.0
    settings.optim = config.Optim(g_lr=1e-4, d_lr=4e-4, beta_1=0.5, beta_2=0.999)
    config.long_run(settings, 60_000)
    settings.train.stages = "64:20000:64 128:20000:32 256:20000:8"
    return settings
