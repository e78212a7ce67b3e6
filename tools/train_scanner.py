"""Train the scanner of line art on a GPU within a given time: Keras' networks under
PyTorch.

  KERAS_BACKEND=torch python tools/train_scanner.py --run=lines --seconds=240 \
    --drawings color.npy --scans lines.npy

A CycleGAN (Zhu et al. 2017) that learns to make scans of coloured drawings, as
`tfcolor.trainers.cyclegan` does. The learning rate is a function of the share of the
time that has passed. RUN/scanner.npz has the averaged weights in the order of Keras,
for tools/scan_squares.py. The arrays are uint8 [N, side, side, 3] of photo_squares.py.
"""

import argparse
import json
import os
import pathlib
import time

import keras
import numpy as np
import torch
import torch.nn.functional as F
import torch_color
import train_torch

from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.translator import Translator

CYCLE, IDENTITY = 10.0, 5.0
EMA = 0.998


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", required=True, type=pathlib.Path, help="folder of the run")
    add("--drawings", required=True, nargs="+", help="arrays of coloured drawings")
    add("--scans", required=True, help="array of drawings of lines")
    add("--seconds", type=float, default=240.0, help="after which it ends")
    add("--crop", type=int, default=160, help="side in pixels")
    add("--batch", type=int, default=8)
    add("--lr", type=float, default=2e-4)
    add("--scanner_width", type=int, default=32)
    add("--scanner_blocks", type=int, default=6)
    add("--seed", type=int, default=0)
    add("--every", type=int, default=100, help="steps between lines of the log")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class Drawings:
    """Crops of an array on the device, half of them mirrored."""

    def __init__(self, files, device, seed):
        arrays = [torch.from_numpy(np.load(file)) for file in files]
        self.array = torch.cat(arrays).to(device)
        self.random = np.random.default_rng(seed)

    def batch(self, count, crop):
        """uint8 [count, crop, crop, 3], each of a place and a size of its own."""
        found = []
        for row in self.random.integers(len(self.array), size=count):
            side = int(self.random.integers(crop * 3 // 4, self.array.shape[1] + 1))
            top, left = self.random.integers(self.array.shape[1] - side + 1, size=2)
            part = self.array[row, top : top + side, left : left + side]
            part = part.permute(2, 0, 1)[None].float()
            part = F.interpolate(part, (crop, crop), mode="bilinear", antialias=True)
            found.append(part.flip(3) if self.random.random() < 0.5 else part)
        pictures = torch.cat(found).round().clamp(0, 255).byte()
        return pictures.permute(0, 2, 3, 1)


def signed(rgb):
    """Uint8 -> float32 in [-1, 1]."""
    return rgb.float() / 127.5 - 1.0


def lightness(rgb):
    """Uint8 [B, H, W, 3] -> L*/50 - 1, [B, H, W, 1]."""
    return torch_color.lab(rgb)[0].permute(0, 2, 3, 1)


def weights_of(networks):
    return [v.value for network in networks for v in network.trainable_variables]


def write(network, path):
    """Weights in the order of Keras, float16."""
    arrays = [np.asarray(w.detach().cpu(), np.float16) for w in tensors(network)]
    np.savez(f"{path}.part.npz", *arrays)
    os.replace(f"{path}.part.npz", path)


def tensors(network):
    return [v.value.data for v in network.weights]


def set_weights(network, path):
    arrays = np.load(path)
    network.set_weights([arrays[name].astype(np.float32) for name in arrays])


def scanner_of(path, width=32, blocks=6):
    """The scanner of an NPZ, for [B, H, W, 3] in [-1, 1]."""
    scanner = Translator(3, 1, width, blocks, "group")
    scanner.build((None, 64, 64, 3))
    set_weights(scanner, path)
    return scanner


@torch.no_grad()
def follow(average, network, step):
    """Move the average of a network's weights."""
    decay = min(EMA, (1 + step) / (10 + step))
    torch._foreach_lerp_(tensors(average), tensors(network), 1.0 - decay)


class Clock:
    """The share of the time that has passed, and the share of the rate."""

    def __init__(self, seconds, constant):
        self.began, self.seconds, self.constant = time.time(), seconds, constant

    def share(self):
        return min(1.0, (time.time() - self.began) / self.seconds)

    def rate(self, step):
        left = (1.0 - self.share()) / (1.0 - self.constant)
        return min(1.0, left, (step + 1) / train_torch.WARM_UP)


class Pool:
    """Fakes of earlier steps (Zhu et al. 2017, section 4)."""

    def __init__(self, size=50):
        self.size, self.kept = size, []

    def exchange(self, images):
        found = []
        for image in images.detach():
            if len(self.kept) < self.size:
                self.kept.append(image)
            elif np.random.random() < 0.5:
                place = np.random.randint(self.size)
                image, self.kept[place] = self.kept[place], image
            found.append(image)
        return torch.stack(found)


class CycleGAN:
    """The scanner, what is beside it, and the step."""

    def __init__(self, given):
        width, blocks = given.scanner_width, given.scanner_blocks
        self.scanner = Translator(3, 1, width, blocks, "group")
        self.average = Translator(3, 1, width, blocks, "group")
        self.colorist = Translator(1, 3, 8, 2, "group", section="colorist")
        self.judges = [PatchDiscriminator(34, 32, "instance") for _ in range(2)]
        side = given.crop
        for network, channels in zip(self.networks(), (3, 3, 1, 1, 3), strict=True):
            network.build((None, side, side, channels))
        for mean, now in zip(tensors(self.average), tensors(self.scanner), strict=True):
            mean.copy_(now)
        self.pools, self.step, self.given = (Pool(), Pool()), 0, given
        betas = (0.5, 0.999)
        generators = weights_of([self.scanner, self.colorist])
        self.optimizers = [
            torch.optim.Adam(generators, given.lr, betas),
            torch.optim.Adam(weights_of(self.judges), given.lr, betas),
        ]

    def networks(self):
        return [self.scanner, self.average, self.colorist, *self.judges]

    def train_step(self, rgb, scan, rate):
        """One update of each network on [B, H, W, 3] and [B, H, W, 1] in [-1, 1]."""
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = self.given.lr * rate
        judge_scan, judge_rgb = self.judges
        fake_scan, fake_rgb = self.scanner(rgb), self.colorist(scan)
        logs = {
            "adversarial": _squares(judge_scan(fake_scan), 1.0)
            + _squares(judge_rgb(fake_rgb), 1.0),
            "cycle": (rgb - self.colorist(fake_scan)).abs().mean()
            + (scan - self.scanner(fake_rgb)).abs().mean(),
            "identity": (scan - self.scanner(scan.repeat(1, 1, 1, 3))).abs().mean(),
        }
        loss = 2.0 * logs["adversarial"] + CYCLE * logs["cycle"]
        _descend(self.optimizers[0], loss + IDENTITY * logs["identity"])
        fake_scan = self.pools[0].exchange(fake_scan)
        fake_rgb = self.pools[1].exchange(fake_rgb)
        logs["d"] = sum(
            0.5 * (_squares(judge(real), 1.0) + _squares(judge(fake), 0.0))
            for judge, real, fake in (
                (judge_scan, scan, fake_scan),
                (judge_rgb, rgb, fake_rgb),
            )
        )
        _descend(self.optimizers[1], logs["d"])
        self.step += 1
        follow(self.average, self.scanner, self.step)
        return {name: value.detach() for name, value in logs.items()}


def _squares(scores, wanted):
    return 0.5 * (scores - wanted).square().mean()


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    weights = [w for group in optimizer.param_groups for w in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, train_torch.MAX_NORM)
    optimizer.step()


def run(training, clock, step, say, path):
    """Steps until the time of the clock is over; the average is written ten times."""
    sums, count, saved, began = {}, 0, 0, time.time()
    while clock.share() < 1.0:
        for name, value in step(clock.rate(training.step)).items():
            sums[name] = sums.get(name, 0.0) + value
        count += 1
        if int(10 * clock.share()) > saved:
            saved = int(10 * clock.share())
            write(training.average, path)
        if training.step % training.given.every == 0:
            means = {name: round(float(v) / count, 4) for name, v in sums.items()}
            if not np.isfinite(list(means.values())).all():
                raise SystemExit(f"step {training.step}: a loss is not finite")
            seconds = (time.time() - began) / count
            say({"step": training.step, "seconds": round(seconds, 3)} | means)
            sums, count, began = {}, 0, time.time()
    write(training.average, path)


def main():
    given = arguments()
    given.run.mkdir(parents=True, exist_ok=True)
    np.random.seed(given.seed)
    keras.utils.set_random_seed(given.seed)
    torch.backends.cudnn.benchmark = True
    torch_color.use(given.device)
    drawings = Drawings(given.drawings, given.device, given.seed)
    scans = Drawings([given.scans], given.device, given.seed + 1)
    cycle = CycleGAN(given)

    def step(rate):
        scan = lightness(scans.batch(given.batch, given.crop))
        rgb = signed(drawings.batch(given.batch, given.crop))
        return cycle.train_step(rgb, scan, rate)

    def say(line):
        print(json.dumps(line), flush=True)

    run(cycle, Clock(given.seconds, 0.6), step, say, given.run / "scanner.npz")
    record = {"step": cycle.step, "args": {**vars(given), "run": given.run.name}}
    (given.run / "last.json").write_text(json.dumps(record, default=str))


if __name__ == "__main__":
    main()
