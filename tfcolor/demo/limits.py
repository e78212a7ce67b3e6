"""How much a visitor of a public page may ask for."""

import dataclasses
import math
import time
from collections.abc import Callable

from tfcolor.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is refused beyond.

    Attributes:
      max_pixels: of a picture.
      max_files: pictures of one visitor.
      megabytes: of an uploaded file.
      max_seconds: of one request; looked at between two pictures, and between a few
        frames.
      film_pixels: of a frame of a film.
      film_seconds: length of a film.
      max_working_size: pixels of the shorter side at the network.
      queue: requests that wait; further ones are told that the page is busy.
      visits: visitors whose pictures are held; the one that is idle for the longest
        makes room.
      idle_seconds: after which a visitor's pictures are deleted.
    """

    max_pixels: int = 50_000_000
    max_files: int = 20
    megabytes: int = 50
    max_seconds: float = 120.0
    film_pixels: int = 1_000_000
    film_seconds: int = 20
    max_working_size: int = 512
    queue: int = 20
    visits: int = 50
    idle_seconds: float = 1800.0

    def __post_init__(self) -> None:
        """Raise UsageError for a limit that cannot be."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not 0 < value < math.inf:
                raise UsageError(f"--{field.name}={value}: must be positive")

    def check_files(self, count: int) -> None:
        """Raise UsageError if a visitor may not have so many pictures."""
        if count > self.max_files:
            raise UsageError(
                f"{count} pictures are more than --max_files={self.max_files}"
            )

    def check_working_size(self, size: int) -> None:
        """Raise UsageError for a working size that is too large."""
        if size > self.max_working_size:
            raise UsageError(
                f"working_size: {size} is more than {self.max_working_size}"
            )

    def deadline(
        self, clock: Callable[[], float] = time.monotonic
    ) -> Callable[[], None]:
        """A function that raises UsageError once `max_seconds` have passed.

        Args:
          clock: gives seconds.

        Raises:
          UsageError: by the function.
        """
        end = clock() + self.max_seconds

        def check():
            if clock() > end:
                raise UsageError(
                    f"stopped after --max_seconds={self.max_seconds:g}: "
                    "ask for fewer or smaller pictures, or for a shorter film"
                )

        return check
