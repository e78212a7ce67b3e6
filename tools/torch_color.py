"""Lab, aged inputs and the measures of a validation in PyTorch, [B, C, H, W].

l = L*/50 - 1 and ab = (a*, b*)/110, as everywhere in tfcolor; the constants are
those of `tfcolor.color.cie`.
"""

import numpy as np
import torch
import torch.nn.functional as F

from tfcolor.color import cie

_FROM_RGB = torch.tensor(cie.WHITE_FROM_RGB, dtype=torch.float32)
_TO_RGB = torch.linalg.inv(_FROM_RGB.double()).float()


def use(device):
    """Keep the constants on that device."""
    global _FROM_RGB, _TO_RGB
    _FROM_RGB, _TO_RGB = _FROM_RGB.to(device), _TO_RGB.to(device)


def lab(rgb):
    """Uint8 sRGB [B, H, W, 3] -> l [B, 1, H, W], ab [B, 2, H, W], float32."""
    x = rgb.float() / 255.0
    curve = ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    white = torch.where(x > 0.04045, curve, x / 12.92) @ _FROM_RGB.T.to(rgb.device)
    root = white.clamp_min(cie.THRESHOLD) ** (1 / 3)
    f = torch.where(white > cie.THRESHOLD, root, cie.SLOPE * white + cie.OFFSET)
    l = (116.0 * f[..., 1] - 16.0) / cie.L_HALF - 1.0
    a = 500.0 * (f[..., 0] - f[..., 1]) / cie.AB_MAX
    b = 200.0 * (f[..., 1] - f[..., 2]) / cie.AB_MAX
    return l[:, None], torch.stack([a, b], 1)


def rgb(l, ab):
    """The inverse of `lab`: sRGB float32 [B, 3, H, W], 0..1 where sRGB has the
    colour and beyond where not; its gradient is finite everywhere."""
    y = ((l[:, 0] + 1.0) * cie.L_HALF + 16.0) / 116.0
    x = y + ab[:, 0] * cie.AB_MAX / 500.0
    z = y - ab[:, 1] * cie.AB_MAX / 200.0
    f = torch.stack([x, y, z], -1)
    line = (f - cie.OFFSET) / cie.SLOPE
    white = torch.where(f > cie.F_THRESHOLD, f.clamp_min(cie.F_THRESHOLD) ** 3, line)
    light = white @ _TO_RGB.T.to(l.device)
    curve = 1.055 * light.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light > 0.0031308, curve, 12.92 * light).permute(0, 3, 1, 2)


def for_encoder(rgb):
    """SRGB 0..1 -> what EfficientNet-Lite0 was trained to see."""
    x = (rgb * 255.0 - 127.0) / 128.0
    return x.clamp(-1.2, 1.2).contiguous(memory_format=torch.channels_last)


def aged(l, share, seed):
    """Lightness [B, 1, H, W] of which a share has lost contrast, is soft and has
    grain, as old photographs are. The same for the same seed."""
    generator = torch.Generator(l.device).manual_seed(seed)

    def uniform():
        size = (len(l), 1, 1, 1)
        return torch.rand(size, generator=generator, device=l.device)

    y = ((l + 1.0) / 2.0).clamp(0.0, 1.0) ** torch.exp((uniform() - 0.5) * 1.2)
    black, white = uniform() ** 2 * 0.3, 1.0 - uniform() ** 2 * 0.3
    y = black + (white - black) * y
    y = torch.lerp(y, _soft(_soft(y)), uniform() * (uniform() < 0.6))
    grain = torch.randn(l.shape, generator=generator, device=l.device)
    grain = torch.lerp(grain, 2.0 * _soft(grain), 0.5)
    y = (y + grain * uniform() ** 2 * 0.12).clamp(0.0, 1.0) * 2.0 - 1.0
    return torch.where(uniform() < share, y, l)


def _soft(x):
    """Blurred by the binomial kernel of 3x3."""
    row = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    kernel = (row[:, None] * row)[None, None]
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel)


class Judgement:
    """What the colours of a set of pictures are like beside the true ones."""

    def __init__(self):
        self.errors, self.colorfulness, self.counts = [], [], [0.0, 0.0]

    def add(self, true, found):
        """Take uint8 [B, H, W, 3] and sRGB [B, 3, H, W]."""
        found = (found.clamp(0.0, 1.0) * 255.0).round().byte().permute(0, 2, 3, 1)
        planes = [lab(pictures)[1] * cie.AB_MAX for pictures in (found, true)]
        self.errors.append((planes[0] - planes[1]).norm(dim=1).mean((1, 2)))
        both = [_colorfulness(pictures) for pictures in (found, true)]
        self.colorfulness.append(torch.stack(both))
        for row, ab in enumerate(planes):
            self.counts[row] = self.counts[row] + _histogram(ab)

    def result(self):
        """{metric: value}: mean ab error, colourfulness over the truth's, and the
        distance of the 24 x 24 ab histograms."""
        found, true = torch.cat(self.colorfulness, 1).mean(1)
        shares = [counts / counts.sum() for counts in self.counts]
        return {
            "ab_error": round(float(torch.cat(self.errors).mean()), 3),
            "distance": round(float(abs(shares[0] - shares[1]).sum() / 2), 4),
            "colorfulness": round(float(found / true), 3),
        }


def _colorfulness(pictures):
    """[B] of uint8 [B, H, W, 3] (Hasler and Suesstrunk 2003)."""
    red, green, blue = pictures.float().unbind(-1)
    first, second = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = (first.var(1, False) + second.var(1, False)).sqrt()
    return spread + 0.3 * torch.hypot(first.mean(1), second.mean(1))


def _histogram(ab):
    pixels = ab.movedim(1, -1).reshape(-1, 2).numpy()
    return np.histogramdd(pixels, 24, ((-120, 120), (-120, 120)))[0]
