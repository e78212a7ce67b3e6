"""Several ways to colour a picture."""

import numpy as np
import pytest
import tensorflow as tf
from harness import new_run
from harness import picture
from harness import toy_config
from PIL import Image

import tfcolor
from tfcolor.color import bins
from tfcolor.errors import UsageError
from tfcolor.images import hints
from tfcolor.inference import suggestions
from tfcolor.inference.predictor import Predictor

ROWS = [(12, 14, "#a06058", 4)]


def _logits(a, spread):
    """Sure of grey on the left, on the right of a* = +a or -a."""
    logits = np.full((1, 8, 8, len(bins.AB_BINS)), -30.0, "float32")
    for sign in (-1, 1):
        own = np.argmin(np.abs(bins.AB_BINS - [sign * a, 0]).sum(-1))
        logits[:, :, 4:, own] = 0.1 * sign + spread
    grey = np.argmin(np.abs(bins.AB_BINS).sum(-1))
    logits[:, :, :4, grey] = 0.0
    return logits


@pytest.fixture
def doubtful():
    """A model that is sure of one half of the picture, and takes hints."""
    logits = _logits(40, 0.0)

    def network(l):
        return {"logits": tf.constant(logits), "ab": tf.zeros([1, 32, 32, 2])}

    info = {"working_size": 32, "multiple": 4, "head": "bins", "hints": True}
    return Predictor(network, info)


def test_doubt_is_the_mean_covariance_of_the_colours():
    axes, deviations = suggestions.doubt(tf.constant(_logits(40, 0.0)))
    assert abs(abs(axes[0, 0]) - 1) < 1e-6
    assert axes[0, 0] > 0
    p = 1 / (1 + np.exp(-0.2))
    expected = np.sqrt(0.5 * 1600 * (1 - (2 * p - 1) ** 2))
    np.testing.assert_allclose(deviations, [expected, 0], atol=1e-3)


def test_tilts_move_what_is_in_doubt_and_leave_what_is_sure(doubtful):
    image = np.full((32, 32), 128, np.uint8)
    found = suggestions.suggest(doubtful, image, 4)
    sure, unsure = (np.stack([x.planes[0, 16, at] for x in found]) for at in (4, 27))
    np.testing.assert_allclose(sure, 0, atol=0.2)
    own, warm, cold, likely = unsure
    assert 0 < own < 15
    assert warm > 35
    assert cold < -35
    assert likely > 35  # the more probable of the two
    assert found[3].likelihood > found[2].likelihood
    # The mean of two modes has no probability of its own.
    chance = np.log(1 / (1 + np.exp(-0.2)))
    np.testing.assert_allclose(found[3].likelihood, 0.5 * chance, atol=0.02)
    pairs = [
        np.linalg.norm(a.planes - b.planes, axis=0).mean()
        for i, a in enumerate(found)
        for b in found[i + 1 :]
    ]
    np.testing.assert_allclose(suggestions.distance(found), np.mean(pairs))
    # A hint is kept in all of them.
    known = hints.of_rows(ROWS, 32, 32)
    for x in suggestions.suggest(doubtful, image, 4, known):
        np.testing.assert_allclose(x.planes[:, 12, 14], known.ab[0], atol=1e-3)


@pytest.mark.slow
def test_draws_of_dropout_differ_and_are_the_same_again(tmp_path, rng, call):
    config = toy_config("l1")
    config.generator.dropout = 0.5
    run = new_run(config, tmp_path / "run")
    image, predictor = picture(rng), tfcolor.load(run)
    found = suggestions.suggest(predictor, image, 3)
    np.testing.assert_array_equal(found[0].planes, predictor.predict_ab([image])[0])
    assert suggestions.distance(found) > 0.5
    again = suggestions.suggest(predictor, image, 3)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a.planes, b.planes)
    np.testing.assert_array_equal(predictor.predict_ab([image])[0], found[0].planes)
    source = tmp_path / "in.png"
    Image.fromarray(image).save(source)
    done = call("colorize", f"--model={run}", "--suggestions=3", source)
    assert done.returncode == 0, done.stderr
    assert f"3 suggestions, {suggestions.distance(found):.1f} apart" in done.stdout
    names = [f"in_color_{x}.png" for x in (1, 2, 3, "suggestions")]
    shapes = [np.asarray(Image.open(tmp_path / name)).shape for name in names]
    assert shapes == [(40, 56, 3)] * 3 + [(40, 4 * 56 + 3 * 8, 3)]
    first = np.asarray(Image.open(tmp_path / "in_color_1.png"))
    np.testing.assert_array_equal(first, predictor(image))
    assert (
        "nothing to do"
        in call("colorize", f"--model={run}", "--suggestions=3", source).stdout
    )


@pytest.mark.slow
def test_what_cannot_be_suggested(tmp_path, doubtful, rng, call):
    run = new_run(toy_config("l1"), tmp_path / "run")
    source = tmp_path / "in.png"
    Image.fromarray(picture(rng)).save(source)
    for count, said in ((4, "knows one answer only"), (11, "11 is not in 2 .. 10")):
        done = call("colorize", f"--model={run}", f"--suggestions={count}", source)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr
    with pytest.raises(UsageError, match="suggestions: 1 is not in 2"):
        suggestions.check(doubtful, 1)
