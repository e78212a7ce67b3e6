"""The configuration of a run."""

from tfcolor.config.schema import BINS
from tfcolor.config.schema import CONFIGS
from tfcolor.config.schema import FREE_TO_CHANGE
from tfcolor.config.schema import Bins
from tfcolor.config.schema import Config
from tfcolor.config.schema import Data
from tfcolor.config.schema import Discriminator
from tfcolor.config.schema import Generator
from tfcolor.config.schema import Loss
from tfcolor.config.schema import Optim
from tfcolor.config.schema import Train
from tfcolor.config.schema import Translator
from tfcolor.config.schema import WeightNetwork
from tfcolor.config.schema import differences
from tfcolor.config.schema import dumps
from tfcolor.config.schema import flat
from tfcolor.config.schema import flat_dict
from tfcolor.config.schema import from_dict
from tfcolor.config.schema import load
from tfcolor.config.schema import long_run
from tfcolor.config.schema import names
from tfcolor.config.schema import of
from tfcolor.config.schema import to_dict

__all__ = [
    "BINS",
    "CONFIGS",
    "FREE_TO_CHANGE",
    "Bins",
    "Config",
    "Data",
    "Discriminator",
    "Generator",
    "Loss",
    "Optim",
    "Train",
    "Translator",
    "WeightNetwork",
    "differences",
    "dumps",
    "flat",
    "flat_dict",
    "from_dict",
    "load",
    "long_run",
    "names",
    "of",
    "to_dict",
]
