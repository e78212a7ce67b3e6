"""The version of tfcolor."""

__version__ = "0.1.0"
