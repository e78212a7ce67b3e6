"""The scanner of line art, trained under PyTorch, and what it makes of drawings."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra bench)")
import scan_squares

from tfcolor.networks.translator import Translator

TOOLS = pathlib.Path(scan_squares.__file__).parent


def test_drawings_on_white_paper_are_left_out():
    rng = np.random.default_rng(0)
    squares = rng.integers(0, 200, (5, 16, 16, 3)).astype(np.uint8)
    squares[1, :10], squares[3, :7] = 255, 255
    found = scan_squares.scanned(
        torch.tensor(squares), lambda rgb, training: rgb[..., :1], batch=2
    )
    assert found.dtype == torch.uint8
    kept = squares[[0, 2, 3, 4]]
    np.testing.assert_array_equal(found[..., :3], kept)
    np.testing.assert_array_equal(found[..., 3], kept[..., 0])
    white = torch.full((2, 16, 16, 3), 255, dtype=torch.uint8)
    assert scan_squares.scanned(white, None).shape == (0, 16, 16, 4)


@pytest.mark.slow
def test_trained_under_torch_and_used_under_tensorflow(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("color", "lines"):
        pictures = rng.integers(0, 200, (3, 48, 48, 3)).astype(np.uint8)
        np.save(tmp_path / f"{name}.npy", pictures)
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TOOLS), str(TOOLS.parent)])

    def run(program, *flags):
        command = [sys.executable, str(TOOLS / program), *flags]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]

    flags = ["--run=run", "--drawings=color.npy", "--scans=lines.npy", "--seconds=2"]
    run("train_scanner.py", *flags, "--crop=32", "--batch=1")
    run("scan_squares.py", "--scanner=run/scanner.npz", "--out=both.npy", "color.npy")
    both = np.load(tmp_path / "both.npy")
    assert both.shape == (3, 48, 48, 4)

    scanner = Translator(3, 1, 32, 6, "group")
    scanner.build((None, 48, 48, 3))
    arrays = np.load(tmp_path / "run/scanner.npz")
    scanner.set_weights([arrays[name].astype(np.float32) for name in arrays])
    scan = np.asarray(scanner(both[..., :3].astype(np.float32) / 127.5 - 1.0))
    levels = (scan[..., 0] + 1.0) * 127.5
    np.testing.assert_allclose(both[..., 3], levels, atol=1.0)
