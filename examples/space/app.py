"""The page of bin/demo as a Hugging Face Space, whose repository this folder is."""

import threading

from tfcolor.demo import page
from tfcolor.demo.limits import Limits
from tfcolor.demo.models import Models

# Two cores and 16 GB, shared by all visitors.
LIMITS = Limits(max_pixels=25_000_000, max_files=5, megabytes=20, max_seconds=60)


def main(host="0.0.0.0", port=7860):
    """Serve the page until the Space is stopped."""
    with page.served(Models(), LIMITS, host, port):
        threading.Event().wait()


if __name__ == "__main__":
    main()
