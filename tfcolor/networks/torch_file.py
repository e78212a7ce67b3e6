"""Tensors out of a PyTorch weights file, without PyTorch.

Such a file is a pickle, which can run any code when it is read. Here a pickle
may name nothing but what describes tensors; anything else is refused.
"""

import collections
import functools
import io
import math
import pickle
import zipfile

import numpy as np

from tfcolor.types import Path

# What begins a file of torch.save before its version 1.6.
MAGIC = 0x1950A86A20F9469CFC6C

_TYPES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


def read(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of the tensors of a file that holds a state dict.

    Args:
      path: of a file written by torch.save, in its zip form or the older one.

    Raises:
      ValueError: the file is of another kind, damaged, or holds anything but
        tensors.
    """
    try:
        with open(path, "rb") as file:
            tensors = _zipped(file) if zipfile.is_zipfile(path) else _legacy(file)
        if not all(isinstance(value, _Tensor) for value in tensors.values()):
            raise _Refused("it holds something else than named tensors")
        return {name: tensor.array() for name, tensor in tensors.items()}
    except _Refused:
        raise
    except Exception as error:  # pickle raises whatever broken bytes lead to
        raise ValueError(f"not a whole file of PyTorch tensors: {error}") from error


class _Refused(ValueError):
    """A file that is whole and holds something else."""


def _legacy(file):
    """Pickles of magic number, version, system, the tensors, the keys of their
    storages; then each storage: its length as int64, its numbers."""
    storages: dict[str, _Storage] = {}
    if _Unpickler(file).load() != MAGIC:
        raise ValueError("it begins otherwise")
    for _ in range(2):
        _Unpickler(file).load()
    tensors = _Unpickler(file, storages).load()
    for key in _Unpickler(file).load():
        storage = storages[key]
        length = int(np.frombuffer(file.read(8), "<i8")[0])
        storage.fill(length, file.read(storage.size()))
    return tensors


def _zipped(file):
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        main = next((name for name in names if name.endswith("/data.pkl")), None)
        if main is None:
            raise ValueError("a zip file without data.pkl")
        tensors = _Unpickler(io.BytesIO(archive.read(main)), storages).load()
        for key, storage in storages.items():
            data = archive.read(f"{main.removesuffix('data.pkl')}data/{key}")
            storage.fill(storage.length, data)
    return tensors


class _Storage:
    """The numbers that tensors share."""

    def __init__(self, dtype, length):
        self.dtype, self.length = np.dtype(dtype), length

    def size(self):
        return self.length * self.dtype.itemsize

    def fill(self, length, data):
        if length != self.length or len(data) != self.size():
            raise ValueError("a storage is cut short")
        self.numbers = np.frombuffer(data, self.dtype)


class _Tensor:
    """Part of a storage, as torch describes it: strides in numbers."""

    def __init__(self, storage, offset, shape, strides, *unused):
        self.storage, self.offset = storage, offset
        self.shape, self.strides = tuple(shape), tuple(strides)

    def array(self):
        numbers = self.storage.numbers
        reach = self.offset + sum(
            (n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)
        )
        count = math.prod(self.shape)
        least = min((self.offset, *self.shape, *self.strides))
        if least < 0 or count > len(numbers) or (count and reach >= len(numbers)):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [step * numbers.itemsize for step in self.strides]
        start = numbers[self.offset :]
        view = np.lib.stride_tricks.as_strided(start, self.shape, strides)
        return view.astype(numbers.dtype.newbyteorder("="))


class _Unpickler(pickle.Unpickler):
    """Knows dicts and tensors only; `storages` {key: _Storage} is what the
    tensors refer to."""

    def __init__(self, file, storages=None):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # Not the class itself, whose attributes a pickle could set.
            return functools.partial(_Tensor)
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise _Refused(f"{module}.{name} is not a tensor and is not read")

    def persistent_load(self, key):
        kind, dtype, name, _, length, *_ = key
        if kind != "storage" or dtype not in _TYPES.values():
            raise _Refused(f"{kind!r} is not a tensor's storage")
        if name not in self.storages:
            self.storages[name] = _Storage(dtype, length)
        return self.storages[name]
