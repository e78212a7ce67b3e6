"""The classical methods as bin/colorize and bin/evaluate take them: beside the
networks, with what they need besides a picture."""

import dataclasses
import os
import pathlib
import zlib

import numpy as np

from tfcolor.classical import charpiat
from tfcolor.classical import levin
from tfcolor.classical import strokes
from tfcolor.color.cie import AB_MAX
from tfcolor.color.cie import L_HALF
from tfcolor.errors import UsageError
from tfcolor.images import hints as hints_of
from tfcolor.images import pictures
from tfcolor.images.decode import EXTENSIONS
from tfcolor.images.decode import Unreadable

NAMES = ("levin", "charpiat")


class Levin:
    """Colours by strokes; as an `predictor.Predictor`, but each picture comes with
    the path of its hints.

    Args:
      affinity: of levin.AFFINITIES.
      chroma: of levin.CHROMAS.
    """

    def __init__(self, affinity="gaussian", chroma="lab"):
        self.settings = {"affinity": affinity, "chroma": chroma}

    def working_shape(self, height, width, working_size=None):
        return levin.working_shape(height, width, working_size)

    def check(self, working_size=None, saturation=1.0):
        _check(working_size, saturation)

    def predict_ab(self, images, guides, working_size=None, saturation=1.0):
        """[N, 2, h, w] float32 of N pictures of one size and their hints."""
        self.check(working_size, saturation)
        found = []
        for image, path in zip(images, guides, strict=True):
            hints = _read(path, "hints")
            arguments = image, hints.pixels, hints.alpha
            found.append(
                levin.planes(*arguments, working_size=working_size, **self.settings)
            )
        return np.stack(found) * np.float32(saturation)


class Charpiat:
    """Colours by references; as an `predictor.Predictor`, but each picture comes
    with the paths of its references, of which it learns at every change."""

    def __init__(self):
        self.learned = None, None

    def working_shape(self, height, width, working_size=None):
        return charpiat.working_shape(
            height, width, working_size or charpiat.WORKING_SIZE
        )

    def check(self, working_size=None, saturation=1.0):
        _check(working_size, saturation)

    def predict_ab(self, images, guides, working_size=None, saturation=1.0):
        """[N, 2, h, w] float32 of N pictures of one size and their references."""
        self.check(working_size, saturation)
        size = working_size or charpiat.WORKING_SIZE
        found = [
            charpiat.planes(image, self._model(paths, size), size)
            for image, paths in zip(images, guides, strict=True)
        ]
        return np.stack(found) * np.float32(saturation)

    def _model(self, paths, size):
        if self.learned[0] != (paths, size):
            small = [
                charpiat.reduced(_read(path, "reference").pixels, size)
                for path in paths
            ]
            self.learned = (paths, size), charpiat.learn(small)
        return self.learned[1]


def with_hints(tasks, hints):
    """Tasks that know their hints, which have been looked at.

    Args:
      tasks: of `batch.plan`.
      hints: a file, of the only picture; or a folder, in which each picture's
        have its name, whatever the extension.

    Raises:
      UsageError: some are not there, or of no use.
    """
    place = pathlib.Path(hints).expanduser()
    if not place.is_dir():
        _exists(place, "hints")
        if len(tasks) > 1:
            raise UsageError(
                f"--hints={hints}: one file, but {len(tasks)} pictures; give a folder "
                "with hints of the same names"
            )
        found = [place]
    else:
        named = _by_name(place, "hints")
        found = [_named(named, task.place) for task in tasks]
    for task, path in zip(tasks, found, strict=True):
        if path is None:
            raise UsageError(f"--hints={hints}: none of the name of {task.source}")
        _check_hints(task.source, path)
    return [dataclasses.replace(t, guide=g) for t, g in zip(tasks, found, strict=True)]


def marked(path, image):
    """The Hints of a picture's strokes, for a network.

    Args:
      path: of the marked picture, as of `with_hints`; None: none.
      image: uint8 [H, W] or [H, W, 3].
    """
    if path is None:
        return None
    hints = _read(path, "hints")
    try:
        known = strokes.known(image, hints.pixels, hints.alpha)
    except UsageError as error:
        raise UsageError(f"--hints={path}: {error}") from error
    return hints_of.of_marked(hints.pixels, known)


def with_references(tasks, references):
    """Tasks that know their references, which have been looked at.

    Args:
      references: files and folders. Of a folder a picture has the one of its own
        name, whatever the extension, and all of them where none has its name.

    Raises:
      UsageError: some are not there, or grey.
    """
    common, folders = [], []
    for reference in references:
        place = pathlib.Path(reference).expanduser()
        if place.is_dir():
            folders.append(_by_name(place, "reference"))
        else:
            _exists(place, "reference")
            common.append(place)
    guides = []
    for task in tasks:
        paths = list(common)
        for named in folders:
            own = _named(named, task.place)
            paths += sorted(set(named.values())) if own is None else [own]
        guides.append(tuple(paths))
    for paths in set(guides):
        _check_references(paths)
    return [dataclasses.replace(t, guide=g) for t, g in zip(tasks, guides, strict=True)]


def judged(spec, references):
    """What bin/evaluate --method=SPEC judges.

    Args:
      spec: "levin:SHARE", which is shown that share of the true pixels, or
        "charpiat".
      references: paths, as of `with_references`; of folders all pictures.

    Returns:
      A function of a batch as `statistics.judge` takes it.

    Raises:
      UsageError: no such method, or references that are of no use.
    """
    name, _, share = spec.partition(":")
    if name == "levin":
        return _judged_levin(spec, share)
    if spec != "charpiat":
        raise UsageError(f"--method={spec}: neither levin:SHARE nor charpiat")
    paths = []
    for reference in references:
        place = pathlib.Path(reference).expanduser()
        if place.is_dir():
            paths += sorted(set(_by_name(place, "reference").values()))
        else:
            _exists(place, "reference")
            paths.append(place)
    if not paths:
        raise UsageError("--reference is missing: --method=charpiat needs pictures")
    _check_references(paths)
    images = [_read(path, "reference").pixels for path in paths]
    models = {}

    def predict(batch):
        l, size = batch["l"], batch["l"].shape[1]
        if size not in models:
            models[size] = charpiat.learn([charpiat.reduced(i, size) for i in images])
        lightness = (np.asarray(l)[..., 0] + 1.0) * L_HALF
        ab = np.stack([models[size].colorize(x)[1] for x in lightness])
        return l, ab / AB_MAX

    return predict


def _judged_levin(spec, share):
    try:
        share = float(share)
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0:
        raise UsageError(f"--method={spec}: levin:SHARE, a share of the pixels in 0..1")

    def predict(batch):
        l, found = np.asarray(batch["l"]), []
        for lightness, true in zip(l, np.asarray(batch["ab"]), strict=True):
            luminance = (lightness[..., 0] + 1.0) / 2.0
            shown = simulated(luminance, share)
            found.append(levin.spread(luminance, true, shown))
        return l, np.stack(found)

    return predict


def simulated(luminance, share):
    """Strokes of one pixel each at random places: bool [H, W], at least one.

    The places follow from the picture, luminance float32 [H, W], alone.
    """
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(luminance).tobytes()))
    known = np.zeros(luminance.size, bool)
    count = max(1, round(share * known.size))
    known[rng.choice(known.size, count, replace=False)] = True
    return known.reshape(luminance.shape)


def _check(working_size, saturation):
    if working_size is not None and working_size < 1:
        raise UsageError(f"working_size: {working_size} must be at least 1")
    if saturation < 0:
        raise UsageError(f"saturation: {saturation} must not be negative")


def _read(path, flag):
    try:
        return pictures.read(path)
    except (Unreadable, OSError) as error:
        raise UsageError(f"--{flag}={path}: {error}") from error


def _exists(path, flag):
    if not path.exists():
        raise UsageError(f"--{flag}={path}: no such file or folder")


def _by_name(folder, flag):
    """{path below a folder, with and without its extension: path}."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(EXTENSIONS) and not name.startswith("."):
                path = pathlib.Path(place) / name
                below = path.relative_to(folder)
                found[below] = path
                found.setdefault(below.with_suffix(""), path)
    if not found:
        raise UsageError(
            f"--{flag}={folder}: no picture in it (looked for {', '.join(EXTENSIONS)})"
        )
    return found


def _named(named, place):
    return named.get(place) or named.get(place.with_suffix(""))


def _check_hints(source, path):
    hints = _read(path, "hints")
    try:
        image = pictures.read(source).pixels
    except (Unreadable, OSError):
        return  # which is said when it is its turn
    try:
        strokes.known(image, hints.pixels, hints.alpha)
    except UsageError as error:
        raise UsageError(f"--hints={path}: {error}") from error


def _check_references(paths):
    """At least one of them has colours."""
    for path in paths:
        image = _read(path, "reference").pixels
        if image.ndim == 3:
            small = charpiat.reduced(image, charpiat.WORKING_SIZE)
            if not charpiat.is_grey(small[..., 1:]):
                return
    raise UsageError(f"--reference={paths[0]}: grey; a reference needs colours")
