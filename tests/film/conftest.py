from fractions import Fraction

import pytest
from films import Toy
from films import write_film

from tfcolor.film import colorize
from tfcolor.film import yuv


@pytest.fixture(autouse=True)
def _batches(monkeypatch):
    """Of frames, that divide the short segments of these tests."""
    monkeypatch.setattr(colorize, "BATCH", 8)


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film with everything that is to be kept."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_film(path, rotation=90, primaries=yuv.BT709, aspect=Fraction(4, 3))
