"""Whether several workers end where one does with the same global batch.

python benchmarks/agreement.py --losses=cgan,wgan_gp,classification --counts=1,2,4

Toy runs of tests/worker.py, on the processes of this machine. Prints the largest
difference of the tensors of the checkpoints from those of the first count, whether all
workers of a run have the same bits, and what a run becomes that the largest count has
begun and two have finished, beside one of two throughout.
"""

import pathlib
import subprocess
import sys
import tempfile

import processes
from absl import app
from absl import flags

_LOSSES = flags.DEFINE_list("losses", ["cgan", "wgan_gp", "classification"], "which")
_COUNTS = flags.DEFINE_list("counts", ["1", "2", "4"], "how many workers")
_STEPS = flags.DEFINE_integer("steps", 20, "length of a run, an even number")

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(workdir, loss, count, steps):
    """What the `count` workers of a run print last: their digests."""
    command = [sys.executable, str(ROOT / "tests" / "worker.py"), str(workdir)]
    command += [f"--loss={loss}", f"--steps={steps}", f"--every={_STEPS.value // 2}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    started = processes.workers(command, count, **pipes)
    said = [process.communicate()[0].strip() for process in started]
    assert all(process.returncode == 0 for process in started), said
    return said


def difference(first, second):
    """The largest of any two elements, of weights and of the optimizers' moments, these
    over the largest value of their tensor where that is above 1."""
    import numpy as np

    first, second = processes.tensors(first), processes.tensors(second)
    assert first.keys() == second.keys()
    most = {"weights": 0.0, "moments": 0.0}
    for name, x in first.items():
        kind = "moments" if "_optimizer/" in name else "weights"
        scale = max(1.0, np.abs(x).max(initial=0)) if kind == "moments" else 1.0
        apart = np.abs(x.astype("f8") - second[name]).max(initial=0) / scale
        most[kind] = max(most[kind], float(apart))
    return ", ".join(f"{kind} {value:.1e}" for kind, value in most.items())


def main(_):
    folder = pathlib.Path(tempfile.mkdtemp())
    counts = [int(count) for count in _COUNTS.value]
    for loss in _LOSSES.value:
        for count in counts:
            said = run(folder / f"{loss}-{count}", loss, count, _STEPS.value)
            same = "the same bits" if len(set(said)) == 1 else "NOT the same bits"
            apart = difference(
                folder / f"{loss}-{counts[0]}", folder / f"{loss}-{count}"
            )
            print(f"{loss} {count} workers, {same}: {apart}", flush=True)
        if {2, max(counts)} <= {*counts} and max(counts) > 2:
            begun = folder / f"{loss}-begun"
            run(begun, loss, max(counts), _STEPS.value // 2)
            run(begun, loss, 2, _STEPS.value)
            apart = difference(folder / f"{loss}-2", begun)
            print(f"{loss} {max(counts)}, then 2, beside 2: {apart}", flush=True)


if __name__ == "__main__":
    app.run(main)
