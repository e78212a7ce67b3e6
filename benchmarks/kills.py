"""Kill commands again and again, start them again until they are done, and compare what
they leave, bit by bit, with what one that was never killed leaves.

python benchmarks/kills.py --kills=1000
python benchmarks/kills.py --kills=20 --only=wgan_gp --only=export

Half of the kills are after a random part of what the process computes, half in the
middle of a random write below its folder. After each, all files that have their final
name must be right. It prints a line for each start, and the count as the last; the exit
code is 1 if anything was not right. What was right is removed, after SIGTERM too.
"""

import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

import chores
import contents
import failing
import warm
from absl import app
from absl import flags

_KILLS = flags.DEFINE_integer("kills", 20, "how often to kill, all in all", 1)
_ONLY = flags.DEFINE_multi_string("only", [], "chore: an objective, export, ...")
_SEED = flags.DEFINE_integer("seed", 0, "of the moments")

SHORT = 5  # seconds: less than most trainings compute
WAIT = 3600  # seconds that anything may take
GONE = 600  # seconds that workers may take to see that one is gone
KEPT = 5  # folders that are not right, of each chore


class Trial:
    """One chore, that is killed and started again.

    Args:
      chore: a chores.Chore.
      folder: for all that it writes.
      state: a failing.State, or None.
      chance: a random.Random.
    """

    def __init__(self, chore, folder, state, chance):
        self.chore = chore
        self.folder = folder
        self.state = state
        self.chance = chance
        self.cleared = 0  # times that it began anew
        self.done = 0  # times that it was killed and came to its end
        self.kills = self.starts = 0
        self.faults = []
        self.seconds = 0.0  # of computing, of one that is not killed

    def begin(self):
        """Let one come to its end; returns a line."""
        whole = self.folder / "whole" / self.chore.name
        whole.parent.mkdir(parents=True)
        codes, _, self.writes = self._start(whole, None)
        self.seconds = self.computed
        if any(codes):
            raise SystemExit(f"{self.chore.name}: exit codes {codes}: {self._said()}")
        self.right = warm.call(contents.of, whole)
        shutil.rmtree(whole.parent)
        self._anew()
        said = f"{self.seconds:.1f} s, {self.writes} writes, {len(self.right)} files"
        return f"{self.chore.name}, never killed: {said}"

    def _anew(self):
        self.output = self.folder / f"killed-{self.cleared}" / self.chore.name
        self.output.parent.mkdir(exist_ok=True)

    def _start(self, output, kill):
        """(exit codes, killed, writes) of one start."""
        if self.state:
            at = kill[1] if kill and kill[0] == "write" else failing.NEVER
            self.state.arm(output, at)
        self.commands = [
            warm.Command(command, arguments, self.folder / f"log-{i}", environment)
            for i, (command, arguments, environment) in enumerate(
                self.chore.starts(output)
            )
        ]
        try:
            ended = self._wait(kill[1] if kill and kill[0] == "moment" else None)
        finally:
            for command in self.commands:
                command.kill()
        count = self.state.disarm()[0] if self.state else 0
        if not ended:
            self._fault("does not end")
        codes = [command.code for command in self.commands]
        _empty(pathlib.Path(tempfile.gettempdir()))
        return codes, -9 in codes, count

    def _wait(self, moment):
        """Kill one, or what it has started too, after so many seconds of computing;
        returns whether all have ended."""
        self.computed, until = 0.0, time.monotonic() + WAIT
        while any(command.poll() is None for command in self.commands):
            if any(command.code == -9 for command in self.commands):
                until = min(until, time.monotonic() + GONE)
            if time.monotonic() > until:
                return False
            now = sum(command.seconds() for command in self.commands)
            self.computed = max(self.computed, now)
            if moment is not None and now >= moment:
                moment = None
                victim = self.chance.choice(self.commands)
                if victim.poll() is None:
                    victim.kill(group=self.chance.random() < 0.5)
            time.sleep(self.chance.uniform(0, 0.1))
        return True

    def kill(self):
        """Start it, and kill it, unless it comes to its end before; returns a line."""
        if not self.seconds:
            print(self.begin(), flush=True)
        kill = "moment", self.chance.uniform(0, self.seconds)
        if self.state and self.chance.random() < 0.5:
            kill = "write", self.chance.randint(1, self.writes)
        return self._see(kill)

    def spent(self):
        """Seconds so far, about; those that are soon done are not killed more often
        than most."""
        return max(self.seconds, SHORT) * self.starts

    def finish(self):
        """Start it until it is done; returns lines."""
        while self.seconds and self.output.exists() and (line := self._see(None)):
            yield line
            if self.faults:
                break

    def _see(self, kill):
        self.starts += 1
        codes, killed, _ = self._start(self.output, kill)
        said = self._said()
        # Of a sweep, one of whose runs was killed.
        broken = "exit code -9" in said
        if killed or broken:
            self.kills += 1
        at = f"{kill[0]} {kill[1]:.4g}" if kill else "not killed"
        faults = len(self.faults)
        result = self._judge(codes, killed or broken, said)
        if len(self.faults) > faults and self.output.exists():
            self._keep()
        return f"{self.chore.name}, {at}: {result}"

    def _keep(self):
        """Begin anew; what is not right can be seen."""
        if len(self.faults) <= KEPT:
            kept = self.folder / f"kept-{len(self.faults)}"
            shutil.copytree(self.output, kept)
            shutil.copy(self.commands[0].log, self.folder / f"{kept.name}.log")
            print(f"see {kept}", flush=True)
        self._clear()

    def _judge(self, codes, killed, said):
        """What a start has led to; faults are noted."""
        if any(word in said for word in ("damaged", "Traceback", "none of the")):
            self._fault(f"said {said[-500:]}")
        if killed:
            return self._compare(contents.final)
        if any(codes):
            self._fault(f"exit codes {codes}: {said[-500:]}")
        result = self._compare(lambda digests: digests)
        litter = len(contents.litter(self.output))
        if not any(codes) and result.endswith(" 0 of them different"):
            self.done += 1
            self._clear()
        return f"done, {result}, {litter} temporary files left"

    def _compare(self, chosen):
        right = self.right
        try:
            found = chosen(warm.call(contents.of, self.output))
        except RuntimeError as error:
            self._fault(f"cannot be read: {str(error)[-500:]}")
            return "not to be read"
        if chosen is contents.final:
            right = {name: right[name] for name in found if name in right}
        wrong = contents.different(right, found)
        if wrong:
            self._fault(f"{', '.join(wrong)} differ")
        return f"{len(found)} files, {len(wrong)} of them different"

    def _fault(self, text):
        self.faults.append(text)
        print(f"FAULT {self.chore.name}: {text}", flush=True)

    def _clear(self):
        # What a killed sweep has started may be at it yet.
        shutil.rmtree(self.output.parent, ignore_errors=True)
        self.cleared += 1
        self._anew()

    def _said(self):
        return "\n".join(command.said() for command in self.commands)


def _empty(folder):
    """Remove what killed ones have left there."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _chores(folder):
    """All that are wanted."""
    pictures, run = chores.inputs(folder), folder / "run"
    arguments = ["--loss=cgan", *chores.TRAINING, f"--workdir={run}"]
    assert warm.Command("train", arguments, folder / "log").wait(WAIT) == 0
    found = {each.name: each for each in chores.trainings()}
    found |= {each.name: each for each in chores.others(pictures, run)}
    unknown = set(_ONLY.value) - set(found)
    if unknown:
        raise SystemExit(f"--only={unknown.pop()}: not one of {', '.join(found)}")
    return [found[name] for name in _ONLY.value or found]


def _work(folder, state):
    """Kill; returns the number of faults."""
    chance = random.Random(_SEED.value)
    trials = [
        Trial(chore, folder / chore.name, state, chance) for chore in _chores(folder)
    ]
    kills, began = 0, time.monotonic()
    while kills < _KILLS.value:
        line = min(trials, key=Trial.spent).kill()
        kills = sum(each.kills for each in trials)
        print(f"{kills}: {time.monotonic() - began:.0f} s, {line}", flush=True)
    for trial in trials:
        for line in trial.finish():
            print(line, flush=True)
    print("chore: kills, times at its end, differences")
    for trial in trials:
        counts = f"{trial.kills}, {trial.done}, {len(trial.faults)}"
        print(f"{trial.chore.name}: {counts}")
    faults = sum(len(trial.faults) for trial in trials)
    done = sum(trial.done for trial in trials)
    print(f"{kills} kills, {done} times at the end, {faults} differences", flush=True)
    return faults


def main(_):
    state = failing.begin()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kills-"))
    # Of this process and of its forks.
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "temporary")
    os.mkdir(tempfile.tempdir)
    warm.up()
    print(f"in {folder}", flush=True)
    try:
        faults = _work(folder, state)
    finally:
        if not list(folder.glob("*/kept-*")):
            shutil.rmtree(folder, ignore_errors=True)
        failing.end()
    sys.exit(bool(faults))


if __name__ == "__main__":
    app.run(main)
