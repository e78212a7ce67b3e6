"""Stages that work at the same time."""

import queue
import threading
from collections.abc import Generator
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()


def background(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """Yields the items of a generator that runs in a thread of its own, at most
    `depth` of them ahead. What it raises is raised here; when this is closed, so is
    it."""
    ready: queue.Queue = queue.Queue(depth)
    closed = threading.Event()

    def put(item):
        while not closed.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work():
        error = None
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as raised:
            error = raised
        finally:
            if hasattr(items, "close"):
                items.close()
        put((_END, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, tuple) and item[:1] == (_END,):
                if item[1] is not None:
                    raise item[1]
                return
            yield item
    finally:
        closed.set()
        if thread is not threading.current_thread():
            thread.join()
