"""Training squares for tools/train_torch.py, of the files of photo_squares.py."""

import queue
import threading

import numpy as np
import torch


def batches(given, start):
    """Endless uint8 [B, crop, crop, 3 or 4] from step `start` on, pure functions of
    (seed, step), read ahead in a thread."""
    files = [name.partition(":") for name in given.squares]
    squares = [np.load(file, mmap_mode="r") for file, _, _ in files]
    shares = np.array([float(weight or 1.0) for _, _, weight in files])
    ready = queue.Queue(3)

    def read():
        for step in range(start, given.steps):
            ready.put(_batch(given, squares, shares / shares.sum(), step))

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield ready.get()


def _batch(given, squares, shares, step):
    random = np.random.default_rng((given.seed, step))
    channels = squares[0].shape[3]
    found = np.empty((given.batch, given.crop, given.crop, channels), np.uint8)
    for row, source in enumerate(random.choice(len(shares), given.batch, p=shares)):
        pictures = squares[source]
        free = pictures.shape[1] - given.crop + 1
        number, (top, left) = (
            random.integers(len(pictures)),
            random.integers(free, size=2),
        )
        crop = pictures[number, top : top + given.crop, left : left + given.crop]
        found[row] = crop[:, ::-1] if random.random() < 0.5 else crop
    return torch.from_numpy(found)
