"""Plants faults in a copy of the program, one by one, and runs the tests that should
notice: a fault that they do not notice is a gap in them.

python tests/mutants.py
python tests/mutants.py --only='wgan*' --only='psnr.*'

Prints a table; exits with 1 if a fault survived, with 2 if one could not be planted
or its tests fail without it. Not collected by pytest.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import functools
import multiprocessing
import os
import pathlib
import shlex
import shutil
import sys
import tempfile
import time

import faults

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPIED = ("bin", "configs", "tests", "tfcolor")
OPTIONS = ["-o", "addopts=", "-p", "no:cacheprovider", "-x", "-q"]

# What takes seconds to import is imported once, by the process that the others are
# forked from; nothing of it has started a thread by then.
SERVER = multiprocessing.get_context("forkserver")
IMPORTED = (
    "keras",
    "pytest",
    "scipy.ndimage",
    "skimage.color",
    "skimage.metrics",
    "tensorflow",
)
SECONDS = 900  # that the tests of one fault may take

# Exit codes of pytest.
PASSED, FAILED = 0, 1


def main():
    options = parse()
    chosen = [fault for fault in faults.ALL if matches(fault.name, options.only)]
    if not chosen:
        sys.exit(f"--only={' '.join(options.only)}: there is no such fault")
    if options.list:
        for fault in chosen:
            print(f"{fault.name:42s} {fault.file:24s} {fault.tests}")
        return 0
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    SERVER.set_forkserver_preload(list(IMPORTED))
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(options.jobs) as pool,
    ):
        original = copy(ROOT, pathlib.Path(folder) / "original")
        found = collections.Counter(judge(chosen, original, pool))
    print(", ".join(f"{count} {outcome}" for outcome, count in found.items()))
    if found.keys() - {"killed", "SURVIVED"}:
        return 2
    return 1 if found["SURVIVED"] else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", default=[], help="a fault's name, or a pattern"
    )
    parser.add_argument("--list", action="store_true", help="name them and stop")
    parser.add_argument("--jobs", type=int, default=2, help="tests run at a time")
    return parser.parse_args()


def matches(name, patterns):
    return not patterns or any(fnmatch.fnmatch(name, one) for one in patterns)


def copy(root, target):
    """The program and its tests in a new folder `target`; returns that."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(root / name, target / name, ignore=ignored)
    shutil.copy(root / "pyproject.toml", target)
    return target


def judge(chosen, original, pool):
    """Print the table; yields the outcomes."""
    selections = list(dict.fromkeys(fault.tests for fault in chosen))
    run_here = functools.partial(run, original)
    began, sound = time.monotonic(), {}
    for tests, found in zip(selections, pool.map(run_here, selections), strict=True):
        code, seconds, said = found
        sound[tests] = code == PASSED
        outcome = "passes" if code == PASSED else f"exits with {code}:\n{said}"
        print(f"without a fault {seconds:5.1f} s  {tests} {outcome}", flush=True)
    print(
        f"{sum(sound.values())} of {len(sound)} selections of tests pass without a "
        f"fault: {time.monotonic() - began:.0f} s",
        flush=True,
    )
    attempts = pool.map(
        lambda fault: attempt(original, fault, sound[fault.tests]), chosen
    )
    for fault, (outcome, seconds) in zip(chosen, attempts, strict=True):
        print(f"{outcome:12s} {seconds:5.1f} s  {fault.name}", flush=True)
        yield outcome


def attempt(original, fault, sound):
    """(outcome, seconds) of one fault; `sound`: its tests pass without it."""
    if not sound:
        return "NOT JUDGED", 0.0
    if (original / "tfcolor" / fault.file).read_text().count(fault.text) != 1:
        return "NOT PLANTED", 0.0
    code, seconds, said = run(original, fault.tests, fault)
    if code not in (PASSED, FAILED):
        print(f"{fault.name}: pytest exits with {code}:\n{said}")
    return {PASSED: "SURVIVED", FAILED: "killed"}.get(code, "NO VERDICT"), seconds


def run(original, tests, fault=None):
    """(exit code, seconds, last lines) of pytest on a copy with a fault, or without
    one."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        planted = copy(original, folder / "planted")
        if fault is not None:
            path = planted / "tfcolor" / fault.file
            path.write_text(path.read_text().replace(fault.text, fault.replacement))
        began = time.monotonic()
        arguments = (planted, tests, folder / "said")
        process = SERVER.Process(target=_pytest, args=arguments)
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        said = (folder / "said").read_text(errors="replace").splitlines()
        return process.exitcode, time.monotonic() - began, "\n".join(said[-15:])


def _pytest(planted, tests, output):
    """Run pytest in a copy; in a process of its own."""
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(planted)
    os.environ["PYTHONPATH"] = str(planted)
    sys.path[:] = [str(planted)] + [p for p in sys.path if p != str(ROOT / "tests")]
    import pytest

    code = pytest.main([*OPTIONS, *shlex.split(tests)])
    import tfcolor

    assert tfcolor.__file__.startswith(str(planted))
    sys.exit(int(code))


if __name__ == "__main__":
    sys.exit(main())
