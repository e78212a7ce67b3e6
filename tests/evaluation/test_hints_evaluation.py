"""bin/evaluate --hints: the curve over the pixels that are shown."""

import json

import numpy as np
import pytest
from harness import new_run
from harness import toy_config
from harness import write_pictures

from tfcolor.classical import levin
from tfcolor.errors import UsageError
from tfcolor.evaluation import hints


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("runs"), []
    for name in ("hinted", "plain"):
        config = toy_config("l1")
        config.data.hints = name == "hinted"
        found.append(new_run(config, folder / name))
    return found


def test_places_follow_from_the_number_and_grow():
    few, more, other = (hints.places(n, 8, k) for n, k in ((3, 5), (3, 20), (4, 5)))
    assert (few.sum(), more.sum()) == (5, 20)
    assert (more | ~few).all()
    assert (few != other).any()
    ab = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 2)).astype("float32")
    batch = {"ab": ab, "number": np.array([3, 4])}
    found = hints.revealed(batch, 5)
    np.testing.assert_array_equal(found[0, few], np.c_[ab[0, few], np.ones(5)])
    assert not found[0, ~few].any()
    np.testing.assert_array_equal(found[1, ..., 2], other)


@pytest.mark.parametrize("given", ["1,1", "-1", "a", "1,65", "0.5", ""])
def test_counts_that_cannot_be_are_named(given):
    with pytest.raises(UsageError, match="numbers of pixels, such as 0,1,5,20"):
        hints.counts_of(given, 8)


@pytest.mark.slow
def test_the_curve_stands_in_the_report_and_in_metrics_json(runs, tmp_path, rng, call):
    assert hints.counts_of("20,0,5", 32) == [0, 5, 20]
    assert hints.counts_of(None, 32) == []
    pictures = write_pictures(tmp_path / "pictures", rng, 5)
    flags = [f"--data=folder:{pictures}", f"--output={tmp_path / 'out'}"]
    flags += ["--resamples=20", *(f"--workdir={run}" for run in runs)]
    done = call("evaluate", *flags, "--hints=0,64,1024")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    found = content["hints"]["metrics"]
    assert {name: list(row) for name, row in found.items()} == {
        "grey": ["0"],
        "hinted": ["0", "64", "1024"],
        "plain": ["0"],
        "levin": ["64", "1024"],
    }
    # Without hints as everywhere else; with all of them nothing is wrong.
    for name in ("hinted", "plain", "grey"):
        for metric in hints.SHOWN:
            assert found[name]["0"][metric] == content["metrics"][name][metric]
    for name in ("hinted", "levin"):
        assert found[name]["1024"]["ab_error"]["value"] < 1e-3
        assert found[name]["1024"]["histogram"]["value"] < 1e-3
    difference = content["hints"]["differences from levin"]["hinted"]["64"]["ab_error"]
    pair = [found[name]["64"]["ab_error"]["value"] for name in ("hinted", "levin")]
    np.testing.assert_allclose(difference["value"], pair[0] - pair[1], rtol=1e-6)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<polyline") >= 9
    assert "hinted, 1024 pixels: " in page
    assert "pixels shown" in done.stdout
    done = call("evaluate", *flags[:3], f"--workdir={runs[1]}", "--hints=1")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "plain: trained without hints" in done.stderr


def test_levin_is_shown_the_same_pixels():
    rng = np.random.default_rng(0)
    l = rng.uniform(-1, 1, (1, 8, 8, 1)).astype("float32")
    ab = rng.uniform(-1, 1, (1, 8, 8, 2)).astype("float32")
    given = hints.revealed({"ab": ab, "number": np.array([7])}, 6)
    _, found = hints._levin({"l": l}, given)
    known = hints.places(7, 8, 6)
    expected = levin.spread((l[0, ..., 0] + 1) / 2, ab[0], known)
    np.testing.assert_array_equal(found[0], expected)
