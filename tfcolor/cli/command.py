"""What all commands share: usage, exit codes, and a quiet terminal."""

import contextlib
import logging
import os
import sys
import tempfile
import traceback

from absl import flags

from tfcolor.errors import RunError
from tfcolor.errors import UsageError

DONE, FAILED, BAD_USAGE = 0, 1, 2


def run(main, usage, define, argv):
    """Parse `argv`, call `main(values)` and exit with its code.

    Args:
      main: takes the parsed FlagValues, returns an exit code.
      usage: text that `--help` prints above the flags.
      define: a function that defines the command's flags on a FlagValues.
      argv: the command line, the program's name first.
    """
    values = flags.FlagValues()
    flags.DEFINE_integer("v", 0, "1: show TensorFlow's messages and tracebacks", flag_values=values)
    flags.DEFINE_boolean("help", False, "show this text", flag_values=values)
    verbose = any(arg.lstrip("-") in ("v=1", "v1") for arg in argv)
    try:
        if any(arg in ("--help", "-help", "-h", "--helpshort", "--helpfull") for arg in argv[1:]):
            define(values, argv)
            print(usage.strip() + "\n\n" + _flags_help(values))
            sys.exit(DONE)
        argv = define(values, argv)
        left = values(argv)[1:]
        if left:
            raise UsageError(f"unexpected argument {left[0]!r}")
        _log_to_stderr()
        sys.exit(main(values))
    except (UsageError, flags.Error) as error:
        _end(error, BAD_USAGE, verbose)
    except RunError as error:
        _end(error, FAILED, verbose)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        _end(error, FAILED, verbose)


@contextlib.contextmanager
def quiet(verbose):
    """Keep TensorFlow's start-up chatter, which no setting of its own stops,
    off the terminal; show it after all if the import fails."""
    if verbose:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _end(error, code, verbose):
    if verbose:
        traceback.print_exc()
    line = " ".join(str(error).split()) or type(error).__name__
    print(f"error: {line}", file=sys.stderr)
    sys.exit(code)


def _flags_help(values):
    lines = []
    for name in sorted(values):
        flag = values[name]
        if name in ("?", "helpshort", "helpfull", "helpxml", "flagfile", "undefok"):
            continue
        default = f" (default: {flag.default})" if flag.default not in (None, False) else ""
        lines.append(f"  --{name}: {flag.help}{default}")
    return "\n".join(lines)


def _log_to_stderr():
    import tqdm

    class Handler(logging.Handler):
        def emit(self, record):
            tqdm.tqdm.write(f"{record.levelname.lower()}: {record.getMessage()}", file=sys.stderr)

    log = logging.getLogger("tfcolor")
    log.handlers[:] = [Handler()]
    log.setLevel(logging.INFO)
    log.propagate = False
