"""Outputs are in --output, whatever names the inputs have."""

import os
import pathlib

import pytest
from harness import write_pictures
from PIL import Image

from tfcolor.inference import batch
from tfcolor.inference import planning

NAMES = ("...png", "..a.png", "a\\..\\b.png", "-rf.png", "a\nb.png", "~.png", "c:d.png")


def test_whatever_names_inputs_have(tmp_path, rng):
    folder, output = tmp_path / "in", tmp_path / "out"
    write_pictures(folder, rng, 1)
    write_pictures(tmp_path / "elsewhere", rng, 1)
    odd = [*NAMES, os.fsdecode(b"\xff.png"), f"{'x' * 251}.png"]
    for name in odd:
        (folder / name).write_bytes((folder / "0000.png").read_bytes())
    (folder / "link.png").symlink_to(tmp_path / "elsewhere" / "0000.png")
    (folder / "all").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for inputs in (
        [folder],
        [folder / ".." / "in"],
        [tmp_path / "elsewhere" / ".." / "in" / name for name in odd],
        [folder, tmp_path / "elsewhere" / ".."],
    ):
        tasks, _ = planning.plan(inputs, output)
        assert len(tasks) >= len(odd)
        for task in tasks:
            place = task.target.relative_to(output)
            assert not {"..", os.sep} & set(place.parts)
            assert pathlib.Path(os.path.realpath(task.target)).is_relative_to(output)


def test_a_link_that_leads_out_of_the_output_is_refused(tmp_path, rng):
    write_pictures(tmp_path / "in" / "deep", rng, 1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="deep is a link that leads out of it, to /"):
        planning.plan([tmp_path / "in"], tmp_path / "out")
    # The output itself may be one.
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    assert planning.plan([tmp_path / "in"], tmp_path / "linked")[0]


def test_a_link_in_place_of_an_output_is_replaced(tmp_path, predictor, rng):
    write_pictures(tmp_path / "in", rng, 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out" / "0000.png").symlink_to(tmp_path / "precious")
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    assert batch.run(predictor, tasks, batch.Options()) == 0
    assert (tmp_path / "precious").read_text() == "precious"
    assert not tasks[0].target.is_symlink()


def test_what_is_no_picture_is_named_and_its_neighbours_coloured(
    tmp_path, predictor, rng, caplog
):
    folder = write_pictures(tmp_path / "in", rng, 1)
    long = f"{'x' * 251}.png"
    (folder / long).write_bytes((folder / "0000.png").read_bytes())
    (folder / "self.png").symlink_to("self.png")
    (folder / "zeros.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    (folder / "program.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    )
    tasks, _ = planning.plan([folder], tmp_path / "out")
    assert batch.run(predictor, tasks, batch.Options()) == 4
    assert sorted(os.listdir(tmp_path / "out")) == ["0000.png", long]
    said = [record.message.removeprefix(f"{folder}/") for record in caplog.records]
    assert said == [
        "pipe.png: not a regular file",
        "program.png: not an image of a known format",
        "self.png: Too many levels of symbolic links",
        "zeros.png: not a regular file",
    ]
    with Image.open(tmp_path / "out" / long) as image:
        image.load()
