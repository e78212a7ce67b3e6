"""Files of torch.save, written without torch."""

import pickle
import struct
import zipfile

import numpy as np

from tfcolor.networks import torch_file


def described(key, length, offset, shape, strides, kind="FloatStorage"):
    """The pickle's opcodes of a tensor, as torch writes them."""

    def numbers(values):
        return b"(" + b"".join(b"I%d\n" % n for n in values) + b"t"

    storage = b"(S'storage'\nctorch\n%s\nS'%s'\nS'cpu'\nI%d\ntQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage % (kind.encode(), key.encode(), length)
        + b"I%d\n" % offset
        + numbers(shape)
        + numbers(strides)
        + b"I00\nccollections\nOrderedDict\n(tRtR"
    )


def dictionary(**values):
    items = (b"S'%s'\n%s" % (k.encode(), value) for k, value in values.items())
    return b"(" + b"".join(items) + b"d."


def write(path, pickled, storages, legacy):
    """A file of torch.save; `storages` {key: array}."""
    if legacy:
        head = [torch_file.MAGIC, 1001, {"little_endian": True}]
        parts = [pickle.dumps(each, 2) for each in head]
        parts += [pickled, pickle.dumps(list(storages), 2)]
        for numbers in storages.values():
            parts += [struct.pack("<q", len(numbers)), numbers.tobytes()]
        path.write_bytes(b"".join(parts))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, numbers in storages.items():
            archive.writestr(f"net/data/{key}", numbers.tobytes())
    return path


ONE = {"0": np.float32([1, 2, 3])}
