"""Color for files: pictures and films, by models and by classical methods."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from tfcolor import atomic
from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.types import Path

# Methods that need no training, and what they may be told.
METHODS = ("levin", "charpiat")

MAX_PIXELS = 250_000_000  # of a picture

# What imports TensorFlow and Keras.
_TENSORS = "tfcolor.inference.restore"


@dataclasses.dataclass(frozen=True)
class Colorized:
    """What `colorize` has done.

    Attributes:
      targets: the paths of the pictures that were to be made.
      failed: how many of them could not be.
      unreadable: how many folders could not be read.
      skipped: how many pictures were there already.
    """

    targets: list[pathlib.Path]
    failed: int = 0
    unreadable: int = 0
    skipped: int = 0


def colorize(
    inputs: Iterable[Path],
    output: Path | None = None,
    *,
    model: Path | None = None,
    method: str | None = None,
    hints: Path | None = None,
    references: Sequence[Path] = (),
    affinity: str | None = None,
    chroma: str | None = None,
    saturation: float = 1.0,
    working_size: int | None = None,
    temperature: float | None = None,
    same_format: bool = False,
    overwrite: bool = False,
    side_by_side: bool = False,
    ab_npz: bool = False,
    max_pixels: int = MAX_PIXELS,
    suggestions: int | None = None,
    codec: str | None = None,
    crf: float | None = None,
    steady: float | None = None,
    deinterlace: bool = False,
    log: Callable[[str], Any] = print,
    loading: Callable[[], Any] = contextlib.nullcontext,
) -> Colorized:
    """Color picture and film files at their full size.

    Args:
      inputs: files and folders.
      output: folder for the results; None: of one file NAME_color.png beside it.
      model: as of `load`; None: weights that ship (with hints photo_hints), unless
        there is a method.
      method: of METHODS, instead of a model: levin with hints, charpiat with
        references.
      hints, references, affinity, chroma: see bin/colorize --help; hints of a model
        that was trained with them, too; of a film a folder of marked frames.
      saturation: what the colors' chroma is multiplied by.
      working_size: pixels of the shorter side at the network or method.
      temperature: of models with 313 bins: below 0.38 more vivid.
      same_format: the results have the inputs' format, not PNG.
      overwrite: make again what is there already.
      side_by_side: input and result next to each other.
      ab_npz: write a* and b*, float32 [H, W, 2], to NAME.npz too.
      max_pixels: larger pictures are refused.
      suggestions: so many ways to color each picture, NAME_1 and so on, and
        NAME_suggestions.png with all of them; None: one.
      codec, crf: of films, the encoder and its quality; None: H.264, in WebM VP9.
      steady: of films, how much of the mean along the motion the past is, 0 to less
        than 1; None: 0.9.
      deinterlace: of films, make whole frames of interlaced ones.
      log: is given lines about what is done.
      loading: gives a context in which TensorFlow is loaded, which says things.

    Raises:
      ValueError: a setting, an input that is not there, or a film that is named and
        none. RuntimeError: the disk is full.
    """
    from tfcolor.inference import batch
    from tfcolor.inference import planning
    from tfcolor.inference import quick
    from tfcolor.inference import session

    inputs = list(inputs)
    if not model and not method:
        model = presets.default(hints is not None)
    if output:
        output = pathlib.Path(output).expanduser()
        tasks, unreadable = planning.plan(inputs, output, same_format)
    else:
        tasks, unreadable = [planning.beside(inputs, same_format)], 0
    left = [
        task
        for task in tasks
        if overwrite or planning.is_missing(task, ab_npz, suggestions is not None)
    ]
    films = [task for task in left if planning.is_film(task.source)]
    own = {"codec": codec, "crf": crf, "steady": steady}
    own["deinterlace"] = deinterlace or None
    of_pictures: dict[str, Any] = {
        "method": method,
        "side_by_side": side_by_side,
        "ab_npz": ab_npz,
    }
    of_pictures["suggestions"] = suggestions
    planning.check_films(tasks, own, of_pictures, hints)
    skipped = len(tasks) - len(left)
    if skipped and output:
        log(f"{skipped} of {len(tasks)} are in {output} already")
    elif skipped:
        log(f"{tasks[0].target} is there already")
    if not left:
        log("nothing to do; --overwrite makes them again")
        return Colorized([], 0, unreadable, skipped)
    plain = not (films or hints or suggestions is not None)
    is_quick = plain and quick.available(model)
    with loading():
        session.load() if is_quick else importlib.import_module(_TENSORS)
    probed = _film_batch().probed(films, inputs, codec, crf) if films else []
    marks = None
    if films and hints:
        marks, hints = _film_batch().marks(probed, hints), None
    predictor, left = _colorizer(
        left, model, method, hints, references, affinity, chroma, is_quick
    )
    hints_of = None
    if hints and not method:
        from tfcolor.classical import guides

        hints_of = guides.marked
    settings = {"saturation": saturation, "working_size": working_size}
    if not method:
        settings["temperature"] = temperature
    predictor.check(**settings)
    if films:
        _film_batch().check(predictor, marks)
    if suggestions is not None:
        from tfcolor.inference import suggestions as suggesting

        suggesting.check(predictor, suggestions)
    if model:
        log(f"weights: {_weights(model, predictor.info)}")
    if output:
        _make(output)
    options = batch.Options(settings, max_pixels, side_by_side, ab_npz, hints_of)
    images = [task for task in left if task not in films]
    if suggestions is not None:
        failed = suggesting.run(predictor, images, options, suggestions, log)
    else:
        failed = batch.run(predictor, images, options) if images else 0
    if films:
        film_batch = _film_batch()
        failed += film_batch.run(predictor, probed, settings, own, overwrite, marks)
    if output:
        kinds = {"pictures": len(left) > len(films), "films": films}
        kinds = " and ".join(kind for kind, there in kinds.items() if there)
        log(f"{len(left) - failed} {kinds} coloured, in {output}")
    elif not failed:
        sheet = suggestions is not None and planning.sheet_of(left[0].target)
        log(f"written to {sheet or left[0].target}")
    return Colorized([task.target for task in left], failed, unreadable, skipped)


def _film_batch():
    try:
        from tfcolor.film import batch
    except ModuleNotFoundError as error:
        if error.name not in ("av", "cv2"):
            raise
        said = f"films need {error.name}: pip install 'tfcolor[video]'"
        raise UsageError(said) from error
    return batch


def _colorizer(tasks, model, method, hints, references, affinity, chroma, is_quick):
    """What colors, and the tasks with what it needs of each."""
    from tfcolor.inference import quick

    if is_quick:
        return quick.load(model, len(tasks) > quick.MANY), tasks
    from tfcolor.inference import restore

    if model and not hints:
        return restore.load(model), tasks
    from tfcolor.classical import adapters
    from tfcolor.classical import guides

    if model:
        predictor = restore.load(model)
        predictor.check_hints()
        return predictor, guides.with_hints(tasks, hints)
    if method == "levin":
        settings = {"affinity": affinity, "chroma": chroma}
        settings = {name: value for name, value in settings.items() if value}
        return adapters.Levin(**settings), guides.with_hints(tasks, hints)
    if method == "charpiat":
        return adapters.Charpiat(), guides.with_references(tasks, references)
    raise UsageError(f"method: {method!r} is not one of {', '.join(METHODS)}")


def _weights(model, info):
    """What is said about the weights that color."""
    if "preset" in info:
        return f"{model} (step {info['step']}, sha256 {info['sha256'][:12]})"
    return f"{model} (step {info['step']})"


def _make(output):
    atomic.make_folder(output, "output")
    if not os.access(output, os.W_OK | os.X_OK):
        raise UsageError(f"--output={output}: no permission to write")
