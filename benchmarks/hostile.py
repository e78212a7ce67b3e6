"""Give files that nobody would make in good faith to all that reads files.

python benchmarks/hostile.py --files=10000 --seed=1
python benchmarks/hostile.py --files=1000 --only=colorize --only=page

Makes the files of tests/mutilated.py in a new folder, and a toy model; then each
consumer has them, in a process of its own. The rules: it does not crash; it does not
stop for more than 10 s at a file; it takes at most --megabytes; each file is used, or
named once with a reason; the good ones among them are used, and coloured as they are
without the others; no file that was given is changed. Prints a table; exits with 1 if
a rule was broken.
"""

import collections
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
from absl import app
from absl import flags
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import consumers  # noqa: E402
import mutilated  # noqa: E402

COMMANDS = ("colorize", "evaluate")

_FILES = flags.DEFINE_integer("files", 10_000, "how many")
_SEED = flags.DEFINE_integer("seed", 0, "of the files")
_MEGABYTES = flags.DEFINE_integer("megabytes", 4096, "of memory, at most")
_WORK = flags.DEFINE_string("work", None, "a new folder; None: one that goes again")
_CHILD = flags.DEFINE_string("child", None, "used by itself")
_ONLY = flags.DEFINE_multi_enum(
    "only", [], [*COMMANDS, *consumers.EACH], "consumers; repeatable"
)

# At one file: of computing, and by the clock, which other programs share.
SECONDS, PATIENCE = 10.0, 60.0
# Until the first file.
START = 300.0


def main(_):
    if _CHILD.value:
        return child(_CHILD.value, pathlib.Path(_WORK.value))
    if _WORK.value:
        return judge(pathlib.Path(_WORK.value))
    with tempfile.TemporaryDirectory() as work:
        return judge(pathlib.Path(work) / "hostile")


def judge(work):
    """Run the consumers on new files; returns the exit code."""
    folder = work / "files"
    items = mutilated.make(folder, _FILES.value, _SEED.value)
    kinds = collections.Counter(item.kind for item in items)
    print(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    chosen = _ONLY.value or [*COMMANDS, *consumers.EACH]
    run, model = work / "run", work / "model" / "1"
    if chosen != ["reader"]:
        toys(run, model if "saved_model" in chosen else None)
    before = state(folder)
    print("consumer      files    used   named    CPU s   s/file     MB  broken rules")
    broken = 0
    for name in chosen:
        begun = time.monotonic()
        model_of = model if name == "saved_model" else run
        told = command if name in COMMANDS else each
        account, usage, faults = told(name, items, folder, work / name, model_of)
        faults += account.faults(consumers.expected(name, items))
        if name == "colorize":
            faults += changed_neighbours(items, folder, work, run)
        if state(folder) != before:
            faults.append("the files that were given have changed")
        if usage.megabytes > _MEGABYTES.value:
            faults.append(f"{usage.megabytes:.0f} MB are too much")
        print(
            f"{name:12s} {len(items):6d} {len(account.read):7d} "
            f"{len(account.refused):7d} {usage.cpu:8.0f} "
            f"{(time.monotonic() - begun) / len(items):8.3f} {usage.megabytes:6.0f}  "
            f"{len(faults)}",
            flush=True,
        )
        for fault in faults[:20]:
            print(f"  {fault}", flush=True)
        broken += len(faults)
    return int(broken > 0)


class Usage:
    """CPU seconds and peak memory of processes."""

    cpu, megabytes = 0.0, 0.0

    def add(self, rusage):
        self.cpu += rusage.ru_utime + rusage.ru_stime
        self.megabytes = max(self.megabytes, rusage.ru_maxrss / 1024)


def toys(run, model):
    """Make a run, and an export of it if there shall be one, in a process of their
    own."""
    code = (
        "import sys, pathlib, harness; from tfcolor.inference import export;"
        "run = harness.new_run(harness.toy_config('cgan'), pathlib.Path(sys.argv[1]));"
        "len(sys.argv) < 3 or export.export(run, sys.argv[2], 1)"
    )
    paths = [str(run), *([str(model.parent)] if model else [])]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, env=environment())


def environment():
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}


def state(folder):
    """What is in a folder: names, kinds, sizes and times."""
    return {
        os.path.join(place, name): os.lstat(os.path.join(place, name))[:1]
        + os.lstat(os.path.join(place, name))[6:7]
        + os.lstat(os.path.join(place, name))[8:9]
        for place, _, names in os.walk(folder)
        for name in names
    }


def watched(command, usage, output):
    """Run a command whose stdout and stderr go to the file `output`, which must grow;
    returns its exit code, or None: it was killed for its time or memory."""
    with open(output, "wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment(), cwd=ROOT
        )
    seen, waited, cpu_then, began = -1, 0.0, 0.0, False
    while True:
        pid, status, rusage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            usage.add(rusage)
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode
        size, cpu = output.stat().st_size, cpu_of(process.pid)
        if size != seen:
            seen, waited, cpu_then, began = size, 0.0, cpu, size > 0
        computed = cpu - cpu_then
        # What computes at all is not waiting, however busy the machine is.
        hangs = computed > SECONDS or (waited > PATIENCE and computed < 1.0)
        if (hangs if began else waited > START) or (
            megabytes_of(process.pid) > 1.5 * _MEGABYTES.value
        ):
            process.kill()
            _, _, rusage = os.wait4(process.pid, 0)
            usage.add(rusage)
            process.returncode = -9
            return None
        time.sleep(0.2)
        waited += 0.2  # not by the clock: the machine may have slept


def cpu_of(pid):
    """CPU seconds that a process has used."""
    try:
        fields = (
            pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        )
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes_of(pid):
    """Memory that a process has now."""
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def command(name, items, folder, work, run):
    """A command of bin/ on all files: (Account, Usage, what was broken)."""
    work.mkdir()
    arguments = getattr(consumers, f"{name}_arguments")(run, folder, work)
    usage = Usage()
    code = watched(
        [sys.executable, str(ROOT / "bin" / name), *map(str, arguments)],
        usage,
        work / "output",
    )
    said = (work / "output").read_text(errors="surrogateescape").replace("\r", "\n")
    last = said.strip().splitlines()[-1:]
    faults = [] if code in (0, 1) else [f"it ended with {code}: {last}"]
    try:
        if name == "colorize":
            return consumers.of_colorize(items, folder, work, said), usage, faults
        return consumers.of_evaluate(work), usage, faults
    except OSError as error:
        return consumers.Account(), usage, [*faults, f"{error}: {last}"]


def each(name, items, folder, work, model):
    """A consumer of consumers.EACH on all files, started again where it ends at one:
    (Account, Usage, what was broken)."""
    work.mkdir()
    usage, faults, account, left = Usage(), [], consumers.Account(), list(items)
    while left:
        given = [[str(item.path), item.kind, item.good] for item in left]
        paths = list(map(str, (folder, work / "own", model)))
        (work / "given").write_text(json.dumps([given, *paths]))
        program = [sys.executable, __file__, f"--child={name}", f"--work={work}"]
        code = watched(program, usage, work / "output")
        lines = (work / "output").read_text(errors="replace").splitlines()
        begun = -1
        for line in lines:
            if line.startswith("{"):
                number, said = json.loads(line)["item"]
                begun = max(begun, number)
                if said is None:
                    account.read.add(consumers.shown(left[number].path))
                elif said not in ("begins", "refused"):
                    account.refuse(consumers.shown(left[number].path), said)
        if code == 0:
            break
        at = left[begun] if begun >= 0 else "before the first file"
        faults.append(f"ended with {code} at {at}: {lines[-1:]}")
        left = left[begun + 1 :] if begun >= 0 else []
    if name == "reader":
        account.refused = consumers.skipped_of(work / "own")
    return account, usage, faults


def child(name, work):
    """A consumer of consumers.EACH, which tells of each file."""
    given, folder, own, model = json.loads((work / "given").read_text())
    items = [mutilated.Item(pathlib.Path(path), *rest) for path, *rest in given]
    numbers = {item: number for number, item in enumerate(items)}
    folder, own = pathlib.Path(folder), pathlib.Path(own)
    own.mkdir(exist_ok=True)
    for item, said in consumers.EACH[name](items, folder, own, model):
        print(json.dumps({"item": [numbers[item], said]}), flush=True)


def changed_neighbours(items, folder, work, run):
    """The good files that are coloured otherwise than without the others."""
    good = [item.path for item in items if item.good]
    for path in good:
        (work / "good" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, work / "good" / path)
    alone = [f"--model={run}", f"--output={work / 'alone'}", str(work / "good")]
    program = [sys.executable, str(ROOT / "bin" / "colorize"), *alone]
    subprocess.run(program, check=True, env=environment(), capture_output=True)
    for path in good:
        pair = [
            work / place / path.with_suffix(".png")
            for place in ("alone", "colorize/coloured")
        ]
        if not all(map(os.path.exists, pair)):
            yield f"{path}: not coloured"
        elif not filecmp.cmp(*pair, shallow=False):
            first, second = (np.asarray(Image.open(p)).astype(int) for p in pair)
            if np.abs(first - second).max() > 1:
                yield f"{path}: coloured otherwise than alone"


if __name__ == "__main__":
    app.run(main)
