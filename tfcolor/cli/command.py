"""What all commands share: usage, exit codes, and a quiet terminal."""

import contextlib
import logging
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
from typing import NoReturn

import tqdm
from absl import flags

from tfcolor import registry
from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.errors import visible

DONE, FAILED, BAD_USAGE = 0, 1, 2

# Packages that Keras imports where they are installed, for what no command uses: a
# third of the time that its import takes.
UNUSED = ("pandas", "sklearn")

HELP = ("--help", "-help", "-h", "--helpshort", "--helpfull")


def run(
    main: Callable[..., int],
    usage: str,
    define: Callable[[flags.FlagValues, list[str]], list[str]],
    argv: list[str],
    inputs: bool = False,
) -> NoReturn:
    """Parse `argv`, call `main` and exit with its code; a UsageError is shown as one
    line, with exit code 2, any other error with 1.

    Args:
      main: takes the parsed FlagValues, and with `inputs` the list of what is no flag;
        returns an exit code.
      usage: text that `--help` prints above the flags.
      define: a function that defines the command's flags on FlagValues and returns
        argv, perhaps changed.
      argv: the command line, the program's name first.
    """
    values = flags.FlagValues()
    flags.DEFINE_integer(
        "v", 0, "1: show TensorFlow's messages and tracebacks", flag_values=values
    )
    if hasattr(sys.stdout, "reconfigure"):  # names of files need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    verbose = any(arg.lstrip("-") == "v=1" for arg in argv)
    try:
        registry.add_installed()
        if any(arg in HELP for arg in argv[1:]):
            define(values, argv[:1])
            print(f"{usage.strip()}\n\n{_flags_help(values)}")
            code = DONE
        else:
            left = values(define(values, argv))[1:]
            if left and not inputs:
                raise UsageError(f"unexpected argument {left[0]!r}")
            _log_to_terminal()
            code = main(values, left) if inputs else main(values)
    except (UsageError, flags.Error) as error:
        code = _tell(error, BAD_USAGE, verbose)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except Exception as error:
        code = _tell(error, FAILED, verbose)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads of tf.data that are about to call Python would wait
    # for the interpreter that waits for them to end.
    os._exit(code)


def split_flags(
    argv: list[str], *names: str, switches: Iterable[str] = ()
) -> tuple[list[str], dict[str, Any]]:
    """(argv without some flags, {name: value or None} of those), whether they have a
    value or are switches."""
    values = flags.FlagValues()
    values.set_gnu_getopt()  # flags may follow what is none
    for name in names:
        flags.DEFINE_string(name, None, "", flag_values=values)
    for name in switches:
        flags.DEFINE_boolean(name, None, "", flag_values=values)
    rest = values(argv, known_only=True)
    return rest, {name: values[name].value for name in names}


@contextlib.contextmanager
def quiet(verbose: bool) -> Iterator[None]:
    """Keep TensorFlow's start-up chatter, which no setting of its own stops,
    off the terminal; show it after all if the import fails."""
    with _without(*UNUSED):
        if verbose:
            yield
            return
        with _captured():
            yield


@contextlib.contextmanager
def _without(*names):
    """Imports of packages that are not there yet fail."""
    missing = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)


@contextlib.contextmanager
def _captured():
    """What is written to the terminal is shown only if there is an error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="PIL")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        terminal = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except (UsageError, RunError):
            raise
        except BaseException:
            captured.seek(0)
            os.write(terminal, captured.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _tell(error, code, verbose):
    line = " ".join(str(error).split()) or type(error).__name__
    print(f"error: {visible(line)}", file=sys.stderr)
    if verbose:
        traceback.print_exc()
    return code


def _flags_help(values):
    lines = []
    for name in sorted(values):
        flag = values[name]
        default = f" (default: {flag.default})" if flag.default else ""
        lines.append(f"  --{name}: {flag.help}{default}")
    return "\n".join(lines)


class _Terminal(logging.Handler):
    """Log lines above the progress bar."""

    def emit(self, record):
        line = f"{record.levelname.lower()}: {visible(record.getMessage())}"
        tqdm.tqdm.write(line, file=sys.stderr)


def _log_to_terminal():
    log = logging.getLogger("tfcolor")
    log.handlers[:] = [_Terminal()]
    log.setLevel(logging.INFO)
    log.propagate = False
