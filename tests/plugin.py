"""What somebody adds to tfcolor without touching its files; see test_plugins."""

import tensorflow as tf

from tfcolor import config
from tfcolor import metrics
from tfcolor import registry
from tfcolor.data import sources
from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.unet import UNet
from tfcolor.trainers.hinge import HingeGAN


class OwnGAN(HingeGAN):
    """An objective."""


class OwnUNet(UNet):
    """A generator."""


class OwnDiscriminator(PatchDiscriminator):
    """A discriminator."""


def twice(data_dir=None):
    """A data source: the sample photographs, each twice."""
    sample = sources.sample()
    return sources.Part(sample, [*range(len(sample))] * 2)


def redness(rgb):
    """A metric: the mean of red of uint8 [B, H, W, 3], [B] float32."""
    return tf.reduce_mean(tf.cast(rgb[..., 0], tf.float32), [1, 2])


def write_shapes(generator, info, path, kind):
    """An export format: a line a weight."""
    path.write_text("\n".join(str(w.shape) for w in generator.weights))


def register():
    registry.GENERATORS.add("own", "plugin:OwnUNet", toy={"depth": 2, "width": 4})
    registry.DISCRIMINATORS.add("own", "plugin:OwnDiscriminator", toy={"width": 4})
    registry.SOURCES.add("twice", "plugin:twice", form="twice")
    registry.FORMATS.add("shapes", "plugin:write_shapes", form="shapes.txt")
    metrics.METRICS["redness"] = metrics.Metric(
        "redness", None, "plugin:redness", ("rgb",)
    )


def get_config():
    """What --config=tests/plugin.py trains."""
    register()
    found = config.of("hinge")
    found.trainer = "plugin:OwnGAN"
    found.generator.name = found.discriminator.name = "own"
    return found
