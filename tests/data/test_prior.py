import numpy as np
import pytest
import skimage.color
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.data import pipeline
from tfcolor.data import prior
from tfcolor.data import sources
from tfcolor.errors import RunError
from tfcolor.runs.folder import Workdir


@pytest.fixture
def data():
    return config_lib.Data(image_size=16, batch_size=4)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tfcolor"


@pytest.fixture
def run(tmp_path, cache):
    """A run's folder."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def source(tmp_path, rng):
    folder = write_pictures(tmp_path / "pictures", rng, 6, height=16, width=16)
    return sources.open_source(str(folder))


def kept(run):
    return Workdir(run).prior


def other(run, name):
    folder = run.parent / name
    folder.mkdir()
    return folder


def shares(images):
    """By the definition, in float64."""
    ab = skimage.color.rgb2lab(np.stack(images))[..., 1:]
    # The middle 2x2 of each 4x4.
    cells = ab.reshape(len(images), 4, 4, 4, 4, 2)[:, :, 1:3, :, 1:3]
    ab = cells.mean((2, 4)).reshape(-1, 1, 2)
    square = ((ab - quantize.AB_BINS) ** 2).sum(-1)
    return np.bincount(square.argmin(1), minlength=313) / len(ab)


def forbid_counting(monkeypatch):
    def count(*_):
        raise AssertionError("counted again")

    monkeypatch.setattr(pipeline, "validation", count)


@pytest.fixture
def counted(monkeypatch, rng):
    """The priors that were counted, all of them random."""
    made = []

    def count(*_):
        made.append(rng.dirichlet(np.ones(313)))
        return made[-1]

    monkeypatch.setattr(prior, "_count", count)
    return made


def test_shares_are_those_of_the_targets(source, data, run):
    images = [source.read(i) for i in range(6)]
    found = prior.load(source, data, kept(run), 100)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, shares(images), atol=1e-12)
    assert (found > 0).sum() > 50


def test_every_colour_of_srgb_is_counted_at_its_nearest_bin(rng):
    levels = np.r_[0:256:15]
    rgb = np.stack(np.meshgrid(levels, levels, levels), -1).astype(np.uint8)
    ab = lab.rgb_to_lab(rgb)[..., 1:]
    each = np.repeat(np.repeat(ab / lab.AB_MAX, 4, 1), 4, 2)
    counts = prior._count_batch({"ab": each})["counts"].numpy()
    axis = (np.arange(25) - 12) * 10.0
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    bins = {tuple(color) for color in quantize.AB_BINS.tolist()}
    assert all(tuple(point) in bins for point in points[counts > 0].tolist())
    found = np.bincount(quantize.nearest(points), counts, 313)
    expected = np.bincount(np.ravel(quantize.nearest(ab)), minlength=313)
    np.testing.assert_array_equal(found, expected)


def test_at_most_limit_images_spread_evenly_are_counted(source, data, run):
    found = prior.load(source, data, kept(run), 2)
    expected = shares([source.read(0), source.read(5)])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_unreadable_images_are_left_out(source, data, run, tmp_path):
    (tmp_path / "pictures" / "0000.png").write_bytes(b"damaged")
    found = prior.load(source, data, kept(run), 100)
    expected = shares([source.read(i) for i in range(1, 6)])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    for file in (tmp_path / "pictures").iterdir():
        file.write_bytes(b"damaged")
    with pytest.raises(RunError, match="none of 6 images can be read and"):
        prior.load(source, data, kept(other(run, "second")), 100)
    assert list((tmp_path / "second").iterdir()) == []


def test_grey_images_are_left_out(source, data, run, tmp_path):
    """Half of the bins' mass would be grey's."""
    expected = prior.load(source, data, kept(run), 100)
    grey = np.full((16, 16, 3), 90, np.uint8)
    grey[::2, ::2] = (92, 90, 90)  # |a*| is 0.9
    for i in range(6):
        Image.fromarray(grey).save(tmp_path / "pictures" / f"grey{i}.png")
    more = sources.open_source(str(tmp_path / "pictures"))
    assert len(more) == 12
    found = prior.load(more, data, kept(other(run, "second")), 100)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_second_run_counts_nothing(source, data, run, cache, monkeypatch):
    first = prior.load(source, data, kept(run), 100)
    assert len(list(cache.iterdir())) == 1
    forbid_counting(monkeypatch)
    second = other(run, "second")
    np.testing.assert_array_equal(prior.load(source, data, kept(second), 100), first)
    np.testing.assert_array_equal(np.load(second / "prior.npy"), first)


def test_other_images_sizes_and_limits_are_counted_for_themselves(
    source, data, run, rng, counted
):
    folder = write_pictures(run.parent / "twins", rng, 6, height=16, width=16)
    twins = sources.open_source(str(folder))
    assert sources.fingerprint(twins) == sources.fingerprint(source)
    larger = config_lib.Data(image_size=32, batch_size=4)
    cases = [
        (source, data, 6),
        (twins, data, 6),
        (source, larger, 6),
        (source, data, 3),
    ]
    for again in range(2):
        for i, (images, section, limit) in enumerate(cases):
            folder = other(run, f"{again}-{i}")
            found = prior.load(images, section, kept(folder), limit)
            np.testing.assert_array_equal(found, counted[i])
    assert len(counted) == 4


DAMAGED = [
    np.full(312, 1 / 312),
    np.full((1, 313), 1 / 313),
    np.full(313, np.nan),
    np.eye(313, dtype=np.int64)[0],
    np.ones(313),
    np.r_[-1.0, 2.0, np.zeros(311)],
    np.array([{}] * 313),
    b"",
    b"\0" * 2632,
    slice(-8),
    slice(60),
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_cache_is_counted_anew_and_a_damaged_run_refused(
    source, data, run, cache, counted, damage
):
    prior.load(source, data, kept(run), 100)
    (file,) = cache.iterdir()
    for path in (file, run / "prior.npy"):
        if isinstance(damage, np.ndarray):
            np.save(path, damage)
        else:
            content = path.read_bytes()
            path.write_bytes(content[damage] if isinstance(damage, slice) else damage)
    found = prior.load(source, data, kept(other(run, "second")), 100)
    assert len(counted) == 2
    np.testing.assert_array_equal(found, counted[1])
    np.testing.assert_array_equal(np.load(file), counted[1])
    with pytest.raises(RunError, match="prior.npy: damaged"):
        prior.load(source, data, kept(run), 100)


def test_a_resumed_run_keeps_its_prior(source, data, run, cache, monkeypatch):
    own = np.zeros(313)
    own[7] = 1.0
    np.save(run / "prior.npy", own)
    forbid_counting(monkeypatch)
    np.testing.assert_array_equal(prior.load(source, data, kept(run), 100), own)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_fails_no_run(
    source, data, run, cache, counted, caplog
):
    cache.parent.write_text("a file where the folder would be")
    found = prior.load(source, data, kept(run), 100)
    np.testing.assert_array_equal(found, counted[0])
    np.testing.assert_array_equal(np.load(run / "prior.npy"), found)
    assert "not cached" in caplog.text


def test_an_interrupt_leaves_nothing_behind(source, data, run, cache, monkeypatch):
    read = sources.Files.read

    def interrupted(self, i, *arguments):
        if i == 5:
            raise KeyboardInterrupt
        return read(self, i, *arguments)

    monkeypatch.setattr(prior, "_key", lambda *_: "key")
    monkeypatch.setattr(sources.Files, "read", interrupted)
    with pytest.raises(BaseException, match="KeyboardInterrupt"):
        prior.load(source, data, kept(run), 100)
    assert list(run.iterdir()) == []
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_picture_of_one_colour_is_all_in_one_bin(tmp_path, data, run):
    folder = tmp_path / "plain"
    folder.mkdir()
    red = np.full((16, 16, 3), (255, 0, 0), np.uint8)  # (80.1, 67.2)
    Image.fromarray(red).save(folder / "red.png")
    found = prior.load(sources.open_source(str(folder)), data, kept(run), 100)
    assert quantize.AB_BINS[found.argmax()].tolist() == [80.0, 70.0]
    assert found.max() == 1.0
