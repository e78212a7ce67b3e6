"""What TensorFlow Serving would do with an export."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from harness import ROOT
from harness import picture
from harness import same_picture

import tfcolor
from tfcolor import atomic
from tfcolor.inference import export
from tfcolor.inference import planes as planes_lib
from tfcolor.inference import restore
from tfcolor.inference import serving
from tfcolor.registry import FORMATS


@pytest.mark.slow
def test_an_export_colours_as_its_run_does(exported, rng):
    for name in ("cgan", "classification"):
        run, model = exported(name)
        image = picture(rng, 45, 70)
        found, expected = tfcolor.load(model), tfcolor.load(run)
        assert found.info.items() >= expected.info.items()
        same_picture(found(image), expected(image))
        same_picture(tfcolor.load(model.parent)(image), expected(image))
        same_picture(found(image, working_size=24), expected(image, working_size=24))
        if name == "classification":
            same_picture(
                found(image, temperature=0.1), expected(image, temperature=0.1)
            )


def test_a_version_comes_last(model, tmp_path, monkeypatch):
    """An export that ends before is made again; one that is there is not."""

    def killed(unfinished, target):
        raise KeyboardInterrupt

    def write(generator, info, folder, kind):
        (folder / "saved_model.pb").write_bytes(b"")

    base = tmp_path / "photos"
    monkeypatch.setattr(export, "write_served", write)
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            export.export(model, base, 7)
    assert sorted(path.name for path in base.iterdir()) == ["README.md", "model.config"]
    assert export.export(model, base, 7) == base / "7"


def test_what_killed_exports_have_left_is_removed(tmp_path):
    killed, working = tmp_path / ".unfinished-killed", tmp_path / ".unfinished-working"
    for path in (killed, working):
        (path / "variables").mkdir(parents=True)
    code = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]);"
    code += "lock.acquire(); print(flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", code, f"{working}.held"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(arguments, **pipes) as process:
        process.stdout.readline()
        with atomic.unpublished(tmp_path) as made:
            (made / "saved_model.pb").write_bytes(b"half")
            assert made.parent == tmp_path
            assert not killed.exists()
            atomic.publish(made, tmp_path / "1")
        assert (working / "variables").exists()
        process.kill()
    with atomic.unpublished(tmp_path):
        assert not working.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_colours_are_enlarged_bicubically_along_both_axes(rng):
    planes = rng.normal(size=(2, 3, 5, 7)).astype("float32")
    found = planes_lib.enlarged(tf.constant(planes), 13, 30)
    expected = tf.image.resize(np.moveaxis(planes, 1, -1), (13, 30), "bicubic")
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), expected, atol=0.005)


@pytest.mark.slow
def test_files_beside_the_model(exported):
    _, model = exported("cgan")
    info = json.loads((model / restore.INFO).read_text())
    assert info["working_size"] == 32
    assert info["tfcolor"] == tfcolor.__version__
    readme = (model.parent / "README.md").read_text()
    assert f"-v '{model.parent}:/models/{model.parent.name}'" in readme
    assert "CGAN" in readme
    assert [p.name for p in model.parent.iterdir() if p.name[0] == "."] == []


@pytest.mark.slow
def test_versions(exported, tmp_path, call):
    run, model = exported("cgan")
    assert model.name == "0"
    arguments = [f"--workdir={run}", f"--output={tmp_path / 'photos'}"]
    done = call("export", *arguments, "--version=7")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photos" / "7" / "saved_model.pb").exists()
    readme = tmp_path / "photos" / "README.md"
    readme.write_text("of 7")
    assert call("export", *arguments, "--version=3").returncode == 0
    assert readme.read_text() == "of 7"  # it is of the highest version
    again = call("export", *arguments, "--version=7")
    assert again.returncode == 2
    assert "has 7 already; give another --version" in again.stderr
    missing = call("export", "--workdir=/no/such", f"--output={tmp_path}")
    assert missing.returncode == 2
    assert "no config.json, so no run, in it" in missing.stderr


@pytest.mark.slow
def test_no_incomplete_version_appears_while_exports_are_killed(exported, tmp_path):
    """Watched every few milliseconds; killed as the model has been written but
    not its companions, and at a moment of its own."""
    run, _ = exported("cgan")
    base = tmp_path / "photos"
    code = (
        "import sys; from tfcolor.inference import export; print(flush=True);"
        f"export.export({str(run)!r}, {str(base)!r}, int(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def written():
        return any(base.glob(".unfinished-*/saved_model.pb"))

    def later():
        return time.monotonic() > began + 1.0

    for version, moment in enumerate((written, later)):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(version)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdout.readline()
        began = time.monotonic()
        while process.poll() is None and not moment():
            check_versions(base)
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        check_versions(base)
        for path in base.glob(".unfinished-*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not (base / "0").exists()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        whole = pool.submit(export.export, run, base, 2)
        while not whole.done():
            check_versions(base)
            time.sleep(0.005)
    assert whole.result() == base / "2"
    check_versions(base)


def check_versions(base):
    for path in base.glob("*"):
        if path.name.isdigit():
            names = {p.relative_to(path).as_posix() for p in path.rglob("*")}
            assert names >= {
                "saved_model.pb",
                "variables/variables.index",
                "assets.extra/tfcolor.json",
                f"assets.extra/{serving.WARMUP}",
            }


def read_litert(path, x):
    interpreter = pytest.importorskip(
        "ai_edge_litert.interpreter", reason="ai-edge-litert is not installed"
    ).Interpreter(str(path))
    (given,), (found,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    interpreter.resize_tensor_input(given["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(found["index"])


def read_onnx(path, x):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = runtime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def read_openvino(path, x):
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(path), "CPU", exact)
    return next(iter(model(x).values()))


READERS = {"litert": read_litert, "onnx": read_onnx, "openvino": read_openvino}
PACKAGES = {"litert": "tensorflow", "onnx": "tf2onnx", "openvino": "openvino"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("litert", "classification"),
        ("onnx", "cgan"),
        ("onnx", "classification"),
        ("openvino", "cgan"),
    ],
)
def test_other_formats_give_what_keras_gives(kind, head, exported, tmp_path, rng):
    pytest.importorskip(PACKAGES[kind], reason=f"{PACKAGES[kind]} is not installed")
    run, _ = exported(head)
    path = export.export(run, tmp_path / "model", kind=kind)
    assert path.name == f"{kind}-0"
    generator, _ = restore.of_run(run)
    x = rng.uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    found = READERS[kind](path / FORMATS[kind].form, x)
    np.testing.assert_allclose(found, generator(x, training=False), atol=1e-4)
