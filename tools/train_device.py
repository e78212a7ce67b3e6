"""Train tfcolor's generator `efficientnet` on a GPU within a given time, in PyTorch.

  python tools/photo_parts.py unpack --out=squares --side=232 parts/*.bin
  python tools/train_device.py --run=a --squares=squares --seconds=600 --batch=96 \
    --crop=224 --frozen_blocks=16 --adversarial=1 --features=0.3 --perceptual=3 \
    --names=3 --l1=12 --lr=3e-4
  python tools/torch_preset.py a/last.npz photo

For machines that are lent for minutes: tools/train_torch.py with the photographs in
the GPU's memory. Arrays that arrive in --squares while it trains are learned from
from then on. The learning rates are functions of the share of the time that has
passed; the time is read again from RUN/seconds where there is such a file.
"""

import argparse
import json
import os
import pathlib
import threading
import time

import numpy as np
import torch
import torch.nn.functional as F
import torch_arguments
import torch_color
import train_torch

ALONE = {"l1": 100.0, "adversarial": 0.0, "features": 0.0, "lr": 1e-3}
SAVED = 10  # times in all


def arguments():
    parser = torch_arguments.parser(__doc__)
    add = parser.add_argument
    add("--squares", required=True, type=pathlib.Path, help="folder of arrays")
    add("--seconds", type=float, default=600.0, help="after which it ends")
    add("--alone", type=float, default=0.0, help="share of the time of L1 alone")
    add("--smallest", type=float, default=1.0, help="enlarged crop, over --crop")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class Photographs:
    """Squares on the device that grow while files arrive.

    Args:
      given: of `arguments`.
    """

    def __init__(self, given):
        self.given, self.arrays = given, []
        self.random = np.random.default_rng(given.seed)
        threading.Thread(target=self._arrive, daemon=True).start()

    def _arrive(self):
        seen = set()
        while True:
            for path in sorted(set(self.given.squares.glob("*.npy")) - seen):
                seen.add(path)
                array = torch.from_numpy(np.load(path))
                self.arrays.append(array.to(self.given.device))
            time.sleep(1.0)

    def batch(self):
        """uint8 [batch, crop, crop, 3] of one array at one place, half of them
        mirrored. One in two batches is of a smaller crop, where --smallest is."""
        random, crop = self.random, self.given.crop
        counts = np.array([len(array) for array in self.arrays])
        array = self.arrays[random.choice(len(counts), p=counts / counts.sum())]
        rows = torch.from_numpy(random.integers(len(array), size=self.given.batch))
        side = crop
        if self.given.smallest < 1.0 and random.random() < 0.5:
            side = int(random.integers(int(self.given.smallest * crop), crop))
        top, left = random.integers(array.shape[1] - side + 1, size=2)
        found = array[:, top : top + side, left : left + side][rows.to(array.device)]
        if side != crop:
            found = F.interpolate(
                found.permute(0, 3, 1, 2).float(), (crop, crop), mode="bilinear"
            )
            found = found.round().byte().permute(0, 2, 3, 1)
        half = len(found) // 2
        return torch.cat([found[:half], found[half:].flip(2)])


class Training(train_torch.Training):
    """`train_torch.Training` whose rates follow the clock."""

    def __init__(self, given):
        super().__init__(given, given.device)
        self.restore()
        self.beside = given, self.judges
        self.share, self.began = 0.0, time.time()
        if given.alone:
            self.given = argparse.Namespace(**(vars(given) | ALONE))
            self.judges = []
            self.g_optimizer = self.optimizer()

    def tick(self):
        """Look at the clock; begin the GAN when it is time."""
        given, seconds = self.given, self.given.seconds
        if (given.run / "seconds").exists():
            seconds = float((given.run / "seconds").read_text() or seconds)
        self.share = min(1.0, (time.time() - self.began) / seconds)
        if given is not self.beside[0] and self.share >= given.alone:
            self.given, self.judges = self.beside
            self.g_optimizer, self.first = self.optimizer(), self.step

    first = 0  # step of the present optimizer

    def rate(self):
        left = (1.0 - self.share) / (1.0 - self.given.constant)
        warm = (self.step - self.first + 1) / train_torch.WARM_UP
        return min(1.0, left, warm)

    def write(self, name):
        """The averaged generator's arrays in the order of Keras, float16, and beside
        them a JSON of step and arguments."""
        run, args = self.given.run, {**vars(self.given), "run": self.given.run.name}
        arrays = [array.astype(np.float16) for array in self.average.keras_weights()]
        np.savez(run / "part.npz", *arrays)
        os.replace(run / "part.npz", run / f"{name}.npz")
        text = json.dumps({"step": self.step, "args": args}, default=str)
        (run / f"{name}.json").write_text(text)


def train(training, photographs, say):
    """Steps until the time is over; `say` takes {name: value}."""
    given = training.given
    while not photographs.arrays:
        time.sleep(0.1)
    training.began = began = time.time()
    sums, count, saved = {}, 0, 0
    while training.share < 1.0:
        training.tick()
        for name, value in training.train_step(photographs.batch()).items():
            sums[name] = sums.get(name, 0.0) + value.float()
        count += 1
        if int(training.share * SAVED) > saved:
            saved = int(training.share * SAVED)
            training.write(f"at{saved}")
        if training.step % given.every == 0:
            means = {name: round(float(v) / count, 5) for name, v in sums.items()}
            if not np.isfinite(list(means.values())).all():
                raise SystemExit(f"step {training.step}: a loss is not finite")
            speed = round(count * given.batch / (time.time() - began), 1)
            known = sum(map(len, photographs.arrays))
            line = {"step": training.step, "share": round(training.share, 4)} | means
            say(line | {"images_per_second": speed, "photographs": known})
            sums, count, began = {}, 0, time.time()
    training.write("last")


def main():
    given = arguments()
    given.run.mkdir(parents=True, exist_ok=True)
    torch.backends.cudnn.benchmark = True
    torch_color.use(given.device)
    photographs, training = Photographs(given), Training(given)
    with open(given.run / "metrics.jsonl", "a") as file:

        def say(line):
            print(json.dumps(line), flush=True)
            print(json.dumps(line), file=file, flush=True)

        train(training, photographs, say)


if __name__ == "__main__":
    main()
