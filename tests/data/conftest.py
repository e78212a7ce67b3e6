import pytest
from harness import write_pictures

from tfcolor import config as config_lib


@pytest.fixture
def data():
    return config_lib.Data(image_size=16, batch_size=4)


@pytest.fixture
def folder(tmp_path, rng):
    return write_pictures(tmp_path / "pictures", rng, 11)
