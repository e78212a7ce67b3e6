"""What the commands do, as functions. Importing this needs no TensorFlow: each function
imports what it needs."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from tfcolor.api.coloring import MAX_PIXELS
from tfcolor.api.coloring import METHODS
from tfcolor.api.coloring import Colorized
from tfcolor.api.coloring import colorize
from tfcolor.config import Config
from tfcolor.types import Path

if TYPE_CHECKING:
    from tfcolor.inference.predictor import Predictor

__all__ = [
    "MAX_PIXELS",
    "MAX_REQUEST",
    "METHODS",
    "Colorized",
    "colorize",
    "evaluate",
    "export",
    "load",
    "train",
]

MAX_REQUEST = 50_000_000  # pixels of a request to an export


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
    hints: str | Sequence[int] | None = None,
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
      hints: numbers of pixels whose true color is shown to models with hints and to
        Levin's method, such as [0, 1, 5]; None: no such curve.
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
        hints=hints,
        log=log,
    )


def export(
    model: Path,
    output: Path,
    version: int | None = None,
    format: str = "tf_saved_model",
    max_pixels: int = MAX_REQUEST,
    precision: str = "float32",
) -> pathlib.Path:
    """Write OUTPUT/<version>/, a SavedModel for TensorFlow Serving, or of another
    format of registry.FORMATS OUTPUT/<format>-<version>/ with the network alone.

    Args:
      model: a run's folder, or the name of weights that ship; a pathlib.Path is a
        folder.
      output: folder of the model's versions; its name is the model's.
      version: None: the step of the training.
      max_pixels: of a request; a SavedModel refuses more. Of pictures as encoded bytes
        each may have so many, of arrays all together.
      precision: of a SavedModel: float32; bfloat16, half as large and on some
        processors faster; int8, whose weights take a quarter.

    Returns:
      The path of the version.

    Raises:
      ValueError: no such model, or the version is there. RuntimeError: the disk is
        full, or the colors differ from those of float32 by more than 0.5, mean ab.
    """
    from tfcolor.inference import export

    return export.export(model, output, version, format, max_pixels, precision)
