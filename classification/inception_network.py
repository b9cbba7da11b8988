"""The inception1d of the PTB-XL benchmark over twelve leads as signals."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from classification.signal_channels import pooled, signal_channels
from classification.signal_route import NETWORK_SAMPLES
from learning.onnx import GraphInput
from learning.registry import register_network


class _Inception(nn.Module):
    """Kernels of three lengths and a pooled branch side by side."""

    def __init__(
        self, channels_in: int, width: int, kernels: tuple[int, ...], bottleneck: int
    ) -> None:
        super().__init__()
        self.bottleneck = nn.Conv2d(channels_in, bottleneck, 1, bias=False)
        self.branches = nn.ModuleList(
            nn.Conv2d(bottleneck, width, (1, kernel), padding=(0, kernel // 2), bias=False)
            for kernel in kernels
        )
        self.pooled = nn.Sequential(
            nn.MaxPool2d((1, 3), (1, 1), (0, 1)), nn.Conv2d(channels_in, width, 1, bias=False)
        )
        self.norm = nn.BatchNorm2d(width * (len(kernels) + 1))

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.bottleneck(x)
        parts = [branch(narrow) for branch in self.branches] + [self.pooled(x)]
        return functional.relu(self.norm(torch.cat(parts, dim=1)))


@register_network
class InceptionNet1d(nn.Module):
    """Inception blocks with a shortcut over every three.

    Takes ``(batch, leads, samples)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, n_outputs)`` logits. After InceptionTime (Fawaz et al. 2020, doi
    10.1007/s10618-020-00710-y), the inception1d of the PTB-XL benchmark (Strodthoff et al. 2021,
    doi 10.1109/JBHI.2020.3022989), with mask channels. It keeps the full rate and wants a GPU.

    Args:
        n_leads: leads.
        n_outputs: logits.
        depth: blocks, a multiple of three.
        width: channels of each branch.
        kernels: taps of the branches.
        bottleneck: channels before them.
        dropout: share of pooled features dropped in training.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        depth: int = 6,
        width: int = 32,
        kernels: tuple[int, ...] = (39, 19, 9),
        bottleneck: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if depth < 3 or depth % 3:
            raise ValueError(f"depth must be a multiple of three, not {depth}")
        self.graph_inputs = {"signal_mv": GraphInput((1, n_leads, NETWORK_SAMPLES))}
        channels = width * (len(kernels) + 1)
        self.blocks = nn.ModuleList(
            _Inception(2 * n_leads if number == 0 else channels, width, kernels, bottleneck)
            for number in range(depth)
        )
        self.shortcuts = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(2 * n_leads if number == 0 else channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
            )
            for number in range(depth // 3)
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * channels, n_outputs))

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns logits of ``(batch, leads, samples)`` mV, NaN where nothing was measured."""
        channels, printed = signal_channels(signal_mv)
        x = channels.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        start = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number % 3 == 2:
                x = functional.relu(x + self.shortcuts[number // 3](start))
                start = x
        logits: Tensor = self.head(pooled(x.squeeze(2), printed))
        return logits
