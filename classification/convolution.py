"""Convolutions along time and the shortcut beside them, as the signal networks share them.

They run as 2-D convolutions of height one, which in channels-last order are faster on a CPU than
1-D ones.
"""

from __future__ import annotations

from torch import nn


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
