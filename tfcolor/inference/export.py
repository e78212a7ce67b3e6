"""Trained weights as a SavedModel that TensorFlow Serving runs."""

import contextlib
import json
import pathlib
from typing import Any

import tensorflow as tf

from tfcolor import atomic
from tfcolor import registry
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.images import graph
from tfcolor.images import resize
from tfcolor.inference import precision
from tfcolor.inference import requests
from tfcolor.inference import restore
from tfcolor.inference import serving
from tfcolor.inference import steering
from tfcolor.inference import traced
from tfcolor.inference.planes import changed
from tfcolor.inference.planes import enlarged
from tfcolor.inference.planes import predict_planes
from tfcolor.inference.predictor import Info
from tfcolor.runs import folder as run_folder
from tfcolor.types import Batch
from tfcolor.types import Network
from tfcolor.types import Path
from tfcolor.types import Tensor
from tfcolor.version import __version__

_WITH_HINTS = [
    tf.TensorSpec([None, None, None, 3], tf.uint8, "image"),
    tf.TensorSpec([None, None, 6], tf.float32, "hints"),
]


class Served(tf.Module):
    """The signatures around a generator: the whole color path as a graph.

    Args:
      generator: a built generator.
      info: of `restore.of_run`, with `max_pixels` of a request.
    """

    def __init__(self, generator: Network, info: Info) -> None:
        super().__init__()
        generator = generator.folded()
        self.info = {**info}
        self.max_pixels = info["max_pixels"]
        self.network: Any = restore.network_of(generator)
        if info.get("precision", "float32") == "float32":
            # By name, because tracking misses layers that a network keeps in lists.
            self.weights = [variable.value for variable in generator.variables]
        else:  # the graph itself has them
            self.network = precision.reduced(self.network, info["precision"])
        if info.get("hints"):  # because what a module has is saved with it
            self.colorize_with_hints = tf.function(
                self._colorize_with_hints, _WITH_HINTS, autograph=False
            )

    def signatures(self) -> dict[str, Any]:
        """{name of a signature: the function}, as `tf.saved_model.save` takes it."""
        found = {
            "serving_default": self.serving_default,
            "colorize": self.colorize,
            "colorize_each": self.colorize_each,
            "predict_ab": self.predict_ab,
        }
        if self.info.get("hints"):
            found["colorize_with_hints"] = self.colorize_with_hints
        return found

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32, "l")],
        autograph=False,
    )
    def predict_ab(self, l: Tensor) -> Batch:
        """L* [N, H, W, 1] -> {"ab": [N, H, W, 2]}, CIE units; of the head "bins"
        also {"probabilities": [N, h, w, 313]} at a quarter of the working size,
        of those of drawings {"l": [N, H, W, 1]}, L*."""
        l = requests.check(l, self.max_pixels)
        size = tf.shape(l)[1], tf.shape(l)[2]
        # Of another size it is reduced as the greys of this lightness are.
        small = tf.cond(
            tf.reduce_all(self._working_shape(*size) == tf.stack(size)),
            lambda: l[..., 0],
            lambda: self._reduced(tf.repeat(255.0 * lab.grey(l), 3, -1)),
        )
        planes = self._planes(small)
        ab = enlarged(planes["ab"], *size)
        result = {"ab": tf.transpose(ab, [0, 2, 3, 1])}
        if "change" in planes:
            change = enlarged(planes["change"], *size)
            change = tf.transpose(change, [1, 0, 2, 3])
            result["l"] = changed(l[..., 0], change)[..., None]
        if "logits" in planes:
            result["probabilities"] = tf.nn.softmax(planes["logits"])
        return result

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "image")],
        autograph=False,
    )
    def colorize(self, image: Tensor) -> Batch:
        """Uint8 sRGB [N, H, W, 3], of which the lightness counts -> the same."""
        return {"image": self._colorize(requests.check(image, self.max_pixels))}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
        autograph=False,
    )
    def serving_default(self, image_bytes: Tensor) -> Batch:
        """Encoded pictures [N], each of its own size -> PNG [N] of that size. A broken
        one fails the request."""
        found, _ = requests.colored(self.colorize, image_bytes, self.max_pixels, True)
        return {"colorized_bytes": found}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
        autograph=False,
    )
    def colorize_each(self, image_bytes: Tensor) -> Batch:
        """As `serving_default`, but of a broken picture `error` [N] says what is wrong,
        and is else ""; the others are colored."""
        found = requests.colored(self.colorize, image_bytes, self.max_pixels, False)
        return dict(zip(("colorized_bytes", "error"), found, strict=True))

    def _colorize_with_hints(self, image, hints):
        """As `colorize`, with hints [N, k, 6]: y, x, r, g, b (0..255) and radius, in
        pixels of the picture; radius 0 is no hint."""
        image = requests.check(image, self.max_pixels)
        size = tf.shape(image)[1], tf.shape(image)[2]
        return {"image": self._colorize(image, steering.rasterized(hints, *size))}

    def _colorize(self, image, hints=None):
        lightness = lab.lightness(image)
        small = self._reduced(image)
        size = tf.shape(image)[1], tf.shape(image)[2]
        if hints is None:
            planes = self._planes(small)
            ab = enlarged(planes["ab"], *size)
        else:
            given = steering.reduced(hints, *tf.unstack(tf.shape(small)[1:]))
            planes = self._planes(small, given)
            ab = enlarged(steering.corrected(planes["ab"], small, given), *size)
            color = tf.transpose(hints, [0, 3, 1, 2])
            ab = tf.where(color[:, 2:] > 0.0, color[:, :2], ab)
        if "change" in planes:
            change = enlarged(planes["change"], *size)
            lightness = changed(lightness, tf.transpose(change, [1, 0, 2, 3]))
        return gamut.to_uint8(lightness, ab[:, 0], ab[:, 1])

    def _reduced(self, rgb):
        """Levels 0..255 [N, H, W, 3] -> L* [N, h, w] at the working size."""
        size = tf.shape(rgb)[1], tf.shape(rgb)[2]
        rows, columns = resize.reducing(size, tf.unstack(self._working_shape(*size)))
        lines = graph.reduced_lines(rgb, rows)
        return graph.reduced_columns(lines, columns)

    def _working_shape(self, height, width):
        size = self.info["working_size"]
        return tf.stack(graph.working_shape(height, width, size))

    def _planes(self, lightness, hints=None):
        if hints is None and self.info.get("hints"):
            hints = tf.zeros([*tf.unstack(tf.shape(lightness)), 3])
        multiple = self.info["multiple"]
        return predict_planes(self.network, lightness, multiple, hints=hints)


def export(
    model: Path,
    base: Path,
    version: int | None = None,
    kind: str = "tf_saved_model",
    max_pixels: int = requests.MAX_PIXELS,
    bits: str = "float32",
) -> pathlib.Path:
    """Write BASE/<version>/, a SavedModel, and what helps to serve it; or of
    another kind BASE/<kind>-<version>/ with the network alone.

    A folder appears under its name only when it is complete.

    Args:
      model: as of `restore.of_model`: a run's folder, or the name of weights.
      base: folder of the model's versions; its name is the model's name.
      version: a whole number; None: the step of the training.
      kind: of registry.FORMATS.
      max_pixels: of a request, of which a SavedModel refuses more.
      bits: of precision.KINDS, of a SavedModel.

    Returns:
      The path of the version.

    Raises:
      UsageError: no such model, the version is there already, or a package is
        missing.
      RunError: no checkpoint, the disk is full, or the colors in fewer bits are not
        those of float32.
    """
    if bits not in precision.KINDS:
        known = ", ".join(precision.KINDS)
        raise UsageError(f"precision: {bits!r} is not one of {known}")
    generator, info = restore.of_model(model)
    version = info["step"] if version is None else version
    base = pathlib.Path(base).expanduser()
    form = registry.FORMATS[kind]
    served = not form.form
    if bits != "float32" and not served:
        raise UsageError(f"--precision={bits}: --format={kind} is in float32 only")
    info = {**info, "max_pixels": max_pixels} if served else info
    info = {**info, "precision": bits} if bits != "float32" else info
    target = base / (str(version) if served else f"{kind}-{version}")
    if target.exists():
        raise UsageError(
            f"--output={base}: has {target.name} already; give another --version"
        )
    atomic.make_folder(base, "output")
    with contextlib.ExitStack() as stack:
        try:
            unfinished = stack.enter_context(atomic.unpublished(base))
        except OSError as error:
            raise UsageError(f"--output={base}: {error.strerror}") from error
        try:
            form.load()(generator, info, unfinished / form.form, kind)
            text = json.dumps({**info, "tfcolor": __version__}, indent=2)
            (unfinished / restore.INFO).parent.mkdir(exist_ok=True)
            (unfinished / restore.INFO).write_text(text + "\n")
            atomic.flush(unfinished)
            # First, as an export is not made again once its version is there.
            if served and version >= max(restore.versions(base), default=0):
                _describe(base, info)
            atomic.publish(unfinished, target)
        except (tf.errors.OpError, OSError) as error:
            said = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise RunError(f"{target} could not be written: {said}") from error
    return target


def preset(
    run: Path, name: str, folder: Path | None = None, **texts: Any
) -> pathlib.Path:
    """Make a preset of the averaged generator of a run.

    Args:
      run: path of a run's folder.
      name, folder, texts: as of `presets.writing.save`.

    Returns:
      The path of the card, NAME.json.

    Raises:
      UsageError: it is no run, or as of `presets.writing.save`. RunError: it has no
        checkpoint.
    """
    generator, info = restore.of_run(pathlib.Path(run))
    config = run_folder.load_config(run)
    return traced.save(generator, config, info["step"], name, folder, **texts)


def write_network(
    generator: Network, info: Info, path: pathlib.Path, kind: str
) -> None:
    """Write the network, l [N, S, S, 1] -> ab [N, S, S, 2] in its own units, by Keras'
    exporter.

    Raises:
      UsageError: a package that the format needs is missing.
    """
    side = info["working_size"]
    generator(tf.zeros([1, side, side, 1]))  # which the exporter asks for
    try:
        with contextlib.redirect_stdout(None):
            generator.export(str(path), format=kind, verbose=False)
    except ImportError as error:
        raise UsageError(f"--format={kind}: {error}") from error


def write_served(
    generator: Network, info: Info, folder: pathlib.Path, kind: str
) -> None:
    """A SavedModel with the signatures of Served, and its warm-up requests; adds
    `ab_difference` to the info of one in fewer bits."""
    served = Served(generator, info)
    if "precision" in info:
        usual = restore.network_of(generator.folded())
        info["ab_difference"] = precision.difference(usual, served.network, info)
    tf.saved_model.save(served, str(folder), signatures=served.signatures())
    name = folder.parent.resolve().name
    serving.write_warmup(folder, name, info)


def _describe(base, info):
    """What lies beside the versions, of the highest."""
    base = base.resolve()
    config = serving.model_config(base.name)
    atomic.write(base / "model.config", config)
    readme = serving.readme(base.name, base, info)
    atomic.write(base / "README.md", readme)
