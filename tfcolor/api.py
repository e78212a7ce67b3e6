"""What the commands do, as functions. Importing this needs no TensorFlow: each function
imports what it needs."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from tfcolor import atomic
from tfcolor import presets
from tfcolor.config import Config
from tfcolor.errors import UsageError
from tfcolor.types import Path

if TYPE_CHECKING:
    from tfcolor.inference.predictor import Predictor

# Methods that need no training, and what they may be told.
METHODS = ("levin", "charpiat")

MAX_PIXELS = 250_000_000  # of a picture


def load(model: Path) -> Predictor:
    """The colorizer of weights that ship, such as "photo", in a run's folder or an
    exported SavedModel.

    Returns:
      A Predictor: called with uint8 [H, W] or [H, W, 3], of any size, it gives uint8
      [H, W, 3]; with a batch [N, H, W, 1 or 3] uint8 [N, H, W, 3].

    Raises:
      ValueError: there are no such weights, or the folder holds neither.
    """
    from tfcolor.inference import restore

    return restore.load(model)


def train(
    config: Config, workdir: Path, *, smoke: bool = False, profile: Any = None
) -> int | None:
    """Train a colorizer; called again with the same folder it resumes.

    Args:
      config: what `config.of` or `config.load` gives, changed or not; it stays as it
        is.
      workdir: the run's folder.
      smoke: the same at toy size, a few steps.
      profile: (first, last) step to profile for TensorBoard, or None.

    Returns:
      The number of the signal that ended the run early, or None.

    Raises:
      ValueError: a setting, before anything is written. RuntimeError: the work failed.
    """
    from tfcolor.config import resolve
    from tfcolor.training import initial
    from tfcolor.training import loop

    config = resolve(config, toy=smoke, initial=initial.adopting(workdir))
    return loop.train(config, workdir, profile)


def evaluate(
    workdirs: Sequence[Path] = (),
    models: Sequence[str] = (),
    data: str | None = None,
    output: Path | None = None,
    *,
    data_dir: str | None = None,
    limit: int = 50_000,
    resamples: int = 400,
    shown: int = 6,
    fid_weights: str | None = None,
    vgg_weights: str | None = None,
    labels: str | None = None,
    methods: Sequence[str] = (),
    references: Sequence[str] = (),
    log: Callable[[str], Any] = print,
) -> pathlib.Path:
    """Judge runs and weights side by side, on images.

    Args:
      workdirs: runs' folders.
      models: names of weights that ship, or runs' folders.
      data: SPEC of the images; None: what the first run validates on.
      output: folder for the files; None: evaluation/ in the first run's.
      data_dir: cache of TensorFlow Datasets.
      limit: images, at most, spread evenly.
      resamples: bootstrap resamples for the intervals.
      shown: images in the grid.
      fid_weights, vgg_weights, labels: files, see bin/evaluate --help.
      methods: "levin:SHARE" and "charpiat", which are judged too.
      references: pictures in color, for charpiat.
      log: is given the lines of the table.

    Returns:
      The folder: metrics.json, images.csv, grid.png, report.html.

    Raises:
      ValueError: before anything is written.
    """
    from tfcolor.evaluation import evaluate

    return evaluate.judge_runs(
        workdirs,
        data,
        output,
        data_dir=data_dir,
        limit=limit,
        resamples=resamples,
        shown=shown,
        fid_weights=fid_weights,
        vgg_weights=vgg_weights,
        labels=labels,
        models=models,
        methods=methods,
        references=references,
        log=log,
    )


def export(
    model: Path,
    output: Path,
    version: int | None = None,
    format: str = "tf_saved_model",
) -> pathlib.Path:
    """Write OUTPUT/<version>/, a SavedModel for TensorFlow Serving, or of another
    format of registry.FORMATS OUTPUT/<format>-<version>/ with the network alone.

    Args:
      model: a run's folder, or the name of weights that ship; a pathlib.Path is a
        folder.
      output: folder of the model's versions; its name is the model's.
      version: None: the step of the training.

    Returns:
      The path of the version.

    Raises:
      ValueError: no such model, or the version is there. RuntimeError: the disk is
        full.
    """
    from tfcolor.inference import export

    return export.export(model, output, version, format)


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
    codec: str | None = None,
    crf: float | None = None,
    steady: float | None = None,
    deinterlace: bool = False,
    log: Callable[[str], Any] = print,
) -> Colorized:
    """Color picture and film files at their full size.

    Args:
      inputs: files and folders.
      output: folder for the results; None: of one file NAME_color.png beside it.
      model: as of `load`; None: weights that ship, unless there is a method.
      method: of METHODS, instead of a model: levin with hints, charpiat with
        references.
      hints, references, affinity, chroma: see bin/colorize --help.
      saturation: what the colors' chroma is multiplied by.
      working_size: pixels of the shorter side at the network or method.
      temperature: of models with 313 bins: below 0.38 more vivid.
      same_format: the results have the inputs' format, not PNG.
      overwrite: make again what is there already.
      side_by_side: input and result next to each other.
      ab_npz: write a* and b*, float32 [H, W, 2], to NAME.npz too.
      max_pixels: larger pictures are refused.
      codec, crf: of films, the encoder and its quality; None: H.264, in WebM VP9.
      steady: of films, how much of the mean along the motion the past is, 0 to less
        than 1; None: 0.9.
      deinterlace: of films, make whole frames of interlaced ones.
      log: is given lines about what is done.

    Raises:
      ValueError: a setting, an input that is not there, or a film that is named and
        none. RuntimeError: the disk is full.
    """
    from tfcolor.inference import batch
    from tfcolor.inference import planning

    inputs = list(inputs)
    if not model and not method:
        model = presets.default()
    if output:
        output = pathlib.Path(output).expanduser()
        tasks, unreadable = planning.plan(inputs, output, same_format)
    else:
        tasks, unreadable = [planning.beside(inputs, same_format)], 0
    left = (
        tasks
        if overwrite
        else [task for task in tasks if planning.is_missing(task, ab_npz)]
    )
    films = [task for task in left if planning.is_film(task.source)]
    own = {"codec": codec, "crf": crf, "steady": steady}
    own["deinterlace"] = deinterlace or None
    of_pictures = {"method": method, "side_by_side": side_by_side, "ab_npz": ab_npz}
    planning.check_films(tasks, own, of_pictures)
    skipped = len(tasks) - len(left)
    if skipped and output:
        log(f"{skipped} of {len(tasks)} are in {output} already")
    elif skipped:
        log(f"{tasks[0].target} is there already")
    if not left:
        log("nothing to do; --overwrite makes them again")
        return Colorized([], 0, unreadable, skipped)
    probed = _film_batch().probed(films, inputs, codec, crf) if films else []
    predictor, left = _colorizer(
        left, model, method, hints, references, affinity, chroma
    )
    settings = {"saturation": saturation, "working_size": working_size}
    if not method:
        settings["temperature"] = temperature
    predictor.check(**settings)
    if model:
        log(f"weights: {_weights(model, predictor.info)}")
    if output:
        _make(output)
    options = batch.Options(settings, max_pixels, side_by_side, ab_npz)
    pictures = [task for task in left if task not in films]
    failed = batch.run(predictor, pictures, options) if pictures else 0
    if films:
        failed += _film_batch().run(predictor, probed, settings, own, overwrite)
    if output:
        kinds = {"pictures": len(left) > len(films), "films": films}
        kinds = " and ".join(kind for kind, there in kinds.items() if there)
        log(f"{len(left) - failed} {kinds} coloured, in {output}")
    elif not failed:
        log(f"written to {left[0].target}")
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


def _colorizer(tasks, model, method, hints, references, affinity, chroma):
    """What colors, and the tasks with what it needs of each."""
    if model:
        return load(model), tasks
    from tfcolor.classical import adapters

    if method == "levin":
        settings = {"affinity": affinity, "chroma": chroma}
        settings = {name: value for name, value in settings.items() if value}
        return adapters.Levin(**settings), adapters.with_hints(tasks, hints)
    if method == "charpiat":
        return adapters.Charpiat(), adapters.with_references(tasks, references)
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
