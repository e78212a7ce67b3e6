"""Let the disk be full, or read-only, at every write of a command in turn.

python benchmarks/full_disk.py
python benchmarks/full_disk.py --most=1000 --only=export

Each time the command must end with exit code 1 and one line that says why; what was
there before must be as it was, to the bit (where a renaming fails: each file as it was
or as it is to be); and once the disk has room again the command, started again, must
leave what one leaves that was never disturbed.
"""

import dataclasses
import pathlib
import shutil
import sys
import tempfile

import chores
import contents
import failing
import warm
from absl import app
from absl import flags

_ONLY = flags.DEFINE_multi_string("only", [], "train, export, colorize, ...")
_MOST = flags.DEFINE_integer("most", 40, "writes that fail, of a command and error", 1)
_ONCE = flags.DEFINE_boolean("once", False, "one write fails, those after it do not")

SHORT = "--config.train.steps=2"
WAIT = 3600  # seconds that anything may take


@dataclasses.dataclass
class Disturbed:
    """A chore with what is there before it.

    Attributes:
      chore: a chores.Chore.
      first: one that leaves what is there before, or None.
      kept: whether a name of what was there before must be there afterwards.
    """

    chore: chores.Chore
    first: chores.Chore | None
    kept: object = staticmethod(lambda name: True)


def _disturbed(folder):
    """All commands that write, after something of theirs is there already."""
    pictures, run = chores.inputs(folder), folder / "run"
    training = ["--loss=l1", *chores.TRAINING, "--workdir={}"]

    def trained(steps):
        often = "--config.train.validate_every=1", "--config.train.sample_every=1"
        arguments = [*training, f"--config.train.steps={steps}", *often]
        return chores.Chore("train", "train", arguments)

    assert _start(trained(3), run, folder / "log").code == 0
    export, colorize, pack, sweep = chores.others(pictures, run)
    judge = chores.evaluation(pictures, run)
    part = chores.changed(colorize, str(pictures), str(pictures / "a"))
    points = chores.changed(sweep, f"--config.train.steps={chores.STEPS}", SHORT)
    less = chores.changed(points, chores.GRID, chores.GRID.removesuffix(",2"))
    yield Disturbed(trained(4), trained(2), _final)
    first = chores.changed(export, "--output={}", "--output={}", "--version=1")
    yield Disturbed(export, first)
    yield Disturbed(colorize, part)
    yield Disturbed(judge, chores.changed(judge, "--limit=6", "--limit=5"))
    yield Disturbed(pack, None)
    yield Disturbed(points, less, _final)


def _final(name):
    return name in contents.final({name: ""}) and name != "config.json"


def _untraced():
    """Let trainers take their few steps without being traced first, which is sooner."""
    from tfcolor.training import build

    new = build.trainer

    def trainer(*arguments):
        made = new(*arguments)
        made.run_eagerly = True
        return made

    build.trainer = trainer


def _start(chore, output, log):
    """The Command of a chore, that has ended."""
    ((name, arguments, environment),) = chore.starts(output)
    command = warm.Command(name, arguments, log, environment, _untraced)
    if command.wait(WAIT) is None:
        command.kill()
    return command


class Trial:
    """A command, disturbed again and again."""

    def __init__(self, disturbed, folder, state):
        self.disturbed = disturbed
        self.name = disturbed.chore.name
        self.folder = folder
        self.state = state
        self.faults = 0
        self.counts = dict.fromkeys(("ended with a line", "done all the same"), 0)
        self.before, self.output = folder / "before" / "out", folder / "now" / "out"
        for path in (self.before, self.output):
            path.parent.mkdir(parents=True)
        self.had = {}
        if disturbed.first:
            self._whole(disturbed.first, self.output)
            self.had = warm.call(contents.of, self.output)
            shutil.copytree(self.output, self.before)
        self._anew()
        self._whole(disturbed.chore, self.output)
        self.right = warm.call(contents.of, self.output)

    def _whole(self, chore, output):
        done = _start(chore, output, self.folder / "log")
        if done.code:
            raise SystemExit(f"{self.name}: exit code {done.code}: {done.said()}")

    def _anew(self):
        shutil.rmtree(self.output, ignore_errors=True)
        if self.before.exists():
            shutil.copytree(self.before, self.output)

    def run(self, kind):
        """Disturb it by an error of failing.ERRORS at so many of its writes."""
        error = failing.ERRORS[kind]
        self._anew()
        self.state.arm(self.output, failing.NEVER, error)
        self._whole(self.disturbed.chore, self.output)
        writes, _ = self.state.disarm()
        count = min(writes, _MOST.value)
        # All of a few, the first and the last of many.
        chosen = {1 + i * (writes - 1) // max(1, count - 1) for i in range(count)}
        print(f"{self.name}, {kind}: {len(chosen)} of {writes} writes", flush=True)
        for at in sorted(chosen):
            self._once(kind, error, at)

    def _once(self, kind, error, at):
        self._anew()
        self.state.arm(self.output, at, error, _ONCE.value)
        done = _start(self.disturbed.chore, self.output, self.folder / "log")
        _, where = self.state.disarm()
        if not where:
            return  # of threads, which do not always write as often
        said = done.said().strip()
        wrong = list(self._wrong(kind, done.code, said, where))
        if not wrong:
            line = (said.splitlines() or [""])[-1]
            print(
                f"{self.name}, {kind} at {at}, {where}: {done.code}, {line}", flush=True
            )
        else:
            self.faults += 1
            lines = [line for line in said.splitlines() if "error" in line][-2:]
            print(f"FAULT {self.name}, {kind} at {at}, {where}: {'; '.join(wrong)}")
            print(f"  exit code {done.code}: {lines or said[-600:]}", flush=True)

    def _wrong(self, kind, code, said, where):
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        if "Traceback" in said:
            yield "a traceback"
        if code == 0:
            self.counts["done all the same"] += 1
            yield from self._same(self.right, "the result")
            return
        self.counts["ended with a line"] += 1
        at_the_start = code == 2 and errors and errors[-1].startswith("error: --")
        if code != 1 and not at_the_start:
            yield f"exit code {code}"
        if not errors or not any(
            failing.MESSAGES[kind] in e for e in said.splitlines()
        ):
            yield "no line that says why"
        yield from self._kept(renamed=where.startswith("rename"))
        again = _start(self.disturbed.chore, self.output, self.folder / "log-again")
        if again.code or "damaged" in again.said():
            yield f"again: exit code {again.code}: {again.said()[-300:]}"
        yield from self._same(self.right, "the result of another start")

    def _kept(self, renamed):
        found = warm.call(contents.of, self.output)
        for name in filter(self.disturbed.kept, self.had):
            allowed = {self.had[name], self.right[name] if renamed else None}
            if found.get(name) not in allowed:
                yield f"before, {name} was different"

    def _same(self, right, what):
        wrong = contents.different(right, warm.call(contents.of, self.output))
        if wrong:
            yield f"{what} is different: {', '.join(wrong)[:300]}"


def main(_):
    state = failing.begin()
    if state is None:
        return
    warm.up()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="full-disk-"))
    trials = []
    for disturbed in _disturbed(folder):
        if _ONLY.value and disturbed.chore.name not in _ONLY.value:
            continue
        trial = Trial(disturbed, folder / disturbed.chore.name, state)
        trials.append(trial)
        for kind in failing.ERRORS:
            trial.run(kind)
        print(f"{trial.name}: {trial.counts}, {trial.faults} faults", flush=True)
    shutil.rmtree(folder)
    faults = sum(trial.faults for trial in trials)
    starts = sum(sum(trial.counts.values()) for trial in trials)
    print(f"{starts} writes that failed, {faults} faults", flush=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    app.run(main)
