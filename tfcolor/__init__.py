"""tfcolor: image colorization with GANs in TensorFlow and Keras.

Importing this package is cheap: TensorFlow is imported by what needs it, when it is
first used.
"""

import importlib
from typing import TYPE_CHECKING

from tfcolor import config
from tfcolor.api import colorize
from tfcolor.api import evaluate
from tfcolor.api import export
from tfcolor.api import load
from tfcolor.api import train
from tfcolor.version import __version__

if TYPE_CHECKING:
    from tfcolor.inference.predictor import Predictor

__all__ = [
    "Predictor",
    "__version__",
    "colorize",
    "config",
    "evaluate",
    "export",
    "load",
    "train",
]


def __getattr__(name):
    if name == "Predictor":
        return importlib.import_module("tfcolor.inference.predictor").Predictor
    raise AttributeError(f"module 'tfcolor' has no attribute {name!r}")
