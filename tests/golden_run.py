"""A tiny run of hinge and an export of it, kept so that later versions can be held to
them.

  python tests/golden_run.py

writes tests/golden/run, a run of two steps that begins with random weights which give
colours; tests/golden/export, its SavedModel; and tests/golden/run.npz: a picture, what
both make of it, and the generator's weights after a third step. Make them once: what
they hold is that later versions load what this one wrote.
"""

import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent / "golden"
RUN, EXPORT, VALUES = FOLDER / "run", FOLDER / "export", FOLDER / "run.npz"
STEPS = 2


def copied(path):
    """The kept run in a new folder, which may go on; returns that."""
    return pathlib.Path(shutil.copytree(RUN, path))


def weights_after(workdir, steps):
    """{"weight 0000": array, ...} of a run's generator, which goes on until `steps`."""
    import harness

    from tfcolor.training import loop

    loop.train(harness.toy_config("hinge", steps=steps), workdir)
    found = harness.tensors(workdir)
    names = sorted(name for name in found if name.startswith("generator/"))
    return {f"weight {i:04d}": found[name] for i, name in enumerate(names)}


def make():
    """Write the three."""
    import harness

    import tfcolor
    from tfcolor.inference import export
    from tfcolor.training import loop

    for folder in (RUN, EXPORT):
        shutil.rmtree(folder, ignore_errors=True)
    config = harness.toy_config("hinge", steps=STEPS)
    loop.train(config, harness.new_run(config, RUN))
    for path in (*RUN.glob(".*"), RUN / "samples", *RUN.glob("events.*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    export.export(RUN, EXPORT)
    (EXPORT / "README.md").unlink()  # it names this machine's folders
    image = harness.picture(np.random.default_rng(0))
    values = {"image": image, "run": tfcolor.load(RUN)(image)}
    values["export"] = tfcolor.load(EXPORT)(image)
    with tempfile.TemporaryDirectory() as folder:
        values |= weights_after(copied(pathlib.Path(folder) / "run"), STEPS + 1)
    np.savez_compressed(VALUES, **values)


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent.parent))
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    make()
