"""The residual network of Ribeiro et al. over twelve leads as signals."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from classification.convolution import convolution
from classification.signal_channels import pooled, signal_channels
from classification.signal_route import NETWORK_SAMPLES
from learning.onnx import GraphInput
from learning.registry import register_network


class _Unit(nn.Module):
    """A residual unit of two outputs: one before its normalisation, one after."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int, stride: int, dropout: float
    ) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            convolution(channels_in, channels, kernel, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            convolution(channels, channels, kernel, stride),
        )
        self.shortcut = nn.Sequential(
            nn.MaxPool2d((1, stride), (1, stride), ceil_mode=True),
            convolution(channels_in, channels, 1, 1),
        )
        self.after = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor, shortcut: Tensor) -> tuple[Tensor, Tensor]:
        total = self.convolutions(x) + self.shortcut(shortcut)
        return self.after(total), total


@register_network
class RibeiroNet(nn.Module):
    """Four residual units with long kernels over leads and masks.

    Takes ``(batch, leads, samples)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, n_outputs)`` logits. After Ribeiro et al. 2020 (doi 10.1038/s41467-020-15432-4): a
    convolution, four units of widths 128, 196, 256 and 320 with drop-out, pre-activation pairs.
    Theirs sees 4096 samples at 400 Hz, each unit a quarter as fast; here the first keeps its
    rate, as 100 Hz are a quarter of theirs. Their dense layer over all positions is a mean and a
    highest value over measured ones, so that a page's windows and their lengths are free.

    Args:
        n_leads: leads.
        n_outputs: logits.
        widths: channels of the first convolution and of the units.
        kernel: taps.
        dropout: share of channels' values dropped in training.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        widths: tuple[int, ...] = (64, 128, 196, 256, 320),
        kernel: int = 17,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, n_leads, NETWORK_SAMPLES))}
        self.stem = nn.Sequential(
            convolution(2 * n_leads, widths[0], kernel, 1),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.units = nn.ModuleList(
            _Unit(a, b, kernel, 1 if number == 0 else 4, dropout)
            for number, (a, b) in enumerate(pairwise(widths))
        )
        self.head = nn.Linear(2 * widths[-1], n_outputs)

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns logits of ``(batch, leads, samples)`` mV, NaN where nothing was measured."""
        channels, printed = signal_channels(signal_mv)
        x = self.stem(channels.unsqueeze(2).contiguous(memory_format=torch.channels_last))
        shortcut = x
        for unit in self.units:
            x, shortcut = unit(x, shortcut)
        logits: Tensor = self.head(pooled(x.squeeze(2), printed))
        return logits
