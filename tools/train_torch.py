"""Train tfcolor's generator `efficientnet` in PyTorch, and write its weights.

  python tools/photo_squares.py --out=photos144.npy --side=144 PHOTOS
  python tools/train_torch.py --run=l1 --squares=photos144.npy --steps=4000
  python tools/train_torch.py --run=hinge --squares=photos144.npy --init=l1/last.pt \
    --adversarial=1 --features=0.15 --perceptual=3 --l1=60 --lr=3e-4 --steps=5000
  python tools/torch_preset.py hinge/last.pt photo

On CPUs it is several times as fast as bin/train, because PyTorch trains depthwise
convolutions in less time and bfloat16 reaches the matrix units; on GPUs it needs no
TensorFlow. It resumes from RUN/last.pt. First the L1 loss alone, then a hinge GAN
(Zhang et al. 2019) beside it, whose critics see (l, ab) and, with --features, the
maps of a frozen EfficientNet-Lite0 that looks at the picture (Sauer et al. 2021).
"""

import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
import torch_arguments
import torch_batches
import torch_color
import torch_critic
import torch_graph
import torch_losses
import torch_networks
import torch_tasks

MAX_NORM = 50.0  # of the generator's gradient
WARM_UP = 100  # steps


def arguments():
    parser = torch_arguments.parser(__doc__)
    add = parser.add_argument
    add("--squares", required=True, nargs="+", help="FILE[:WEIGHT] of photo_squares.py")
    add("--validation", help="FILE of photo_squares.py")
    add("--steps", type=int, default=4000)
    add("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


class Training:
    """The networks, their optimizers, and the step.

    Args:
      given: of `arguments`.
      device: of torch.
    """

    def __init__(self, given, device):
        self.given, self.device, self.step = given, device, 0
        if given.lost and given.drawings:
            raise SystemExit("--lost: drawings have no grey picture to compare with")
        torch.manual_seed(given.seed)
        to = {"device": device, "memory_format": torch.channels_last}
        files = given.recognizers
        encoder = torch_networks.tensors(files[0]) if files else None
        self.task = torch_tasks.Drawings() if given.drawings else torch_tasks.Greys()
        shape = (given.frozen_blocks, given.width, encoder, given.drawings)
        self.generator = torch_networks.Generator(*shape).to(**to)
        self.average = torch_networks.Generator(*shape).to(**to)
        self.average.requires_grad_(False).eval()
        self.average.load_state_dict(self.generator.state_dict())
        self.judges = []
        if given.features or given.perceptual or given.names or given.distill:
            found = torch_losses.recognizers(given.recognizers)
            self.judges = [judge.to(**to) for judge in found]
        maps = torch_networks.MAPS[1:4] * len(self.judges) if given.features else ()
        self.critic = torch_critic.Critic(maps, self.task.judged).to(**to)
        self.g_optimizer = self.optimizer()
        self.d_optimizer = torch.optim.Adam(
            self.critic.parameters(),
            betas=(0.0, 0.9),
            **torch_graph.rate(given.d_lr, device),
        )

    def optimizer(self):
        """A new one of the generator."""
        given = self.given
        encoder = list(self.generator.encoder.parameters())
        encoder = [weight for weight in encoder if weight.requires_grad]
        inside = {id(weight) for weight in self.generator.encoder.parameters()}
        rest = [w for w in self.generator.parameters() if id(w) not in inside]
        betas = (0.5, 0.99) if given.adversarial else (0.9, 0.999)
        groups = [
            {"params": rest, "share": 1.0},
            {"params": encoder, "share": given.encoder_rate},
        ]
        groups = [group | torch_graph.rate(given.lr, self.device) for group in groups]
        return torch.optim.AdamW(groups, betas=betas, weight_decay=1e-2)

    def parts(self):
        return {
            "g": self.generator,
            "e": self.average,
            "d": self.critic,
            "opt": self.g_optimizer,
            "d_opt": self.d_optimizer,
        }

    def save(self):
        state = {name: part.state_dict() for name, part in self.parts().items()}
        given = {**vars(self.given), "run": self.given.run.name}
        state |= {"step": self.step, "args": given}
        torch.save(state, self.given.run / "part.pt")
        os.replace(self.given.run / "part.pt", self.given.run / "last.pt")

    def restore(self):
        last = self.given.run / "last.pt"
        if last.exists():
            state = torch.load(last, self.device, weights_only=True)
            self.step = state["step"]
            for name, part in self.parts().items():
                part.load_state_dict(state[name])
        elif self.given.init and os.path.isdir(self.given.init):
            self.begin_with(_weights_of_run(self.given.init))
        elif self.given.init and self.given.init.endswith(".npz"):
            arrays = np.load(self.given.init)
            self.begin_with([arrays[name].astype(np.float32) for name in arrays])
            critics = self.given.init.replace(".npz", "_critics.pt")
            if self.given.adversarial and os.path.exists(critics):
                self.judge_with(torch.load(critics, self.device, weights_only=True))
        elif self.given.init:
            state = torch.load(self.given.init, self.device, weights_only=True)
            self.generator.load_state_dict(state["e"])
            self.average.load_state_dict(state["e"])
            if self.given.adversarial and state["args"].get("adversarial"):
                self.judge_with(state["d"])

    def judge_with(self, state):
        """Take over critics; those of maps that they did not see stay as they are."""
        self.critic.load_state_dict(state, strict=False)

    def begin_with(self, weights):
        """Take over arrays in the order of Keras."""
        self.generator.set_keras_weights(weights)
        self.average.set_keras_weights(weights)

    def rate(self):
        """Share of the learning rates at this step: up, constant, linearly to 0."""
        falling = max(1.0, self.given.steps * (1.0 - self.given.constant))
        left = (self.given.steps - self.step) / falling
        return min(1.0, left, (self.step + 1) / WARM_UP)

    def autocast(self):
        return torch.autocast(self.device, torch.bfloat16)

    def train_step(self, batch):
        """One update of each network on uint8 [B, S, S, 3], of drawings with the
        scan as a fourth channel; returns the losses."""
        self.set_rates()
        with torch.no_grad():
            seed = self.given.seed * 1_000_000 + self.step
            x = self.task.inputs(batch.to(self.device), self.given.aging, seed)
        logs = self.update(x)
        self._finish_step()
        return logs

    def set_rates(self):
        """Give the optimizers the learning rates of this step."""
        given, share = self.given, self.rate()
        for group in self.g_optimizer.param_groups:
            torch_graph.set_rate(group, given.lr * group["share"] * share)
        torch_graph.set_rate(self.d_optimizer.param_groups[0], given.d_lr * share)

    def update(self, x):
        """One update of each network on inputs of the task; returns the losses."""
        given = self.given
        seen = x.seen.contiguous(memory_format=torch.channels_last)
        with self.autocast():
            fake, last = self.generator(seen, with_last=True)
        logs = {"l1": (fake - x.truth).abs().mean()}
        real_maps = fake_maps = ()
        if self.judges:
            real_maps, fake_maps, seen = self._seen(x, fake, last)
            logs |= seen
        loss = sum(getattr(given, name) * value for name, value in logs.items())
        if given.adversarial:
            maps = real_maps, fake_maps
            logs["d"] = self._critic_step(x.small, x.truth, fake, *maps)
            self.critic.requires_grad_(False)
            logs["adversarial"] = -self._mean(self._scores(x.small, fake, fake_maps))
            self.critic.requires_grad_(True)
            loss = loss + given.adversarial * logs["adversarial"]
        self.g_optimizer.zero_grad()
        loss.backward()
        weights = [w for w in self.generator.parameters() if w.requires_grad]
        logs["norm"] = torch.nn.utils.clip_grad_norm_(weights, MAX_NORM)
        self.g_optimizer.step()
        return {name: value.detach() for name, value in logs.items()}

    def _seen(self, x, fake, last):
        """What the recognizer of this step sees of the true picture and of the
        colours: (maps, maps, losses); `last` is what the generator's encoder saw."""
        judge = self.judges[self.step % len(self.judges)]
        true = x.rgb.permute(0, 3, 1, 2).float() / 255.0
        found = self.task.picture(x.l, fake)
        with self.autocast():
            with torch.no_grad():
                real_maps, real_names = judge(torch_color.for_encoder(true))
                weights = self._lost(judge, x, fake, real_names)
            fake_maps, fake_names = judge(torch_color.for_encoder(found))
            grey_names = self.judges[0].names(last)
        losses = {
            "perceptual": torch_losses.relative(fake_maps[:4], real_maps[:4]),
            "names": torch_losses.divergence(fake_names, real_names, weights),
            "distill": torch_losses.divergence(grey_names, real_names),
        }
        return real_maps, fake_maps, losses

    def _lost(self, judge, x, fake, real_names):
        """Weights of the pictures for the names loss, with --lost."""
        if not self.given.lost:
            return 1.0
        grey = self.task.picture(x.l, torch.zeros_like(fake))
        return torch_losses.lost(judge(torch_color.for_encoder(grey))[1], real_names)

    def _scores(self, l, ab, maps):
        used = maps[1:4] if self.given.features else ()
        first = len(used) * (self.step % max(1, len(self.judges)))
        with self.autocast():
            return self.critic(l, ab, used, first)

    def _mean(self, scores):
        first, *others = [score.mean() for score in scores]
        return first + self.given.features * sum(others)

    def _critic_step(self, l, truth, fake, real_maps, fake_maps):
        real = self._scores(l, truth, real_maps)
        seen = self._scores(l, fake.detach(), [x.detach() for x in fake_maps])
        loss = self._mean([F.relu(1.0 - score) for score in real])
        loss = loss + self._mean([F.relu(1.0 + score) for score in seen])
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        return loss

    @torch.no_grad()
    def _finish_step(self):
        self.step += 1
        decay = min(self.given.ema, (1 + self.step) / (10 + self.step))
        now, means = self.generator.state_dict(), self.average.state_dict()
        names = [name for name, mean in means.items() if mean.is_floating_point()]
        torch._foreach_lerp_(
            [means[name] for name in names], [now[name] for name in names], 1.0 - decay
        )


def _weights_of_run(folder):
    from tfcolor.inference import restore  # of TensorFlow

    return restore.of_run(folder)[0].get_weights()


@torch.no_grad()
def validate(training, squares):
    """{metric: value} of the averaged generator on uint8 [N, S, S, 3 or 4], S a
    multiple of 32."""
    judged, task = torch_color.Judgement(), training.task
    for first in range(0, len(squares), 16):
        x = task.inputs(torch.from_numpy(squares[first : first + 16]))
        seen = x.seen.to(training.device).contiguous(memory_format=torch.channels_last)
        with training.autocast():
            found = training.average(seen).cpu()
        judged.add(x.rgb, task.picture(x.l, found))
    return judged.result()


def main():
    given = arguments()
    torch.set_num_threads(given.threads)
    given.run.mkdir(parents=True, exist_ok=True)
    training = Training(given, "cuda" if torch.cuda.is_available() else "cpu")
    training.restore()
    squares = np.load(given.validation) if given.validation else None
    sums, count, began = {}, 0, time.time()
    with open(given.run / "metrics.jsonl", "a") as file:

        def say(line):
            print(json.dumps(line), flush=True)
            print(json.dumps(line), file=file, flush=True)

        read = torch_batches.batches(given, training.step)
        while training.step < given.steps:
            for name, value in training.train_step(next(read)).items():
                sums[name] = sums.get(name, 0.0) + float(value)
            if not np.isfinite(list(sums.values())).all():
                raise SystemExit(f"step {training.step}: a loss is not finite")
            count += 1
            if training.step % given.every and training.step < given.steps:
                continue
            means = {name: round(total / count, 5) for name, total in sums.items()}
            speed = round(count * given.batch / (time.time() - began), 1)
            say({"step": training.step, **means, "images_per_second": speed})
            training.save()
            if squares is not None:
                say({"step": training.step, **validate(training, squares)})
            sums, count, began = {}, 0, time.time()


if __name__ == "__main__":
    main()
