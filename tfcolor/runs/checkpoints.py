"""Everything that a step depends on, saved and restored as one."""

import contextlib
import logging
import pathlib
import re
import shutil
from typing import Any

import tensorflow as tf

from tfcolor import atomic
from tfcolor.errors import RunError
from tfcolor.types import Network

log = logging.getLogger("tfcolor")


class Checkpoints:
    """The `checkpoints/` of a run: the networks, their optimizers, the weight
    average, the step (which is the data's position too) and the random state.
    A checkpoint has its name as soon as it is whole, and not before.

    Args:
      folder: pathlib.Path.
      trainer: a compiled trainer.
      keep: how many to keep.
      writes: False: of a worker that reads them alone.
    """

    def __init__(
        self, folder: pathlib.Path, trainer: Any, keep: int, writes: bool = True
    ) -> None:
        self.folder = folder
        self.trainer = trainer
        self.keep = keep
        self.writes = writes
        self.variables = _variables(trainer)
        self.checkpoint = tf.train.Checkpoint(**self.variables)
        if writes:
            _tidy(folder)
        self.last_good: str | None = None  # path of the newest known to be whole

    def save(self) -> None:
        """Write a checkpoint of the current step, unless it is there.

        Raises:
          RunError: it could not be written; those before it are untouched.
        """
        step = self.trainer.steps_done()
        if self.last_good and self.last_good.endswith(f"-{step}"):
            return
        try:
            if self.writes:
                self._write(f"step-{step}")
            self.last_good = str(self.folder / f"step-{step}")
        except (tf.errors.OpError, OSError) as error:
            with contextlib.suppress(OSError):  # where even this has no room
                _tidy(self.folder)
            reason = getattr(error, "message", None) or str(error)
            raise RunError(
                f"checkpoint of step {step} could not be written: "
                f"{reason.splitlines()[0]}; the last good one: {self.last_good}"
            ) from error

    def _write(self, name):
        # `restore` expects it, as those of tf.train.CheckpointManager have it.
        self.checkpoint.save_counter.assign_add(1)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic.together(self.folder) as made:  # the data before the index
            self.checkpoint.write(str(made / name))
            atomic.flush(made)
            # Of one that is damaged, lest it be that of other data for a moment.
            (self.folder / f"{name}.index").unlink(missing_ok=True)
        names = [each for each in _names(self.folder) if _step(each) <= _step(name)]
        _list(self.folder, names[-self.keep :])
        for old in names[: -self.keep]:
            (self.folder / f"{old}.index").unlink()
            for path in self.folder.glob(f"{old}.data-*"):
                path.unlink()

    def _load(self, path, sized):
        if sized or not self.trainer.state():
            self.checkpoint.restore(path).assert_consumed()
            return
        unsized = {
            name: value
            for name, value in self.variables.items()
            if name not in self.trainer.state()
        }
        status = tf.train.Checkpoint(**unsized).restore(path)
        status.assert_existing_objects_matched().expect_partial()

    def restore(self, first: int = 0) -> int:
        """Load the newest checkpoint that is whole; returns its step, or 0.

        Args:
          first: step of the run at which the trainer's image size began. What
            of earlier steps is of another size is then left as it is.

        Raises:
          RunError: there are checkpoints, but none can be read.
        """
        paths = [str(self.folder / name) for name in _names(self.folder)]
        for path in reversed(paths):
            try:
                self._load(path, sized=_step(pathlib.Path(path).name) > first)
                self.last_good = path
                return self.trainer.steps_done()
            except Exception as error:  # TensorFlow raises many kinds
                _warn_of_damage(path, error)
        if paths:
            raise RunError(f"none of the checkpoints in {self.folder} can be read")
        return 0


def newest_step(folder: pathlib.Path) -> int:
    """Step of the newest checkpoint in a folder, or 0."""
    return max(map(_step, _names(folder)), default=0)


def restore_network(folder: pathlib.Path, network: Network, part: str) -> int:
    """Load one network of the newest checkpoint in a folder, such as "average" or
    "generator"; returns the step.

    Raises:
      RunError: there is no checkpoint, or none that can be read.
    """
    names = _names(folder)
    if not names:
        raise RunError(f"no checkpoint in {folder}")
    checkpoint = tf.train.Checkpoint(**{part: _values(network.weights)})
    for name in reversed(names):
        path = str(folder / name)
        try:
            status = checkpoint.restore(path)
            status.assert_existing_objects_matched().expect_partial()
            return _step(name)
        except Exception as error:  # TensorFlow raises many kinds
            _warn_of_damage(path, error)
    raise RunError(f"none of the checkpoints in {folder} can be read")


def _warn_of_damage(path, error):
    reason = (getattr(error, "message", None) or str(error)).strip()
    log.warning(
        "checkpoint %s is damaged (%s); trying the one before it",
        path,
        reason.splitlines()[0],
    )


def _tidy(folder):
    """Remove what a write that was broken off has left, and let the file
    `checkpoint` list what is there: it may be lost, or of before the break."""
    names = _names(folder)
    for path in folder.glob("step-*"):
        stem, _, rest = path.name.partition(".")
        if path.is_dir():
            shutil.rmtree(path)
        elif stem not in names or not re.fullmatch(r"index|data-\d+-of-\d+", rest):
            path.unlink()
    for pattern in ("checkpoint.tmp*", ".checkpoint.*"):
        for path in folder.glob(pattern):
            path.unlink()
    for path in folder.glob(".unfinished-*"):
        shutil.rmtree(path)
    if names:
        _list(folder, names)
    else:
        (folder / "checkpoint").unlink(missing_ok=True)


def _names(folder):
    """Of all checkpoints, those of the fewest steps first."""
    return sorted({path.stem for path in folder.glob("step-*.index")}, key=_step)


def _list(folder, names):
    """Write the file `checkpoint`, for TensorFlow's tools."""
    times = [(folder / f"{name}.index").stat().st_mtime for name in names]
    # Of a relative folder it would take the names to be relative to another.
    state = tf.compat.v1.train.generate_checkpoint_state_proto(
        str(folder.absolute()), names[-1], names, times
    )
    atomic.write(folder / "checkpoint", str(state))


def _step(name):
    return int(name.removeprefix("step-"))


def _variables(trainer):
    """What a checkpoint holds, each a list in the order of creation.

    Lists, because a tf.train.Checkpoint of a Keras network silently leaves out
    the layers that the network keeps in a list, and the states of its dropout.
    """
    networks = {name: getattr(trainer, name) for name in trainer.parts()}
    weights = {
        id(weight) for network in networks.values() for weight in network.weights
    }
    variables = [v for network in networks.values() for v in network.variables]
    random_state = [v for v in variables if id(v) not in weights]
    optimizers = trainer.optimizers().items()
    return {
        **{name: _values(network.weights) for name, network in networks.items()},
        **{f"{key}_optimizer": _values(o.variables) for key, o in optimizers},
        "average": _values(trainer.average.weights if trainer.average else []),
        "random_state": _values(random_state),
        "step": trainer.step.value,
        **trainer.state(),
    }


def _values(variables):
    return [variable.value for variable in variables]
