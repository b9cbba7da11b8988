"""The U-shaped residual reconstructor of fixed lead sets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecg.leads import LEADS
from learning.onnx import GraphInput
from learning.registry import register_network
from reconstruction.lead_set import LeadSet
from reconstruction.reconstructor import SAMPLES

_STRIDES = (2, 2, 2, 5)  # 1000 samples divide by their product


class _Block(nn.Module):
    """Two convolutions along time and a shortcut (He et al. 2016, doi 10.1109/CVPR.2016.90)."""

    def __init__(self, channels_in: int, channels: int, dropout: float, stride: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(channels_in, channels, 3 if stride <= 3 else 5, stride),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            _convolution(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )
        shortcut: list[nn.Module] = []
        if stride > 1:
            shortcut.append(nn.AvgPool2d((1, stride)))
        if channels_in != channels:
            shortcut += [_convolution(channels_in, channels, 1), nn.BatchNorm2d(channels)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.convolutions(x) + self.shortcut(x))


@register_network
class UResNet(nn.Module):
    """Residual encoder and decoder with a shortcut at every resolution.

    Takes ``(batch, 12, 1000)`` mV at 100 Hz, NaN where a lead is not given, and answers
    ``(batch, 12, 1000)`` mV (see ``LeadSet`` for what passes through and what follows).

    After the U-ResNet of Gedon et al. 2021 (doi 10.23919/CinC53138.2021.9662881) in its use for
    lead reconstruction (Rashty and Shahar, ECG-Final-Project): widths 64, 128, 196, 256, 320 and a
    pointwise bottleneck of 256. Mended: that code had no down-sampling at all, and of its four
    decoder blocks ran two; here each encoder block halves the time resolution (the last divides
    it by five) and each decoder block takes it up again. Given leads are no output.

    Args:
        leads: the leads that are given.
        widths: channels of the stem and of the four encoder blocks.
        bottleneck: channels between encoder and decoder.
        dropout: share of features dropped in training.
    """

    def __init__(
        self,
        leads: Sequence[str],
        widths: Sequence[int] = (64, 128, 196, 256, 320),
        bottleneck: int = 256,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if len(widths) != len(_STRIDES) + 1:
            raise ValueError(f"widths must be {len(_STRIDES) + 1} numbers, not {len(widths)}")
        self.graph_inputs = {"signal_mv": GraphInput((1, len(LEADS), SAMPLES))}
        self.lead_set = LeadSet(leads)
        self.stem = nn.Sequential(
            _convolution(len(self.lead_set.given), widths[0], 15),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.encoder = nn.ModuleList(
            _Block(widths[level], widths[level + 1], dropout, stride)
            for level, stride in enumerate(_STRIDES)
        )
        self.bottleneck = _convolution(widths[-1], bottleneck, 1)
        self.enlargements, self.decoder = nn.ModuleList(), nn.ModuleList()
        channels = bottleneck
        for width, stride in zip(widths[-2::-1], _STRIDES[::-1], strict=True):
            self.enlargements.append(
                nn.ConvTranspose2d(channels, width, (1, stride), (1, stride), bias=False)
            )
            self.decoder.append(_Block(2 * width, width, dropout))
            channels = width
        self.answer = nn.Conv2d(channels, len(self.lead_set.predicted), 1)

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns ``(batch, 12, samples)`` mV; see the class.

        Args:
            signal_mv: ``(batch, 12, samples)`` mV, finite where a lead is given; samples a
                multiple of 40.
        """
        given = self.lead_set.pick(signal_mv)
        centred = (given - given.mean(-1, keepdim=True)).clamp(-10.0, 10.0).unsqueeze(2)
        x = self.stem(centred.contiguous(memory_format=torch.channels_last))
        seen = []
        for block in self.encoder:
            seen.append(x)
            x = block(x)
        x = self.bottleneck(x)
        for enlarge, block, beside in zip(
            self.enlargements, self.decoder, reversed(seen), strict=True
        ):
            x = block(torch.cat([enlarge(x), beside], dim=1))
        return self.lead_set.assemble(given, self.answer(x).squeeze(2))


def _convolution(channels_in: int, channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, (1, kernel), (1, stride), (0, kernel // 2), bias=False)
