"""The two ways a command ends badly; both are shown as one line."""


class UsageError(ValueError):
    """Something that was asked for cannot be: exit code 2, nothing written."""


class RunError(RuntimeError):
    """The work itself failed: exit code 1, what was written stays."""
