"""The steps of cgan and wgan_gp in PyTorch, term for term those of tfcolor."""

import contextlib
import functools

import torch
from torch import nn
from torch_networks import UNet
from torch_networks import block

LAYERS = [(3, 64, 2), (64, 128, 2), (128, 256, 2), (256, 512, 1)]
N_CRITIC = 5
bce = nn.functional.binary_cross_entropy_with_logits


class Sides:
    """Networks, optimizers and a minibatch.

    Args:
      loss: "cgan" or "wgan_gp".
      best: channels last, compiled networks and fused Adam; without, eager PyTorch
        as it comes.
      dtype: of autocast, "bfloat16"; None: float32.
    """

    def __init__(self, loss, batch, size, width, depth, dtype, best):
        gradient_penalty = loss == "wgan_gp"
        norm = (
            functools.partial(nn.InstanceNorm2d, affine=True)
            if gradient_penalty
            else nn.BatchNorm2d
        )
        self.dtype = dtype
        self.plain_critic = nn.Sequential(
            *[
                block(
                    nn.Conv2d(i, o, 4, s, 1, bias=i == 3),
                    i != 3 and norm,
                    nn.LeakyReLU(0.2),
                )
                for i, o, s in LAYERS
            ],
            nn.Conv2d(512, 1, 4, 1, 1, bias=not gradient_penalty),
        )
        self.generator = UNet(width, depth)
        self.parameters = sum(p.numel() for p in self.generator.parameters())
        count = batch * (N_CRITIC if gradient_penalty else 1)
        self.l = torch.rand(count, 1, size, size) * 2 - 1
        self.ab = torch.rand(count, 2, size, size) * 2 - 1
        self.critic = self.plain_critic
        if best:
            last = torch.channels_last
            self.l, self.ab = (x.to(memory_format=last) for x in (self.l, self.ab))
            self.plain_critic.to(memory_format=last)
            self.generator.to(memory_format=last)
        betas = (0.0, 0.9) if gradient_penalty else (0.5, 0.999)
        self.g_adam, self.d_adam = (
            torch.optim.Adam(network.parameters(), 2e-4, betas, fused=best)
            for network in (self.generator, self.plain_critic)
        )
        if best:
            self.generator = torch.compile(self.generator, dynamic=False)
            self.critic = torch.compile(self.plain_critic, dynamic=False)

    def autocast(self):
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast("cpu", getattr(torch, self.dtype))

    def score(self, l, colors, critic=None):
        return (critic or self.critic)(torch.cat([l, colors], 1)).float()

    def descend(self, loss, adam):
        adam.zero_grad()
        loss.backward()
        adam.step()


def cgan(sides):
    l, ab = sides.l, sides.ab
    with sides.autocast():
        fake = sides.generator(l)
        real_logits, fake_logits = sides.score(l, ab), sides.score(l, fake.detach())
    d_loss = 0.5 * (
        bce(real_logits, torch.ones_like(real_logits))
        + bce(fake_logits, torch.zeros_like(fake_logits))
    )
    sides.descend(d_loss, sides.d_adam)
    sides.plain_critic.requires_grad_(False)
    with sides.autocast():
        logits = sides.score(l, fake)
    g_loss = bce(logits, torch.ones_like(logits)) + 100 * (fake - ab).abs().mean()
    sides.descend(g_loss, sides.g_adam)
    sides.plain_critic.requires_grad_(True)
    return float(g_loss.detach())


def wgan_gp(sides):
    for k in range(N_CRITIC):
        l, ab = sides.l[k::N_CRITIC], sides.ab[k::N_CRITIC]
        with torch.no_grad(), sides.autocast():
            fake = sides.generator(l)
        with sides.autocast():
            both = sides.score(torch.cat([l, l]), torch.cat([ab, fake]))
        real_logits, fake_logits = both.chunk(2)
        d_loss = fake_logits.mean() - real_logits.mean()
        d_loss = d_loss + 10 * penalty(sides, l, ab, fake)
        sides.descend(d_loss, sides.d_adam)
    sides.plain_critic.requires_grad_(False)
    with sides.autocast():
        fake = sides.generator(l)
        logits = sides.score(l, fake)
    g_loss = 100 * (fake - ab).abs().mean() - logits.mean()
    sides.descend(g_loss, sides.g_adam)
    sides.plain_critic.requires_grad_(True)
    return float(g_loss.detach())


def penalty(sides, l, ab, fake):
    """Of the eager critic: compiled networks have no second derivative."""
    share = torch.rand(len(ab), 1, 1, 1)
    x = (ab + share * (fake - ab)).requires_grad_()
    with sides.autocast():
        logits = sides.score(l, x, sides.plain_critic)
    (slopes,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    slopes = slopes / logits[0].numel() * (x[0, 0].numel() ** 0.5 / 64)
    norms = (slopes.square().sum([1, 2, 3]) + 1e-12).sqrt()
    return (norms - 1).square().mean()


STEPS = {"cgan": cgan, "wgan_gp": wgan_gp}
