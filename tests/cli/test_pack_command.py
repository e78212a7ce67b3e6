"""bin/pack, and what the other commands make of its files."""

import json

import pytest
from harness import assert_identical
from harness import assert_refused
from harness import config_of
from harness import eagerly
from harness import write_pictures

from tfcolor.training import loop


def test_pack_says_what_it_did(tmp_path, rng, call):
    photos = write_pictures(tmp_path / "photos", rng, 4)
    output = f"{tmp_path}/out/p-*.arrayrecord"
    flags = [f"--data=folder:{photos}", f"--output={output}", "--shards=2"]
    done = call("pack", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"4 photographs in 2 files: {output}\n"
    (photos / "0001.png").unlink()
    (photos / "0001.png").symlink_to("gone.png")
    again = call("pack", *flags)
    assert again.returncode == 0  # what is packed is not looked at again
    done = call("pack", *flags[:1], f"--output={tmp_path}/other/p-*.arrayrecord")
    assert done.returncode == 1
    assert "error: 1 could not be read" in done.stderr
    assert "0001.png: " in done.stderr
    # And from files to others.
    done = call("pack", f"--data=array_record:{output}", f"--output={tmp_path}/q-*.x")
    assert done.stdout.startswith("4 photographs in 1 files")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--data is missing"),
        (["--data=sample"], "--output is missing"),
        (["--data=sample", "--output=p.x"], "--output=p.x: needs one * in the name"),
        (["--data=sample", "--output=p-*.x", "--size=no"], "--size"),
        (["--data=/no/such", "--output=p-*.x"], "/no/such: no such folder"),
    ],
)
def test_bad_usage(tmp_path, call, monkeypatch, flags, said):
    monkeypatch.chdir(tmp_path)
    assert_refused(call("pack", *flags), said)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_evaluation_is_the_same_of_packed_pictures(tmp_path, rng, trained, call):
    photos = write_pictures(tmp_path / "photos", rng, 6, height=64, width=64)
    packed = f"{tmp_path}/p-*.arrayrecord"
    assert call("pack", f"--data={photos}", f"--output={packed}").returncode == 0
    tables = []
    for spec in (f"folder:{photos}", f"array_record:{packed}"):
        output = tmp_path / f"judged{len(tables)}"
        flags = [f"--workdir={trained}", f"--data={spec}", "--resamples=10"]
        done = call("evaluate", *flags, f"--output={output}")
        assert done.returncode == 0, done.stderr
        tables.append((output / "images.csv").read_bytes())
        assert json.loads((output / "metrics.json").read_text())
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_run_resumed_on_packed_pictures_is_the_folders(
    tmp_path, rng, call, monkeypatch
):
    eagerly(monkeypatch)
    photos = write_pictures(tmp_path / "photos", rng, 12, height=64, width=64)
    packed = f"{tmp_path}/p-*.arrayrecord"
    call("pack", f"--data={photos}", f"--output={packed}", "--shards=3")
    config = config_of("l1", steps=3, checkpoint_every=1, keep_checkpoints=3)
    for name, spec in ("folder", str(photos)), ("packed", f"array_record:{packed}"):
        config.data.source = spec
        loop.train(config, tmp_path / name)
    # As if it had been killed at step 3, of which only steps 1 and 2 were saved.
    for path in (tmp_path / "packed" / "checkpoints").glob("step-3*"):
        path.unlink()
    loop.train(config, tmp_path / "packed")
    assert_identical(tmp_path / "folder", tmp_path / "packed")
