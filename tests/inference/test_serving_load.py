"""An export under load and with hostile requests; benchmarks/serving.py does it for
half an hour."""

import dataclasses
import inspect
import json

import mutilated
import numpy as np
import pytest
import served
import tensorflow as tf
import under_load
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from harness import ROOT

import tfcolor
from tfcolor.inference import export
from tfcolor.inference import restore
from tfcolor.registry import FORMATS

EXAMPLES = ROOT / "examples" / "serving"


ALLOWED = 2_000_000
BEYOND = (  # signature, value, what is said
    (
        "predict_ab",
        np.zeros([4, 1000, 501, 1], "float32"),
        "2004000 pixels (4 x 1000 x 501) are more than 2000000",
    ),
    ("colorize", np.zeros([1, 0, 9, 3], "uint8"), "no pixels: 1 x 0 x 9"),
    ("serving_default", [b""], "image_bytes[0]: no bytes"),
)


@pytest.fixture(scope="module")
def limited(model, tmp_path_factory):
    """An export that allows ALLOWED pixels."""
    base = tmp_path_factory.mktemp("limited") / "model"
    return export.export(model, base, 1, max_pixels=ALLOWED)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Mutilated pictures, as bytes."""
    folder = tmp_path_factory.mktemp("hostile") / "in"
    paths = [folder / item.path for item in mutilated.make(folder, 90, 5)]
    return [p.read_bytes() for p in paths if p.is_file() and p.stat().st_size < 2**24]


@pytest.fixture(scope="module")
def answered(limited, server, hostile, tmp_path_factory):
    """In one run of the server: (requests of eight clients, their Load, first answers
    to BEYOND, first answer to the hostile pictures)."""
    rng = np.random.default_rng(0)
    asked = under_load.mixture(rng, (300, 400), 100, ALLOWED)
    requests = [(one.signature, one.files) for one in asked]
    requests += [(signature, value) for signature, value, _ in BEYOND]
    requests.append(("colorize_each", hostile))
    weights = [one.weight for one in asked] + [0] * (len(BEYOND) + 1)
    folder = tmp_path_factory.mktemp("load")
    clients = under_load.CLIENTS
    load = served.load(
        server, limited, requests, weights, folder, clients, 1.2, 0.4, pool=8
    )
    count = len(asked)
    alone = dataclasses.replace(load, firsts=load.firsts[:count])
    return asked, alone, load.firsts[count:-1], load.firsts[-1]


@pytest.mark.slow
def test_eight_clients_some_of_whose_requests_are_broken(answered):
    asked, load, _, _ = answered
    assert list(under_load.faults(asked, load)) == []
    assert len(load.runs) > 20
    assert load.memory[-1, 2] < 1.3 * load.memory[0, 2]


@pytest.mark.slow
def test_requests_beyond_the_limit_and_empty_ones(limited, answered):
    said = [f"assertion failed: [{said}]" for _, _, said in BEYOND]
    assert answered[2] == said
    info = json.loads((limited / restore.INFO).read_text())
    assert info["max_pixels"] == ALLOWED
    assert f"may have {ALLOWED} pixels" in (limited.parent / "README.md").read_text()


@pytest.mark.slow
def test_many_hostile_pictures_in_one_request(answered, hostile):
    """None fails the others."""
    answer = answered[3]
    good = [text == b"" for text in answer["error"]]
    assert good == [png[:4] == b"\x89PNG" for png in answer["colorized_bytes"]]
    assert len(good) == len(hostile) > 60
    assert 12 < sum(good) < len(good) - 12


def test_a_limit_is_of_a_saved_model(call, tmp_path):
    done = call("export", "--model=photo", f"--output={tmp_path}", "--max_pixels=0")
    assert done.returncode == 2
    assert "--max_pixels" in done.stderr
    arguments = ["--format=onnx", "--max_pixels=9"]
    done = call("export", "--model=photo", f"--output={tmp_path}", *arguments)
    assert done.returncode == 2
    form = FORMATS["onnx"].form
    assert f"--max_pixels: {form} is the network alone" in done.stderr


def test_the_default_limit_is_the_same_everywhere():
    from tfcolor.cli import export as command

    flags = command.flags.FlagValues()
    command.define(flags, [])
    parameter = inspect.signature(tfcolor.export).parameters["max_pixels"]
    (default,) = {parameter.default, export.requests.MAX_PIXELS}
    assert flags["max_pixels"].default == default


def test_model_config_of_the_example():
    configs = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (EXAMPLES / "model.config").read_text()
    found = text_format.Parse(text, configs.ModelServerConfig())
    (entry,) = found.model_config_list.config
    assert (entry.name, entry.base_path) == ("photos", "/models/photos")


def test_batching_config_of_the_example():
    """Against the fields of session_bundle_config.proto of TensorFlow Serving."""
    found = text_format.Parse(
        (EXAMPLES / "batching.config").read_text(), _batching_parameters()
    )
    assert found.max_batch_size.value == found.allowed_batch_sizes[-1]
    assert sorted(found.allowed_batch_sizes) == list(found.allowed_batch_sizes)
    assert not found.pad_variable_length_inputs


def _batching_parameters():
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto",
        package="tfcolor_test",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    message = file.message_type.add(name="BatchingParameters")
    names = "max_batch_size batch_timeout_micros max_enqueued_batches num_batch_threads"
    for number, name in enumerate(names.split(), 1):
        message.field.add(
            name=name,
            number=number,
            label=1,
            type=11,
            type_name=".google.protobuf.Int64Value",
        )
    message.field.add(name="allowed_batch_sizes", number=6, label=3, type=3)
    message.field.add(name="pad_variable_length_inputs", number=7, label=1, type=8)
    from google.protobuf import wrappers_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("tfcolor_test.BatchingParameters")
    )()


def test_broken_requests_fail_in_python_too(limited):
    """What `tf.saved_model.load` gives: the same messages."""
    loaded = tf.saved_model.load(str(limited))
    with pytest.raises(tf.errors.InvalidArgumentError, match="0.: no bytes"):
        loaded.signatures["serving_default"](tf.constant([b""]))
