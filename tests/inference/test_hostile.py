"""A thousand files that nobody would make in good faith, others each week, through all
that reads files; benchmarks/hostile.py does the same with more of them."""

import contextlib
import datetime
import resource
import signal

import consumers
import mutilated
import numpy as np
import pytest
from PIL import Image

from tfcolor.images import pictures

# By the clock, of which other programs may have the most; a pipe waits for ever.
SECONDS = 600


@contextlib.contextmanager
def deadline():
    def late(*_):
        raise AssertionError(f"stopped for {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture
def files(tmp_path):
    """A function that makes files for a consumer: number of them -> (items, folder)."""

    def files(count, **options):
        year, week, _ = datetime.date.today().isocalendar()
        seed = 100 * year + week
        print("seed", seed)
        return mutilated.make(tmp_path / "in", count, seed, **options), tmp_path / "in"

    return files


def check(account, items):
    assert list(account.faults(items)) == []
    assert len(account.read) >= len(items) / 10
    assert len(account.refused) >= len(items) / 10


@pytest.mark.slow
def test_files_through_colorize(files, model, predictor, call, tmp_path):
    items, folder = files(300)
    before = megabytes()
    with deadline():
        done = call("colorize", *consumers.colorize_arguments(model, folder, tmp_path))
    assert done.returncode == 1
    assert megabytes() - before < 1500
    check(consumers.of_colorize(items, folder, tmp_path, done.stderr), items)
    for item in [item for item in items if item.kind == "good"][:8]:
        found = Image.open((tmp_path / "coloured" / item.path).with_suffix(".png"))
        expected = predictor(pictures.read(folder / item.path).pixels)
        found = np.asarray(found)[..., :3].astype(int)
        assert np.abs(found - expected).max() <= 1, item


@pytest.mark.slow
@pytest.mark.parametrize("name", consumers.EACH)
def test_files_through(name, files, model, exported, tmp_path):
    items, folder = files(200)
    of = exported("cgan")[1] if name == "saved_model" else model
    before = megabytes()
    with deadline():
        account = consumers.account_of(name, items, folder, tmp_path / "work", of)
    assert megabytes() - before < 1500
    check(account, consumers.expected(name, items))


@pytest.mark.slow
def test_files_through_evaluate(files, model, call, tmp_path):
    items, folder = files(100, good=2)
    with deadline():
        done = call("evaluate", *consumers.evaluate_arguments(model, folder, tmp_path))
    assert done.returncode == 0, done.stderr
    assert list(consumers.of_evaluate(tmp_path).faults(items)) == []
