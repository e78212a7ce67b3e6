import pytest
from films import Toy


@pytest.fixture
def toy():
    return Toy()
