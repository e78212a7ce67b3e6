import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf
from harness import picture
from harness import write_pictures

from tfcolor.data import sources
from tfcolor.metrics import distances
from tfcolor.metrics import pretrained


def small_network(outputs, **settings):
    """Stands in for hundreds of megabytes."""

    def build(weights, **settings):
        keras.utils.set_random_seed(0)
        return keras.Sequential(
            [
                keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(outputs),
            ]
        )

    return build


@pytest.fixture
def weights(tmp_path, monkeypatch):
    (tmp_path / "weights.h5").touch()
    monkeypatch.setattr(keras.applications, "InceptionV3", small_network(6))
    monkeypatch.setattr(keras.applications, "VGG16", small_network(10))
    return tmp_path / "weights.h5"


def test_frechet_distance_agrees_with_scipy(rng):
    first, second = rng.normal(size=(2, 50, 7)) @ rng.normal(size=(7, 7))
    second = second * 1.5 + 0.3
    moments = [(x.mean(0), np.cov(x, rowvar=False)) for x in (first, second)]
    (m1, c1), (m2, c2) = moments
    root = scipy.linalg.sqrtm(c1 @ c2).real
    expected = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root)
    found = distances.gaussian_distance(*moments[0], *moments[1])
    assert found == pytest.approx(expected)
    same = distances.gaussian_distance(*moments[0], *moments[0])
    assert same == pytest.approx(0.0, abs=1e-9)


def test_fid_streams(weights, rng):
    fid = pretrained.Fid(weights)
    images = np.stack([picture(rng) for _ in range(12)])
    other = 255 - images
    for part in (slice(0, 5), slice(5, 12)):
        fid.add("truth", tf.constant(images[part]), None)
        fid.add("run", tf.constant(other[part]), None)
    found = fid.results("truth")
    assert found["truth"]["fid_keras"] == pytest.approx([0.0], abs=1e-6)
    features = [fid.features(tf.constant(x)).numpy() for x in (images, other)]
    moments = [(x.mean(0), np.cov(x, rowvar=False)) for x in features]
    expected = distances.gaussian_distance(*moments[1], *moments[0])
    assert expected > 1e-3
    assert found["run"]["fid_keras"] == pytest.approx([expected], rel=1e-3)


def test_recognition_counts_the_known_images(weights, rng):
    images = tf.constant(np.stack([picture(rng) for _ in range(6)]))
    network = pretrained.Recognition(weights, {})
    classes = network.classes(images).numpy()
    labels = {i: int(c) for i, c in enumerate(classes)}
    labels[1] = (labels[1] + 1) % 10
    del labels[4]
    judge = pretrained.Recognition(weights, labels)
    judge.add("run", images[:4], np.arange(4))
    judge.add("run", images[4:], np.arange(4, 6))
    assert judge.results("truth") == {"run": {"vgg_top1": pytest.approx([80.0])}}


def test_labels(tmp_path, rng):
    write_pictures(tmp_path / "in", rng, 3)
    source = sources.open_source(str(tmp_path / "in"))
    (tmp_path / "labels.tsv").write_text("0002.png\t7\nother.png\t1\n0000.png\t3\n")
    assert pretrained.read_labels(tmp_path / "labels.tsv", source) == {0: 3, 2: 7}
    (tmp_path / "labels.tsv").write_text("other.png\t1\n")
    with pytest.raises(ValueError, match="none of the images is in it"):
        pretrained.read_labels(tmp_path / "labels.tsv", source)
    (tmp_path / "labels.tsv").write_text("0002.png seven\n")
    with pytest.raises(ValueError, match="--labels="):
        pretrained.read_labels(tmp_path / "labels.tsv", source)


@pytest.mark.slow
def test_missing_weights_are_named_with_the_way_to_get_them(tmp_path):
    with pytest.raises(ValueError, match="no such file; it can be had from https://"):
        pretrained.Fid("/no/such.h5")
    (tmp_path / "bad.h5").write_text("text")
    with pytest.raises(ValueError, match="fid_keras: its weights cannot be had"):
        pretrained.Fid(tmp_path / "bad.h5")
