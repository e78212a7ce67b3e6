"""Train the two networks of line art on a GPU within a given time: Keras' networks
under PyTorch.

  KERAS_BACKEND=torch python tools/train_line_art.py --run=lines --seconds=700 \
    --drawings color.npy --scans lines.npy --init=lite0_generator.npz

First a CycleGAN (Zhu et al. 2017) learns to make scans of coloured drawings, as
`tfcolor.trainers.cyclegan` does; then the generator `efficientnet` with the head
"rgb" learns to colour the scans that it makes, by L1, what a frozen
EfficientNet-Lite0 sees of both, and hinge critics, as tools/train_torch.py does. For
machines that are lent for minutes: the learning rates are functions of the share of
the time that has passed. RUN/scanner.npz and RUN/generator.npz are weights in the
order of Keras. The arrays are uint8 [N, side, side, 3].
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
import torch_critic
import torch_losses
import torch_networks

from tfcolor.networks.discriminators import PatchDiscriminator
from tfcolor.networks.efficientnet import EfficientNetUNet
from tfcolor.networks.translator import Translator

WHITE_POINT = 75.0  # L*, see `generators.whitened`
FINEST = 2  # side of one predicted colour, pixels
CYCLE, IDENTITY = 10.0, 5.0
EMA = 0.998
WARM_UP = 100  # steps


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", required=True, type=pathlib.Path, help="folder of the run")
    add("--drawings", required=True, nargs="+", help="arrays of coloured drawings")
    add("--scans", required=True, help="array of drawings of lines")
    add("--init", help="NPZ of the generator's first weights, in the order of Keras")
    add("--scanner", help="NPZ of a scanner's weights; then the CycleGAN is left out")
    add("--recognizers", nargs="+", required=True, help="NPZ of Lite0 and Lite1")
    add("--seconds", type=float, default=700.0, help="of both")
    add("--share", type=float, default=0.4, help="of the time, for the CycleGAN")
    add("--crop", type=int, nargs=2, default=(160, 224), help="side, of both")
    add("--batch", type=int, nargs=2, default=(8, 16), help="of both")
    add("--lr", type=float, nargs=2, default=(2e-4, 5e-4), help="of both")
    add("--width", type=int, default=64, help="of the generator")
    add("--scanner_width", type=int, default=32)
    add("--scanner_blocks", type=int, default=6)
    add("--encoder_rate", type=float, default=0.3, help="share of lr of the encoder")
    add("--l1", type=float, default=12.0)
    add("--perceptual", type=float, default=3.0)
    add("--features", type=float, default=0.4, help="weight of the critics of maps")
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
        return min(1.0, left, (step + 1) / WARM_UP)


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
        side = given.crop[0]
        for network, channels in zip(self.networks(), (3, 3, 1, 1, 3), strict=True):
            network.build((None, side, side, channels))
        for mean, now in zip(tensors(self.average), tensors(self.scanner), strict=True):
            mean.copy_(now)
        self.pools, self.step, self.given = (Pool(), Pool()), 0, given
        betas = (0.5, 0.999)
        generators = weights_of([self.scanner, self.colorist])
        self.optimizers = [
            torch.optim.Adam(generators, given.lr[0], betas),
            torch.optim.Adam(weights_of(self.judges), given.lr[0], betas),
        ]

    def networks(self):
        return [self.scanner, self.average, self.colorist, *self.judges]

    def train_step(self, rgb, scan, rate):
        """One update of each network on [B, H, W, 3] and [B, H, W, 1] in [-1, 1]."""
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = self.given.lr[0] * rate
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
    torch.nn.utils.clip_grad_norm_(weights, 50.0)
    optimizer.step()


def inked(scan, random):
    """Scans [B, H, W, 1], each with ink of a strength of its own, some with thicker
    or softer lines: pens differ."""
    ink = (1.0 - scan).permute(0, 3, 1, 2) / 2.0
    found = []
    for one in ink.split(1):
        kind = random.random()
        if kind < 0.25:
            one = F.max_pool2d(one, 3, 1, 1)
        elif kind < 0.4:
            one = F.avg_pool2d(one, 3, 1, 1)
        found.append((one * float(random.uniform(0.5, 1.8))).clamp(0.0, 1.0))
    return 1.0 - 2.0 * torch.cat(found).permute(0, 2, 3, 1)


class Coloring:
    """The generator that colours scans, its critics, and the step."""

    def __init__(self, given, scanner):
        self.given, self.scanner, self.step = given, scanner, 0
        self.random = np.random.default_rng(given.seed)
        self.generator, self.average = self._generator(), self._generator()
        if given.init:
            set_weights(self.generator, given.init)
        for mean, now in zip(
            *map(tensors, (self.average, self.generator)), strict=True
        ):
            mean.copy_(now)
        stages = (torch_networks.STAGES, torch_networks.LITE1)
        self.judges = []
        for file, repeats in zip(given.recognizers, stages, strict=False):
            judge = torch_networks.Recognizer(torch_networks.tensors(file), repeats)
            judge.requires_grad_(False).fold()
            self.judges.append(judge.to(given.device))
        maps = torch_networks.MAPS[1:4] * len(self.judges)
        self.critic = torch_critic.Critic(maps, channels=4).to(given.device)
        inside = {id(v) for v in self.generator.encoder.trainable_variables}
        weights = {True: [], False: []}
        for v in self.generator.trainable_variables:
            weights[id(v) in inside].append(v.value)
        self.g_optimizer = torch.optim.AdamW(
            [
                {"params": weights[False], "share": 1.0},
                {"params": weights[True], "share": given.encoder_rate},
            ],
            given.lr[1],
            (0.5, 0.99),
            weight_decay=1e-2,
        )
        self.d_optimizer = torch.optim.Adam(self.critic.parameters(), 4e-4, (0.0, 0.9))

    def _generator(self):
        generator = EfficientNetUNet(
            width=self.given.width,
            norm="batch",
            weights="none",
            finest=FINEST,
            head="rgb",
            white_point=WHITE_POINT,
        )
        generator.build((None, *2 * (self.given.crop[1],), 1))
        return generator

    def train_step(self, rgb, rate):
        """One update of each network on uint8 [B, S, S, 3]; returns the losses."""
        given = self.given
        for group in self.g_optimizer.param_groups:
            group["lr"] = given.lr[1] * group["share"] * rate
        self.d_optimizer.param_groups[0]["lr"] = 4e-4 * rate
        with torch.no_grad():
            scan = inked(self.scanner(signed(rgb)), self.random)
            truth = torch.cat(torch_color.lab(rgb), 1)
        found = self.generator(scan, training=True).permute(0, 3, 1, 2)
        scan = scan.permute(0, 3, 1, 2)
        judge = self.judges[self.step % len(self.judges)]
        with torch.no_grad():
            true = rgb.permute(0, 3, 1, 2).float() / 255.0
            real_maps, _ = judge(torch_color.for_encoder(true))
        picture = torch_color.rgb(found[:, :1], found[:, 1:])
        fake_maps, _ = judge(torch_color.for_encoder(picture))
        small = [F.avg_pool2d(x, FINEST) for x in (scan, truth, found)]
        logs = {
            "l1": (small[2] - small[1]).abs().mean(),
            "perceptual": torch_losses.relative(fake_maps[:4], real_maps[:4]),
            "d": self._critic_step(*small, real_maps, fake_maps),
        }
        self.critic.requires_grad_(False)
        logs["adversarial"] = -self._mean(self._scores(small[0], small[2], fake_maps))
        self.critic.requires_grad_(True)
        loss = given.l1 * logs["l1"] + given.perceptual * logs["perceptual"]
        _descend(self.g_optimizer, loss + logs["adversarial"])
        self.step += 1
        follow(self.average, self.generator, self.step)
        return {name: value.detach() for name, value in logs.items()}

    def _scores(self, scan, lab, maps):
        first = 3 * (self.step % len(self.judges))
        return self.critic(scan, lab, maps[1:4], first)

    def _mean(self, scores):
        first, *others = [score.mean() for score in scores]
        return first + self.given.features * sum(others)

    def _critic_step(self, scan, truth, found, real_maps, fake_maps):
        real = self._scores(scan, truth, real_maps)
        fake = self._scores(scan, found.detach(), [x.detach() for x in fake_maps])
        loss = self._mean([F.relu(1.0 - score) for score in real])
        loss = loss + self._mean([F.relu(1.0 + score) for score in fake])
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        return loss


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
    first = 0.0 if given.scanner else given.share * given.seconds

    def say(line):
        print(json.dumps(line), flush=True)

    cycle = CycleGAN(given)
    if given.scanner:
        set_weights(cycle.average, given.scanner)
    else:

        def scanning(rate):
            batch = given.batch[0], given.crop[0]
            scan = lightness(scans.batch(*batch))
            return cycle.train_step(signed(drawings.batch(*batch)), scan, rate)

        run(cycle, Clock(first, 0.6), scanning, say, given.run / "scanner.npz")
    coloring = Coloring(given, cycle.average)

    def colors(rate):
        return coloring.train_step(drawings.batch(given.batch[1], given.crop[1]), rate)

    clock = Clock(given.seconds - first, 0.5)
    run(coloring, clock, colors, say, given.run / "generator.npz")
    record = {"step": coloring.step, "scanner_step": cycle.step}
    record["args"] = {**vars(given), "run": given.run.name}
    (given.run / "last.json").write_text(json.dumps(record, default=str))


if __name__ == "__main__":
    main()
