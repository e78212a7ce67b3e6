"""The two ways a command ends badly; both are shown as one line."""

import re

# What ends a line, moves the cursor or turns the direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class UsageError(ValueError):
    """Something that was asked for cannot be: exit code 2, nothing written."""


class RunError(RuntimeError):
    """The work itself failed: exit code 1, what was written stays."""


def visible(text: str) -> str:
    r"""A text on one line that does nothing to a terminal: control characters, which
    names of files may have, as escapes: \n, \x1b."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
