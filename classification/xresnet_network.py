"""The xresnet1d of the PTB-XL benchmark over twelve leads as signals."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from classification.convolution import convolution, shortcut
from classification.signal_channels import pooled, signal_channels
from classification.signal_route import NETWORK_SAMPLES
from learning.onnx import GraphInput
from learning.registry import register_network

_EXPANSION = 4


class _Bottleneck(nn.Module):
    """Pointwise, along time, pointwise; the last normalisation begins at zero."""

    def __init__(self, channels_in: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        channels = _EXPANSION * width
        last = nn.BatchNorm2d(channels)
        nn.init.zeros_(last.weight)
        self.convolutions = nn.Sequential(
            *_layer(channels_in, width, 1, 1),
            *_layer(width, width, kernel, stride),
            convolution(width, channels, 1, 1),
            last,
        )
        self.shortcut = shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.convolutions(x) + self.shortcut(x))


@register_network
class XResNet1d(nn.Module):
    """A bottleneck residual network with a three-layer stem; by default xresnet1d101.

    Takes ``(batch, leads, samples)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, n_outputs)`` logits. After He et al. 2019 ("bag of tricks", arXiv 1812.01187) as the
    PTB-XL benchmark made it one-dimensional (Strodthoff et al. 2021, doi
    10.1109/JBHI.2020.3022989), with mask channels. It wants a GPU.

    Args:
        n_leads: leads.
        n_outputs: logits.
        blocks: of each stage.
        widths: of each stage's bottlenecks; the channels between them are four times as many.
        kernel: taps.
        dropout: share of pooled features dropped in training.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        blocks: tuple[int, ...] = (3, 4, 23, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        kernel: int = 5,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, n_leads, NETWORK_SAMPLES))}
        first = widths[0] // 2
        self.stem = nn.Sequential(
            *_layer(2 * n_leads, first, kernel, 2),
            *_layer(first, first, kernel, 1),
            *_layer(first, widths[0], kernel, 1),
            nn.MaxPool2d((1, 3), (1, 2), (0, 1)),
        )
        stages: list[nn.Module] = []
        channels = widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                stages.append(_Bottleneck(channels, width, kernel, stride))
                channels = _EXPANSION * width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            nn.BatchNorm1d(2 * channels), nn.Dropout(dropout), nn.Linear(2 * channels, n_outputs)
        )

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns logits of ``(batch, leads, samples)`` mV, NaN where nothing was measured."""
        channels, printed = signal_channels(signal_mv)
        x = self.stem(channels.unsqueeze(2).contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(pooled(self.stages(x).squeeze(2), printed))
        return logits


def _layer(channels_in: int, channels: int, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    return (
        convolution(channels_in, channels, kernel, stride),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
