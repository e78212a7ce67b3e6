"""Arguments of tools/train_torch.py and tools/train_device.py."""

import argparse
import pathlib


def parser(description):
    """What both programs have in common."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", required=True, type=pathlib.Path, help="folder of the run")
    add("--init", help="a last.pt, an NPZ of train_device.py, or a run of bin/train")
    add("--width", type=int, default=64, help="of the generator")
    add("--frozen_blocks", type=int, default=3, help="of 16 of the encoder")
    add("--batch", type=int, default=32)
    add("--crop", type=int, default=128, help="side in pixels, a multiple of 32")
    add("--lr", type=float, default=1e-3, help="of the way up")
    add("--encoder_rate", type=float, default=0.2, help="share of lr of the encoder")
    add("--d_lr", type=float, default=4e-4)
    add("--constant", type=float, default=0.5, help="share of it before lr falls")
    add("--ema", type=float, default=0.998)
    add("--l1", type=float, default=100.0)
    add("--perceptual", type=float, default=0.0)
    add("--names", type=float, default=0.0, help="weight of classes in the picture")
    add("--lost", action="store_true", help="names count by what grey loses of them")
    add("--distill", type=float, default=0.0, help="and of those its encoder sees")
    add("--adversarial", type=float, default=0.0)
    add("--features", type=float, default=0.0, help="weight of the critics of maps")
    add(
        "--recognizers",
        nargs="+",
        help="NPZ of Lite0 and Lite1",
    )
    add("--aging", type=float, default=0.2, help="share of aged inputs")
    add("--drawings", action="store_true", help="colour scans; see scan_squares.py")
    add("--seed", type=int, default=0)
    add("--every", type=int, default=500, help="steps between checkpoints")
    return parser
