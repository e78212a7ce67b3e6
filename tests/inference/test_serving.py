"""What TensorFlow Serving would do with an export."""

import base64
import io
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import served
import tensorflow as tf
from google.protobuf import text_format
from harness import ROOT
from harness import jpeg
from harness import picture
from harness import same_picture
from PIL import Image

import tfcolor
from tfcolor.color import cie
from tfcolor.color import lab
from tfcolor.inference import restore
from tfcolor.inference import serving

SIGNATURES = ("serving_default", "colorize", "colorize_each", "predict_ab")


# Every generator and head, dropout and spectral norm; "unet lab" is of line art.
MODELS = ["cgan", "classification", "hinge", "efficientnet ab", "unet lab"]


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_answers_without_python_as_keras_does(name, exported, server, rng, tmp_path):
    run, model = exported(name)
    assert list(served.faults(model)) == []
    predictor = tfcolor.load(run)
    sizes = [(33, 50), (140, 150), (32, 32), (7, 100), (64, 64)]
    images = [picture(rng, *size) for size in sizes]
    requests = []
    for count in (1, 2, 5):
        same = np.stack([picture(rng, 37, 53) for _ in range(count)])
        requests += [
            ("serving_default", [png(image) for image in images[:count]]),
            ("colorize", same),
            ("predict_ab", lab.lightness(same).numpy()[..., None]),
        ]
    generator, _ = restore.of_run(run)
    side = generator_side = predictor.info["working_size"]
    l = rng.uniform(0, 100, (2, side, generator_side, 1)).astype("float32")
    asked = [*requests, ("predict_ab", l)]
    *answers, found = served.serve(server, model, asked, tmp_path)
    expected = generator(l / cie.L_HALF - 1.0, training=False).numpy()
    if predictor.info["head"] == "lab":
        drawn = ((expected[..., :1] + 1.0) * cie.L_HALF).clip(0, 100)
        np.testing.assert_allclose(found["l"], drawn, atol=2e-3)
    expected = expected[..., -2:] * cie.AB_MAX
    # Relative to the largest: activations of random weights are.
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found["ab"] / scale, expected / scale, atol=1e-4)
    for (signature, given), answer in zip(requests, answers, strict=True):
        if signature == "serving_default":
            for data, image in zip(answer["colorized_bytes"], images, strict=False):
                result = Image.open(io.BytesIO(data))
                assert result.format == "PNG"
                same_picture(np.asarray(result), predictor(image))
        elif signature == "colorize":
            same_picture(answer["image"], predictor(given))
        else:
            assert answer["ab"].shape == (*given.shape[:3], 2)
            assert answer["ab"].dtype == np.float32
    if predictor.info["head"] == "bins":
        probabilities = answers[-1]["probabilities"]
        quarter = [-(-int(n) // 4) for n in working(predictor, 37, 53)]
        assert probabilities.shape == (5, *quarter, 313)
        np.testing.assert_allclose(probabilities.sum(-1), 1.0, atol=1e-5)


def working(predictor, height, width):
    from tfcolor.images import working

    return working.working_shape(height, width, predictor.info["working_size"])


@pytest.mark.slow
def test_bytes_of_every_format_and_orientation(exported, server, rng, tmp_path):
    run, model = exported("cgan")
    image = picture(rng, 20, 34)
    formats = []
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF"):
        file = io.BytesIO()
        Image.fromarray(image).save(file, kind)
        formats.append(file.getvalue())
    formats += [jpeg(image, 6), jpeg(image, 3)]
    formats.append(png(image[..., 0]))
    request = ("serving_default", formats)
    (answer,) = served.serve(server, model, [request], tmp_path)
    sizes = [Image.open(io.BytesIO(d)).size for d in answer["colorized_bytes"]]
    assert sizes == [(34, 20)] * 5 + [(20, 34), (34, 20), (34, 20)]
    predictor = tfcolor.load(run)
    for data, found in zip(formats[:5], answer["colorized_bytes"], strict=False):
        decoded = tf.io.decode_image(data, 3, expand_animations=False).numpy()
        same_picture(np.asarray(Image.open(io.BytesIO(found))), predictor(decoded))
    found = np.asarray(Image.open(io.BytesIO(answer["colorized_bytes"][6])))
    upright = tf.io.decode_jpeg(formats[6]).numpy()[::-1, ::-1]
    same_picture(found, predictor(upright))
    with pytest.raises(RuntimeError, match="image_bytes.0.: not a JPEG"):
        served.serve(server, model, [("serving_default", [b"text"])], tmp_path)


@pytest.mark.slow
def test_broken_exports_are_caught(exported, server, rng, tmp_path):
    class Broken(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
        def python(self, x):
            return {"y": tf.numpy_function(np.sin, [x], tf.float32, stateful=False)}

        @tf.function(input_signature=[tf.TensorSpec([3, 4], tf.float32)])
        def fixed(self, x):
            return {"y": x + 1.0}

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
        def compiled(self, x):
            return {"y": tf.function(tf.sin, jit_compile=True)(x)}

    module = Broken()
    for name, fault in (
        ("python", "is a PyFunc"),
        ("fixed", "the batch dimension of x is not free"),
        ("compiled", "must be compiled"),
    ):
        path = tmp_path / name
        tf.saved_model.save(
            module, str(path), {"serving_default": getattr(module, name)}
        )
        assert any(fault in found for found in served.faults(path)), name
    x = np.ones((2, 4), "float32")
    with pytest.raises(RuntimeError):
        served.serve(server, tmp_path / "python", [("serving_default", x)], tmp_path)
    _, model = exported("cgan")
    shutil.copytree(model, tmp_path / "shard")
    next((tmp_path / "shard" / "variables").glob("*.data*")).unlink()
    with pytest.raises(RuntimeError):
        served.serve(server, tmp_path / "shard", [("colorize", rgb(rng))], tmp_path)
    with pytest.raises(ValueError, match="cannot be loaded"):
        tfcolor.load(tmp_path / "shard")


def rgb(rng):
    return picture(rng)[None]


@pytest.mark.slow
def test_warm_up_is_of_real_requests(exported, server, tmp_path):
    """Read with the protos of TensorFlow Serving, and replayed."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    _, model = exported("classification")
    records = tf.data.TFRecordDataset(str(model / "assets.extra" / serving.WARMUP))
    requests = []
    for record in records:
        request = logs.PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == "model classification"
        ((_, value),) = request.inputs.items()
        value = tf.make_ndarray(value)
        value = list(value) if value.dtype == object else value
        requests.append((request.model_spec.signature_name, value))
    assert [name for name, _ in requests] == list(SIGNATURES)
    answers = served.serve(server, model, requests, tmp_path)
    found = np.asarray(Image.open(io.BytesIO(answers[0]["colorized_bytes"][0])))
    assert found.std() > 10
    assert answers[1]["image"].shape == (1, 32, 32, 3)


@pytest.mark.slow
def test_model_config_is_what_serving_reads(exported):
    configs = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    _, model = exported("cgan")
    text = (model.parent / "model.config").read_text()
    found = text_format.Parse(text, configs.ModelServerConfig())
    (entry,) = found.model_config_list.config
    assert entry.name == "model cgan"
    assert entry.base_path == "/models/model cgan"
    assert entry.model_platform == "tensorflow"


@pytest.mark.slow
def test_against_tensorflow_serving_itself(exported, tmp_path, rng):
    """With a tensorflow_model_server on PATH, and examples/client.py."""
    if shutil.which("tensorflow_model_server") is None:
        pytest.skip("no tensorflow_model_server on PATH")
    run, model = exported("cgan")
    base = tmp_path / "photos"
    shutil.copytree(model.parent, base)
    process = subprocess.Popen(
        [
            "tensorflow_model_server",
            "--port=18500",
            "--rest_api_port=18501",
            "--model_name=photos",
            f"--model_base_path={base}",
        ]
    )
    try:
        wait_for_server("http://localhost:18501/v1/models/photos")
        source = tmp_path / "a.png"
        source.write_bytes(png(picture(rng)))
        expected = tfcolor.load(run)(np.asarray(Image.open(source)))
        for server in ("http://localhost:18501", "localhost:18500"):
            target = tmp_path / "coloured.png"
            client = [sys.executable, ROOT / "examples" / "client.py"]
            subprocess.run(
                [*client, f"--server={server}", "--model=photos", source, target],
                check=True,
            )
            same_picture(np.asarray(Image.open(target)), expected)
    finally:
        process.kill()


def wait_for_server(address):
    deadline = time.monotonic() + 60
    while True:
        try:
            status = json.load(urllib.request.urlopen(address))
            if status["model_version_status"][0]["state"] == "AVAILABLE":
                return
        except OSError:
            assert time.monotonic() < deadline
        time.sleep(0.2)


def test_client_speaks_both_languages(tmp_path, rng):
    """To a server that stands in for Serving and answers with the request."""
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is absent")
    sys.path.insert(0, str(ROOT / "examples"))
    import client

    data = png(picture(rng))
    body = json.loads(client.rest_body(data))
    assert base64.b64decode(body["instances"][0]["image_bytes"]["b64"]) == data
    request = client.grpc_request("photos", data)
    assert request.model_spec.name == "photos"
    assert tf.make_ndarray(request.inputs["image_bytes"]).tolist() == [data]
    assert pathlib.Path(client.__file__).parent == ROOT / "examples"
