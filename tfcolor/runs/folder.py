"""A run's folder: what is in it, and who may write to it."""

import contextlib
import datetime
import fcntl
import json
import logging
import os
import pathlib
import platform
import subprocess
import sys

from tfcolor import atomic
from tfcolor import config as config_lib
from tfcolor.config import stages
from tfcolor.errors import UsageError
from tfcolor.registry import SUMMED
from tfcolor.version import __version__

log = logging.getLogger("tfcolor")

# File names need not be text.
_ANY = "surrogateescape"

# In config.json, with which a run was begun: 2 since slopes are those of pictures
# of 64 pixels and attention "simple" is a mean over the pixels.
FORMULAS = 2


class Workdir:
    """The folder of a run.

    Args:
      path: of the folder; made by `claim` if it is not there.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser()
        self.config = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.metrics = self.path / "metrics.jsonl"
        self.skipped = self.path / "skipped.tsv"

    def check(self, config):
        """Raise UsageError if `config` cannot be run in this folder; returns
        the differences to the config of its last start that are allowed."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--workdir={self.path}: is not a folder")
        if not self.config.exists():
            return []
        content = json.loads(self.config.read_text())
        for reason in _outdated(content, trained=True):
            raise UsageError(
                f"--workdir={self.path}: the run was begun with other formulas: "
                f"{reason}; finish it with the version that began it (git_commit in "
                "config.json), or begin anew in another folder"
            )
        old = content["config"]
        refused, allowed = config_lib.differences(old, config_lib.to_dict(config))
        if refused:
            raise UsageError(
                f"--workdir={self.path}: holds a run with another config "
                f"({'; '.join(refused)}); use another folder"
            )
        return allowed

    @contextlib.contextmanager
    def claim(self):
        """Make the folder and keep every other process out of it.

        Raises:
          UsageError: it cannot be written to, or a process is at it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / ".lock", "a+")  # noqa: SIM115 (closed below)
        except OSError as error:
            raise UsageError(f"--workdir={self.path}: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise UsageError(
                    f"--workdir={self.path}: process {lock.read().strip() or '?'} "
                    "is training in it"
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self.checkpoints.mkdir(exist_ok=True)
            self.samples.mkdir(exist_ok=True)
            yield

    def write_config(self, config, data, init=None):
        """config.json: what runs, on which data, with which versions; and which
        weights a run with `train.init` began with, None: as it says already."""
        import keras
        import numpy as np
        import tensorflow as tf

        old = json.loads(self.config.read_text()) if self.config.exists() else {}
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

    def warn_of_changed_data(self, data):
        """Say so if the images are not those that the run began with."""
        if self.config.exists():
            old = json.loads(self.config.read_text()).get("data")
            if old and old != data:
                log.warning(
                    "the images have changed since this run began (%s, now %s)",
                    old,
                    data,
                )

    def forget_after(self, step):
        """Drop the lines of metrics.jsonl that a broken-off run wrote after
        the checkpoint that it resumes from."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
        atomic.write(self.metrics, "".join(kept))

    def reporter(self):
        """A function that lists (name, reason) in skipped.tsv, each name once
        however often the run is started."""
        known = set()
        if self.skipped.exists():
            lines = self.skipped.read_bytes().decode("utf-8", _ANY).splitlines()
            known = {line.split("\t")[0] for line in lines}

        def report(name, reason):
            name = name.replace("\t", " ").replace("\n", " ")
            if name not in known:
                known.add(name)
                with open(self.skipped, "a", encoding="utf-8", errors=_ANY) as file:
                    file.write(f"{name}\t{reason}\n")

        return report


def load_config(path):
    """The Config in a run's folder.

    Raises:
      UsageError: it has none, or not one of this version.
    """
    file = Workdir(path).config
    if not file.is_file():
        raise UsageError(f"--workdir={path}: no config.json, so no run, in it")
    try:
        content = json.loads(file.read_text())
        for reason in _outdated(content, trained=False):
            raise UsageError(
                f"--workdir={path}: {reason}; train it again, or use an export of it"
            )
        return config_lib.from_dict(content["config"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--workdir={path}: config.json: {error}") from error


def _outdated(content, trained):
    """What of a config.json means something else than when the run was begun.

    Args:
      trained: the run is to go on, not only to colour.
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
    found = stages.parse(fields.get("train.stages", ""))
    sizes = {stage.image_size for stage in found} or {fields["data.image_size"]}
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
