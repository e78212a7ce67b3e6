"""bin/train as a user types it: messages, exit codes, what is left behind."""

import contextlib
import os
import pathlib
import resource
import subprocess
import sys
import time

import pytest
from harness import ROOT
from harness import assert_refused
from harness import eagerly
from harness import run_command
from harness import step_of
from harness import write_pictures
from PIL import Image


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("train", "--loss: one of cgan, classification, cyclegan, dcgan"),
        ("colorize", "--model: a run's folder"),
        ("demo", "--host: the address to listen on"),
        ("evaluate", "--workdir: a run's folder; repeatable"),
        ("export", "what is written"),
        ("pack", "--output: the files, with a * for their numbers"),
        ("sweep", "--grid: FIELD=VALUE"),
    ],
)
def test_help_is_quick_and_does_without_tensorflow(tool, text):
    began = time.monotonic()
    done = run_command("--help", tool=tool)
    seconds = time.monotonic() - began
    assert done.returncode == 0
    assert text in done.stdout
    assert seconds < 2
    code = (
        f"import sys, tfcolor.cli.{tool};"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# The others run the same way, in one process, in test_run.
@pytest.mark.slow
def test_smoke(tmp_path):
    workdir = tmp_path / "run"
    done = run_command("--loss=classification", "--smoke", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    assert str(workdir) in done.stdout
    assert (workdir / "samples" / "step_0000004.png").exists()
    # What the terminal shows is the progress bar and tfcolor's own lines.
    for chatter in ("oneDNN", "cuda", "rebuild TensorFlow", "UserWarning", "Warning:"):
        assert chatter not in done.stderr
    assert "images/s" in done.stderr


@pytest.mark.slow
def test_two_replicas(tmp_path):
    workdir = tmp_path / "run"
    flags = ["--config.train.cpu_replicas=2", "--config.train.steps=2"]
    flags += ["--config.generator.depth=2", f"--workdir={workdir}"]
    done = run_command("--loss=l1", "--smoke", *flags)
    assert done.returncode == 0, done.stderr
    assert (workdir / "samples" / "step_0000002.png").exists()


@pytest.mark.slow
def test_stages(tmp_path, call, monkeypatch):
    eagerly(monkeypatch)
    stages = "--config.train.stages=16:1:2 32:1:4:1e-4"
    done = call("train", "--loss=hinge", "--smoke", stages, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert step_of(tmp_path) == 2


def test_dry_run_shows_and_writes_nothing(tmp_path, call):
    workdir = tmp_path / "run"
    done = call("train", "--loss=wgan_gp", "--dry_run", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    assert '"gp_weight": 10.0' in done.stdout
    assert "'l': [80, 64, 64, 1], 'ab': [80, 64, 64, 2]" in done.stdout
    assert "7,315,874" in done.stdout  # U-Net of depth 6 and width 32
    assert not workdir.exists()


BAD_USAGE = {
    "unknown loss": (["--loss=gan"], "--loss=gan: not one of cgan, classification"),
    "no loss": ([], "--loss is missing: one of cgan, classification"),
    "unknown flag": (["--loss=cgan", "--lr=1"], "lr"),
    "stray word": (["--loss=cgan", "photos"], "unexpected argument 'photos'"),
    "unknown field": (
        ["--loss=cgan", "--config.train.stepz=1"],
        "config.train.stepz: no such field; train has steps, stages",
    ),
    "field of another variant": (
        ["--loss=cgan", "--config.loss.gp_weight=1"],
        "config.loss.gp_weight: no such field; loss has l1_weight, l1_final",
    ),
    "field of another optimizer": (
        ["--loss=wgan", "--config.optim.beta_1=0.5"],
        "optim.beta_1: not used by optim.name rmsprop, which has rho",
    ),
    "wrong type": (["--loss=cgan", "--config.train.steps=many"], "many"),
    "missing config file": (["--config=/no/such.py"], "--config=/no/such.py: no such"),
    "files that nobody packed": (
        ["--loss=cgan", "--data=array_record:no-*.x"],
        "--data=array_record:no-*.x: matches no file that bin/pack wrote",
    ),
    "weight that is none": (
        ["--loss=cgan", "--data=sample*nan+drawings*1"],
        "the weight 'nan' is not a number above 0",
    ),
    "missing folder": (["--loss=cgan", "--data=/no/such"], "/no/such: no such folder"),
    "size that depth does not divide": (
        ["--loss=cgan", "--config.data.image_size=72"],
        "image size 72x72: generator.depth 6 needs multiples of 64",
    ),
    "batch that replicas do not divide": (
        ["--loss=cgan", "--config.train.cpu_replicas=2", "--config.data.batch_size=5"],
        "data.batch_size: 5 is not divisible by 2 replicas",
    ),
    "profile of one step": (
        ["--loss=cgan", "--profile=3"],
        "--profile=3: not two steps, such as 100,110",
    ),
    "profile backwards": (["--loss=cgan", "--profile=3,2"], "--profile=3,2: the first"),
    "no neighbours": (
        ["--loss=classification", "--config.bins.neighbors=0"],
        "bins.neighbors: 0 is not in 1 .. 313",
    ),
    "no temperature": (
        ["--loss=classification", "--config.generator.temperature=0"],
        "generator.temperature: 0.0 must be positive",
    ),
    "unknown conjugate": (
        ["--loss=uotm", "--config.loss.psi=hellinger"],
        "loss.psi: 'hellinger' is not one of kl, chi_square, softplus, linear",
    ),
    "weights that are no file": (
        [
            "--loss=l1",
            "--config.generator.name=resnet_unet",
            "--config.generator.weights=no.h5",
        ],
        "generator.weights: no.h5: no such file",
    ),
    "batch norm under a gradient penalty": (
        ["--loss=wgan_gp", "--config.discriminator.norm=batch"],
        "discriminator.norm: 'batch' breaks the gradient penalty",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage_is_one_line_and_leaves_nothing(case, tmp_path, call):
    arguments, message = BAD_USAGE[case]
    done = call("train", *arguments, f"--workdir={tmp_path / 'run'}")
    assert_refused(done, message)
    assert not list(tmp_path.iterdir())


def test_folder_without_images(tmp_path, call):
    (tmp_path / "empty").mkdir()
    workdir = tmp_path / "run"
    done = call(
        "train", "--loss=cgan", f"--data={tmp_path / 'empty'}", f"--workdir={workdir}"
    )
    assert_refused(done, "no image in it (looked for .jpg, .jpeg, .png")
    assert not workdir.exists()


def test_unreadable_images(tmp_path, rng, call):
    pictures = write_pictures(tmp_path / "pictures", rng, 10)
    for i in range(3):
        (pictures / f"bad{i}.jpg").write_text("text")
    workdir = tmp_path / "run"
    done = call("train", "--loss=cgan", f"--data={pictures}", f"--workdir={workdir}")
    assert_refused(done, "images are unreadable, more than 5%")
    assert not workdir.exists()


def test_workdir_that_is_a_file(tmp_path, call):
    (tmp_path / "run").write_text("something of the user's")
    done = call("train", "--loss=cgan", f"--workdir={tmp_path / 'run'}")
    assert_refused(done, "run: is not a folder")
    assert (tmp_path / "run").read_text() == "something of the user's"


def test_read_only_workdir(tmp_path, call):
    """Root may write to any folder of a disk, but not make one in /sys."""
    folder = pathlib.Path("/sys") if os.geteuid() == 0 else tmp_path
    tmp_path.chmod(0o555)
    done = call("train", "--loss=cgan", "--smoke", f"--workdir={folder / 'run'}")
    assert_refused(done, f"--workdir={folder / 'run'}: ")
    assert not (folder / "run").exists()


@pytest.mark.slow
def test_full_disk_in_the_middle_of_a_checkpoint(tmp_path, call, monkeypatch):
    """A limit on the size of any file stands in for a full disk: the write
    of a checkpoint that has outgrown it fails half-way."""
    eagerly(monkeypatch)
    workdir = tmp_path / "run"
    arguments = ["--loss=l1", "--smoke", f"--workdir={workdir}"]
    arguments += ["--config.generator.width=24"]  # larger than any other file
    first = call("train", *arguments, "--config.train.steps=2")
    assert first.returncode == 0, first.stderr
    size = max(p.stat().st_size for p in (workdir / "checkpoints").iterdir())
    checkpoints = sorted(p.name for p in (workdir / "checkpoints").iterdir())
    with files_of_at_most(size // 2):
        done = call("train", *arguments)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "checkpoint of step 4 could not be written" in last
    assert "step-2" in last
    assert sorted(p.name for p in (workdir / "checkpoints").iterdir()) == checkpoints
    again = call("train", *arguments)
    assert again.returncode == 0, again.stderr
    assert "resuming at step 2" in again.stderr


@contextlib.contextmanager
def files_of_at_most(count):
    """Writes beyond so many bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_errors_show_their_traceback_when_asked(tmp_path, call):
    done = call("train", "--loss=cgan", "--data=/no/such", "--v=1")
    assert done.returncode == 2
    assert "error: --data=/no/such: no such folder" in done.stderr
    assert "Traceback" in done.stderr


def test_grey_pictures_are_named(tmp_path, call):
    for i in range(4):
        Image.new("RGB", (40, 40), (50 * i,) * 3).save(tmp_path / f"{i}.png")
    done = call(
        "train", "--loss=cgan", f"--data={tmp_path}", f"--workdir={tmp_path}/run"
    )
    assert_refused(done, "none of the 4 images tried has colour")
