"""The scan generator that makes the inputs of a line-art run."""

import os
import pathlib
import zipfile

import keras

from tfcolor import models
from tfcolor.errors import UsageError

# In a run's folder: the scanner that it began with.
FILE = "scanner.keras"


def scanner_for(config, folder=None):
    """The scanner of a run with `data.scanner`, of others None: the one that is
    kept in the run's folder, or else that of the run which the field names.

    Raises:
      UsageError: that is not a run of cyclegan, or what is kept is damaged.
    """
    if not config.data.scanner:
        return None
    kept = folder and pathlib.Path(folder) / FILE
    if not kept or not kept.exists():
        return models.scanner_of_run(config.data.scanner)
    try:
        return keras.saving.load_model(kept)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{kept}: {str(error).splitlines()[0]}") from error


def keep(scanner, folder):
    """Save a scanner in a run's folder, unless it is there."""
    kept = pathlib.Path(folder) / FILE
    if not kept.exists():
        part = kept.with_name(f".{FILE}.part.keras")
        scanner.save(part)
        os.replace(part, kept)
