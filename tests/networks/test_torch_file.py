"""The reader of files of torch.save."""

import os
import pickle
import zipfile

import numpy as np
import pytest
from torch_files import ONE
from torch_files import described
from torch_files import dictionary
from torch_files import write

from tfcolor.networks import torch_file

BOTH = pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])


@BOTH
def test_strided_tensors_are_read(legacy, tmp_path):
    numbers = {"0": np.arange(12, dtype="<f4"), "1": np.int64([7])}
    pickled = dictionary(
        turned=described("0", 12, 1, (2, 3), (1, 4)),
        whole=described("0", 12, 0, (3, 4), (4, 1)),
        count=described("1", 1, 0, (), (), "LongStorage"),
        empty=described("0", 12, 12, (0, 4), (4, 1)),
    )
    found = torch_file.read(write(tmp_path / "a.pth", pickled, numbers, legacy))
    np.testing.assert_array_equal(found["turned"], [[1, 5, 9], [2, 6, 10]])
    np.testing.assert_array_equal(found["whole"], np.arange(12).reshape(3, 4))
    assert found["count"] == 7
    assert found["empty"].shape == (0, 4)
    assert found["turned"].dtype == "float32"
    assert found["count"].dtype == "int64"


@BOTH
def test_what_torch_writes_is_read(legacy, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    base = torch.randn(6, 8, 3)
    tensors = {
        "a": base,
        "b": base.permute(2, 0, 1)[:, 1::2],
        "c": base.half(),
        "d": torch.tensor(5),
        "e": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "f": base.double()[3:],
        "g": torch.zeros(0, 3, dtype=torch.int32),
    }
    path = tmp_path / "a.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)
    found = torch_file.read(path)
    assert list(found) == list(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value.numpy(), strict=True)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@BOTH
def test_a_pickle_that_runs_code_is_refused(legacy, tmp_path):
    touched = tmp_path / "touched"
    pickled = pickle.dumps({"a": Evil(touched)}, 2)
    path = write(tmp_path / "evil.pth", pickled, {}, legacy)
    with pytest.raises(ValueError, match="system is not a tensor and is not read"):
        torch_file.read(path)
    path.write_bytes(pickled)
    with pytest.raises(ValueError, match="system is not a tensor and is not read"):
        torch_file.read(path)
    assert not touched.exists()


BAD = {
    "beyond": (described("0", 3, 1, (3,), (1,)), ONE, "reaches beyond its storage"),
    "before": (described("0", 3, -1, (3,), (1,)), ONE, "reaches beyond its storage"),
    "backwards": (described("0", 3, 2, (3,), (-1,)), ONE, "reaches beyond its storage"),
    "vast": (described("0", 3, 0, (2**50,), (0,)), ONE, "reaches beyond its storage"),
    "cut": (described("0", 4, 0, (4,), (1,)), ONE, "a storage is cut short"),
    "no storage": (described("1", 3, 0, (3,), (1,)), ONE, "not a whole file of"),
    "number": (b"I3\n", {}, "holds something else than named tensors"),
    "other type": (described("0", 3, 0, (3,), (1,), "Tensor"), ONE, "torch.Tensor is"),
}


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused(name, legacy, tmp_path):
    tensor, storages, message = BAD[name]
    path = write(tmp_path / "bad.pth", dictionary(a=tensor), storages, legacy)
    with pytest.raises(ValueError, match=message):
        torch_file.read(path)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    for content in (b"", b"no weights at all", pickle.dumps({}), pickle.dumps([1])):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole file of PyTorch tensors"):
            torch_file.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", "{}")
    with pytest.raises(ValueError, match="a zip file without data.pkl"):
        torch_file.read(path)
