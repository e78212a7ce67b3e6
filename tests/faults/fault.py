"""What a fault is."""

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault of the program.

    Attributes:
      name: what the table and --only call it.
      file: the file that it is planted in, below tfcolor/.
      text: what stands there, once.
      replacement: what stands there instead.
      tests: arguments of pytest, as in a shell: the tests that should notice.
    """

    name: str
    file: str
    text: str
    replacement: str
    tests: str
