"""The classical methods through bin/colorize and bin/evaluate."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from harness import new_run
from harness import picture
from harness import toy_config
from harness import write_pictures
from PIL import Image

from tfcolor.classical import adapters
from tfcolor.classical import guides
from tfcolor.classical import levin
from tfcolor.color import lab
from tfcolor.errors import UsageError
from tfcolor.inference import planning


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return new_run(toy_config("cgan"), tmp_path_factory.mktemp("runs") / "run")


def write_grey_and_hints(folder, hints, rng, name, extension=".png", size=(30, 44)):
    """A grey picture, and the same with two strokes; returns both as arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    hints.mkdir(parents=True, exist_ok=True)
    grey = picture(rng, *size)[..., 0]
    marked = np.repeat(grey[..., None], 3, -1)
    marked[5:8, 4:20] = (200, 60, 40)
    marked[20:23, 10:30] = (40, 90, 200)
    Image.fromarray(grey).save(folder / f"{name}{extension}")
    Image.fromarray(marked).save(hints / f"{name}.png")
    return grey, marked


def opened(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_folder_with_hints_of_the_same_names(tmp_path, rng, call):
    source, hints, output = (tmp_path / name for name in ("in", "hints", "out"))
    grey, marked = write_grey_and_hints(source, hints, rng, "a", ".tif")
    write_grey_and_hints(source / "deep", hints / "deep", rng, "b", ".bmp", (40, 30))
    (source / "deep" / "bad.png").write_text("text")
    Image.fromarray(marked).save(hints / "deep" / "bad.png")
    arguments = "--method=levin", f"--hints={hints}", f"--output={output}", source
    done = call("colorize", *arguments)
    assert done.returncode == 1, done.stderr
    assert "bad.png: not an image of a known format" in done.stderr
    assert "2 pictures coloured" in done.stdout
    np.testing.assert_array_equal(
        opened(output / "a.png"), levin.colorize(grey, marked)
    )
    assert opened(output / "deep" / "b.png").shape == (40, 30, 3)
    assert "2 of 3 are in" in call("colorize", *arguments).stdout


def test_levin_keeps_lightness_and_strokes_at_every_setting(tmp_path, rng, call):
    source, hints = tmp_path / "in", tmp_path / "hints"
    grey, _ = write_grey_and_hints(source, hints, rng, "a", size=(60, 70))
    results = []
    for more in (
        [],
        ["--affinity=correlation"],
        ["--chroma=yuv"],
        ["--working_size=20"],
    ):
        output = tmp_path / f"out{len(results)}"
        file = ["--format=same", f"--output={output}", source / "a.png"]
        hint = f"--hints={hints / 'a.png'}"
        done = call("colorize", "--method=levin", hint, *more, "--ab_npz", *file)
        assert done.returncode == 0, done.stderr
        found = opened(output / "a.png")
        results.append(found.astype(int))
        difference = lab.lightness(found) - lab.lightness(np.dstack([grey] * 3))
        assert np.abs(difference).max() < 0.6
        planes = np.load(output / "a.png.npz")
        assert planes["ab"].shape == (60, 70, 2)
        small = (2, 20, 23) if "--working_size=20" in more else (2, 60, 70)
        assert planes["working_ab"].shape == small
    for i, j in ((0, 1), (0, 2), (0, 3)):
        assert 0.2 < np.abs(results[i] - results[j]).mean() < 40


def test_references_of_a_folder_and_of_the_same_name(tmp_path, rng, call):
    source, references = tmp_path / "in", tmp_path / "references"
    write_pictures(source, rng, 2)
    references.mkdir()
    for name, tint in (("0000.jpg", (1.0, 0.5, 0.3)), ("0001.jpg", (0.3, 0.6, 1.0))):
        image = picture(rng)[..., :1] * np.array(tint)
        Image.fromarray(image.astype(np.uint8)).save(references / name)
    output = tmp_path / "out"
    arguments = "--method=charpiat", f"--output={output}", "--working_size=24"
    done = call("colorize", *arguments, f"--reference={references}", source)
    assert done.returncode == 0, done.stderr
    ab = [
        lab.rgb_to_lab(opened(output / f"000{i}.png")).numpy()[..., 1:] for i in (0, 1)
    ]
    assert ab[0][..., 1].mean() > 5 > -5 > ab[1][..., 1].mean()
    mixed = []
    for names in (["0001.jpg"], ["0000.jpg", "0001.jpg"]):
        files = [f"--reference={references / name}" for name in names]
        done = call("colorize", *arguments, *files, "--overwrite", source / "0000.png")
        assert done.returncode == 0, done.stderr
        found = lab.rgb_to_lab(opened(output / "0000.png")).numpy()[..., 1:]
        mixed.append(found)
    assert mixed[0][..., 1].mean() < -5
    blue, both, orange = (x[..., 1].mean() for x in (*mixed, ab[0]))
    assert blue - 0.5 <= both <= orange + 0.5
    tasks, _ = planning.plan([source / "0000.png"], output)
    paths = [references / "0000.jpg", references / "0001.jpg"]
    (task,) = guides.with_references(tasks, paths)
    assert task.guide == tuple(paths)
    (task,) = guides.with_references(tasks, [references, paths[1]])
    assert task.guide == (paths[1], paths[0])  # the one of its own name of a folder
    tasks = [dataclasses.replace(tasks[0], place=pathlib.Path("other.png"))]
    (task,) = guides.with_references(tasks, [references])
    assert task.guide == tuple(paths)  # all of the folder


BAD_USAGE = {
    "both": (["--model=x", "--method=levin"], "--model and --method exclude"),
    "no hints": (["--method=levin"], "--hints is missing"),
    "no reference": (["--method=charpiat"], "--reference is missing"),
    "hints of a network": (["--model=x", "--hints=h"], "--model=x: no such folder"),
    "hints of charpiat": (
        ["--method=charpiat", "--hints=h"],
        "--hints: --method=charpiat does not use it",
    ),
    "reference of levin": (
        ["--method=levin", "--reference=h"],
        "--reference: --method=levin does not use it",
    ),
    "affinity of a network": (["--model=x", "--affinity=gaussian"], "--affinity: "),
    "temperature": (["--method=levin", "--temperature=1"], "--temperature: --method"),
    "no such method": (["--method=none"], "levin|charpiat"),
    "no such hints": (["--method=levin", "--hints={}/no.png"], "no.png: no such file"),
    "hints are no picture": (
        ["--method=levin", "--hints={}/text.png"],
        "text.png: not an image of a known format",
    ),
    "hints of another size": (
        ["--method=levin", "--hints={}/other.png"],
        "other.png: 9 x 8 pixels, where the picture has 44 x 30",
    ),
    "hints identical": (
        ["--method=levin", "--hints={}/in/a.png"],
        "a.png: identical to the picture",
    ),
    "hints without a stroke": (
        ["--method=levin", "--hints={}/faint.png"],
        "faint.png: no stroke in it",
    ),
    "hints of no such name": (
        ["--method=levin", "--hints={}/others"],
        "none of the name of",
    ),
    "hints without pictures": (["--method=levin", "--hints={}/empty"], "no picture in"),
    "grey reference": (
        ["--method=charpiat", "--reference={}/in/a.png"],
        "a.png: grey; a reference needs colours",
    ),
    "no such reference": (["--method=charpiat", "--reference={}/x"], "x: no such file"),
    "empty references": (
        ["--method=charpiat", "--reference={}/empty"],
        "empty: no picture in it",
    ),
    "saturation": (
        ["--method=levin", "--hints={}/hints/a.png", "--saturation=-1"],
        "saturation: -1",
    ),
}


@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage(case, tmp_path, rng, call):
    arguments, message = BAD_USAGE[case]
    grey, _ = write_grey_and_hints(tmp_path / "in", tmp_path / "hints", rng, "a")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("text")
    write_pictures(tmp_path / "others", rng, 1)
    Image.fromarray(picture(rng, 8, 9)).save(tmp_path / "other.png")
    faint = np.repeat(grey[..., None], 3, -1)
    faint[3, 3, 0] ^= 1
    Image.fromarray(faint).save(tmp_path / "faint.png")
    arguments = [argument.format(tmp_path) for argument in arguments]
    output = tmp_path / "out"
    done = call("colorize", f"--output={output}", *arguments, tmp_path / "in")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not output.exists()


def test_one_file_of_hints_for_several_pictures(tmp_path, rng, call):
    write_grey_and_hints(tmp_path / "in", tmp_path / "hints", rng, "a")
    write_grey_and_hints(tmp_path / "in", tmp_path / "more", rng, "b")
    hints = f"--hints={tmp_path / 'hints' / 'a.png'}"
    output = f"--output={tmp_path / 'out'}"
    done = call("colorize", "--method=levin", hints, output, tmp_path / "in")
    assert done.returncode == 2
    assert "one file, but 2 pictures" in done.stderr


@pytest.mark.slow
def test_evaluate_judges_them_beside_a_run(tmp_path, trained, rng, call):
    photographs = write_pictures(tmp_path / "photographs", rng, 4)
    specs = "levin:0.01", "levin:0.2", "charpiat"
    done = call(
        "evaluate",
        f"--workdir={trained}",
        *(f"--method={spec}" for spec in specs),
        f"--reference={photographs}",
        f"--data={photographs}",
        f"--output={tmp_path / 'out'}",
        "--resamples=10",
        "--shown=3",
    )
    assert done.returncode == 0, done.stderr
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"]
    assert list(saved) == ["truth", "grey", "run", *specs]
    error = {name: values["ab_error"]["value"] for name, values in saved.items()}
    assert error["levin:0.2"] < error["levin:0.01"] < error["grey"]
    assert error["charpiat"] < error["grey"] / 2  # it has them as references
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(spec in page for spec in specs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method=levin"], "--method=levin: levin:SHARE"),
        (["--method=levin:2"], "levin:SHARE, a share of the pixels in 0..1"),
        (["--method=other"], "neither levin:SHARE nor charpiat"),
        (["--method=charpiat"], "--reference is missing"),
        (["--reference=x"], "only --method=charpiat uses it"),
        (["--method=levin:0.1", "--method=levin:0.1"], "given twice"),
        (["--method=charpiat", "--reference=/no/such"], "/no/such: no such file"),
    ],
)
def test_evaluate_bad_usage(arguments, message, trained, tmp_path, call):
    output = tmp_path / "out"
    run = f"--workdir={trained}"
    done = call("evaluate", run, f"--output={output}", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert not output.exists()


def test_simulated_strokes_are_a_share_and_the_pictures_own(rng):
    luminance = rng.random((40, 50)).astype(np.float32)
    found = adapters.simulated(luminance, 0.01)
    assert np.count_nonzero(found) == 20
    np.testing.assert_array_equal(found, adapters.simulated(luminance.copy(), 0.01))
    assert (found != adapters.simulated(luminance + 0.1, 0.01)).any()
    assert np.count_nonzero(adapters.simulated(luminance, 1e-9)) == 1


def test_judged_levin_is_shown_true_pixels_and_keeps_them(rng):
    l = rng.uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    ab = rng.uniform(-0.5, 0.5, (2, 32, 32, 2)).astype(np.float32)
    kept, found = adapters.method_of("levin:0.1", [])({"l": l, "ab": ab})
    np.testing.assert_array_equal(kept, l)
    shown = [adapters.simulated((x[..., 0] + 1.0) / 2.0, 0.1) for x in l]
    np.testing.assert_array_equal(found[np.stack(shown)], ab[np.stack(shown)])
    assert found.dtype == np.float32
    with pytest.raises(UsageError, match="levin:SHARE"):
        adapters.method_of("levin:0", [])
