"""A run's folder: what is in it, and who may write to it."""

import contextlib
import datetime
import json
import logging
import os
import pathlib
import platform
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import filelock

from tfcolor import atomic
from tfcolor import config as config_lib
from tfcolor.config import stages
from tfcolor.errors import UsageError
from tfcolor.errors import visible
from tfcolor.registry import SUMMED
from tfcolor.types import Path
from tfcolor.version import __version__

log = logging.getLogger("tfcolor")

# File names need not be text.
_ANY = "surrogateescape"

# In config.json, with which a run was begun: 2 since slopes are those of pictures
# of 64 pixels and attention "simple" is a mean over the pixels.
FORMULAS = 2


class Workdir:
    """The folder of a run. Nobody else knows the names of what is in it.

    Args:
      path: of the folder; made by `claim` if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = pathlib.Path(path).expanduser()
        self.config = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.metrics = self.path / "metrics.jsonl"
        self.skipped = self.path / "skipped.tsv"
        self.prior = self.path / "prior.npy"  # of the colors, where one is needed
        self.scanner = self.path / "scanner.keras"  # that the run began with
        self.evaluation = self.path / "evaluation"
        self.output = self.path / "sweep.log"  # what a run of a sweep prints
        self.lock = self.path / ".lock"
        self.pid = self.path / ".pid"  # who holds it; apart, as it cannot be read

    def exists(self) -> bool:
        """Whether a run was begun in it."""
        return self.config.is_file()

    def content(self) -> dict[str, Any]:
        """What config.json holds, a dict; OSError or ValueError without it."""
        return json.loads(self.config.read_text())

    def sample(self, step: int) -> pathlib.Path:
        """The path of the sample pictures of a step."""
        return self.samples / f"step_{step:07d}.png"

    def sample_steps(self) -> dict[int, pathlib.Path]:
        """{step: path} of its sample pictures, the earliest first."""
        paths = sorted(self.samples.glob("step_*.png"))
        return {int(path.stem.removeprefix("step_")): path for path in paths}

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl as dicts, the one that a killed run broke off
        left out."""
        if self.metrics.exists():
            for line in self.metrics.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a dict to metrics.jsonl."""
        with open(self.metrics, "a") as file:
            file.write(json.dumps(line) + "\n")

    def last_step(self) -> int:
        """The step of its newest checkpoint; 0: it has none."""
        try:
            state = (self.checkpoints / "checkpoint").read_text()
        except OSError:
            return 0
        match = re.match(r'model_checkpoint_path: "step-(\d+)"', state)
        return int(match[1]) if match else 0

    def check(self, config: config_lib.Config) -> list[str]:
        """Raise UsageError if `config` cannot be run in this folder; returns
        the differences to the config of its last start that are allowed."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--workdir={self.path}: is not a folder")
        if not self.config.exists():
            return []
        content = self.content()
        for reason in _outdated(content, trained=True):
            raise UsageError(
                f"--workdir={self.path}: the run was begun with other formulas: "
                f"{reason}; finish it with the version that began it (git_commit in "
                "config.json), or begin anew in another folder"
            )
        new = config_lib.to_dict(config_lib.resolve(config))
        refused, allowed = config_lib.differences(_resolved(content["config"]), new)
        if refused:
            raise UsageError(
                f"--workdir={self.path}: holds a run with another config "
                f"({'; '.join(refused)}); use another folder"
            )
        return allowed

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Make the folder and keep every other process out of it.

        Raises:
          UsageError: it cannot be written to, or a process is at it.
        """
        lock = filelock.FileLock(str(self.lock), timeout=0)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            raise UsageError(
                f"--workdir={self.path}: process {self._holder()} is training in it"
            ) from error
        except OSError as error:
            raise UsageError(f"--workdir={self.path}: {error.strerror}") from error
        try:
            self.pid.write_text(str(os.getpid()))
            self.checkpoints.mkdir(exist_ok=True)
            self.samples.mkdir(exist_ok=True)
            yield
        finally:
            self.pid.unlink(missing_ok=True)
            lock.release()

    def _holder(self):
        try:
            return self.pid.read_text().strip() or "?"
        except OSError:
            return "?"

    def wait_until_free(self, stopped: threading.Event) -> None:
        """Wait for a process that trains in it, or until an event `stopped` is set."""
        said = False
        while self.lock.exists() and not stopped.is_set():
            try:
                with filelock.FileLock(str(self.lock), timeout=0):
                    return
            except filelock.Timeout:
                if not said:
                    log.info("waiting for the process that trains in %s", self.path)
                said = True
                stopped.wait(1.0)

    def write_config(
        self, config: config_lib.Config, data: str, init: dict[str, Any] | None = None
    ) -> None:
        """config.json: what runs, on which data, with which versions; and which
        weights a run with `train.init` began with, None: as it says already."""
        import keras
        import numpy as np
        import tensorflow as tf

        old = self.content() if self.exists() else {}
        init = init or old.get("init")
        content = {
            "config": config_lib.to_dict(config),
            "formulas": FORMULAS,
            "command": sys.argv,
            "data": data,
            "started": datetime.datetime.now().astimezone().isoformat("T", "seconds"),
            "versions": {
                "tfcolor": __version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "git_commit": _git_commit(),
            **({"init": init} if init else {}),
        }
        atomic.write(self.config, json.dumps(content, indent=2) + "\n")

    def warn_of_changed_data(self, data: str) -> None:
        """Say so if the images are not those that the run began with."""
        if self.exists():
            old = self.content().get("data")
            if old and old != data:
                log.warning(
                    "the images have changed since this run began (%s, now %s)",
                    old,
                    data,
                )

    def forget_after(self, step: int) -> None:
        """Drop the lines of metrics.jsonl that a broken-off run wrote after
        the checkpoint that it resumes from."""
        if not self.metrics.exists():
            return
        lines = (line for line in self.lines() if line["step"] <= step)
        atomic.write(self.metrics, "".join(json.dumps(line) + "\n" for line in lines))

    def reporter(self) -> Callable[[str, str], None]:
        """A function that lists (name, reason) in skipped.tsv, each name once
        however often the run is started."""
        known = set()
        if self.skipped.exists():
            lines = self.skipped.read_bytes().decode("utf-8", _ANY).splitlines()
            known = {line.split("\t")[0] for line in lines}

        def report(name, reason):
            name = visible(name)
            if name not in known:
                known.add(name)
                with open(self.skipped, "a", encoding="utf-8", errors=_ANY) as file:
                    file.write(f"{name}\t{visible(reason)}\n")

        return report


def load_config(path: Path) -> config_lib.Config:
    """The Config in a run's folder.

    Raises:
      UsageError: it has none, or not one of this version.
    """
    folder = Workdir(path)
    if not folder.exists():
        raise UsageError(f"--workdir={path}: no config.json, so no run, in it")
    try:
        content = folder.content()
        for reason in _outdated(content, trained=False):
            raise UsageError(
                f"--workdir={path}: {reason}; train it again, or use an export of it"
            )
        return config_lib.from_dict(content["config"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"--workdir={path}: config.json: {error}") from error


def _resolved(settings):
    """The `config` of a config.json with the fields that are newer than it, which have
    their defaults; as it is where this version cannot resolve it."""
    try:
        return config_lib.to_dict(config_lib.resolve(config_lib.from_dict(settings)))
    except (ValueError, KeyError, TypeError):
        return settings


def _outdated(content, trained):
    """What of a config.json means something else than when the run was begun.

    Args:
      trained: the run is to go on, not only to color.
    """
    if content.get("formulas", 1) == FORMULAS:
        return
    fields = config_lib.flat_dict(content["config"])
    for name in ("generator", "discriminator")[: 1 + trained]:
        if fields.get(f"{name}.attention") == "simple":
            yield f"{name}.{SUMMED}"
    resnet = fields.get("generator.name") == "resnet_unet"
    spectral = resnet and fields.get("generator.spectral_norm")
    if spectral and fields.get("generator.attention") == "sagan":
        yield "generator.spectral_norm is now of the attention too"
    parsed = stages.parse(fields.get("train.stages", ""))
    sizes = {stage.image_size for stage in parsed} or {fields["data.image_size"]}
    for field in ("loss.gp_weight", "loss.r1_weight"):
        if trained and fields.get(field) and sizes != {64}:
            yield (
                f"{field}: slopes were of sums over the pixels, and are now alike at "
                "all sizes, as at 64 pixels"
            )


def _git_commit():
    folder = pathlib.Path(__file__).parent
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
