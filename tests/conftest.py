import gc
import importlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile

# What commands cache must not come from earlier tests.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()

# Before TensorFlow is imported anywhere. Two processes of tests run at a time,
# on toys that more threads would only get in the way of.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import logging as absl_logging
from harness import SAID
from harness import config_of
from harness import eagerly
from harness import new_run
from harness import toy_config

from tfcolor import presets
from tfcolor.inference import export
from tfcolor.training import loop

# Two logical CPUs stand in for two GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

# The stream that absl has found is one of pytest's, which absl closes where a server
# that a test starts sets up its own logging.
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__


def pytest_collection_finish():
    """What has been imported stays: the garbage collector need not look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh():
    keras.utils.set_random_seed(0)
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture
def call(capfd, monkeypatch):
    """A function that runs a command in this process, which saves the start of
    another: (its name, *arguments) -> CompletedProcess."""

    class Left(BaseException):
        pass

    def leave(code):
        raise Left(code)

    def call(tool, *arguments):
        capfd.readouterr()
        arguments = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", [tool, *arguments])
        monkeypatch.setattr(os, "_exit", leave)
        try:
            importlib.import_module(f"tfcolor.cli.{tool}").main()
        except Left as left:
            code = left.args[0]
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    log = logging.getLogger("tfcolor")
    before = log.handlers[:], log.level, log.propagate
    yield call
    log.handlers[:], log.level, log.propagate = before


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def four_steps(tmp_path_factory):
    """A finished run, whose steps were not traced; copy it before you touch it."""
    workdir = tmp_path_factory.mktemp("four_steps")
    with pytest.MonkeyPatch.context() as monkeypatch:
        eagerly(monkeypatch)
        loop.train(config_of("cgan", steps=4), workdir)
    return workdir


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of a U-Net that works at 32 pixels, multiples of 8."""
    return new_run(toy_config("cgan"), tmp_path_factory.mktemp("runs") / "trained")


@pytest.fixture(scope="session")
def preset_folder(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    export.preset(trained, "photo", folder, **SAID)
    export.preset(trained, "line_art", folder, summary="Drawings")
    return folder


@pytest.fixture
def ship(preset_folder, monkeypatch):
    """The presets of `preset_folder` are those of the package."""
    monkeypatch.setattr(presets, "FOLDER", preset_folder)
    return preset_folder


@pytest.fixture
def own(preset_folder, monkeypatch, tmp_path):
    """A copy of them that may be changed."""
    copy = shutil.copytree(preset_folder, tmp_path / "own presets")
    monkeypatch.setattr(presets, "FOLDER", copy)
    return copy
