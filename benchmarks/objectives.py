"""Ten minutes of every objective, judged side by side.

python benchmarks/objectives.py --data=tiny_imagenet/train --judge=tiny_imagenet/val \
  --output=ten

Every objective is trained with its defaults and seed 0 for as many steps as --minutes
hold, start included: a short run alone on the machine says how many. The trainings are
then run, --at_once of them, each on cores of its own; what changes with the number of
cores is their time, not what a step does. Prints the rows of docs/results.md and writes
objectives.png: grey, the rows, the truth. Both go on where they were broken off.
"""

import concurrent.futures
import itertools
import json
import math
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import time

from absl import app
from absl import flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CORES = sorted(os.sched_getaffinity(0))

_DATA = flags.DEFINE_string("data", None, "what to train on", required=True)
_JUDGE = flags.DEFINE_string("judge", None, "what to judge on", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "folder of all runs", required=True)
_MINUTES = flags.DEFINE_float("minutes", 10.0, "of each training", 0.1)
_AT_ONCE = flags.DEFINE_integer("at_once", 1, "trainings side by side", 1, len(CORES))
_SHOWN = flags.DEFINE_integer("shown", 8, "images in the picture, evenly spaced", 1)
_STEPS = flags.DEFINE_integer("measured", 210, "steps of the runs that are timed", 70)

UNIFORM = "classification_uniform"
ROWS = (
    *("l2", "l1", "classification", UNIFORM, "cgan", "dcgan", "lsgan", "hinge"),
    *("ebgan", "wgan", "wgan_gp", "robust_wgan", "uotm"),
)
FIRST = 60  # step by which the first validation, at 50, has been traced and taken


def train(row, workdir, steps, cores):
    """Seconds that a run's command took."""
    command = [sys.executable, ROOT / "bin" / "train"]
    if row == UNIFORM:
        command += ["--loss=classification", "--config.bins.uniform=1"]
    else:
        command += [f"--loss={row}"]
    command += [f"--data={_DATA.value}", "--config.data.crop_area=0.8"]
    command += [f"--config.train.steps={steps}", f"--workdir={workdir}"]
    began = time.monotonic()
    with open(f"{workdir}.log", "a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        os.sched_setaffinity(process.pid, cores)
        if process.wait():
            raise SystemExit(f"{row}: exit code {process.returncode}: {workdir}.log")
    return time.monotonic() - began


def steps_of(row, workdir):
    """How many steps --minutes hold, from a run of some."""
    from tfcolor.runs import folder

    shutil.rmtree(workdir, ignore_errors=True)
    whole = train(row, workdir, _STEPS.value, CORES)
    rates = {
        line["step"]: line["time/steps_per_second"]
        for line in folder.Workdir(workdir).lines()
        if "time/steps_per_second" in line
    }
    places = [0, *sorted(rates)]
    seconds = sum(
        (step - before) / rates[step]
        for before, step in itertools.pairwise(places)
        if step > FIRST
    )
    rate = (_STEPS.value - FIRST) / seconds
    steps = FIRST + (60 * _MINUTES.value - (whole - seconds)) * rate
    return max(10, 10 * math.floor(steps / 10))


def measured(output):
    """{row: steps}, kept in steps.json."""
    from tfcolor import atomic

    path = output / "steps.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for row in ROWS:
        if row not in found:
            found[row] = steps_of(row, output / "timed" / row)
            atomic.write(path, json.dumps(found, indent=2) + "\n")
            print(f"{row}: {found[row]} steps", flush=True)
    return found


def train_all(output, steps):
    count, free = _AT_ONCE.value, queue.SimpleQueue()
    for first in range(count):
        free.put(CORES[first::count])

    def one(row):
        mine = free.get()
        try:
            seconds = train(row, output / "runs" / row, steps[row], mine)
        finally:
            free.put(mine)
        print(f"{row}: {steps[row]} steps, {seconds:.0f} s", flush=True)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        list(pool.map(one, ROWS))


def judge(output):
    """{"grey", rows and "truth": {metric: value}}"""
    command = [sys.executable, ROOT / "bin" / "evaluate", f"--data={_JUDGE.value}"]
    command += [f"--workdir={output / 'runs' / row}" for row in ROWS]
    subprocess.run([*command, f"--output={output / 'judged'}"], check=True)
    found = json.loads((output / "judged" / "metrics.json").read_text())["metrics"]
    return {
        method: {name: each["value"] for name, each in metrics.items()}
        for method, metrics in found.items()
    }


def table(steps, metrics):
    """Lines of docs/results.md."""
    yield (
        "| `--loss=` | steps | SSIM | mean ab error | colourfulness over truth "
        "| ab-histogram distance | sepia | blobs |"
    )
    yield "|---" * 8 + "|"
    names = {row: f"`{row}`" for row in ROWS}
    names[UNIFORM] = "`classification`, `bins.uniform=1`"
    for row, name in {"grey": "grey (ab = 0)", **names}.items():
        of = metrics[row]
        color = of["hasler"] / metrics["truth"]["hasler"]
        yield (
            f"| {name} | {f'{steps[row]:,}' if row in steps else ''} "
            f"| {of['ssim']:.3f} | {of['ab_error']:.2f} | {color:.2f} "
            f"| {of['histogram_24']:.3f} | {of['sepia']:.2f} | {of['blobs']:.3f} |"
        )


def draw(output):
    """The picture of `--shown` images that are not grey."""
    import numpy as np

    from tfcolor.data import pipeline
    from tfcolor.data import sources
    from tfcolor.evaluation import gallery
    from tfcolor.evaluation import judged
    from tfcolor.images import grid

    runs = {row: judged.of_model(output / "runs" / row) for row in ROWS}
    data = runs["l2"]["config"].data
    source = sources.open_source(_JUDGE.value, None)
    batches = pipeline.validation(
        source, data, len(source), lambda *_: None, numbered=True
    )
    colored = np.concatenate([batch["number"] for batch in batches])
    apart = max(1, len(colored) // _SHOWN.value)
    chosen = colored[apart // 2 :: apart][: _SHOWN.value]
    methods = {row: run["predict"] for row, run in runs.items()}
    picture = gallery.of_methods(methods, source, data, chosen)
    grid.write_png(output / "objectives.png", picture)


def main(_):
    output = pathlib.Path(_OUTPUT.value)
    for name in ("timed", "runs"):
        (output / name).mkdir(parents=True, exist_ok=True)
    steps = measured(output)
    train_all(output, steps)
    print(*table(steps, judge(output)), sep="\n")
    draw(output)


if __name__ == "__main__":
    app.run(main)
