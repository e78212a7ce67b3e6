"""What python -m tfcolor.beam refuses."""

import sys

import pytest
from harness import assert_refused
from harness import write_pictures

import tfcolor.beam


@pytest.fixture
def refused(call, trained, tmp_path, rng):
    """A function that runs the command with flags and asserts what it says."""
    folder = write_pictures(tmp_path / "in", rng, 1)
    given = {"input": folder, "output": tmp_path / "out", "model": trained}

    def refused(said, *words, **flags):
        flags = {name: value for name, value in {**given, **flags}.items() if value}
        done = call("beam", *[f"--{n}={v}" for n, v in flags.items()], *words)
        assert_refused(done, said)
        assert not (tmp_path / "out").exists()

    return refused


def test_without_beam(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    for name in ("pipeline", "archive"):
        monkeypatch.delitem(sys.modules, f"tfcolor.beam.{name}", raising=False)
        monkeypatch.delattr(tfcolor.beam, name, raising=False)
    refused("tfcolor.beam needs apache_beam: pip install 'tfcolor[beam]'")


def test_flags(refused):
    refused("--input is missing", input=None)
    refused("--output is missing", output=None)
    refused("no such folder; did you mean photo?", model="phot")
    refused("should be one of <png|same>", format="jpg")


def test_flags_of_an_archive(refused, tmp_path):
    pytest.importorskip(
        "apache_beam", reason="Beam is missing: pip install tfcolor[beam]"
    )
    refused("--runer: neither tfcolor.beam nor Beam has such a flag", "--runer=X")
    refused("unexpected argument 'more'", "more")
    refused(
        f"--input={tmp_path}/in/*.gif: no such file", input=tmp_path / "in" / "*.gif"
    )
    refused(
        "--input=nowhere://a: Beam has no file system nowhere://", input="nowhere://a"
    )
    refused("working_size: 4 is less than the network needs, 8", working_size=4)
    for output in ("in", "."):
        said = f"--output={(tmp_path / output).resolve()}: the inputs are in it"
        refused(said, output=tmp_path / output)
