"""Kill a run again and again at random moments, then compare it, tensor by
tensor and bit by bit, with one that was never killed.

python benchmarks/kills.py --kills=20
"""

import pathlib
import random
import subprocess
import sys
import tempfile
import time

import processes
from absl import app
from absl import flags

_KILLS = flags.DEFINE_integer("kills", 20, "how often to kill it")
_STEPS = flags.DEFINE_integer("steps", 1200, "length of the run")
_LOSS = flags.DEFINE_string("loss", "wgan_gp", "which variant")
_LATEST = flags.DEFINE_float("latest", 9.0, "seconds after a start to kill it at most")
_SEED = flags.DEFINE_integer("seed", 0, "of the moments")

ROOT = pathlib.Path(__file__).resolve().parent.parent


def start(workdir, steps):
    command = [sys.executable, str(ROOT / "bin" / "train"), f"--loss={_LOSS.value}"]
    command += ["--smoke", f"--config.train.steps={steps}", f"--workdir={workdir}"]
    command += ["--config.generator.dropout=0.5", "--config.train.checkpoint_every=5"]
    for name in ("validate", "sample", "histogram"):
        command.append(f"--config.train.{name}_every=100")
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def main(_):
    folder = pathlib.Path(tempfile.mkdtemp())
    whole, killed = folder / "whole", folder / "killed"
    chance = random.Random(_SEED.value)
    steps = _STEPS.value
    assert start(whole, steps).wait() == 0
    kills = 0
    while kills < _KILLS.value:
        process = start(killed, steps)
        time.sleep(chance.uniform(0.5, _LATEST.value))
        if process.poll() is not None:
            raise SystemExit(f"ended by itself after {kills} kills: use more --steps")
        process.kill()
        process.wait()
        kills += 1
        state = killed / "checkpoints" / "checkpoint"
        at = state.read_text().split('"')[1] if state.exists() else "no checkpoint"
        print(f"kill {kills:2d}: {at}", flush=True)
    process = start(killed, steps)
    assert process.wait() == 0, process.stderr.read()
    first, second = processes.tensors(whole), processes.tensors(killed)
    assert first.keys() == second.keys()
    different = [
        name for name in first if first[name].tobytes() != second[name].tobytes()
    ]
    print(f"{kills} kills, {len(first)} tensors, {len(different)} of them different")
    sys.exit(bool(different))


if __name__ == "__main__":
    app.run(main)
