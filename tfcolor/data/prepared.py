"""Data sets that TensorFlow Datasets prepares."""

from __future__ import annotations

import importlib.util

import numpy as np
from PIL import Image

from tfcolor.errors import UsageError
from tfcolor.images.decode import Unreadable
from tfcolor.images.decode import reason
from tfcolor.images.decode import reduced
from tfcolor.types import Window


class Tfds:
    """A prepared TensorFlow Datasets split, through its random access.

    Args:
      spec: NAME[:SPLIT], split "train" by default.
      data_dir: the cache of TensorFlow Datasets; None for its default.

    Raises:
      UsageError: it cannot be prepared, or has no images; or the package
        array_record is missing, as on Windows.
    """

    def __init__(self, spec: str, data_dir: str | None = None) -> None:
        if importlib.util.find_spec("array_record") is None:
            raise UsageError(
                f"--data=tfds:{spec}: needs the package array_record, which has no "
                "wheels for Windows; unpack the images into a folder and name that"
            )
        import tensorflow_datasets as tfds

        self.dataset, _, split = spec.partition(":")
        self.split = split or "train"
        try:
            builder = tfds.builder(
                self.dataset, data_dir=data_dir, file_format="array_record"
            )
            builder.download_and_prepare()
            self.records = builder.as_data_source(split=self.split)
        except Exception as error:
            raise UsageError(f"--data=tfds:{spec}: {reason(error)}") from error
        if "image" not in builder.info.features:
            raise UsageError(
                f"--data=tfds:{spec}: has no feature 'image', only "
                f"{', '.join(builder.info.features)}"
            )

    def __len__(self) -> int:
        return len(self.records)

    def name(self, i: int) -> str:
        """The name of image i, DATASET:SPLIT[i]."""
        return f"{self.dataset}:{self.split}[{i}]"

    def read(
        self, i: int, side: int | None = None, window: Window | None = None
    ) -> np.ndarray:
        """Image i as uint8 [H, W, 3]; arguments as of `Files.read`.

        Raises:
          Unreadable: with the reason.
        """
        try:
            image = np.asarray(self.records[int(i)]["image"])
        except Exception as error:
            raise Unreadable(reason(error)) from error
        if image.dtype != np.uint8:
            raise Unreadable(f"its pixels are {image.dtype}, not uint8")
        image = np.repeat(image, 3, -1) if image.shape[-1] == 1 else image
        return reduced(Image.fromarray(image[..., :3]), side, window)
