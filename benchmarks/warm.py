"""Commands that start at once: forks of a process that has imported everything.

The process that forks runs no operation of TensorFlow: its threads would be missing in
the forks. What a fork computes has the bits of a process of its own.
"""

import contextlib
import importlib
import os
import pathlib
import pickle
import pkgutil
import signal
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent


def up():
    """Import what the commands import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    sys.path.insert(0, str(ROOT))
    import tensorboard.summary.writer.event_file_writer  # noqa: F401

    import tfcolor

    for module in pkgutil.walk_packages(tfcolor.__path__, "tfcolor."):
        if ".beam" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


class Command:
    """A command of bin/ at work, the leader of a group of processes.

    Args:
      name, arguments: of bin/train: "train", [...].
      log: path of the file for what it prints.
      environment: what it has besides that of this process.
      first: a function that it calls first.
    """

    def __init__(self, name, arguments, log, environment=(), first=None):
        self.log = pathlib.Path(log)
        self.began = time.monotonic()
        self.code = None
        self.id = os.fork()
        if self.id == 0:
            _become(name, arguments, self.log, dict(environment), first)

    def poll(self):
        """Its exit code, that of a signal negative; None while it is at work."""
        if self.code is None:
            found, status = os.waitpid(self.id, os.WNOHANG)
            if found:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, seconds):
        """As `poll` when it has ended, or after so many seconds."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self.code

    def kill(self, group=True):
        """End it by SIGKILL, and with `group` what it has started, unless it has ended:
        its number may then be another's."""
        if self.poll() is None:
            (os.killpg if group else os.kill)(self.id, signal.SIGKILL)
        return self.wait(10)

    def seconds(self):
        """Of computing so far, by all of its group."""
        found = 0
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.id:
                    found += sum(map(int, fields[11:15]))
        return found / os.sysconf("SC_CLK_TCK")

    def said(self):
        """What it has printed."""
        return self.log.read_text(errors="replace").replace("\r", "\n")


def _become(name, arguments, log, environment, first):
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(file, number)
        os.environ.update(environment)
        if first is not None:
            first()
        sys.argv = [name, *map(str, arguments)]
        importlib.import_module(f"tfcolor.cli.{name}").main()
    except BaseException:
        traceback.print_exc()
    os._exit(70)


def call(function, *arguments):
    """What a function returns, called in a fork; RuntimeError, with its traceback, if
    it raises."""
    with tempfile.NamedTemporaryFile() as file:
        number = os.fork()
        if number == 0:
            try:
                file.write(pickle.dumps(function(*arguments)))
                file.flush()
                os._exit(0)
            except BaseException:
                file.write(traceback.format_exc().encode())
                file.flush()
                os._exit(70)
        if os.waitpid(number, 0)[1]:
            file.seek(0)
            raise RuntimeError(file.read().decode(errors="replace"))
        file.seek(0)  # forks share the position
        return pickle.loads(file.read())
