"""The version of tfcolor."""

__version__ = "0.2.0"
