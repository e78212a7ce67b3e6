"""bin/pack: photographs as ArrayRecord shards."""

import sys

from absl import flags

from tfcolor.cli import command
from tfcolor.errors import UsageError

USAGE = """
Pack photographs into ArrayRecord files, for sets that do not fit a folder.

  bin/pack --data=folder:PHOTOS --output=packed/photos-*.arrayrecord
  bin/pack --data=folder:PHOTOS --output=packed/photos-*.arrayrecord --size=512
  bin/train --data=array_record:packed/photos-*.arrayrecord

The * becomes the number of each file. Running it again goes on where it was
stopped, and tries files again that could not be read. Files are kept byte for
byte; with --size, larger pictures are reduced and written as JPEG.
"""


def define(values: flags.FlagValues, argv: list[str]) -> list[str]:
    """Define the flags of bin/pack; returns argv as it is."""
    for name, text in (
        ("data", "SPEC of the photographs: folder:PATH, or array_record:GLOB"),
        ("output", "the files, with a * for their numbers"),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    for name, text in (
        (
            "size",
            "pixels of the shorter side of larger pictures (default: as they are)",
        ),
        ("shards", "number of files (default: one for each 10,000 photographs)"),
    ):
        flags.DEFINE_integer(name, None, text, flag_values=values)
    return argv


def run(values: flags.FlagValues) -> int:
    """Pack what the flags name; returns the exit code.

    Raises:
      UsageError: no photographs, no output, or a flag's value cannot be.
    """
    for name in ("data", "output"):
        if getattr(values, name) is None:
            raise UsageError(f"--{name} is missing")
    with command.quiet(values.v):
        from tfcolor.data import packing
        from tfcolor.data import sources

        source = sources.open_source(values.data)
    index = packing.pack(source, values.output, values.size, values.shards)
    images = sum(shard.images for shard in index.shards.values())
    left_out = [line for shard in index.shards.values() for line in shard.left_out]
    print(f"{images} photographs in {len(index.shards)} files: {values.output}")
    if left_out:
        print(f"error: {len(left_out)} could not be read", file=sys.stderr)
    return command.FAILED if left_out else command.DONE


def main() -> None:
    """bin/pack: run it on sys.argv and exit."""
    command.run(run, USAGE, define, sys.argv)
