"""Generators and discriminators; `registry` has the names that a config calls them.

Importing this registers their classes with Keras, so that saved ones load.
"""

from tfcolor.networks import discriminators
from tfcolor.networks.autoencoder import AutoencoderDiscriminator
from tfcolor.networks.colorful import Colorful
from tfcolor.networks.efficientnet import EfficientNetUNet
from tfcolor.networks.resnet import ResNetUNet
from tfcolor.networks.translator import Translator
from tfcolor.networks.unet import UNet
from tfcolor.networks.weight_network import WeightNetwork

__all__ = [
    "AutoencoderDiscriminator",
    "Colorful",
    "EfficientNetUNet",
    "ResNetUNet",
    "Translator",
    "UNet",
    "WeightNetwork",
    "discriminators",
]
