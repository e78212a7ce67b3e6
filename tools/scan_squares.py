"""Drawings with their scans, for tools/train_torch.py --drawings.

  KERAS_BACKEND=torch python tools/scan_squares.py --scanner=lines/scanner.npz \
    --out=drawings.npy color.npy

Of arrays of photo_squares.py, uint8 [N, side, side, 3], an array
[M, side, side, 4] whose last channel is the scan that the scanner of
tools/train_scanner.py makes, 255 white. Drawings that are mostly white paper are
left out: they teach to leave paper white.
"""

import argparse

import numpy as np
import torch
import torch_color
import train_scanner

MOST_WHITE = 0.5  # share of pixels
WHITE = 0.92  # l from which a pixel is white


@torch.no_grad()
def scanned(squares, scanner, most_white=MOST_WHITE, batch=16):
    """uint8 [M, S, S, 4] of a uint8 tensor [N, S, S, 3], S a multiple of 4."""
    found = []
    for rgb in squares.split(batch):
        white = (torch_color.lab(rgb)[0] > WHITE).float().mean((1, 2, 3))
        rgb = rgb[white <= most_white]
        if len(rgb):
            scan = scanner(train_scanner.signed(rgb), training=False)
            scan = ((scan + 1.0) * 127.5).round().clamp(0, 255).byte()
            found.append(torch.cat([rgb, scan], -1))
    empty = squares.new_zeros((0, *squares.shape[1:3], 4))
    return torch.cat(found) if found else empty


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("arrays", nargs="+")
    parser.add_argument("--scanner", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--most_white", type=float, default=MOST_WHITE)
    given = parser.parse_args()
    squares = [torch.from_numpy(np.load(array)) for array in given.arrays]
    scanner = train_scanner.scanner_of(given.scanner)
    found = [scanned(array, scanner, given.most_white) for array in squares]
    np.save(given.out, torch.cat(found).cpu().numpy())
    print(f"{given.out}: {sum(map(len, found))} of {sum(map(len, squares))}")


if __name__ == "__main__":
    main()
