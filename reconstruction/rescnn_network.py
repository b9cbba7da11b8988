"""The residual convolutional reconstructor of fixed lead sets."""

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


class _Block(nn.Module):
    """Two convolutions along time beside a pointwise one, then ReLU unless it is the last."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        dilation: int = 1,
        groups: int = 1,
        norm: bool = False,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(channels_in, channels, kernel, dilation, groups, norm),
            nn.BatchNorm2d(channels) if norm else nn.Identity(),
            nn.ReLU(inplace=True),
            _convolution(channels, channels, kernel, dilation, groups, norm and not last),
            nn.BatchNorm2d(channels) if norm and not last else nn.Identity(),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != channels or not norm:
            self.shortcut = _convolution(channels_in, channels, 1, 1, groups, norm and not last)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolutions(x) + self.shortcut(x)
        return y if self.last else functional.relu(y)


@register_network
class RescnnNet(nn.Module):
    """Each given lead through blocks of its own, a shared trunk, and blocks for each lead found.

    Takes ``(batch, 12, samples)`` mV at 100 Hz, NaN where a lead is not given, and answers
    ``(batch, 12, samples)`` mV (see ``LeadSet`` for what passes through and what follows).

    After the ResCNN of "12 leads from 3" (npj Digital Medicine 2024), whose full size is the
    preset ``rescnn``: three blocks of each given lead, two to ``width`` channels a found lead,
    and for each of these three blocks on all channels, ending in one; convolutions of 17 taps,
    neither normalisation nor drop-out, widths half-way to the next at every block. Mended: given
    leads are no output of the network; voltages are centred, not cut at 2.5 mV; the answer starts
    near zero rather than large. The taps are as many at 100 Hz as they were at 250 Hz.

    ``rescnn_small`` is the same at a quarter of the time resolution (``fold`` neighbouring samples
    are channels, within and at the end), with batch normalisation, more blocks in the trunk and
    short dilated kernels. Convolutions are 2-D of height one, faster on a CPU in channels-last.

    Args:
        leads: the leads that are given.
        width: channels of a lead.
        lead_blocks: blocks of each given lead.
        trunk_blocks: further blocks of the trunk, whose dilations go 1, 2, 4, 1, 2, 4 ...
        output_blocks: blocks of each lead to be found.
        kernel: taps of the convolutions.
        fold: neighbouring samples that are channels.
        norm: batch normalisation.
    """

    def __init__(
        self,
        leads: Sequence[str],
        width: int = 32,
        lead_blocks: int = 3,
        trunk_blocks: int = 0,
        output_blocks: int = 3,
        kernel: int = 17,
        fold: int = 1,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, len(LEADS), SAMPLES))}
        self.lead_set = LeadSet(leads)
        self.fold = fold
        given, found = len(self.lead_set.given), len(self.lead_set.predicted)
        own: list[nn.Module] = []
        widths = _half_way(fold, width, lead_blocks)
        for a, b in zip([fold, *widths[:-1]], widths, strict=True):
            own.append(_Block(given * a, given * b, kernel, groups=given, norm=norm))
        self.own = nn.Sequential(*own)
        middle = width * ((given + found) // 2)
        trunk: list[nn.Module] = [_Block(given * width, middle, kernel, norm=norm)]
        for number in range(trunk_blocks):
            trunk.append(_Block(middle, middle, kernel, 2 ** (number % 3), norm=norm))
        trunk.append(_Block(middle, found * width, kernel, norm=norm))
        self.trunk = nn.Sequential(*trunk)
        self.outputs = nn.ModuleList(
            _output(found * width, fold, output_blocks, kernel, norm) for _ in range(found)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            for output in self.outputs:
                for parameter in output[-1].parameters():  # type: ignore[index]
                    parameter *= 0.3

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns ``(batch, 12, samples)`` mV; see the class.

        Args:
            signal_mv: ``(batch, 12, samples)`` mV, finite where a lead is given; samples a
                multiple of ``fold``.
        """
        given = self.lead_set.pick(signal_mv)
        centred = (given - given.mean(-1, keepdim=True)).clamp(-10.0, 10.0)
        batch, leads, samples = centred.shape
        x = centred.reshape(batch, leads, samples // self.fold, self.fold).transpose(2, 3)
        x = x.reshape(batch, leads * self.fold, 1, samples // self.fold)
        x = self.trunk(self.own(x.contiguous(memory_format=torch.channels_last)))
        found = torch.stack([output(x) for output in self.outputs], dim=1)
        found = found.squeeze(3).transpose(2, 3).reshape(batch, len(self.outputs), samples)
        return self.lead_set.assemble(given, found)


def _output(channels: int, target: int, blocks: int, kernel: int, norm: bool) -> nn.Sequential:
    widths = _half_way(channels, target, blocks)
    steps = zip([channels, *widths[:-1]], widths, strict=True)
    return nn.Sequential(
        *(
            _Block(a, b, kernel, norm=norm, last=number == blocks - 1)
            for number, (a, b) in enumerate(steps)
        )
    )


def _half_way(start: int, target: int, blocks: int) -> list[int]:
    """Widths after each block: half-way to the target, which the last one reaches."""
    widths = []
    for _ in range(blocks - 1):
        start = (start + target) // 2
        widths.append(start)
    return [*widths, target]


def _convolution(
    channels_in: int, channels: int, kernel: int, dilation: int, groups: int, norm: bool
) -> nn.Conv2d:
    return nn.Conv2d(
        channels_in,
        channels,
        (1, kernel),
        padding=(0, dilation * (kernel // 2)),
        dilation=(1, dilation),
        groups=groups,
        bias=not norm,
    )
