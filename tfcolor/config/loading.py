"""Config files: those that ship, by their --loss names, and others."""

import importlib.util
import os
import pathlib

from tfcolor.config.schema import Config
from tfcolor.errors import UsageError

_PACKAGE = pathlib.Path(__file__).resolve().parent.parent

# Inside the package when installed, beside it in a checkout.
CONFIGS = next(
    folder
    for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs")
    if folder.is_dir()
)


def names() -> list[str]:
    """The names that `--loss` takes."""
    return sorted(path.stem for path in CONFIGS.glob("[a-z]*.py"))


def load(path: str | os.PathLike[str]) -> Config:
    """The Config that `get_config()` of a Python file returns.

    Raises:
      UsageError: there is no such file, or it does not work.
    """
    if not pathlib.Path(path).is_file():
        raise UsageError(f"--config={path}: no such file")
    spec = importlib.util.spec_from_file_location("tfcolor_config", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--config={path}: not a Python file, NAME.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return module.get_config()
    except Exception as error:
        raise UsageError(f"--config={path}: {error}") from error


def of(name: str) -> Config:
    """The Config of a --loss name, for another config to change."""
    return load(CONFIGS / f"{name}.py")


def long_run(config: Config, steps: int) -> None:
    """Set the steps of a Config to thousands, and what happens between them to
    every 100 and every 1,000."""
    train = config.train
    train.steps, train.log_every, train.histogram_every = steps, 100, 5000
    train.validate_every = train.sample_every = train.checkpoint_every = 1000
    train.ema_decay = 0.999
