"""The pictures of an evaluation."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfcolor.config import Data
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.evaluation.statistics import Method
from tfcolor.images import grid
from tfcolor.runs.folder import Workdir

# Moments of a run whose samples are shown.
MOMENTS = 6


def chosen(errors: Mapping[int, float], count: int) -> list[int]:
    """Numbers of the images of least, middle and most error, `count` in all."""
    order = sorted(errors, key=lambda number: (errors[number], number))
    places = [*_part(0, count), *_part(len(order) // 2 - count // 6, count)]
    places += [len(order) - 1 - place for place in reversed(_part(0, count))]
    unique = dict.fromkeys(order[place] for place in places if 0 <= place < len(order))
    return list(unique)


def _part(first, count):
    return range(first, first + max(1, count // 3))


def of_methods(
    methods: Mapping[str, Method],
    source: sources.Source,
    data: Data,
    numbers: Sequence[int],
    scans: sources.Source | None = None,
) -> np.ndarray:
    """uint8 [h, w, 3]: rows of the inputs, what each method makes of them, the
    truth.

    Args:
      methods: as of `statistics.judge`.
      source, data: the images and the `data` section of a config.
      numbers: of the images to show.
      scans: source of their true scans, or None.
    """
    shown = sources.Part(source, numbers)
    known = scans and sources.Part(scans, numbers)
    batches = pipeline.validation(shown, data, len(shown), lambda *_: None, scans=known)
    batch = next(iter(batches.unbatch().batch(len(shown))))
    l, truth = batch["l"], batch["ab"]
    rows = [predict(batch) for predict in methods.values()]
    return grid.of_rows([(batch.get("scan", l), 0.0 * truth), *rows, (l, truth)])


def evolutions(runs: Mapping[str, Workdir]) -> Iterator[tuple[str, np.ndarray]]:
    """The same images over the training of each run, from its samples/: yields
    (caption, uint8 [h, w, 3]).

    Args:
      runs: {name: Workdir}.
    """
    for name, run in runs.items():
        samples = list(run.sample_steps().items())
        if len(samples) < 2:
            continue
        places = np.linspace(0, len(samples) - 1, min(MOMENTS, len(samples)))
        steps, paths = zip(*(samples[round(place)] for place in places), strict=True)
        rows = [_prediction_row(path) for path in paths]
        # Those of earlier stages may be smaller.
        size = max(row.size for row in rows)
        rows = [np.asarray(row.resize(size, Image.Resampling.NEAREST)) for row in rows]
        said = ", ".join(map(str, steps))
        yield f"{name} over its training: steps {said}", np.concatenate(rows)


def _prediction_row(path):
    """The second of the three rows of a sample grid, a Pillow image."""
    picture = Image.open(path).convert("RGB")
    third = picture.height / 3
    return picture.crop((0, round(third), picture.width, round(2 * third)))
