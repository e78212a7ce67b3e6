"""What reads files that people give, and an account of what became of each file."""

import csv
import dataclasses
import io
import json
import re
import shutil
from unittest import mock

import numpy as np
from PIL import Image


@dataclasses.dataclass
class Account:
    """What became of files, by their names below the folder as the log writes them.

    Attributes:
      read: names of those that were used.
      refused: {name: [reason, ...]} of those that were named.
    """

    read: set = dataclasses.field(default_factory=set)
    refused: dict = dataclasses.field(default_factory=dict)

    def refuse(self, name, reason):
        self.refused.setdefault(name, []).append(reason)

    def faults(self, items):
        """What is wrong with it, lines. Training leaves out good pictures that are
        grey, and says so."""
        names = {shown(item.path): item for item in items}
        for name, item in names.items():
            reasons = self.refused.get(name, [])
            if len(reasons) + (name in self.read) != 1:
                times = f"used {name in self.read}, named {len(reasons)} times"
                yield f"{item.kind}: {name}: {times}"
            grey = all(reason.startswith("grey: ") for reason in reasons)
            if item.good and name not in self.read and not (reasons and grey):
                yield f"a good neighbour: {name}: {reasons}"
            if not all(reasons):
                yield f"{item.kind}: {name}: no reason"
        for name in (self.read | self.refused.keys()) - names.keys():
            yield f"nobody made {name}"


def shown(name):
    """A name as the log writes it: on one line."""
    from tfcolor.errors import visible

    return visible(str(name))


def colorize_arguments(model, folder, work):
    return [f"--model={model}", f"--output={work / 'coloured'}", folder]


def of_colorize(items, folder, work, stderr):
    """The Account of bin/colorize."""
    account, output = Account(), work / "coloured"
    written = {path.relative_to(output) for path in output.rglob("*.*")}
    for item in items:
        for target in (
            item.path.with_suffix(".png"),
            item.path.with_name(item.path.name + ".png"),
        ):
            if target in written:
                written.remove(target)
                with Image.open(output / target) as image:
                    image.load()
                account.read.add(shown(item.path))
    account.read |= {f"output {path}" for path in written if (output / path).is_file()}
    prefix, said = re.escape(shown(folder)), stderr.replace("\r", "\n")
    for name, reason in re.findall(rf"^error: {prefix}/(.*?): (.*)$", said, re.M):
        account.refuse(name, reason)
    return account


def evaluate_arguments(model, folder, work):
    return [
        f"--workdir={model}",
        f"--data=folder:{folder}",
        f"--output={work / 'judged'}",
        "--resamples=5",
        "--limit=1000000",
    ]


def of_evaluate(work):
    """The Account of bin/evaluate."""
    account = Account()
    content = json.loads((work / "judged" / "metrics.json").read_text())
    for name, reason in content["skipped"].items():
        account.refuse(shown(name), reason)
    text = (
        (work / "judged" / "images.csv").read_bytes().decode(errors="surrogateescape")
    )
    rows = csv.DictReader(io.StringIO(text, newline=""))
    account.read = {shown(row["image"]) for row in rows}
    return account


def reader(items, folder, work, model):
    """The reader of training; yields (Item, None or why it was refused)."""
    from tfcolor import config as config_lib
    from tfcolor.data import crops
    from tfcolor.data import readers
    from tfcolor.data import sources
    from tfcolor.runs import folder as run_folder

    source = sources.open_source(f"folder:{folder}")
    numbers = {name: i for i, name in enumerate(source.names)}
    run = run_folder.Workdir(work)
    report = run.reporter()
    data = config_lib.Data(image_size=32)
    read = readers.Reader(source, data, 0, report)
    middle = np.full(crops.NUMBERS, 0.5)
    share = mock.patch.object(readers, "UNREADABLE", 1.0)
    for item in items:
        yield item, "begins"
        with share:
            window = read.try_read(numbers.pop(str(item.path)), middle)
        yield item, None if window is not None else "refused"
    again = run_folder.Workdir(work).reporter()  # of a run that goes on
    for number in sorted(read.rejected):
        again(source.name(number), "a second time")


def skipped_of(work):
    """{name: [reason, ...]} in a skipped.tsv."""
    account = Account()
    for line in (work / "skipped.tsv").read_bytes().split(b"\n")[:-1]:
        name, reason = line.decode("utf-8", "surrogateescape").split("\t")
        account.refuse(shown(name), reason)
    return account.refused


def page(items, folder, work, model):
    """The functions of the page; yields as `reader`."""
    from tfcolor.demo import limits
    from tfcolor.demo import visits
    from tfcolor.demo.coloring import Settings
    from tfcolor.inference import restore

    predictor = restore.load(model)
    for item in items:
        yield item, "begins"
        path = folder / item.path
        (work / "visit").mkdir()
        visit = visits.Visit(work / "visit", limits.Limits())
        lines = visit.take([path])
        if visit.photos:
            visit.shown(predictor, Settings(1.0, 32))
            archive = visit.zip(predictor, Settings(1.0, 32))
            assert archive.stat().st_size > 0
        else:
            (line,) = lines
            assert line.startswith(shown(path.name) + ": "), line
        said = None if visit.photos else lines[0].removeprefix(shown(path.name) + ": ")
        visit.close()
        assert not (work / "visit").exists()
        yield item, said


def saved_model(items, folder, work, model):
    """An export's signature of bytes; yields as `reader`. A client sends what it
    can read: the bytes of regular files."""
    import tensorflow as tf

    answer = tf.saved_model.load(str(model)).signatures["serving_default"]
    for item in items:
        yield item, "begins"
        path = folder / item.path
        if not path.is_file() or path.stat().st_size > 2**28:
            yield item, "a client does not send it"
            continue
        try:
            (png,) = answer(tf.constant([path.read_bytes()]))["colorized_bytes"].numpy()
            with Image.open(io.BytesIO(png)) as image:
                assert image.format == "PNG"
            yield item, None
        except tf.errors.OpError as error:
            yield item, error.message.splitlines()[0]


def expected(name, items):
    """The Items as a consumer has to take them: TensorFlow decodes no TIFF, and not
    every BMP."""
    if name != "saved_model":
        return items
    unread = (".tif", ".bmp")
    return [
        dataclasses.replace(item, good=False) if item.path.suffix in unread else item
        for item in items
    ]


EACH = {"reader": reader, "page": page, "saved_model": saved_model}


def account_of(name, items, folder, work, model):
    """The Account of a consumer of EACH, in this process."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    account = Account()
    for item, said in EACH[name](items, folder, work, model):
        if said is None:
            account.read.add(shown(item.path))
        elif said != "begins" and name != "reader":
            account.refuse(shown(item.path), said)
    if name == "reader":
        account.refused = skipped_of(work)
    return account
