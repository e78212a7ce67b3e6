"""Exports in fewer bits."""

import numpy as np
import pytest
import tensorflow as tf
from harness import new_run
from harness import toy_config

import tfcolor
from tfcolor.cli import export as command
from tfcolor.errors import RunError
from tfcolor.inference import export
from tfcolor.inference import operations
from tfcolor.inference import precision
from tfcolor.inference import restore


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of the head with two outputs."""
    config = toy_config("classification")
    return new_run(config, tmp_path_factory.mktemp("runs") / "bins")


@pytest.fixture
def of_all(monkeypatch):
    """Toys have few numbers."""
    monkeypatch.setattr(precision, "LEAST", 1)


def test_the_flag_has_every_kind():
    assert sorted(command.PRECISIONS) == sorted(precision.KINDS)


@pytest.mark.parametrize("kind", ["int8", "bfloat16"])
def test_all_outputs_are_nearly_those_of_float32(kind, run, of_all, rng):
    usual = restore.network_of(restore.of_model(run)[0].folded())
    l = tf.constant(rng.uniform(-1, 1, (2, 32, 40, 1)), tf.float32)
    expected = usual(l)
    found = precision.reduced(usual, kind)(l)
    assert sorted(found) == sorted(expected) == ["ab", "logits"]
    for name, value in expected.items():
        assert found[name].dtype == tf.float32
        error = np.abs(found[name] - value).max() / np.ptp(value)
        assert 0 < error < 0.05


@pytest.mark.parametrize(("most", "block"), [(64, 18), (7, 6), (13, 9), (17, 9)])
def test_weights_of_8_bits_are_the_nearest_of_255_levels(
    most, block, of_all, rng, monkeypatch
):
    """Of 18 weights of an output channel, in blocks of a scale each."""
    monkeypatch.setattr(precision, "BLOCK", most)
    kernel = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    kernel[..., 3] = 0.0

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 2])])
    def network(l):
        return {"ab": tf.nn.conv2d(l, kernel, 1, "SAME")}

    dot = np.zeros((1, 3, 3, 2), "float32")
    scales = np.abs(kernel.reshape(-1, block, 4)).max(1) / 127
    for row, place in enumerate(np.ndindex(3, 3, 2)):
        scale = scales[row // block]
        dot[:] = 0.0
        dot[(0, *place)] = 1.0
        found = precision.reduced(network, "int8")(tf.constant(dot))["ab"][0, 1, 1]
        error = np.abs(found - kernel[place])
        assert (error <= scale / 2 + 1e-6).all()
        levels = np.asarray(found)[:3] / scale[:3]
        np.testing.assert_allclose(levels, levels.round(), atol=1e-4)


def test_weights_whose_number_has_no_fitting_divisor_share_one_scale():
    sizes = {(3, 3, 128, 2): 64, (1, 1, 68, 2): 34}
    sizes |= {(1, 1, 67, 2): 67, (3, 3, 67, 2): 603}
    for shape, block in sizes.items():
        assert precision._block(np.zeros(shape)) == block


def test_small_kernels_stay_as_they_are(run, rng):
    usual = restore.network_of(restore.of_model(run)[0].folded())
    l = tf.constant(rng.uniform(-1, 1, (1, 32, 32, 1)), tf.float32)
    for kind in ("int8", "bfloat16"):
        found = precision.reduced(usual, kind)(l)["ab"]
        np.testing.assert_allclose(found, usual(l)["ab"], atol=1e-6)


def test_what_is_served_has_it_inside_and_says_how_much_it_differs(
    run, of_all, tmp_path, monkeypatch
):
    monkeypatch.setattr(precision, "PHOTOGRAPHS", 1)
    monkeypatch.setattr(precision, "LIMIT", 5.0)
    saved, save = [], tf.saved_model.save
    monkeypatch.setattr(tf.saved_model, "save", lambda x, *_, **__: saved.append(x))
    monkeypatch.setattr(export.serving, "write_warmup", lambda *_: None)
    generator, info = restore.of_model(run)
    info |= {"max_pixels": 10_000, "precision": "int8"}
    export.write_served(generator, info, tmp_path / "1", "tf_saved_model")
    assert 0 < info["ab_difference"] < 5
    served = saved[0]
    assert not served.variables
    # Of what a whole export saves, the part that is another than in float32.
    module = tf.Module()
    module.network = served.network
    save(module, str(tmp_path / "2"))
    operations.check(tmp_path / "2")


def test_what_differs_too_much_is_refused(run, of_all, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "PHOTOGRAPHS", 1)
    monkeypatch.setattr(precision, "LIMIT", 0.0)
    with pytest.raises(RunError, match="int8: .* mean ab; more than 0.0 is not export"):
        tfcolor.export(run, tmp_path / "out", precision="int8")
    assert not list((tmp_path / "out").iterdir())
    with pytest.raises(
        ValueError, match="precision: 'half' is not one of float32, int8, bf"
    ):
        tfcolor.export(run, tmp_path / "out", precision="half")
    with pytest.raises(ValueError, match="int8: --format=onnx is in float32 only"):
        tfcolor.export(run, tmp_path / "out", format="onnx", precision="int8")
