"""The pipeline: match files, name results, color, list what failed.

Names are grouped by key, so that a picture whose result would have the name of
another's is found before either is colored, on whatever machines they are matched.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import math
import os
import pathlib
import time
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils import shared
from apache_beam.utils.windowed_value import WindowedValue

from tfcolor import registry
from tfcolor.beam import archive as archive_lib
from tfcolor.beam.archive import TABLE
from tfcolor.beam.archive import UNFINISHED
from tfcolor.beam.archive import Archive
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.errors import visible
from tfcolor.images import decode
from tfcolor.inference import batch
from tfcolor.inference import planning
from tfcolor.inference import restore

# Of the counters; and the output of a step that failures go to.
NAMESPACE = "tfcolor"
COUNTERS = ("colored", "skipped", "failed", "left_out")
FAILED = "failed"

CHECK_EVERY = 1.0  # seconds: whether this is still the run that writes to the output


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is done with each picture.

    Attributes:
      model: as of `restore.load`, at a path that every worker sees.
      options: keyword arguments of `batch.Options`.
      same_format, overwrite: as of `api.colorize`.
    """

    model: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    same_format: bool = False
    overwrite: bool = False


@dataclasses.dataclass(frozen=True)
class _Item(planning.Task):
    """A Task whose paths are places; its file has an address."""

    address: str = ""


def check_flags(flags: list[str]) -> None:
    """Raise UsageError if Beam, which drops what it does not know, has no such flag."""
    if flags and not flags[0].startswith("-"):
        raise UsageError(f"unexpected argument {flags[0]!r}")
    log = logging.getLogger("apache_beam.options.pipeline_options")
    log.disabled = True
    given = PipelineOptions(flags)
    known = given.get_all_options()
    unknown = given.get_all_options(retain_unknown_options=True).keys() - known.keys()
    log.disabled = False
    if unknown:
        names = ", ".join(f"--{name}" for name in sorted(unknown))
        raise UsageError(f"{names}: neither tfcolor.beam nor Beam has such a flag")


def build(pipeline: beam.Pipeline, archive: Archive, settings: Settings) -> None:
    """Add all steps to a pipeline."""
    # Places and addresses as bytes: names of files need not be text.
    found = (
        pipeline
        | "Pattern" >> beam.Create([None])
        | "Match" >> _split(_Match(archive, settings.same_format))
    )
    named = (
        found.main
        | "Same name" >> beam.GroupByKey()
        | "Name" >> beam.ParDo(_Name(archive)).with_output_types(tuple[bytes, bytes])
        | "Same result" >> beam.GroupByKey()
        | "Choose" >> _split(_Choose())
    )
    colored = named.main | "Color" >> _split(_Color(archive, settings))
    failures = [step[FAILED] for step in (found, named, colored)]
    failures = failures | "Failures" >> beam.Flatten()
    (
        pipeline
        | "Table" >> beam.Create([None])
        | "Write table" >> beam.ParDo(_Write(archive), beam.pvalue.AsIter(failures))
    )


def run(archive: Archive, settings: Settings, flags: list[str]) -> dict[str, int]:
    """Color an archive.

    Args:
      flags: of Beam: --runner and so on.

    Returns:
      How many pictures were colored, skipped, failed and left out, by those names;
      nothing if the runner has no counters.

    Raises:
      UsageError: the output cannot be written to. RunError: it was cancelled. What a
        runner raises where a step fails, on a full disk for example.
    """
    pipeline = beam.Pipeline(options=PipelineOptions(flags))
    build(pipeline, archive, settings)
    archive_lib.make_output(archive.output)
    archive.begin()
    result = pipeline.run()
    result.wait_until_finish()
    if result.state != PipelineState.DONE:
        raise RunError(f"the run ended as {result.state}")
    archive.clear()
    done: dict[str, int] = collections.Counter()  # of all steps
    for count in result.metrics().query()["counters"]:
        if count.key.metric.namespace == NAMESPACE:
            done[count.key.metric.name] += count.committed or count.attempted or 0
    return done


_WINDOW = GlobalWindow()


class _Step(beam.DoFn):
    """A DoFn that counts, and names what fails."""

    def count(self, name):
        beam.metrics.Metrics.counter(NAMESPACE, name).inc()

    def failure(self, address, why):
        self.count("failed")
        return os.fsencode(address), visible(why).encode(errors="backslashreplace")


class _Match(_Step):
    """The inputs: (place of the result, address)."""

    def __init__(self, archive, same_format):
        self.archive = archive
        self.same_format = same_format

    def process(self, _):
        for address in self.archive.inputs():
            place = self.archive.place(address)
            if place is None:
                yield self._failed(
                    address, f"its name leads out of the folder, or to {UNFINISHED}"
                )
            elif not planning.is_input(place.name):
                self.count("left_out")
            elif planning.is_film(place):
                yield self._failed(address, "a film; bin/colorize colours films")
            else:
                name = planning.name_of(pathlib.Path(place), self.same_format)
                yield os.fsencode(name), os.fsencode(address)
        for address, why in self.archive.unlisted():
            yield self._failed(address, why)

    def _failed(self, address, why):
        return beam.pvalue.TaggedOutput(FAILED, self.failure(address, why))


class _Name(beam.DoFn):
    """As `planning.plan`: both NAME.jpg and NAME.tif keep their extensions."""

    def __init__(self, archive):
        self.archive = archive

    def process(self, group):
        name, addresses = group
        addresses = sorted(addresses)
        for address in addresses:
            place = self.archive.place(os.fsdecode(address))
            full = planning.full_name_of(pathlib.Path(place))
            yield name if len(addresses) == 1 else os.fsencode(full), address


class _Choose(_Step):
    """Of inputs with one place neither is colored."""

    def process(self, group):
        name, addresses = group
        addresses = sorted(addresses)
        if len(addresses) == 1:
            yield name, addresses[0]
            return
        for address in addresses:
            other = addresses[1 if address == addresses[0] else 0]
            said = f"{os.fsdecode(other)} would be {os.fsdecode(name)} too"
            failure = self.failure(os.fsdecode(address), said)
            yield beam.pvalue.TaggedOutput(FAILED, failure)


class _Color(_Step):
    """Colors pictures, in batches within a bundle; gives those that failed.

    All threads of a process share one model.
    """

    def __init__(self, archive, settings):
        self.archive = archive
        self.settings = settings
        self.handle = shared.Shared()

    def setup(self):
        registry.add_installed()
        model = self.settings.model
        self.predictor = self.handle.acquire(lambda: restore.load(model))
        own = {"replacing": self.archive.replacing}
        self.options = batch.Options(**self.settings.options, **own)

    def start_bundle(self):
        self.failures = []
        self.checked = -math.inf
        self.job = batch.Job(self.predictor, self.options, self._told)

    def process(self, named):
        if time.monotonic() > self.checked + CHECK_EVERY:
            self.archive.check_current()
            self.checked = time.monotonic()
        place, address = map(os.fsdecode, named)
        place = pathlib.Path(place)
        item = _Item(place, place, place, address=address)
        try:
            data = self._data(place, address)
        except Exception as error:  # of any file system
            self._told(item, decode.reason(error))
        else:
            if data is None:
                self.count("skipped")
            else:
                self.job.add(item, data)
        yield from self._drained()

    def finish_bundle(self):
        with self.job:
            self.job.finish()
        for failure in self._drained():
            value = WindowedValue(failure.value, _WINDOW.max_timestamp(), [_WINDOW])
            yield beam.pvalue.TaggedOutput(FAILED, value)

    def _data(self, place, address):
        """The bytes of a file; None if its result is there."""
        if self.archive.leads_out(place):
            raise decode.Unreadable("a link leads out of the output")
        places = [place, *([planning.npz_of(place)] if self.options.ab_npz else [])]
        if not self.settings.overwrite and all(map(self.archive.exists, places)):
            return None
        return archive_lib.read(address)

    def _told(self, item, why):
        if why is None:
            self.count("colored")
        else:
            self.failures.append(self.failure(item.address, why))

    def _drained(self):
        drained, self.failures = self.failures, []
        return [beam.pvalue.TaggedOutput(FAILED, failure) for failure in drained]


class _Write(beam.DoFn):
    """The table of failures, sorted: address and reason."""

    def __init__(self, archive):
        self.archive = archive

    def process(self, _, failures):
        with self.archive.replacing(TABLE) as file:
            file.write(b"path\treason\n")
            for address, why in sorted(failures):
                address = visible(os.fsdecode(address))
                file.write(os.fsencode(address) + b"\t" + why + b"\n")


def _split(step):
    typed = beam.ParDo(step).with_output_types(tuple[bytes, bytes])
    return typed.with_outputs(FAILED, main="main")
