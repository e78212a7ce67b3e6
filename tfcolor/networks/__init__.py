"""Generators and discriminators, by the name that a config calls them."""

from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.generators import UNet

GENERATORS = {"unet": UNet}
DISCRIMINATORS = {"patch": PatchDiscriminator}
