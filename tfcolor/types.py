"""Names for the types in annotations. Shapes, dtypes and units are in the docstrings.

TensorFlow and Keras come without types, so what is theirs is Any by a name that says
what it is. Importing this needs neither.
"""

import os
from collections.abc import Callable
from typing import Any
from typing import TypeAlias

Path: TypeAlias = str | os.PathLike[str]

Tensor: TypeAlias = Any  # tf.Tensor, or keras.KerasTensor where a network is built
Variable: TypeAlias = Any  # keras.Variable
Dataset: TypeAlias = Any  # tf.data.Dataset
Layer: TypeAlias = Any  # keras.layers.Layer
Network: TypeAlias = Any  # keras.Model

Shape: TypeAlias = tuple[Any, ...]  # of a tensor: int, or None where any size goes
Batch: TypeAlias = dict[str, Tensor]
Logs: TypeAlias = dict[str, Tensor]  # {name that is logged: scalar}

Size: TypeAlias = tuple[int, int]  # (height, width), pixels
Box: TypeAlias = tuple[int, int, int, int]  # (top, left, height, width), pixels
Window: TypeAlias = Callable[[Size], Box]  # what is wanted of a picture of a size
