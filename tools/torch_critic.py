"""The critics of tools/train_torch.py, [B, C, H, W]."""

import torch
from torch import nn
from torch_networks import MAPS


class Critic(nn.Module):
    """Hinge critics with spectral norm and no other: one of l and ab at a quarter
    of the size, and one a map of a frozen encoder that looks at the picture.

    Args:
      features: channels of these maps; (): none.
      channels: of l and ab, or of what is given in their place.

    Of fewer maps, those from the head `first` on. Returns of a call: a list of
    raw scores [B, 1, h, w], high = real.
    """

    def __init__(self, features=MAPS[1:4], channels=3):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        sizes = ((channels, 64, 4, 2), (64, 128, 4, 2), (128, 256, 3, 1))
        layers = []
        for inputs, outputs, kernel, stride in sizes:
            layers.append(norm(nn.Conv2d(inputs, outputs, kernel, stride, 1)))
            layers.append(nn.LeakyReLU(0.2))
        self.plain = nn.Sequential(*layers, norm(nn.Conv2d(256, 1, 3, 1, 1)))
        self.heads = nn.ModuleList(
            nn.Sequential(
                norm(nn.Conv2d(channels, 128, 1)),
                nn.LeakyReLU(0.2),
                norm(nn.Conv2d(128, 128, 3, 1, 1)),
                nn.LeakyReLU(0.2),
                norm(nn.Conv2d(128, 1, 3, 1, 1)),
            )
            for channels in features
        )

    def forward(self, l, ab, maps=(), first=0):
        scores = [self.plain(torch.cat([l, ab], 1))]
        heads = self.heads[first : first + len(maps)]
        scores += [head(x) for head, x in zip(heads, maps, strict=True)]
        return [score.float() for score in scores]
