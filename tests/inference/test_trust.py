"""A run or an export of a stranger executes no code when it is loaded."""

import json
import shutil
import sys
import zipfile

import keras
import pytest
import tensorflow as tf

import tfcolor
from tfcolor.errors import UsageError
from tfcolor.inference import operations
from tfcolor.inference import restore
from tfcolor.runs import folder as run_folder


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that leaves a trace when it is imported; returns the trace's path."""
    trace = tmp_path / "trace"
    (tmp_path / "evil.py").write_text(
        f"open({str(trace)!r}, 'w').close()\n\n\nclass Evil:\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop("evil", None)


@pytest.fixture
def stranger(model, tmp_path):
    """A function that changes a copy of a run's config: (section, field, value)."""

    def stranger(section, field, value):
        run = tmp_path / "stranger"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(model, run)
        content = json.loads((run / "config.json").read_text())
        (content["config"][section] if section else content["config"])[field] = value
        (run / "config.json").write_text(json.dumps(content))
        return run

    return stranger


def test_a_config_cannot_name_what_is_not_registered(stranger, evil):
    run = stranger("generator", "name", "evil:Evil")
    with pytest.raises(UsageError, match="generator.name: 'evil:Evil' is not one of"):
        tfcolor.load(run)
    layer = {"module": "evil", "class_name": "Evil", "config": {}}
    with pytest.raises(UsageError, match="generator.norm: .* neither a number nor"):
        tfcolor.load(stranger("generator", "norm", layer))
    with pytest.raises(UsageError, match="config.json: "):
        tfcolor.load(stranger("", "generator", [layer]))
    # A trainer colours nothing: its name is text.
    tfcolor.load(stranger("", "trainer", "evil:Evil"))
    assert not evil.exists()


class Program(tf.Module):
    """A SavedModel that does more than to color."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32)])
    def network(self, l):
        with tf.control_dependencies([self.leave()]):
            return {"ab": tf.concat([l, l], -1)}

    def leave(self):
        return tf.io.write_file(self.path, "code")


class Hidden(Program):
    """In a function that a branch of another calls."""

    def leave(self):
        @tf.function
        def inner():
            tf.io.write_file(self.path, "code")

        def branch():
            inner()
            return 1

        return tf.cond(tf.random.uniform([]) < 2.0, branch, lambda: 0)


class Reading(Program):
    def leave(self):
        return tf.io.read_file("/etc/passwd")


class Calling(Program):
    def leave(self):
        return tf.numpy_function(lambda: open(self.path, "w").close(), [], [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "named"),
    [
        (Program, "WriteFile"),
        (Hidden, "WriteFile"),
        (Reading, "ReadFile"),
        (Calling, "PyFunc"),
    ],
)
def test_an_export_that_does_more_than_to_color_is_not_loaded(
    cls, named, tmp_path, monkeypatch
):
    trace, path = tmp_path / "trace", tmp_path / "model"
    tf.saved_model.save(cls(trace), str(path))
    (path / restore.INFO).parent.mkdir()
    info = {"working_size": 32, "multiple": 8, "head": "ab", "step": 0}
    (path / restore.INFO).write_text(json.dumps(info))
    monkeypatch.setattr(tf.saved_model, "load", lambda path: pytest.fail("loaded"))
    with pytest.raises(UsageError, match=f"no export of tfcolor does .*{named}"):
        tfcolor.load(path)
    assert not trace.exists()


@pytest.mark.slow
def test_exports_are_loaded_but_in_no_other_form(exported, tmp_path):
    for name in ("cgan", "colorful bins", "efficientnet ab", "unet lab"):
        operations.check(exported(name)[1])
    path = tmp_path / "model"
    shutil.copytree(exported("cgan")[1], path)
    (path / "saved_model.cpb").touch()
    with pytest.raises(UsageError, match="has saved_model.cpb, which no export has"):
        tfcolor.load(path)
    (path / "saved_model.cpb").unlink()
    data = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(data[: len(data) // 2])
    with pytest.raises(UsageError, match="cannot be loaded"):
        tfcolor.load(path)


def test_a_scanner_brings_no_code(stranger, evil, tmp_path):
    """A run's scanner.keras, of which Keras' safe mode is the guard."""
    run = stranger("data", "scanner", "/no/such/run")
    config = run_folder.load_config(run)
    path = run_folder.Workdir(run).scanner
    model = keras.Sequential([keras.Input([4]), keras.layers.Lambda(lambda x: 2 * x)])
    model.save(path)
    with pytest.raises(UsageError, match="scanner.keras: .*[Ll]ambda"):
        restore.scanner_for(config, run_folder.Workdir(run))
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(1)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for old, new in ((b'"keras.layers"', b'"evil"'), (b'"Dense"', b'"Evil"')):
        parts["config.json"] = parts["config.json"].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises((UsageError, TypeError), match="[Ee]vil"):
        restore.scanner_for(config, run_folder.Workdir(run))
    assert not evil.exists()
