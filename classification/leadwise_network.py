"""A signal classifier that looks at each lead alone before it looks at all of them together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classification.convolution import convolution, residual_stages
from classification.signal_channels import pooled, signal_channels
from classification.signal_route import NETWORK_SAMPLES
from learning.onnx import GraphInput
from learning.registry import register_network


@register_network
class LeadwiseResNet(nn.Module):
    """Residual blocks that every lead shares, then residual blocks over all leads.

    Takes ``(batch, leads, samples)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, n_outputs)`` logits. What a wave looks like is learnt once for all leads, whichever
    of them a page shows; which lead showed it comes after. It errs elsewhere than a network that
    mixes the leads at once, so the two are better together than either.

    Args:
        n_leads: leads.
        n_outputs: logits.
        lead_widths: channels of the stages that each lead runs through.
        widths: channels of the stages over all leads; each stage but the first of all halves the
            time resolution (25 Hz in the first).
        kernel: taps of the convolutions in the blocks.
        dropout: share of pooled features dropped in training.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        lead_widths: tuple[int, ...] = (16, 32),
        widths: tuple[int, ...] = (160, 192),
        kernel: int = 7,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, n_leads, NETWORK_SAMPLES))}
        self.stem = nn.Sequential(
            convolution(2, lead_widths[0], 15, 4),
            nn.BatchNorm2d(lead_widths[0]),
            nn.ReLU(inplace=True),
        )
        self.leads = residual_stages((lead_widths[0], *lead_widths), kernel)
        self.together = nn.Sequential(
            convolution(n_leads * lead_widths[-1], widths[0], 1, 1),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.stages = residual_stages((widths[0], *widths), kernel, halve_first=True)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * widths[-1], n_outputs))

    def forward(self, signal_mv: Tensor, after_stem: Tensor | None = None) -> Tensor:
        """Returns logits.

        Args:
            signal_mv: ``(batch, leads, samples)`` mV, NaN where nothing was measured.
            after_stem: ``(batch, leads, lead_widths[0], samples / 4)``, added to what the stem
                makes of each lead.
        """
        channels, printed = signal_channels(signal_mv)
        batch, leads, samples = signal_mv.shape
        each = channels.view(batch, 2, leads, samples).transpose(1, 2)
        x = each.reshape(batch * leads, 2, 1, samples)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        if after_stem is not None:
            x = x + after_stem.reshape(x.shape)
        x = self.leads(x)
        x = x.reshape(batch, leads * x.shape[1], 1, x.shape[3])
        x = self.stages(self.together(x.contiguous(memory_format=torch.channels_last)))
        logits: Tensor = self.head(pooled(x.squeeze(2), printed))
        return logits
