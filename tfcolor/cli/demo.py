"""bin/demo: a page in the browser that colors what is uploaded."""

import importlib.util
import signal
import sys
import threading

from absl import flags

from tfcolor.cli import command
from tfcolor.demo.limits import Limits
from tfcolor.errors import UsageError

USAGE = """
Serve a page in the browser: upload photographs, compare before and after, paint
colours where you know them, download the results at full size.

  bin/demo
  bin/demo --model=runs/photos --model=exported/line_art

Needs Gradio: pip install 'tfcolor[demo]'. Listens on this computer only, unless
--host says otherwise. What is uploaded is deleted when the page is left, and all
of it when the command ends (Ctrl-C).
"""

LIMITS = {
    "max_pixels": "larger pictures are refused",
    "max_files": "pictures of one visitor, at most",
    "max_seconds": "that making a ZIP or a film may take",
    "film_pixels": "films with larger frames are refused",
    "film_seconds": "longer films are refused",
    "megabytes": "of an uploaded file, at most",
    "queue": "requests that may wait",
}


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/demo; returns argv as it is."""
    flags.DEFINE_multi_string(
        "model",
        [],
        "a run's folder, or a SavedModel of bin/export, to choose from beside the "
        "weights that ship; repeatable, the first is chosen at first",
        flag_values=values,
    )
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "the address to listen on; 0.0.0.0: all of this computer's",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "port", None, "default: a free one from 7860 on", 1, 65535, flag_values=values
    )
    flags.DEFINE_boolean(
        "share",
        False,
        "let everybody in through a tunnel of Gradio's, whose servers then see all "
        "that is uploaded",
        flag_values=values,
    )
    defaults = Limits()
    for name, text in LIMITS.items():
        default = int(getattr(defaults, name))
        flags.DEFINE_integer(name, default, text, 1, flag_values=values)
    return argv


def run(values: flags.FlagValues) -> int:
    """Serve the page until SIGINT or SIGTERM; returns the exit code.

    Raises:
      UsageError: Gradio is not installed, the address is taken, or a model cannot be
        loaded.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UsageError("the page needs Gradio: pip install 'tfcolor[demo]'")
    with command.quiet(values.v):
        from tfcolor.demo import page
        from tfcolor.demo.models import Models

    limits = Limits(**{name: getattr(values, name) for name in LIMITS})
    models = Models(values.model)
    ended = threading.Event()
    numbers: list[int] = []

    def end(number, _):
        numbers.append(number)
        ended.set()

    before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with page.served(models, limits, values.host, values.port, values.share) as at:
            print(f"{at} (Ctrl-C ends it)", flush=True)
            ended.wait()
    except OSError as error:
        said = f"--port={values.port}, --host={values.host}"
        raise UsageError(f"{said}: taken, or not of this computer") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + numbers[0]


def main() -> None:
    """bin/demo: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
