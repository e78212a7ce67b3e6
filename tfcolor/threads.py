"""Threads of our own and those of BLAS, which NumPy multiplies matrices with."""

import functools
from typing import Any

import threadpoolctl


def one_in_blas() -> Any:
    """From now on, until the context that it returns ends, a product of matrices keeps
    to the thread that calls: for work in a thread for each core. BLAS has as many of
    its own, and those that wait for work spin."""
    return _controller().limit(limits=1, user_api="blas")


@functools.cache
def _controller():
    return threadpoolctl.ThreadpoolController()
