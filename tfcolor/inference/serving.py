"""What TensorFlow Serving reads beside a SavedModel."""

import functools
import io
import pathlib
from typing import Any
from urllib.parse import quote

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from PIL import Image

from tfcolor.color import lab
from tfcolor.data import sources
from tfcolor.inference.predictor import Info

WARMUP = "tf_serving_warmup_requests"

_BYTES, _STRING, _MESSAGE = 12, 9, 11  # types of FieldDescriptorProto

# The part of tensorflow_serving/apis/{prediction_log,predict,model}.proto that
# a recorded request takes: message, field, number, type. The package with the
# whole of them needs gRPC, which nothing else here does. A tensor is left as
# its bytes, which are the same on the wire.
_FIELDS = (
    ("PredictionLog", "predict_log", 6, "PredictLog"),
    ("PredictLog", "request", 1, "PredictRequest"),
    ("PredictRequest", "model_spec", 1, "ModelSpec"),
    ("PredictRequest", "inputs", 2, "Input"),
    ("ModelSpec", "name", 1, _STRING),
    ("ModelSpec", "signature_name", 3, _STRING),
    ("Input", "key", 1, _STRING),
    ("Input", "value", 2, _BYTES),
)


def write_warmup(folder: pathlib.Path, name: str, info: Any) -> None:
    """assets.extra/tf_serving_warmup_requests of a SavedModel: one request of
    each signature, with a photograph.

    Args:
      folder: pathlib.Path of the SavedModel.
      name: of the model.
      info: of `restore.of_run`; the photograph has its working size.
    """
    (folder / "assets.extra").mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / WARMUP)) as writer:
        for signature, inputs in sample_requests(info).items():
            log = _message("PredictionLog")()
            request = log.predict_log.request
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, value in inputs.items():
                tensor = tf.make_tensor_proto(value).SerializeToString()
                request.inputs.add(key=key, value=tensor)
            writer.write(log.SerializeToString())


def sample_requests(info: Any) -> dict[str, dict[str, Any]]:
    """{signature: {input: value}} of one photograph."""
    side = info["working_size"]
    photograph = sources.open_source("sample").read(1)
    image = Image.fromarray(photograph).resize((side, side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    pixels = np.asarray(image)[None]
    found: dict[str, dict[str, Any]] = {
        "serving_default": {"image_bytes": [file.getvalue()]},
        "colorize": {"image": pixels},
        "colorize_each": {"image_bytes": [file.getvalue()]},
        "predict_ab": {"l": lab.lightness(pixels).numpy()[..., None]},
    }
    if info.get("hints"):
        middle = [side // 2, side // 2, *pixels[0, side // 2, side // 2], 2]
        hints = np.array([[middle]], np.float32)
        found["colorize_with_hints"] = {"image": pixels, "hints": hints}
    return found


def model_config(name: str) -> str:
    """Text of a ModelServerConfig for --model_config_file."""
    return f"""model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""


def readme(name: str, base: pathlib.Path, info: Info) -> str:
    """Text for people who serve the model."""
    return f"""# {name}

A colorizer of tfcolor for TensorFlow Serving ({info["trainer"].rpartition(":")[2]},
step {info["step"]}; works at {info["working_size"]} pixels of the shorter side and
gives every picture back at its own size). Each folder with a number is a
version; Serving takes the highest.

Start the server:

    docker run --rm -p 8500:8500 -p 8501:8501 \\
      -v '{base}:/models/{name}' tensorflow/serving \\
      '--model_config_file=/models/{name}/model.config'

Colour a picture, here with curl, base64 and Python for the JSON:

    base64 -w 0 photo.jpg \\
      | sed 's/.*/{{"instances": [{{"image_bytes": {{"b64": "&"}}}}]}}/' \\
      | curl -s -d @- 'http://localhost:8501/v1/models/{quote(name)}:predict' \\
      | python3 -c 'import base64, json, sys
    found = json.load(sys.stdin)["predictions"][0]
    sys.stdout.buffer.write(base64.b64decode(found["b64"]))' > coloured.png

Signatures:

- `serving_default`: `image_bytes` string [N], JPEG, PNG, WebP, BMP or GIF ->
  `colorized_bytes` string [N], PNG
- `colorize`: `image` uint8 [N, H, W, 3] -> `image` uint8 [N, H, W, 3]
- `colorize_each`: as `serving_default`, and `error` string [N], which says what is
  wrong with a broken picture; of `serving_default` one fails the request
- `predict_ab`: `l` float32 [N, H, W, 1], L* 0..100 -> `ab` float32 [N, H, W, 2],
  a* and b*{_probabilities(info)}
{_with_hints(info)}
BMPs are read with 8 bits of grey, 24 or 32 bits, without a palette. Pictures of
several sizes may share a request of `serving_default`. JPEGs are
turned as their EXIF orientation says. A picture may have {info["max_pixels"]} pixels,
and so may all of a request of `colorize` or `predict_ab` together.
"""


def _with_hints(info):
    if not info.get("hints"):
        return ""
    return (
        "- `colorize_with_hints`: `image` uint8 [N, H, W, 3], `hints` float32 "
        "[N, k, 6]: y, x, r, g,\n  b (0..255), radius; rows of radius 0 are none -> "
        "`image` uint8 [N, H, W, 3]\n"
    )


def _probabilities(info):
    if info["head"] != "bins":
        return ""
    return ", and `probabilities` float32 [N, h, w, 313] of the 313 colours"


@functools.cache
def _message(name):
    file = descriptor_pb2.FileDescriptorProto(
        name="tfcolor_serving.proto", package="tfcolor", syntax="proto3"
    )
    messages = {}
    for message, field, number, kind in _FIELDS:
        if message not in messages:
            messages[message] = file.message_type.add(name=message)
        added = messages[message].field.add(name=field, number=number)
        added.label = 3 if field == "inputs" else 1  # repeated, optional
        if isinstance(kind, str):
            added.type, added.type_name = _MESSAGE, f".tfcolor.{kind}"
        else:
            added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"tfcolor.{name}")
    )
