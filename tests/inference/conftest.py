import os
import shutil

import pytest
import served
from filelock import FileLock
from harness import COLORIZERS
from harness import new_run
from harness import toy_config

import tfcolor
from tfcolor.config import Generator
from tfcolor.inference import export


def network_config(name):
    """A toy config: of a loss, or of a generator with a head."""
    if name in COLORIZERS:
        config = toy_config(name)
        if name == "classification":
            config.generator = Generator(name="colorful", head="bins", width=4)
        if name == "hinge":
            config.generator.dropout = 0.5
        return config
    generator, head = name.split()
    config = toy_config("l1")
    settings = {"depth": 3} if generator == "unet" else {}
    if generator == "efficientnet":
        settings = {"weights": "none"}
    config.generator = Generator(name=generator, head=head, width=4, **settings)
    config.data.image_size = 32
    return config


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return new_run(toy_config("cgan"), tmp_path_factory.mktemp("runs") / "model")


@pytest.fixture(scope="session")
def predictor(model):
    return tfcolor.load(model)


def shared(tmp_path_factory):
    """A folder of all processes of this session."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The C program of served, compiled once for all processes of tests."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the loader with")
    folder = shared(tmp_path_factory)
    with FileLock(folder / "server.lock"):
        if not (folder / "serve").exists():
            served.compile_server(folder)
    return folder / "serve"


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A function: name of MODELS -> (run, export of it), made once for all processes
    of tests."""
    root = shared(tmp_path_factory) / "exports"
    root.mkdir(exist_ok=True)

    def exported(name):
        run, model = root / f"run {name}", root / f"model {name}" / "0"
        with FileLock(root / f"{name}.lock"):
            if not model.exists():
                config = network_config(name)
                config.train.ema_decay = 0.9 if name == "classification" else 0.0
                assert export.export(new_run(config, run), model.parent) == model
        return run, model

    return exported
