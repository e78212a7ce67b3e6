import types

import numpy as np
import pytest
from harness import new_run
from harness import toy_config
from painted import grey_picture
from PIL import Image

import tfcolor
from tfcolor.demo import limits
from tfcolor.demo import visits


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Runs with random weights: `hinted` takes hints and has draws, `plain` neither,
    `drawings` is for line art."""
    root, made = tmp_path_factory.mktemp("demo runs"), {}
    for name in ("hinted", "plain", "drawings"):
        config = toy_config("l1")
        if name == "hinted":
            config.data.hints, config.generator.dropout = True, 0.5
        if name == "drawings":
            config.generator.head = "rgb"
        made[name] = new_run(config, root / name)
    return types.SimpleNamespace(**made)


@pytest.fixture(scope="session")
def predictors(runs):
    loaded = {name: tfcolor.load(path) for name, path in vars(runs).items()}
    return types.SimpleNamespace(**loaded)


@pytest.fixture
def visit(tmp_path):
    folder = tmp_path / "visit"
    folder.mkdir()
    return visits.Visit(folder, limits.Limits(max_pixels=100_000, max_files=3))


@pytest.fixture
def photo(tmp_path):
    """A file with a resolution, EXIF and transparency."""
    pixels = grey_picture()
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[:5] = 100
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    image = Image.fromarray(np.dstack([pixels, alpha]))
    image.save(tmp_path / "photo.png", dpi=(300, 300), exif=exif)
    return tmp_path / "photo.png"
