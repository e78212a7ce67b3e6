"""What a run is fed with: the images of a Config, by the kind of its trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfcolor.config import Config
from tfcolor.config import Data
from tfcolor.data import cache
from tfcolor.data import mixtures
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.data.readers import Report
from tfcolor.errors import UsageError
from tfcolor.types import Batch
from tfcolor.types import Dataset

# Pictures of a sample grid.
SAMPLES = 8


def dataset_of(config: Config) -> PhotoDataset:
    """A Colored, or of a cyclegan an Unpaired, of a resolved Config.

    Raises:
      UsageError: what is wrong with a SPEC.
    """
    return PhotoDataset(config) if config.scanner is None else UnpairedDataset(config)


class PhotoDataset:
    """Images whose colors are learned.

    Args:
      config: a Config.

    Attributes:
      source, held_out: the images to train on, and to validate on or None.
    """

    validated = "data.validation"  # field of the images that are

    def __init__(self, config: Config) -> None:
        self.seed = config.seed
        self.source, self.held_out = open_data(config)
        self.shown = self.held_out or self.source

    def fingerprint(self) -> str:
        """A name of the images, the same while none is added or removed: see
        `sources.fingerprint`."""
        return sources.fingerprint(self.source)

    def __len__(self) -> int:
        return len(self.source)

    def remarks(self) -> Iterator[str]:
        """Lines that a run begins with."""
        if self.held_out is None:
            yield (
                "data.validation: none: nothing is held out; train/... in place of "
                "val/... is of training images"
            )
        elif self.held_out is self.source:
            yield (
                f"data.validation: the {len(self)} images are too few to hold any "
                "out; val/... is of the training images"
            )

    def probe(self, data: Data) -> None:
        """Raise UsageError if the images cannot be trained on."""
        for part, field in mixtures.parts_of(self.source, "--data"):
            readers.probe(readers.Reader(part, data, self.seed, _ignore), field)

    def training(
        self, data: Data, report: Report | None = None, **position: Any
    ) -> Dataset:
        """Batches for `train_step`; `position` as in `pipeline.training_crops`."""
        reader = self._reader(self.source, data, report)
        return pipeline.training(reader, data, self.seed, **position)

    def _reader(self, source, data, report, colored=True):
        images = cache.of(source, readers.needed_side(data), data.cache)
        settings = {"colored": colored, "images": images}
        return readers.Reader(source, data, self.seed, report or _ignore, **settings)

    def validation(
        self, data: Data, limit: int, report: Report | None = None
    ) -> Dataset:
        """Batches for `test_step`, of at most `limit` images."""
        return pipeline.validation(self.shown, data, limit, report or _ignore)

    def sample(self, data: Data) -> Batch:
        """One batch for `picture`.

        Raises:
          UsageError: none of the images can be read and has color.
        """
        for limit in (SAMPLES, len(self.shown)):  # if the few will not do, of all
            images = self.validation(data, limit).unbatch()
            for batch in images.batch(SAMPLES).take(1):
                return batch
        raise UsageError(
            f"{self.validated}: none of its images can be read and has colour, the "
            f"first {self.shown.name(0)}"
        )


class UnpairedDataset(PhotoDataset):
    """Colored drawings, and scans of others.

    Args:
      config: a Config with `data.scans`.

    Attributes:
      scans, held_out_scans: sources, as in PhotoDataset.
    """

    validated = "data.validation or data.scans"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.scans = sources.open_source(
            config.data.scans, config.data.data_dir or None
        )
        self.scans, self.held_out_scans = sources.hold_out(self.scans)

    def fingerprint(self) -> str:
        return f"{super().fingerprint()} {sources.fingerprint(self.scans)}"

    def probe(self, data: Data) -> None:
        for source, field, colored in (
            (self.source, "--data", True),
            (self.scans, "data.scans", False),
        ):
            for part, name in mixtures.parts_of(source, field):
                reader = readers.Reader(part, data, self.seed, _ignore, colored)
                readers.probe(reader, name, check_kind=True)

    def training(
        self, data: Data, report: Report | None = None, **position: Any
    ) -> Dataset:
        colors, scans = (
            self._reader(source, data, report, colored)
            for source, colored in ((self.source, True), (self.scans, False))
        )
        return pipeline.unpaired(colors, scans, data, self.seed, **position)

    def validation(
        self, data: Data, limit: int, report: Report | None = None
    ) -> Dataset:
        scans = self.held_out_scans
        return pipeline.unpaired_validation(
            self.shown, scans, data, limit, report or _ignore
        )


def open_data(config: Config) -> tuple[sources.Source, sources.Source | None]:
    """(training source, validation source or None) of a Config."""
    data = config.data
    source = sources.open_source(data.source, data.data_dir or None)
    if data.validation == "none":
        return source, None
    if data.validation:
        return source, sources.open_source(data.validation, data.data_dir or None)
    return sources.hold_out(source)


def _ignore(name, reason):
    pass
