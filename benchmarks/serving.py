"""An export under load, in the C program of the tests, which loads it as TensorFlow
Serving does.

python benchmarks/serving.py --model=photo --minutes=30
python benchmarks/serving.py --model=photo --minutes=0      batches alone

First what batches bring: pictures of 256 x 256 in one request of 1 to 16, and as many
requests of one at a time. Then 8 clients ask for --minutes, from one pixel to 12
megapixels, 5 % of the requests broken; all begin with the largest at once. The rules:
it does not crash; each request is answered as when it is alone, a broken one with its
message, also in a request with others; memory grows by less than 2 % after the first
minute. Exits with 1 if a rule was broken.
"""

import os
import pathlib
import sys
import tempfile

import numpy as np
from absl import app
from absl import flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

_MODEL = flags.DEFINE_string("model", "photo", "weights that ship, or a run's folder")
_MINUTES = flags.DEFINE_float("minutes", 30.0, "of load")
_SECONDS = flags.DEFINE_float("seconds", 10.0, "of each row of batches; 0: none")

_POOL = flags.DEFINE_integer(
    "pool",
    0,
    "threads that run operations, --tensorflow_inter_op_parallelism of "
    "TensorFlow Serving; 0: one a core",
)

BATCHES = (1, 2, 4, 8, 16)
GROWTH = 0.02


def main(_):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import served
    import under_load

    from tfcolor.inference import export

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        of = _MODEL.value if "/" not in _MODEL.value else pathlib.Path(_MODEL.value)
        model = export.export(of, work / "model", 1, max_pixels=under_load.ALLOWED)
        program = served.compile_server(work)
        rng = np.random.default_rng(0)
        if _SECONDS.value:
            batches(served, program, model, work, rng)
        if not _MINUTES.value:
            return 0
        asked = under_load.mixture(rng)
        load = served.load(
            program,
            model,
            [(one.signature, one.files) for one in asked],
            [one.weight for one in asked],
            work,
            under_load.CLIENTS,
            seconds := 60 * _MINUTES.value,
            min(60.0, seconds / 8),
            _POOL.value,
        )
        return report(asked, load, list(under_load.faults(asked, load)))


def report(asked, load, faults):
    """Print the tables; returns the exit code."""
    import under_load

    print("requests                    number     p50, ms     p99, ms")
    for kind, times in under_load.times(asked, load).items():
        middle, late = 1e3 * np.quantile(times, [0.5, 0.99]) if len(times) else (0, 0)
        print(f"{kind:24s} {len(times):9d} {middle:11.1f} {late:11.1f}")
    print("     s   MB at rest   MB at most")
    for seconds, quiet, peak in load.memory:
        print(f"{seconds:6.0f} {quiet:12.0f} {peak:12.0f}")
    for name, column in (("at rest", 1), ("at most", 2)):
        first, *later = load.memory[:, column]
        growth = max(later, default=first) / first - 1
        print(f"memory {name} after the first line: {growth:+.1%}")
        if growth >= GROWTH:
            faults.append(f"memory {name} grows by {growth:.1%}")
    print(f"rules broken: {len(faults)}")
    print("\n".join(faults))
    return int(bool(faults))


def batches(served, program, model, work, rng):
    """Print what requests of several pictures bring."""
    import forged
    from harness import picture
    from PIL import Image

    images = [picture(rng, 256, 256) for _ in range(max(BATCHES))]
    files = [forged.encoded(Image.fromarray(image), "JPEG") for image in images]
    print(
        "signature       pictures   clients   p50, ms   CPU, ms a picture", flush=True
    )
    rows = [(count, 1) for count in BATCHES] + [(1, count) for count in BATCHES[1:]]
    for signature, value in (
        ("colorize_each", lambda count: files[:count]),
        ("colorize", lambda count: np.stack(images[:count])),
    ):
        for count, clients in rows:
            requests, seconds = [(signature, value(count))], _SECONDS.value
            load = served.load(
                program,
                model,
                requests,
                [1],
                work,
                clients,
                seconds,
                2 * seconds,
                _POOL.value,
            )
            times = load.runs[:, 1]
            pictures = count * len(times)
            print(
                f"{signature:13s} {count:10d} {clients:9d} "
                f"{1e3 * np.median(times):9.1f} {1e3 * load.cpu / pictures:18.1f}",
                flush=True,
            )
    print()


if __name__ == "__main__":
    app.run(main)
