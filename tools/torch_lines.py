"""Line drawings of pictures without a network, [B, 1, H, W], -1 black and 1 white."""

import math

import torch
import torch.nn.functional as F

RATIO = 1.6  # of the two blurs: about a Laplacian of Gaussian (Marr and Hildreth 1980)


def some(scan, l, share, seed):
    """Scans of which that share has the lines of `drawn`, of random width, weight and
    darkness, in their stead. The same for the same seed."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for one, light in zip(scan.split(1), l.split(1), strict=True):
        chance, width, weight, dark = torch.rand(4, generator=random).tolist()
        if chance < share:
            one = drawn(light, 0.4 + width, 14.0 + 26.0 * weight, 0.1 + 0.5 * dark)
        found.append(one)
    return torch.cat(found)


def drawn(l, sigma=0.8, weight=16.0, dark=0.3, steep=8.0):
    """The extended difference of Gaussians of l (Winnemoeller et al. 2012, eqs. 5, 7).

    Args:
      l: float32 [B, 1, H, W], -1..1.
      sigma: of the finer blur, pixels.
      weight: p, of the edges beside the tone.
      dark: epsilon, 0..1: what stays lighter than it is white paper.
      steep: phi, how soon it is black below.
    """
    light = (l + 1.0) / 2.0
    fine, wide = blurred(light, sigma), blurred(light, RATIO * sigma)
    sharp = (1.0 + weight) * fine - weight * wide
    tone = 1.0 + torch.tanh(steep * (sharp - dark)).clamp_max(0.0)
    return 2.0 * tone - 1.0


def blurred(x, sigma):
    """A Gaussian blur of [B, 1, H, W], mirrored at the edges."""
    reach = math.ceil(3.0 * sigma)
    at = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    x = F.pad(x, [reach] * 4, mode="reflect")
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
