"""What a new run's generator begins with: weights that ship, or another run's."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

from tfcolor import config as config_lib
from tfcolor import presets
from tfcolor.config.schema import Settings
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.runs.folder import Workdir
from tfcolor.types import Path

# Settings of generators that no shape of a weight tells.
_STRUCTURE = ("head", "norm", "spectral_norm", "input_channels")


def adopt(
    config: config_lib.Config, given: Settings = (), workdir: Path | None = None
) -> None:
    """Give a Config with `train.init` the generator that it names, and its working
    size, so that the weights fit; others are left as they are.

    Args:
      given: {"section.field": value} that were set by hand and stay.
      workdir: of the run. One that began with these weights keeps its generator,
        whatever has become of them.

    Raises:
      UsageError: there are no such weights, or the trainer has no generator.
    """
    init, given = config.train.init, dict(given)
    if not init:
        return
    if config.generator is None:
        kind = config.trainer.rpartition(":")[2]
        raise UsageError(f"--init={init}: {kind} has no generator of colours")
    if presets.find(init) is None:
        # Wherever it is called from, the run goes on.
        config.train.init = str(pathlib.Path(init).expanduser().resolve())
    section, size, hints = _begun(workdir, config.train.init) or _named(init)
    name = given.get("generator.name", section["name"])
    if name != section["name"]:
        raise UsageError(
            f"generator.name: {name}, but --init={init} is {section['name']}"
        )
    config.generator = _generator(section, init)
    for field, value in given.items():
        part, _, field = field.partition(".")
        if part == "generator":
            setattr(config.generator, field, value)
    if "data.image_size" not in given and not config.train.stages:
        config.data.image_size = size
    if "data.hints" not in given:
        config.data.hints = config.data.hints or hints


def adopting(workdir: Path | None = None) -> Callable[..., None]:
    """`adopt` for a run in a folder, as `config.resolve` takes it."""
    return functools.partial(adopt, workdir=workdir)


def load(trainer: Any, config: config_lib.Config) -> dict[str, Any]:
    """Load the weights of `train.init` into a new trainer: its generator, and the
    average of that. What takes hints may begin with weights that do not: until it has
    learned, it answers as they do. The other way their joins are left out.

    Returns:
      A dict for config.json: what they are, and their step.

    Raises:
      UsageError: the architectures differ, or a run has no whole checkpoint.
    """
    from tfcolor.inference import restore

    init, mine = config.train.init, trainer.generator
    try:
        other, info = restore.of_model(init)
    except RunError as error:
        raise UsageError(f"--init={init}: {error}") from error
    _check_fit(init, other, mine)
    for network in filter(None, (mine, trainer.average)):
        pairs = zip(_common(network, other), _common(other, network), strict=True)
        for weight, trained in pairs:
            weight.assign(trained)
    known = [key for key in ("step", "sha256") if key in info]
    return {"weights": init, **{key: info[key] for key in known}}


def _begun(workdir, init):
    """(generator section, image size, whether it takes hints) of the run in a folder
    that began with `init`, or None."""
    if not workdir or not Workdir(workdir).exists():
        return None
    config = _read(Workdir(workdir))
    if config.get("train", {}).get("init") != init:
        return None
    return _parts(config)


def _parts(config):
    data = config["data"]
    return config["generator"], data["image_size"], bool(data.get("hints"))


def _named(init):
    """(generator section, image size, whether it takes hints) of weights that ship, or
    of a run."""
    if presets.find(init):
        card = presets.card(init)
        hints = bool(card["training"].get("data.hints"))
        return card["generator"], card["working_size"], hints
    folder = Workdir(init)
    if not folder.path.exists():
        raise UsageError(f"--init={init}: no such folder{presets.hint(init)}")
    if not folder.exists():
        raise UsageError(f"--init={init}: no run in it, nor weights that ship")
    config = _read(folder)
    if "generator" not in config:
        raise UsageError(f"--init={init}: a run that colours nothing")
    return _parts(config)


def _read(folder):
    try:
        return folder.content()["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder.config} cannot be read: {error}") from error


def _generator(section, init):
    try:
        return config_lib.Generator(**section)
    except TypeError as error:
        raise UsageError(f"--init={init}: generator: {error}") from error


def _common(network, other):
    """The weights of a network that it shares with another of its settings, but
    perhaps those of hints."""
    if network.settings.get("hints") and not other.settings.get("hints"):
        return network.unhinted_weights()
    return network.weights


def _check_fit(init, other, mine):
    shapes = [
        [tuple(w.shape) for w in _common(*pair)]
        for pair in ((other, mine), (mine, other))
    ]
    differ = [
        f"generator.{field}: {other.settings.get(field)}, here {value}"
        for field, value in mine.settings.items()
        if other.settings.get(field) != value and field != "hints"
    ]
    structure = any(
        other.settings.get(field) != mine.settings.get(field) for field in _STRUCTURE
    )
    if type(other) is not type(mine) or shapes[0] != shapes[1] or structure:
        said = "; ".join(differ) or f"{type(other).__name__}, {type(mine).__name__}"
        raise UsageError(f"--init={init}: of another architecture ({said})")
