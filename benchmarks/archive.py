"""Colour an archive by tfcolor.beam, kill it in the middle, start it again, and see
that each picture is coloured or listed, once.

python benchmarks/archive.py --photos=FOLDER

Makes --pictures small JPEG files of the photographs under other names, --broken of them
in one of six ways. The run is killed, with all its workers, when --kill of the results
are there. Needs the extra tfcolor[beam]; exits with 1 if a rule was broken.
"""

import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
from absl import app
from absl import flags
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_PHOTOS = flags.DEFINE_string("photos", None, "a folder of photographs", required=True)
_PICTURES = flags.DEFINE_integer("pictures", 10_000, "how many")
_BROKEN = flags.DEFINE_float("broken", 0.03, "share of them")
_SIDE = flags.DEFINE_integer("side", 128, "their shorter side, pixels")
_KILL = flags.DEFINE_float("kill", 0.4, "share of the results")
_WORKERS = flags.DEFINE_integer("workers", 2, "processes")
_MODEL = flags.DEFINE_string("model", "photo", "as of bin/colorize")
_WORKING_SIZE = flags.DEFINE_integer("working_size", 64, "as of bin/colorize")
_SEED = flags.DEFINE_integer("seed", 0, "of which are broken, and how")
_BEAM = flags.DEFINE_multi_string(
    "beam", [], "flags of Beam instead of those of the Direct runner; repeatable"
)

BREAKS = {
    "empty": lambda data, chance: b"",
    "half of it": lambda data, chance: data[: len(data) // 2],
    "header alone": lambda data, chance: data[:20],
    "zeros": lambda data, chance: bytes(len(data)),
    "random bytes": lambda data, chance: chance.randbytes(len(data)),
    "a text": lambda data, chance: b"not found\n",
}


def make(folder, chance):
    """Write the archive; returns {path of a broken file: how}."""
    photos = sorted(p for p in pathlib.Path(_PHOTOS.value).rglob("*") if p.is_file())
    small = folder.parent / "small"
    small.mkdir()
    for number, photo in enumerate(photos):
        with Image.open(photo) as image:
            image.thumbnail([_SIDE.value * 4 // 3] * 2)
            image.convert("RGB").save(small / f"{number}.jpg")
    broken = {}
    numbers = range(_PICTURES.value)
    bad = set(chance.sample(numbers, round(_BROKEN.value * len(numbers))))
    for number in numbers:
        path = folder / f"{number // 1000:03d}" / f"scan {number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo = small / f"{number % len(photos)}.jpg"
        if number in bad:
            broken[str(path)] = chance.choice(list(BREAKS))
            path.write_bytes(BREAKS[broken[str(path)]](photo.read_bytes(), chance))
        else:
            os.link(photo, path)
    return broken


def start(folder, output):
    """The process of a run, which leads a group of its own."""
    command = [sys.executable, "-m", "tfcolor.beam", f"--input={folder}/**/*.jpg"]
    command += [f"--output={output}", f"--model={_MODEL.value}"]
    command += [f"--working_size={_WORKING_SIZE.value}"]
    command += _BEAM.value or [
        "--runner=DirectRunner",
        "--direct_running_mode=multi_processing",
        f"--direct_num_workers={_WORKERS.value}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )


def results(output):
    """{path of a result: what tells that it was written anew}."""
    found = {}
    for path in output.rglob("*.png"):
        state = path.stat()
        found[path] = (state.st_ino, state.st_mtime_ns, state.st_size)
    return found


def killed(folder, output, share):
    """Run until so many results are there, and kill all; returns the seconds."""
    begun = time.monotonic()
    process = start(folder, output)
    while process.poll() is None and len(results(output)) < share:
        time.sleep(0.2)
    if process.poll() is not None:
        raise SystemExit(f"it ended by itself, with {process.returncode}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return time.monotonic() - begun


def whole(folder, output):
    """Run to the end; returns (seconds, exit code, what it said)."""
    begun = time.monotonic()
    process = start(folder, output)
    said, _ = process.communicate()
    return time.monotonic() - begun, process.returncode, said.strip().splitlines()


def listed(output):
    """[(path, reason)] of the table."""
    lines = (output / "failed.tsv").read_text().splitlines()[1:]
    return [tuple(line.split("\t")) for line in lines]


def faults(folder, output, before, broken):
    """What is wrong after the last run, as lines."""
    after, failed = results(output), dict(listed(output))
    inputs = {str(path) for path in folder.rglob("*.jpg")}
    result = {
        str(folder / path.relative_to(output).with_suffix(".jpg")) for path in after
    }
    yield from (
        f"{path}: written twice" for path in before if before[path] != after.get(path)
    )
    yield from (f"{path}: lost" for path in inputs - result - failed.keys())
    yield from (f"{path}: coloured and listed" for path in result & failed.keys())
    yield from (
        f"{path}: not of the archive" for path in (result | failed.keys()) - inputs
    )
    yield from (f"{path}: is whole" for path in failed.keys() - broken.keys())
    if len(failed) != len(listed(output)):
        yield "a path is listed twice"
    if (output / ".unfinished").exists():
        yield "unfinished files are left"


def differences(folder, output, broken, chance):
    """The most that results are from those of the model in this process, levels."""
    import tfcolor

    model = tfcolor.load(_MODEL.value)
    inputs = sorted(str(path) for path in folder.rglob("*.jpg"))
    most = 0
    for path in chance.sample([path for path in inputs if path not in broken], 20):
        place = pathlib.Path(path).relative_to(folder).with_suffix(".png")
        found = np.asarray(Image.open(output / place), np.int16)
        expected = model(np.asarray(Image.open(path)), working_size=_WORKING_SIZE.value)
        most = max(most, np.abs(found - expected).max())
    return int(most)


def main(_):
    chance = random.Random(_SEED.value)
    with tempfile.TemporaryDirectory() as work:
        folder, output = pathlib.Path(work) / "archive", pathlib.Path(work) / "coloured"
        broken = make(folder, chance)
        good = _PICTURES.value - len(broken)
        print(f"{_PICTURES.value} pictures, {len(broken)} of them broken", flush=True)
        seconds = killed(folder, output, _KILL.value * good)
        before = results(output)
        left = len(list((output / ".unfinished").iterdir()))
        print(f"killed after {seconds:.0f} s: {len(before)} results, {left} unfinished")
        for path in before:
            Image.open(path).load()  # raises if it is not whole
        wrong = []
        for turn in ("started again", "once more"):
            seconds, code, said = whole(folder, output)
            print(f"{turn}: {seconds:.0f} s, exit code {code}")
            print("  " + "\n  ".join(said), flush=True)
            wrong += faults(folder, output, before, broken)
            before = results(output)
        reasons = collections.Counter(
            (broken[path], re.sub(r"\d+", "N", why)) for path, why in listed(output)
        )
        for (how, why), count in sorted(reasons.items()):
            print(f"  {count:5d} {how:14s} {why}")
        most = differences(folder, output, broken, chance)
        print(f"20 results differ from bin/colorize's by at most {most} levels")
        print("\n".join(wrong[:20] or ["each is coloured or listed, once"]))
    sys.exit(bool(wrong) or most > 1)


if __name__ == "__main__":
    app.run(main)
