"""An export under load and with hostile requests; benchmarks/serving.py does it for
half an hour."""

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
from tfcolor.registry import FORMATS

EXAMPLES = ROOT / "examples" / "serving"


@pytest.fixture(scope="module")
def limited(exported, tmp_path_factory):
    """An export that allows under_load.ALLOWED pixels."""
    run, _ = exported("cgan")
    base = tmp_path_factory.mktemp("limited") / "model"
    return export.export(run, base, 1, max_pixels=under_load.ALLOWED)


@pytest.mark.slow
def test_eight_clients_some_of_whose_requests_are_broken(
    limited, server, rng, tmp_path
):
    asked = under_load.mixture(rng, largest=(700, 900))
    requests = [(one.signature, one.files) for one in asked]
    weights = [one.weight for one in asked]
    load = served.load(
        server, limited, requests, weights, tmp_path, under_load.CLIENTS, 6, 1.5, pool=8
    )
    assert list(under_load.faults(asked, load)) == []
    assert len(load.runs) > 20
    assert load.memory[-1, 2] < 1.3 * load.memory[0, 2]


@pytest.mark.slow
def test_requests_beyond_the_limit_and_empty_ones(limited, server, tmp_path):
    allowed = under_load.ALLOWED
    l = np.zeros([4, 1500, 2001, 1], "float32")
    for signature, value, said in (
        ("predict_ab", l, "12006000 pixels (4 x 1500 x 2001) are more than 12000000"),
        ("colorize", np.zeros([1, 0, 9, 3], "uint8"), "no pixels: 1 x 0 x 9"),
        ("serving_default", [b""], "image_bytes[0]: no bytes"),
    ):
        with pytest.raises(RuntimeError) as caught:
            served.serve(server, limited, [(signature, value)], tmp_path)
        assert str(caught.value) == f"assertion failed: [{said}]"
    assert tfcolor.load(limited).info["max_pixels"] == allowed
    assert "may have 12000000 pixels" in (limited.parent / "README.md").read_text()


@pytest.mark.slow
def test_a_hundred_hostile_pictures_in_one_request(limited, server, tmp_path):
    """None fails the others."""
    items = mutilated.make(tmp_path / "in", 150, 5)
    paths = [tmp_path / "in" / item.path for item in items]
    paths = [p for p in paths if p.is_file() and p.stat().st_size < 2**24]
    data = [path.read_bytes() for path in paths]
    request = ("colorize_each", data)
    (answer,) = served.serve(server, limited, [request], tmp_path)
    good = [text == b"" for text in answer["error"]]
    assert good == [png[:4] == b"\x89PNG" for png in answer["colorized_bytes"]]
    assert len(good) == len(data) > 100
    assert 20 < sum(good) < len(good) - 20


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
    (default,) = {tfcolor.export.__defaults__[-1], export.requests.MAX_PIXELS}
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
