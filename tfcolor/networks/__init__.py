"""Generators and discriminators, by the name that a config calls them."""

from tfcolor.networks.colorful import Colorful
from tfcolor.networks.discriminators import AutoencoderDiscriminator
from tfcolor.networks.discriminators import ImageDiscriminator
from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.efficientnet import EfficientNetUNet
from tfcolor.networks.resnet import ResNetUNet
from tfcolor.networks.translator import Translator
from tfcolor.networks.unet import UNet
from tfcolor.networks.weight_network import WeightNetwork

GENERATORS = {
    "unet": UNet,
    "colorful": Colorful,
    "resnet_unet": ResNetUNet,
    "efficientnet": EfficientNetUNet,
}
DISCRIMINATORS = {
    "patch": PatchDiscriminator,
    "image": ImageDiscriminator,
    "autoencoder": AutoencoderDiscriminator,
}
__all__ = ["DISCRIMINATORS", "GENERATORS", "Translator", "WeightNetwork"]
