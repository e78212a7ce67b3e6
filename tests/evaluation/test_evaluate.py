import csv
import errno
import json

import numpy as np
import pytest
import tensorflow as tf
from harness import new_run
from harness import random_weights
from harness import toy_config
from harness import write_pictures
from PIL import Image

import tfcolor
from tfcolor.color import lab
from tfcolor.data import pipeline
from tfcolor.data import sources
from tfcolor.evaluation import evaluate
from tfcolor.evaluation import gallery
from tfcolor.evaluation import report
from tfcolor.evaluation import statistics
from tfcolor.metrics import color as metrics
from tfcolor.metrics import sets
from tfcolor.runs.folder import Workdir
from tfcolor.training import build


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return write_pictures(folder, np.random.default_rng(0), 22)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    names = ("cgan", "classification")
    return {name: new_run(toy_config(name), root / name) for name in names}


METHODS = {
    "brown": lambda batch: (batch["l"], brown(batch["l"])),
    "by lightness": lambda batch: (batch["l"], by_lightness(batch["l"])),
}


def brown(l):
    return tf.concat([0.0 * l + 0.1, 0.0 * l + 0.2], -1)


def by_lightness(l):
    return tf.concat([l, -l], -1) * 0.5


def judged(pictures, output, resamples=50, size=5):
    data = toy_config("cgan").data
    data.batch_size = size
    source = sources.open_source(str(pictures))
    batches = pipeline.validation(source, data, 22, lambda *_: None, numbered=True)
    output.mkdir(exist_ok=True)
    return statistics.judge(METHODS, batches, 22, source.name, output, resamples)


@pytest.mark.slow
def test_streamed_is_what_all_images_at_once_give(pictures, tmp_path):
    table, errors = judged(pictures, tmp_path)
    data = toy_config("cgan").data
    source = sources.open_source(str(pictures))
    batches = pipeline.validation(source, data, 22, lambda *_: None)
    batch = next(iter(batches.unbatch().batch(22)))
    brown = sets.render(*METHODS["brown"](batch))
    truth = sets.render(batch["l"], batch["ab"])
    rgb, ab, true_rgb, true_ab = brown.rgb, brown.ab, truth.rgb, truth.ab
    found = {metric: values[0] for metric, values in table["brown"].items()}
    assert found["psnr"] == pytest.approx(np.mean(metrics.psnr(true_rgb, rgb)))
    error = metrics.ab_error(true_ab, ab).numpy()
    assert found["ab_error"] == pytest.approx(error.mean())
    hasler, true = (metrics.colorfulness(x).numpy() for x in (rgb, true_rgb))
    assert found["hasler"] == pytest.approx(hasler.mean())
    assert found["delta_set"] == pytest.approx(abs(hasler.mean() - true.mean()))
    assert found["delta_image"] == pytest.approx(abs(hasler - true).mean())
    counts = [np.sum(metrics.count_by_bin(x.bins), 0) for x in (brown, truth)]
    shares = [count / count.sum() for count in counts]
    expected = 0.5 * abs(shares[0] - shares[1]).sum()
    assert found["histogram"] == pytest.approx(expected)
    assert found["sepia"] > 0.5
    other = sets.render(*METHODS["by lightness"](batch))
    both = error + metrics.ab_error(true_ab, other.ab)
    assert errors == pytest.approx(dict(enumerate(np.asarray(both) / 2)), rel=1e-5)


@pytest.mark.slow
def test_validation_says_what_evaluation_says(pictures):
    """Of colours of which many are outside sRGB."""
    config = toy_config("l1")
    trainer = build.trainer(config)
    random_weights(trainer)
    trainer.run_eagerly = True
    source = sources.open_source(str(pictures))
    batches = pipeline.validation(source, config.data, 8, lambda *_: None)
    batch = next(iter(batches.unbatch().batch(8)))
    l, truth = batch["l"], sets.render(batch["l"], batch["ab"])
    ab = trainer(l, training=False)
    light = lab.linear((l[..., 0] + 1.0) * 50.0, *tf.unstack(ab * 110.0, axis=-1))
    assert 0.1 < np.mean((np.min(light, 0) < 0) | (np.max(light, 0) > 1)) < 0.9
    expected = sets.statistics(sets.render(l, ab), truth, (l + 1.0) * 50.0)
    found = trainer.summary(trainer.evaluate(batches, verbose=0, return_dict=True))
    for name, wanted in (
        ("val/psnr", "psnr"),
        ("val/ab_error", "ab_error"),
        ("val/chroma", "chroma"),
    ):
        assert found[name] == pytest.approx(expected[wanted].mean(), rel=1e-4)
    ratio = expected["hasler"].mean() / np.mean(truth.hasler)
    assert found["val/colorfulness_ratio"] == pytest.approx(ratio, rel=1e-4)
    assert found["val/l1"] == pytest.approx(np.abs(ab - batch["ab"]).mean(), rel=1e-4)


@pytest.mark.slow
def test_truth_and_grey_have_their_known_values(pictures, tmp_path):
    table, _ = judged(pictures, tmp_path)
    truth = {metric: values[0] for metric, values in table["truth"].items()}
    assert truth["auc"] == truth["balanced_auc"] == 100.0
    assert truth["ssim"] == pytest.approx(1.0)
    for metric in ("ab_error", "histogram", "delta_set", "delta_image", "sepia"):
        assert truth[metric] == 0.0
    assert table["grey"]["hasler"][0] < 1.0
    assert table["grey"]["blobs"][0] < 1e-3


def test_a_report_that_cannot_be_finished_leaves_the_former_one(
    folders, pictures, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    names = ("grid.png", "images.csv", "metrics.json", "report.html")
    for name in names:
        (tmp_path / name).write_text("former")
    monkeypatch.setattr(report, "page", full)
    monkeypatch.setattr(evaluate, "_perceptual", lambda *_: [])
    with pytest.raises(OSError, match="No space left"):
        tfcolor.evaluate(
            [folders["cgan"]], data=f"{pictures}", output=tmp_path, limit=4, resamples=2
        )
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
        dict.fromkeys(names, "former")
    )


@pytest.mark.slow
def test_resamples_do_not_depend_on_the_batches_and_are_paired(pictures, tmp_path):
    first, _ = judged(pictures, tmp_path / "a", size=5)
    second, _ = judged(pictures, tmp_path / "b", size=22)
    for method, values in first.items():
        for metric, value in values.items():
            np.testing.assert_allclose(value, second[method][metric], rtol=1e-4)
    csvs = [(tmp_path / name / "images.csv").read_text() for name in "ab"]
    assert csvs[0].splitlines()[0] == csvs[1].splitlines()[0]
    same = statistics.differences({"x": first["brown"], "y": first["brown"]})
    assert all(row[3:] == (0.0, 0.0, 0.0) for row in same)


def test_verdicts(pictures, tmp_path):
    table, _ = judged(pictures, tmp_path, resamples=200)
    found = statistics.differences(table)
    brown, other = table["brown"], table["by lightness"]
    assert abs(brown["ab_error"][0] - other["ab_error"][0]) > 5
    text = report.verdict(table, found, "ab_error")
    assert text.endswith("more than noise.")
    twin = {**table, "by lightness": brown}
    text = report.verdict(twin, statistics.differences(twin), "ab_error")
    assert text.endswith("may be noise.")
    del table["by lightness"]
    assert "best" not in report.verdict(table, [], "ab_error")


@pytest.mark.slow
def test_runs_of_different_images_are_said(pictures, folders, tmp_path, call):
    others = new_run(toy_config("l1"), tmp_path / "others")
    text = (others / "config.json").read_text()
    (others / "config.json").write_text(text.replace('"none"', '"9-abc"'))
    done = call(
        "evaluate",
        f"--workdir={folders['cgan']}",
        f"--workdir={others}",
        f"--data={pictures}",
        f"--output={tmp_path / 'out'}",
        "--resamples=5",
    )
    assert done.returncode == 0, done.stderr
    assert "trained on different images (cgan: none, others: 9-abc)" in done.stderr
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert saved["trained on different images"] == "cgan: none, others: 9-abc"


@pytest.mark.slow
def test_command_writes_what_it_promises(pictures, folders, tmp_path, call):
    samples = folders["cgan"] / "samples"
    for step in (2, 4):
        write_pictures(samples, np.random.default_rng(step), 1, height=60)
        (samples / "0000.png").rename(samples / f"step_{step:07d}.png")
    log = folders["cgan"] / "metrics.jsonl"
    log.write_text("".join(f'{{"step": {s}, "g/loss": {9 - s}}}\n' for s in (1, 2, 3)))
    (pictures / "bad.jpg").write_text("text")
    Image.new("RGB", (40, 56), (90, 92, 90)).save(pictures / "grey.png")
    done = call(
        "evaluate",
        *(f"--workdir={folder}" for folder in folders.values()),
        f"--data={pictures}",
        f"--output={tmp_path / 'out'}",
        "--resamples=20",
        "--shown=3",
        "--fid_weights=/no/such.h5",
    )
    for name in ("bad.jpg", "grey.png"):
        (pictures / name).unlink()
    assert done.returncode == 0, done.stderr
    assert "different images" not in done.stderr
    assert "left out: fid_keras: /no/such.h5: no such file" in done.stderr
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(saved["metrics"]) == ["truth", "grey", *folders]
    psnr = saved["metrics"]["cgan"]["psnr"]
    assert psnr["low"] < psnr["value"] < psnr["high"]
    assert f"{psnr['value']:.3f}" in done.stdout
    assert saved["skipped"] == {
        "bad.jpg": "unreadable: not an image of a known format",
        "grey.png": "grey: no |a*| or |b*| above 5",
    }
    assert saved["left out"] == "1 grey images, 1 unreadable"
    assert saved["metrics"]["truth"]["psnr"]["value"] == pytest.approx(58.92, abs=0.01)
    assert "58.92" in (tmp_path / "out" / "report.html").read_text()
    assert saved["images"].startswith("22 of ")
    text = (tmp_path / "out" / "images.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 22 * 4
    mean = np.mean([float(r["psnr"]) for r in rows if r["method"] == "cgan"])
    assert mean == pytest.approx(psnr["value"], rel=1e-4)
    page = (tmp_path / "out" / "report.html").read_text()
    for text in ("http://", "https://", "<script", "<link"):
        assert text not in page
    assert "cgan over its training: steps 2, 4" in page
    assert "<polyline" in page
    assert f"{psnr['value']:.2f}" in page
    best = min(folders, key=lambda n: saved["metrics"][n]["ab_error"]["value"])
    assert f"mean ab error: <b>{best}</b> is best" in page


@pytest.mark.slow
def test_bad_input(folders, tmp_path, pictures, call):
    (tmp_path / "empty").mkdir()
    larger = toy_config("cgan")
    larger.data.image_size = 64
    larger = new_run(larger, tmp_path / "larger")
    bare = new_run(toy_config("cgan"), tmp_path / "bare")
    for path in (bare / "checkpoints").iterdir():
        path.unlink()
    run = f"--workdir={folders['cgan']}"
    unreadable = tmp_path / "unreadable"
    unreadable.mkdir()
    (unreadable / "bad.jpg").write_text("text")
    output = tmp_path / "out"
    for arguments, code, message in (
        ([], 2, "--workdir is missing"),
        ([f"--workdir={tmp_path / 'no'}"], 2, "no config.json, so no run, in it"),
        ([f"--workdir={bare}"], 1, "no checkpoint in"),
        ([run, f"--workdir={larger}"], 2, "image sizes differ (cgan: 32, larger: 64)"),
        ([run, run], 2, "a run is given twice"),
        ([run, f"--data={tmp_path / 'empty'}"], 2, "no image in it"),
        ([run, "--resamples=0"], 2, "resamples"),
        ([run, f"--data={unreadable}"], 1, "none of the images can be read"),
        ([run, "--vgg_weights=x"], 2, "--vgg_weights: needs --labels"),
    ):
        done = call("evaluate", f"--output={output}", *arguments)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert not list(output.glob("*"))


def test_evolution_shows_smaller_stages_at_the_size_of_the_largest(tmp_path):
    for step, side in ((1, 8), (2, 8), (3, 16)):
        rows = np.repeat(np.uint8([10, 20 * step, 30]), side)[:, None, None]
        picture = np.broadcast_to(rows, (3 * side, 2 * side, 3))
        (tmp_path / "samples").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "samples" / f"step_{step:07d}.png")
    ((caption, picture),) = gallery.evolutions({"run": Workdir(tmp_path)})
    assert caption == "run over its training: steps 1, 2, 3"
    assert picture.shape == (48, 32, 3)
    assert picture[:, 0, 0].tolist() == [20] * 16 + [40] * 16 + [60] * 16
