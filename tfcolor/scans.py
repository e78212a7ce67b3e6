"""The scan generator that makes the inputs of a line-art run."""

import os
import pathlib

import keras

from tfcolor import models

# In a run's folder: the scanner that it began with.
FILE = "scanner.keras"


def scanner_for(config, folder):
    """The scanner of a run with `data.scanner`, of others None: the one that it
    keeps, or else that of the run which the field names.

    Raises:
      UsageError: that is not a run of cyclegan.
    """
    if not config.data.scanner:
        return None
    kept = pathlib.Path(folder) / FILE
    if kept.exists():
        return keras.saving.load_model(kept)
    return models.scanner_of_run(config.data.scanner)


def keep(scanner, folder):
    """Save a scanner in a run's folder, unless it is there."""
    kept = pathlib.Path(folder) / FILE
    if not kept.exists():
        part = kept.with_name(f".{FILE}.part.keras")
        scanner.save(part)
        os.replace(part, kept)
