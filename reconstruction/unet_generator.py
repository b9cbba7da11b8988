"""The U-Net along time that EKGAN, Pix2Pix and CycleGAN share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reconstruction.signal_convolutions import (
    draw_small_weights,
    growing,
    shrinking,
    with_edges,
    without_edges,
)

_DEPTH = 5
_KERNEL = 4
_SLOPE = 0.3


class UNetGenerator(nn.Module):
    """Five halvings of time and five doublings, ``(batch, leads, 1000)`` in and out.

    As in the seed: convolutions of four taps without bias, N(0, 0.02) to begin with, channels
    doubling from ``width`` to 16 times that, normalisation on all but the first, leaky ReLU of
    slope 0.3 down and ReLU up, linear at the end.

    Args:
        channels_in: leads that it takes.
        channels_out: leads that it makes.
        width: channels of the first stage; 64 in the paper.
        norm: ``batch`` or ``instance``.
        skips: whether each stage up also sees the stage down of its resolution.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        width: int = 64,
        norm: str = "batch",
        skips: bool = True,
    ) -> None:
        super().__init__()
        self.skips = skips
        widths = [width * 2**stage for stage in range(_DEPTH)]
        self.first = nn.Sequential(
            nn.Conv1d(channels_in, width, _KERNEL, 2, 1, bias=False), nn.LeakyReLU(_SLOPE)
        )
        self.down = nn.ModuleList(
            shrinking(widths[k], widths[k + 1], _KERNEL, 2, norm, _SLOPE) for k in range(_DEPTH - 1)
        )
        times = 2 if skips else 1
        self.up = nn.ModuleList(
            growing((1 if k == _DEPTH - 1 else times) * widths[k], widths[k - 1], _KERNEL, 2, norm)
            for k in range(_DEPTH - 1, 0, -1)
        )
        self.last = nn.ConvTranspose1d(times * width, channels_out, _KERNEL, 2, 1, bias=False)
        draw_small_weights(self)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Returns what each stage down answers; the last is the latent."""
        found = [self.first(with_edges(x))]
        for stage in self.down:
            found.append(stage(found[-1]))
        return found

    def decode(self, stages: list[Tensor]) -> Tensor:
        """Returns the leads made of what ``encode`` found."""
        x = stages[-1]
        for stage, skip in zip(self.up, reversed(stages[:-1]), strict=True):
            x = stage(x)
            if self.skips:
                x = torch.cat([x, skip], dim=1)
        return without_edges(self.last(x))

    def forward(self, x: Tensor) -> Tensor:
        """Returns ``(batch, channels_out, 1000)``."""
        return self.decode(self.encode(x))
