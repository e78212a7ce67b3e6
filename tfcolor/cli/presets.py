"""python -m tfcolor.presets: make weights that ship, or change their card."""

import sys

from absl import flags

from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Make weights that ship of a run, or change what their card says.

  python -m tfcolor.presets runs/photo photo --summary="Photographs"
  bin/evaluate --model=photo --data=folder:OTHERS --output=judged
  python -m tfcolor.presets photo --evaluation="240 photographs=judged/metrics.json"

RUN NAME writes NAME.npz (the averaged generator, float16), NAME.graph (its graph, which
bin/colorize starts with), NAME.json and NAME.md into tfcolor/presets; NAME alone writes
the graph and the card anew. Texts that are not given stay.
"""


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of `python -m tfcolor.presets`; returns argv as it is."""
    for name, text in (
        ("folder", "of presets (default: that of the package)"),
        ("summary", "one line about what they colour"),
        ("data", "what they learned from, and its licences"),
        ("licence", "what may be done with them"),
        ("limits", "what they do badly"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_multi_string(
        "evaluation",
        [],
        "IMAGES=FILE: what was judged on, and the metrics.json; repeatable",
        flag_values=values,
    )
    return argv


def run(values: flags.FlagValues, words: list[str]) -> int:
    """Make the preset of `words`, RUN NAME, or change the card of NAME; returns the
    exit code.

    Raises:
      UsageError: other words, or an evaluation that is not IMAGES=FILE.
    """
    if len(words) not in (1, 2):
        raise UsageError("give a run's folder and a name, or a name alone")
    for text in values.evaluation:
        if "=" not in text:
            raise UsageError(f"--evaluation={text}: is not IMAGES=FILE")
    evaluations = dict(text.rsplit("=", 1) for text in values.evaluation)
    with command.quiet(values.v):
        from tfcolor.inference import export
        from tfcolor.inference import traced
        from tfcolor.presets import writing

        texts = {text: getattr(values, text) for text in writing.TEXTS}
        if len(words) == 2:
            export.preset(words[0], words[1], values.folder, **texts)
        elif not values.folder:
            traced.of_preset(words[0])
        path = writing.annotate(words[-1], values.folder, evaluations, **texts)
    print(f"written to {path.with_suffix('.*')}")
    return command.DONE


def main() -> None:
    """Python -m tfcolor.presets: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv, inputs=True)
