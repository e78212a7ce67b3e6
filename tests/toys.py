"""Small networks and pieces of pictures that several tests share."""

import numpy as np
import tensorflow as tf
from harness import picture
from skimage import color
from skimage import data

from tfcolor import streams
from tfcolor.color import lab
from tfcolor.registry import GENERATORS

SMALL = {
    "unet": {"depth": 3, "width": 4},
    "colorful": {"width": 4},
    "resnet_unet": {"width": 4, "weights": "none"},
    "efficientnet": {"width": 4, "weights": "none"},
}


def small(name, **settings):
    return GENERATORS[name].load()(**{**SMALL[name], **settings})


def seeds(count, first=0):
    rows = [[streams.AGING, first + i] for i in range(count)]
    return tf.constant(rows, tf.int64)


def photographs(rng, count, side=32):
    found = [lab.lightness(picture(rng, side, side)) / 50.0 - 1.0 for _ in range(count)]
    return np.stack(found)[..., None]


def lab_of(name, size, top=100, left=100):
    rgb = getattr(data, name)()[top : top + size, left : left + size]
    planes = color.rgb2lab(rgb).astype(np.float32)
    return planes[..., 0] / 100.0, planes[..., 1:]


def random_known(shape, share, seed=0):
    return np.random.default_rng(seed).random(shape) < share
