"""From runs' folders to an evaluation's files."""

import dataclasses
import json
import logging
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcolor import atomic
from tfcolor.classical import adapters as classical
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.data.datasets import open_data
from tfcolor.errors import UsageError
from tfcolor.evaluation import gallery
from tfcolor.evaluation import hints as hints_of
from tfcolor.evaluation import judged
from tfcolor.evaluation import recognition
from tfcolor.evaluation import report
from tfcolor.evaluation import statistics
from tfcolor.images import grid
from tfcolor.metrics import METRICS
from tfcolor.metrics import pretrained
from tfcolor.registry import DRAWING
from tfcolor.types import Path
from tfcolor.version import __version__

log = logging.getLogger("tfcolor")


def judge_runs(
    workdirs: Sequence[Path],
    spec: str | None = None,
    output: Path | None = None,
    data_dir: str | None = None,
    **settings: Any,
) -> pathlib.Path:
    """Judge runs side by side and write what `bin/evaluate` promises.

    Args:
      workdirs: paths of runs' folders.
      spec: SPEC of the images; None: what the first run validates on.
      output: folder for the files; None: evaluation/ in the first run's.
      settings: limit, resamples, shown, fid_weights, vgg_weights, labels, log
        (a function of a line), of the classical methods that are judged beside
        the runs methods and references, models, names of weights that ship
        or runs' folders, which are judged too, and hints, as of `hints.counts_of`.

    Returns:
      pathlib.Path of the folder.

    Raises:
      UsageError: before anything is written.
    """
    models = [*map(pathlib.Path, workdirs), *settings.get("models", ())]
    runs = {name: judged.of_model(model) for name, model in _named(models).items()}
    folders = {name: run for name, run in runs.items() if run["folder"]}
    methods = {
        **{name: run["predict"] for name, run in runs.items()},
        **_classical(settings, runs),
    }
    data = _common_data(runs)
    counts = hints_of.counts_of(settings.get("hints"), data.image_size)
    steered = {name: run["steer"] for name, run in runs.items() if run["steer"]}
    if counts and not steered:
        raise UsageError(
            f"--hints={settings['hints']}: {', '.join(runs)}: trained without hints; "
            "take a model of --config.data.hints=true"
        )
    source, spec = _source(spec, data_dir, folders)
    scans = sources.scans_of(source) if any(map(_draws, runs.values())) else None
    judges = _perceptual(settings, source)
    output = _output(output, folders)
    atomic.make_folder(output, "output")
    skipped: dict[str, str] = {}
    batches = pipeline.validation(
        source, data, settings["limit"], skipped.__setitem__, numbered=True, scans=scans
    )
    with atomic.together(output) as made:
        table, errors = statistics.judge(
            methods,
            batches,
            min(settings["limit"], len(source)),
            source.name,
            made,
            settings["resamples"],
            judges,
        )
        differences = statistics.differences(table)
        facts = {
            "command": " ".join(sys.argv),
            "images": f"{len(errors)} of {spec} ({sources.fingerprint(source)}), "
            f"{data.image_size}x{data.image_size}",
            "runs": "; ".join(
                f"{n}: {r['origin']}, step {r['step']}" for n, r in runs.items()
            ),
            "versions": f"tfcolor {__version__}, TensorFlow {tf.__version__}",
        }
        if scans is not None:
            facts["inputs"] = (
                "the true scans of the drawings; of what does not colour scans, the "
                "lightness"
            )
        facts.update(_training_data(folders))
        if skipped:
            grey = sum(reason == readers.GREY for reason in skipped.values())
            unreadable = len(skipped) - grey
            facts["left out"] = f"{grey} grey images, {unreadable} unreadable"
        curves = None
        if counts:
            number = min(settings["limit"], len(source))
            curves = hints_of.judge(
                steered, table, batches, number, counts, settings["resamples"]
            )
        _write_metrics(made, table, differences, facts, skipped, curves)
        chosen = gallery.chosen(errors, settings["shown"])
        shown = gallery.of_methods(methods, source, data, chosen, scans)
        grid.write_png(made / "grid.png", shown)
        pictures = [
            ("Best, median and worst images: grey, each run, truth", shown),
            *gallery.evolutions({name: run["folder"] for name, run in folders.items()}),
        ]
        training = {name: _curves(run["folder"]) for name, run in folders.items()}
        extra = hints_of.section(curves) if curves else ()
        page = report.page(table, differences, facts, pictures, training, extra)
        atomic.write(made / "report.html", page)
    for line in [*_lines(table), *(hints_of.lines(curves) if curves else ())]:
        settings["log"](line)
    return output


def _named(workdirs):
    """{name: path}: a folder's own name, or its whole path where two have it."""
    names = [pathlib.Path(path).resolve().name for path in workdirs]
    if len(set(names)) < len(names):
        names = [str(path) for path in workdirs]
    for name in (statistics.TRUTH, statistics.GREY, hints_of.LEVIN):
        names = [f"run {n}" if n == name else n for n in names]
    named = dict(zip(names, workdirs, strict=True))
    if len(named) < len(workdirs):
        raise UsageError("--workdir: a run is given twice")
    return named


def _output(output, folders):
    """The folder for the files: what is given, or in that of the first run."""
    if output is None and not folders:
        raise UsageError("--output is missing: weights that ship have no folder")
    runs = (run["folder"].evaluation for run in folders.values())
    return pathlib.Path(output or next(runs)).expanduser()


def _draws(run):
    """Whether a run colors scans of drawings."""
    return run["config"].generator.head in DRAWING


def _training_data(runs):
    """What to say, {} or a fact, where runs learned from different images."""
    fingerprints = {name: run["data"] for name, run in runs.items()}
    if len(set(fingerprints.values())) < 2:
        return {}
    said = ", ".join(f"{name}: {data}" for name, data in fingerprints.items())
    log.warning("the runs were trained on different images (%s)", said)
    return {"trained on different images": said}


def _classical(settings, runs):
    """{name: function} of the classical methods that are judged too."""
    specs, references = settings.get("methods", ()), settings.get("references", ())
    if references and "charpiat" not in specs:
        raise UsageError("--reference: only --method=charpiat uses it")
    for spec in specs:
        if spec in runs or specs.count(spec) > 1:
            raise UsageError(f"--method={spec}: the name is given twice")
    return {spec: classical.method_of(spec, references) for spec in specs}


def _common_data(runs):
    sizes = {name: run["config"].data.image_size for name, run in runs.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise UsageError(f"--workdir: the runs' image sizes differ ({said})")
    sections = [run["config"].data for run in runs.values()]
    scanners = [data.scanner for data in sections if data.scanner]
    return dataclasses.replace(sections[0], scanner="".join(scanners[:1]))


def _source(spec, data_dir, folders):
    """(source, what it is); without a SPEC what the first run validates on."""
    if spec is not None:
        return sources.open_source(spec, data_dir), spec
    if not folders:
        raise UsageError("--data is missing: weights that ship bring no images")
    run = next(iter(folders.values()))
    training, held_out = open_data(run["config"])
    of = f"of {run['folder'].path.name}"
    if held_out is None or len(held_out) == len(training):
        return training, f"the training images {of}, which holds none out"
    return held_out, f"the validation images {of}"


def _perceptual(settings, source):
    """The judge whose weights the extra `encoder` installs, and those whose
    weights were named; one that cannot be had is named on the log, and the rest
    goes on."""
    labels: Any = None
    judges: list[Any] = []
    if settings["vgg_weights"]:
        if not settings["labels"]:
            raise UsageError("--vgg_weights: needs --labels")
        labels = pretrained.read_labels(settings["labels"], source)
    try:
        judges.append(recognition.Judge(settings["resamples"]))
    except ValueError as error:
        log.warning("left out: %s: %s", ", ".join(recognition.METRICS), error)
    for cls, weights, arguments in (
        (pretrained.Fid, settings["fid_weights"], ()),
        (pretrained.Recognition, settings["vgg_weights"], (labels,)),
    ):
        if weights:
            try:
                judges.append(cls(weights, *arguments))
            except UsageError as error:
                log.warning("left out: %s", error)
    return judges


def _write_metrics(output, table, differences, facts, skipped, curves):
    content = {
        **facts,
        "metrics": {
            method: {
                metric: dict(
                    zip(
                        ("value", "low", "high"),
                        statistics.interval(values[metric]),
                        strict=True,
                    )
                )
                for metric in statistics.measured(table)
            }
            for method, values in table.items()
        },
        "differences": [
            {
                "first": first,
                "second": second,
                "metric": metric,
                "value": value,
                "low": low,
                "high": high,
            }
            for first, second, metric, value, low, high in differences
        ],
        "skipped": skipped,
        **({"hints": hints_of.content(curves)} if curves else {}),
    }
    text = json.dumps(content, indent=2) + "\n"
    atomic.write(output / "metrics.json", text)


def _curves(folder):
    """{name: (steps, values)} of report.CURVES in a run's metrics.jsonl."""
    curves: dict[str, Any] = {}
    for values in folder.lines():
        for name in report.CURVES:
            if name in values:
                steps, curve = curves.setdefault(name, ([], []))
                steps.append(values["step"])
                curve.append(values[name])
    return curves


def _lines(table):
    """The table as text."""
    shown = [name for name in statistics.measured(table) if METRICS[name].printed]
    width = max(map(len, table)) + 2
    yield " " * width + "".join(f"{name:>14s}" for name in shown)
    for method, values in table.items():
        row = "".join(f"{values[name][0]:14.3f}" for name in shown)
        yield f"{method:{width}s}{row}"
