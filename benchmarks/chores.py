"""Small runs of each command that writes, for kills.py and full_disk.py."""

import dataclasses
import json
import pathlib
import socket
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tfcolor import config as config_lib

STEPS = 10
# Small, and with a checkpoint after every step; of all that is random.
TRAINING = ["--smoke", f"--config.train.steps={STEPS}"]
TRAINING += ["--config.train.checkpoint_every=1", "--config.train.keep_checkpoints=99"]
TRAINING += ["--config.train.sample_every=5", "--config.train.validate_every=5"]
TRAINING += ["--config.train.histogram_every=100", "--config.optim.constant=1"]
TRAINING += ["--config.train.log_every=1"]  # a mean begins anew at each start
GRID = "--grid=loss.l1_weight=1,2"


@dataclasses.dataclass
class Chore:
    """A command, or several that work together.

    Attributes:
      name: of it.
      command, arguments: of bin/train: "train", [...]; {} is the folder of its output.
      workers: how many processes.
    """

    name: str
    command: str
    arguments: list[str]
    workers: int = 1

    def starts(self, output):
        """(command, arguments, environment) of each of its processes."""
        arguments = [argument.replace("{}", str(output)) for argument in self.arguments]
        if self.workers == 1:
            return [(self.command, arguments, {})]
        return [(self.command, arguments, each) for each in _cluster(self.workers)]


def _cluster(count):
    """The environment of each worker."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    cluster = {"worker": addresses}
    for number in range(count):
        task = {"type": "worker", "index": number}
        yield {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def inputs(folder):
    """Make the pictures that chores need; returns their folder."""
    rng = np.random.default_rng(0)
    pictures = pathlib.Path(folder) / "pictures"
    for i in range(24):
        path = pictures / "ab"[i % 2] / f"{i:02d}.{'jpg' if i % 3 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        # Each of a shape of its own: the last bit of floats depends on the others of a
        # batch, and these on where a command was broken off.
        coarse.resize((48 + 2 * i, 40), Image.Resampling.BICUBIC).save(path)
    return pictures


def trainings():
    """Each objective in turn, one in stages, one of two workers."""
    workdir = "--workdir={}"
    for loss in config_lib.names():
        dropout = ["--config.generator.dropout=0.5"] if _has_dropout(loss) else []
        yield Chore(loss, "train", [f"--loss={loss}", *TRAINING, *dropout, workdir])
    stages = f"--config.train.stages=16:4 32:{STEPS - 4}"
    yield Chore("stages", "train", ["--loss=l1", *TRAINING, stages, workdir])
    together = "--config.train.strategy=workers"
    yield Chore("workers", "train", ["--loss=cgan", *TRAINING, together, workdir], 2)


def _has_dropout(loss):
    generator = config_lib.of(loss).generator
    return generator is not None and generator.name == "unet"


def others(pictures, run):
    """What works with a folder of pictures, and the folder of a run."""
    data = f"--data=folder:{pictures}"
    yield Chore("export", "export", [f"--workdir={run}", "--output={}"])
    coloring = [f"--model={run}", "--ab_npz", "--format=same", "--output={}"]
    yield Chore("colorize", "colorize", [*coloring, str(pictures)])
    shards = "{}/photos-*.arrayrecord"
    yield Chore("pack", "pack", [data, f"--output={shards}", "--shards=4"])
    sweep = ["--loss=l1", *TRAINING, GRID, "--workdir={}"]
    yield Chore("sweep", "sweep", sweep)


def changed(chore, argument, *instead):
    """A chore with other arguments instead of one."""
    at = chore.arguments.index(argument)
    arguments = [*chore.arguments[:at], *instead, *chore.arguments[at + 1 :]]
    return dataclasses.replace(chore, arguments=arguments)


def evaluation(pictures, run):
    """A report."""
    arguments = [f"--workdir={run}", f"--data=folder:{pictures}", "--resamples=20"]
    return Chore("evaluate", "evaluate", [*arguments, "--limit=6", "--output={}"])
