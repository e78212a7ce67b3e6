"""Damaged and lost checkpoints."""

import errno
import os
import pathlib
import shutil

import pytest
import tensorflow as tf
from harness import assert_identical
from harness import config_of
from harness import eagerly
from harness import step_of

from tfcolor import atomic
from tfcolor.errors import RunError
from tfcolor.runs.checkpoints import Checkpoints
from tfcolor.runs.checkpoints import newest_step
from tfcolor.runs.folder import Workdir
from tfcolor.training import build
from tfcolor.training import loop


def restored(workdir):
    """(step, Checkpoints) of a trainer that has loaded the newest of a run."""
    config = config_of("cgan", steps=4)
    trainer = build.trainer(config)
    keep = config.train.keep_checkpoints
    saved = Checkpoints(workdir / "checkpoints", trainer, keep)
    return saved.restore(), saved


def damaged(damage, four_steps, hurt):
    shutil.copytree(four_steps, hurt)
    newest = hurt / "checkpoints" / "step-4.data-00000-of-00001"
    data = bytearray(newest.read_bytes())
    if damage == "truncate":
        newest.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 2] ^= 0xFF
        newest.write_bytes(data)
    else:
        newest.unlink()
    return hurt


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
def test_damaged_newest_checkpoint_falls_back_with_a_warning(
    damage, tmp_path, caplog, four_steps
):
    step, _ = restored(damaged(damage, four_steps, tmp_path / "hurt"))
    assert step == 2
    assert "step-4 is damaged" in caplog.text


@pytest.mark.slow
def test_what_is_saved_again_in_the_place_of_a_damaged_checkpoint_is_the_same(
    tmp_path, caplog, four_steps, monkeypatch
):
    eagerly(monkeypatch)
    hurt = damaged("flip", four_steps, tmp_path / "hurt")
    loop.train(config_of("cgan", steps=4), hurt)
    assert "step-4 is damaged" in caplog.text
    assert step_of(hurt) == 4
    assert_identical(four_steps, hurt)


@pytest.mark.parametrize("content", [None, b"", b"garbled"])
def test_the_list_of_checkpoints_may_be_lost(content, tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    state = tmp_path / "checkpoints" / "checkpoint"
    state.unlink()
    if content is not None:
        state.write_bytes(content)
    (tmp_path / "checkpoints" / "step-9_temp").mkdir()
    (tmp_path / "checkpoints" / "step-9.data-00000-of-00001").write_bytes(b"half")
    for name in ("checkpoint.tmp0a1b", ".checkpoint.0a1b"):  # of a kill
        (tmp_path / "checkpoints" / name).write_bytes(b"half")
    (tmp_path / "checkpoints" / ".unfinished-0a1b" / "step-9_temp").mkdir(parents=True)
    step, saved = restored(tmp_path)
    assert step == 4
    saved.trainer.step.assign(6)
    saved.save()
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == [
        "checkpoint",
        "step-4.data-00000-of-00001",
        "step-4.index",
        "step-6.data-00000-of-00001",
        "step-6.index",
    ]


def test_a_kill_at_any_moment_of_a_save_leaves_checkpoints_that_are_whole(
    tmp_path, four_steps, monkeypatch, caplog
):
    """The folder is copied before every change, and as TensorFlow has written half of
    an index."""
    folder, killed = tmp_path / "run" / "checkpoints", []

    def copy():
        killed.append(tmp_path / f"killed-{len(killed)}")
        shutil.copytree(folder, killed[-1] / "checkpoints")

    def after_copy(function):
        def changed(*arguments, **options):
            copy()
            return function(*arguments, **options)

        return changed

    def halfway(checkpoint, prefix, write=tf.train.Checkpoint.write):
        write(checkpoint, prefix)
        index = pathlib.Path(f"{prefix}.index")
        content = index.read_bytes()
        index.write_bytes(content[: len(content) // 2])
        copy()
        index.write_bytes(content)

    shutil.copytree(four_steps, tmp_path / "run")
    _, saved = restored(tmp_path / "run")
    saved.keep = 1
    saved.trainer.step.assign(6)
    with monkeypatch.context() as patched:
        patched.setattr(tf.train.Checkpoint, "write", halfway)
        for name in ("replace", "unlink", "rmdir"):
            patched.setattr(os, name, after_copy(getattr(os, name)))
        saved.save()
    copy()
    steps = []
    for each in killed:
        found = newest_step(each / "checkpoints")
        last = Checkpoints(each / "checkpoints", saved.trainer, 1)
        steps.append(last.restore())
        assert steps[-1] == found == Workdir(each).last_step()
        names = {path.name.split(".")[0] for path in (each / "checkpoints").iterdir()}
        assert names <= {"checkpoint", "step-2", "step-4", "step-6"}
    assert steps == sorted(steps)
    assert set(steps) == {4, 6}
    assert "damaged" not in caplog.text
    whole = ["checkpoint", "step-6.data-00000-of-00001", "step-6.index"]
    assert sorted(path.name for path in folder.iterdir()) == whole


def test_a_disk_without_any_room_is_told_and_nothing_is_lost(
    tmp_path, four_steps, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    _, saved = restored(tmp_path)
    folder = tmp_path / "checkpoints"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    saved.trainer.step.assign(6)
    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    monkeypatch.setattr(atomic, "write", full)
    with pytest.raises(RunError, match="step 6 .* No space left .* good one: .*step-4"):
        saved.save()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
def test_all_checkpoints_damaged_is_an_error(tmp_path, four_steps):
    shutil.copytree(four_steps, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "checkpoints").glob("*.data*"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="none of the checkpoints in .* can be read"):
        loop.train(config_of("cgan", steps=6), tmp_path)
