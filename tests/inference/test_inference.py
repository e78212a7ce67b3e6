import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf
from harness import new_run
from harness import picture
from harness import toy_config

import tfcolor
from tfcolor.color import cie
from tfcolor.color import lab
from tfcolor.errors import RunError
from tfcolor.images import compose
from tfcolor.images import working
from tfcolor.inference import restore
from tfcolor.inference.planes import predict_planes
from tfcolor.inference.predictor import Predictor
from tfcolor.networks import heads


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run for each head; the networks work at 32 pixels, multiples of 8."""
    root = tmp_path_factory.mktemp("runs")
    names = {"ab": "cgan", "bins": "classification"}
    return {
        head: new_run(toy_config(name), root / head) for head, name in names.items()
    }


@pytest.fixture(scope="module")
def predictor(folders):
    return tfcolor.load(folders["ab"])


@pytest.mark.parametrize(
    ("size", "working_size", "expected"),
    [
        ((32, 32), 32, (32, 32)),
        ((300, 400), 64, (64, 85)),
        ((400, 300), 64, (85, 64)),
        ((10, 20), 64, (64, 128)),
        ((100, 1000), 64, (26, 256)),  # not longer than 4 working sizes
        ((1, 5000), 64, (1, 256)),
    ],
)
def test_working_shape(size, working_size, expected):
    found = working.working_shape(*size, working_size)
    assert tuple(int(n) for n in found) == expected


@pytest.mark.slow
@pytest.mark.parametrize("head", ["ab", "bins"])
def test_at_the_working_size_it_is_the_network(head, folders, rng):
    image = picture(rng, 32, 32)
    generator, _ = restore.of_run(folders[head])
    l, _ = lab.encode(image[None])
    expected = generator(l, training=False)[0].numpy() * cie.AB_MAX
    found = tfcolor.load(folders[head]).predict_ab([image])[0]
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, atol=1e-3)


def test_another_size_is_padded_by_reflection_and_cropped(folders, rng):
    image = picture(rng, 32, 45)
    generator, _ = restore.of_run(folders["ab"])
    padded = np.pad(image, ((0, 0), (0, 3), (0, 0)), "reflect")
    l, _ = lab.encode(padded[None])
    expected = generator(l, training=False)[0, :, :45].numpy() * cie.AB_MAX
    found = tfcolor.load(folders["ab"]).predict_ab([image])[0]
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, atol=1e-3)


def test_full_size_is_the_lightness_and_the_enlarged_colours(predictor, rng):
    image = picture(rng, 203, 310)
    found = predictor(image, saturation=0.2)
    assert found.shape == image.shape
    assert found.dtype == np.uint8
    l = lab.lightness(image).numpy()
    small = working.reduced_lightness(image, 32, 49)[None]
    planes = predict_planes(predictor.network, small, 8)["ab"][0]
    full = tf.image.resize(0.2 * np.moveaxis(planes, 0, -1), (203, 310), "bicubic")
    from_l = 255.0 * lab.lab_to_rgb(np.concatenate([l[..., None], full], -1)).numpy()
    inside = np.abs(from_l - 127.5).max(-1) < 127
    assert inside.mean() > 0.3
    difference = found[inside] - from_l.round()[inside]
    assert np.abs(difference).max() <= 1
    lightness = lab.lightness(found).numpy()
    assert np.abs(lightness - l).max() * 2.55 < 1  # an 8-bit level


def test_bands_leave_no_seam(predictor, rng, monkeypatch):
    image = picture(rng, 203, 310)
    whole = predictor(image)
    monkeypatch.setattr(compose, "BAND", 7 * 310)
    difference = predictor(image).astype(int) - whole
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() < 1e-3


def test_shapes(predictor, rng):
    image = picture(rng, 40, 30)
    grey = np.repeat(image[..., :1], 3, -1)
    expected = predictor(grey)
    for same in (grey[..., 0], grey[..., :1]):
        np.testing.assert_array_equal(predictor(same), expected)
    batch = predictor(np.stack([grey, image]))
    assert np.abs(batch[0].astype(int) - expected).max() <= 1
    assert predictor(grey[None, ..., :1]).shape == (1, 40, 30, 3)
    assert predictor(np.zeros((0, 4, 4, 3), "uint8")).shape == (0, 4, 4, 3)
    assert predictor(image[:1, :1]).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (np.zeros((4, 4, 3)), {}, "images: float64, not uint8"),
        (np.zeros((4, 4, 2), "uint8"), {}, "images: shape 4x4x2 is none of"),
        (np.zeros(4, "uint8"), {}, "images: shape 4 is none of"),
        (np.zeros((0, 4, 3), "uint8"), {}, "images: shape 0x4x3 has no pixel"),
        (np.zeros((4, 4), "uint8"), {"working_size": 0}, "working_size: 0 must be"),
        (np.zeros((4, 4), "uint8"), {"saturation": -1}, "saturation: -1 must not be"),
        (np.zeros((4, 4), "uint8"), {"temperature": 1.0}, "temperature: 1.0 is for"),
    ],
)
def test_bad_arguments(images, settings, message, predictor):
    with pytest.raises(ValueError, match=message):
        predictor(images, **settings)


def test_saturation_multiplies_the_colours(predictor, rng):
    image = picture(rng)
    once, twice = (predictor.predict_ab([image], saturation=s) for s in (1.0, 2.0))
    np.testing.assert_allclose(2.0 * once, twice)
    grey = predictor(image, saturation=0.0)
    assert np.ptp(grey.astype(int), axis=-1).max() <= 1  # of rounding


def test_temperature(folders, rng):
    predictor, image = tfcolor.load(folders["bins"]), picture(rng, 32, 32)
    given = predictor.predict_ab([image])
    same = predictor.predict_ab([image], temperature=heads.TEMPERATURE)
    np.testing.assert_allclose(given, same, atol=1e-3)
    vivid, mean = (predictor.predict_ab([image], temperature=t) for t in (1e-3, 1.0))
    assert np.square(vivid).mean() > 1.5 * np.square(mean).mean()
    with pytest.raises(ValueError, match="temperature: 0 must be positive"):
        predictor(image, temperature=0)


def test_the_average_of_the_weights_colours(tmp_path, rng):
    run = new_run(toy_config("cgan", ema_decay=0.9), tmp_path)
    generator, _ = restore.of_run(run)
    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    name = "{}/0/.ATTRIBUTES/VARIABLE_VALUE".format
    first = generator.weights[0].numpy()
    np.testing.assert_array_equal(first, reader.get_tensor(name("average")))
    assert (first != reader.get_tensor(name("generator"))).any()


def test_a_damaged_checkpoint_is_passed_over(tmp_path, caplog):
    run = new_run(toy_config("cgan"), tmp_path)
    expected = restore.of_run(run)[0].weights[0].numpy()
    folder = run / "checkpoints"
    for path in folder.glob("step-0.*"):
        path.with_name(path.name.replace("step-0", "step-3")).write_bytes(b"damaged")
    generator, info = restore.of_run(run)
    assert info["step"] == 0
    assert "step-3 is damaged" in caplog.text
    np.testing.assert_array_equal(generator.weights[0], expected)
    for path in folder.glob("step-0.*"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="none of the checkpoints in .* can be read"):
        restore.of_run(run)


def test_out_of_memory_halves_the_working_size(predictor, rng, caplog):
    def network(l):
        if max(l.shape[1:3]) > limit:
            raise tf.errors.ResourceExhaustedError(None, None, "memory")
        return predictor.network(l)

    small = Predictor(network, predictor.info)
    image, limit = picture(rng, 64, 64), 16
    found = small(image, working_size=64)
    assert caplog.text.count("out of memory at working size") == 2
    np.testing.assert_array_equal(found, predictor(image, working_size=16))
    limit = 0
    with pytest.raises(RunError, match="out of memory at every working size"):
        small(image)


def test_out_of_memory_for_several_is_one_after_the_other(predictor, rng, caplog):
    """And each at the size that it would be alone."""

    def network(l):
        if len(l) > 1:
            raise tf.errors.ResourceExhaustedError(None, None, "memory")
        return predictor.network(l)

    images = np.stack([picture(rng, 40, 40) for _ in range(3)])
    found = Predictor(network, predictor.info)(images)
    expected = [predictor(image) for image in images]
    np.testing.assert_array_equal(found, expected)
    assert "halved" not in caplog.text


def test_threads_do_not_disturb_each_other(predictor, rng):
    images = [picture(rng, 30 + i, 50 - i) for i in range(8)]
    alone = [predictor(image) for image in images]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(predictor, images * 3))
    for first, second in zip(alone * 3, together, strict=True):
        np.testing.assert_array_equal(first, second)


def test_folders_without_a_model(tmp_path):
    with pytest.raises(ValueError, match="--model=/no/such: no such folder"):
        tfcolor.load("/no/such")
    with pytest.raises(ValueError, match="neither a run's folder nor a SavedModel"):
        tfcolor.load(tmp_path)
    module = tf.Module()
    module.f = tf.function(lambda x: x, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, str(tmp_path / "other"))
    with pytest.raises(ValueError, match="a SavedModel, but not one of tfcolor's"):
        tfcolor.load(tmp_path / "other")
