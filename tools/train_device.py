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
import scan_squares
import torch
import torch.nn.functional as F
import torch_arguments
import torch_color
import torch_graph
import train_scanner
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
    add("--largest", type=float, default=1.0, help="reduced crop, over --crop")
    add("--small", type=float, default=0.2, help="share of batches of small*.npy")
    add("--blurred", type=float, default=0.0, help="share of batches made coarse")
    add(
        "--finish",
        type=float,
        default=0.0,
        help="share of the time, at the end, in which neither is seen",
    )
    add("--scanner", help="NPZ of train_scanner.py, for --drawings")
    add("--eager", action="store_true", help="record no CUDA graph")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    if bool(given.scanner) != given.drawings:
        parser.error("--drawings and --scanner go together")
    return given


class Photographs:
    """Squares on the device that grow while files arrive.

    Args:
      given: of `arguments`.
    """

    def __init__(self, given):
        self.given, self.large, self.small = given, [], []
        self.scanner = None
        if given.drawings:
            self.scanner = train_scanner.scanner_of(given.scanner)
        self.random = np.random.default_rng(given.seed)
        threading.Thread(target=self._arrive, daemon=True).start()

    def _arrive(self):
        seen = set()
        while True:
            for path in sorted(set(self.given.squares.glob("*.npy")) - seen):
                seen.add(path)
                array = torch.from_numpy(np.load(path)).to(self.given.device)
                if self.scanner:
                    array = scan_squares.scanned(array, self.scanner)
                kind = self.small if path.name.startswith("small") else self.large
                kind.append(array)
            time.sleep(1.0)

    def count(self):
        return sum(map(len, self.large + self.small))

    def batch(self, finishing=False):
        """uint8 [batch, crop, crop, 3 or 4] of one array at one place, half of them
        mirrored. One in two batches is of a crop of another size, from --smallest to
        --largest, and --blurred of all are reduced and enlarged again, unless
        `finishing`."""
        given, random = self.given, self.random
        array = self._array(0.0 if finishing else given.small)
        rows = torch.from_numpy(random.integers(len(array), size=given.batch))
        side = given.crop
        if random.random() < 0.5:
            least = int(given.smallest * side)
            most = min(int(given.largest * side), array.shape[1])
            side = int(random.integers(least, most + 1))
        top, left = random.integers(array.shape[1] - side + 1, size=2)
        found = array[:, top : top + side, left : left + side][rows.to(array.device)]
        found = resized(found, given.crop)
        if random.random() < given.blurred and not finishing:
            coarse = int(random.integers(given.crop // 4, given.crop))
            found = resized(resized(found, coarse), given.crop)
        half = len(found) // 2
        return torch.cat([found[:half], found[half:].flip(2)])

    def _array(self, share):
        """One of a kind, with the probability of its length; of small pictures
        in that share of all cases."""
        small = self.small and (not self.large or self.random.random() < share)
        arrays = self.small if small else self.large
        counts = np.array([len(array) for array in arrays])
        return arrays[self.random.choice(len(counts), p=counts / counts.sum())]


def resized(pictures, side):
    """uint8 [N, side, side, 3], antialiased where they are larger."""
    if pictures.shape[1] == side:
        return pictures
    found = F.interpolate(
        pictures.permute(0, 3, 1, 2).float(),
        (side, side),
        mode="bilinear",
        antialias=True,
    )
    return found.round().clamp(0, 255).byte().permute(0, 2, 3, 1)


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
        self.record()

    def record(self):
        """From now on steps are recorded, where there is a GPU."""
        self.recorded = None
        if self.device != "cpu" and not self.given.eager:
            self.recorded = torch_graph.Recorded(super().update)

    def update(self, x):
        if self.recorded is None:
            return super().update(x)
        return self.recorded(self.step % max(1, len(self.judges)), x)

    def tick(self):
        """Look at the clock; begin the GAN when it is time."""
        given, seconds = self.given, self.given.seconds
        if (given.run / "seconds").exists():
            seconds = float((given.run / "seconds").read_text() or seconds)
        self.share = min(1.0, (time.time() - self.began) / seconds)
        if given is not self.beside[0] and self.share >= given.alone:
            self.given, self.judges = self.beside
            self.g_optimizer, self.first = self.optimizer(), self.step
            self.record()

    first = 0  # step of the present optimizer

    def rate(self):
        left = (1.0 - self.share) / (1.0 - self.given.constant)
        warm = (self.step - self.first + 1) / train_torch.WARM_UP
        return min(1.0, left, warm)

    def write(self, name):
        """The averaged generator's arrays in the order of Keras, float16, and beside
        them a JSON of step and arguments, and the critics."""
        run, args = self.given.run, {**vars(self.given), "run": self.given.run.name}
        arrays = [array.astype(np.float16) for array in self.average.keras_weights()]
        np.savez(run / "part.npz", *arrays)
        os.replace(run / "part.npz", run / f"{name}.npz")
        critics = self.critic.state_dict()
        critics = {name: tensor.half() for name, tensor in critics.items()}
        torch.save(critics, run / f"{name}_critics.pt")
        text = json.dumps({"step": self.step, "args": args}, default=str)
        (run / f"{name}.json").write_text(text)


def train(training, photographs, say):
    """Steps until the time is over; `say` takes {name: value}."""
    given = training.given
    while not photographs.count():
        time.sleep(0.1)
    training.began = began = time.time()
    sums, count, saved = {}, 0, 0
    while training.share < 1.0:
        training.tick()
        batch = photographs.batch(training.share > 1.0 - training.given.finish)
        for name, value in training.train_step(batch).items():
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
            known = photographs.count()
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
