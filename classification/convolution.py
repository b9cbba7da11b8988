"""Convolutions along time and the blocks made of them, as the signal networks share them.

They run as 2-D convolutions of height one, which in channels-last order are faster on a CPU than
1-D ones.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


def convolution(channels_in: int, channels: int, kernel: int, stride: int) -> nn.Conv2d:
    """A convolution along time that keeps the length but for its stride; without bias."""
    return nn.Conv2d(channels_in, channels, (1, kernel), (1, stride), (0, kernel // 2), bias=False)


def shortcut(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    """The way past a block: averaged over the stride, and projected where widths differ."""
    layers: list[nn.Module] = []
    if stride > 1:
        layers.append(nn.AvgPool2d((1, stride), (1, stride), ceil_mode=True))
    if channels_in != channels:
        layers += [convolution(channels_in, channels, 1, 1), nn.BatchNorm2d(channels)]
    return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    """Two convolutions along time and a shortcut (He et al. 2016, doi 10.1109/CVPR.2016.90)."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            convolution(channels_in, channels, kernel, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            convolution(channels, channels, kernel, 1),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Returns ``(batch, channels, 1, positions / stride)``."""
        return functional.relu(self.convolutions(x) + self.shortcut(x))


def residual_stages(
    widths: tuple[int, ...], kernel: int, blocks: int = 2, halve_first: bool = False
) -> nn.Sequential:
    """Stages of residual blocks from each width to the next.

    The first block of each stage halves the time resolution; that of the first stage if told.
    """
    layers: list[nn.Module] = []
    for stage, (before, width) in enumerate(pairwise(widths)):
        stride = 2 if stage > 0 or halve_first else 1
        layers.append(ResidualBlock(before, width, kernel, stride))
        layers += [ResidualBlock(width, width, kernel, 1) for _ in range(blocks - 1)]
    return nn.Sequential(*layers)
