"""The configuration of a run."""

from tfcolor.config.conversion import differences
from tfcolor.config.conversion import dumps
from tfcolor.config.conversion import flat
from tfcolor.config.conversion import flat_dict
from tfcolor.config.conversion import from_dict
from tfcolor.config.conversion import to_dict
from tfcolor.config.loading import CONFIGS
from tfcolor.config.loading import load
from tfcolor.config.loading import long_run
from tfcolor.config.loading import names
from tfcolor.config.loading import of
from tfcolor.config.resolution import resolve
from tfcolor.config.resolution import settle
from tfcolor.config.schema import BINS
from tfcolor.config.schema import FREE_TO_CHANGE
from tfcolor.config.schema import Bins
from tfcolor.config.schema import Config
from tfcolor.config.schema import Data
from tfcolor.config.schema import Discriminator
from tfcolor.config.schema import Generator
from tfcolor.config.schema import Loss
from tfcolor.config.schema import Optim
from tfcolor.config.schema import Section
from tfcolor.config.schema import Train
from tfcolor.config.schema import Translator
from tfcolor.config.schema import WeightNetwork
from tfcolor.config.schema import copy_of

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
    "Section",
    "Train",
    "Translator",
    "WeightNetwork",
    "copy_of",
    "differences",
    "dumps",
    "flat",
    "flat_dict",
    "from_dict",
    "load",
    "long_run",
    "names",
    "of",
    "resolve",
    "settle",
    "to_dict",
]
