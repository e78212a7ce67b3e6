"""What the generators of tools/train_torch.py learn from, [B, C, H, W]."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
import torch_color
import torch_lines
from torch_networks import enlarged


class Inputs(NamedTuple):
    """Of a batch: the pictures uint8 [B, H, W, 3], their l, what the generator sees,
    and at the size of what it gives the truth and what critics see beside it."""

    rgb: torch.Tensor
    l: torch.Tensor
    seen: torch.Tensor
    truth: torch.Tensor
    small: torch.Tensor


class Greys:
    """Colours at a quarter of the size for a lightness that may be aged."""

    judged = 3  # channels that the critics see
    finest = 4  # side of one predicted colour, pixels

    def inputs(self, rgb, aging=0.0, seed=0):
        """Inputs of uint8 [B, H, W, 3]."""
        l, ab = torch_color.lab(rgb)
        seen = torch_color.aged(l, aging, seed) if aging else l
        small = [F.avg_pool2d(x, self.finest) for x in (ab, l)]
        return Inputs(rgb, l, seen, *small)

    def picture(self, l, found):
        """SRGB [B, 3, H, W] of what the generator gave."""
        return torch_color.rgb(l, enlarged(found, self.finest))


class Drawings:
    """Lightness and colours at half the size for a scan, whose lines vary."""

    judged = 4
    finest = 2

    def inputs(self, batch, aging=0.0, seed=0):
        """Inputs of uint8 [B, H, W, 4], the last channel the scan, 255 white; with
        `aging`, that share of the scans has the lines of `drawn` instead, and the ink
        of all is changed."""
        rgb, scan = batch[..., :3], batch[..., 3:].permute(0, 3, 1, 2).float()
        seen = scan / 127.5 - 1.0
        l, ab = torch_color.lab(rgb)
        if aging:
            seen = inked(torch_lines.some(seen, l, aging, seed), seed)
        small = [F.avg_pool2d(x, self.finest) for x in (torch.cat([l, ab], 1), seen)]
        return Inputs(rgb, l, seen, *small)

    def picture(self, _, found):
        """As of Greys; the lightness is the generator's own."""
        found = enlarged(found, self.finest)
        return torch_color.rgb(found[:, :1], found[:, 1:])


def inked(scan, seed):
    """Scans [B, 1, H, W], each with ink of a strength of its own; some have thicker
    or softer lines, and some hardly any but the darkest. The same for the same seed."""
    random = torch.Generator().manual_seed(seed)
    ink, found = (1.0 - scan) / 2.0, []
    for one in ink.split(1):
        kind, strength, least = torch.rand(3, generator=random).tolist()
        if kind < 0.25:
            one = F.max_pool2d(one, 3, 1, 1)
        elif kind < 0.4:
            one = F.avg_pool2d(one, 3, 1, 1)
        one = (one - 0.2 * least) / (1.0 - 0.2 * least)
        found.append((one * (0.5 + 1.3 * strength)).clamp(0.0, 1.0))
    return 1.0 - 2.0 * torch.cat(found)
