"""The U-Net of pix2pix in PyTorch, layer for layer that of tfcolor."""

import torch
from torch import nn


def block(conv, norm, activation):
    parts = [conv] + ([norm(conv.out_channels)] if norm else [])
    return nn.Sequential(*parts, activation)


class UNet(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(depth)]
        inputs = [1, *widths[:-1]]
        self.down = nn.ModuleList(
            block(
                nn.Conv2d(i, o, 4, 2, 1, bias=level in (0, depth - 1)),
                level not in (0, depth - 1) and nn.BatchNorm2d,
                nn.LeakyReLU(0.2),
            )
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        seen = [widths[-1], *[2 * w for w in reversed(widths[1:-1])]]
        self.up = nn.ModuleList(
            block(
                nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d, nn.ReLU()
            )
            for i, o in zip(seen, reversed(widths[:-1]), strict=True)
        )
        self.head = nn.ConvTranspose2d(2 * widths[0], 2, 4, 2, 1)

    def forward(self, x):
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        for layer, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = torch.cat([layer(x), skip], 1)
        return torch.tanh(self.head(x)).float()
