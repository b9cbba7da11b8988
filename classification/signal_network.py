"""The network that reads twelve leads as signals, with any part of them missing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from classification.convolution import convolution, residual_stages
from classification.signal_channels import pooled, signal_channels
from classification.signal_route import NETWORK_SAMPLES
from learning.onnx import GraphInput
from learning.registry import register_network


@register_network
class SignalResNet(nn.Module):
    """One-dimensional residual network over twelve leads and their masks.

    Takes ``(batch, leads, samples)`` in mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, n_outputs)`` logits. A missing sample is zero; the mask is 0 where one was measured
    and -1 where none was. Each lead's mean and its slow wander (a moving average of 1.5 s over
    what was measured) are taken off inside, so an unknown baseline does not matter. Runs as 2-D
    convolutions of height one, which in channels-last order are faster on a CPU than 1-D ones.

    After Wang et al. 2017 (doi 10.1109/IJCNN.2017.7966039) and Strodthoff et al. 2021 (doi
    10.1109/JBHI.2020.3022989), much smaller and with mask channels.

    Args:
        n_leads: leads.
        n_outputs: logits.
        widths: channels of the stages, the first at 25 Hz; each other halves the time resolution.
        kernel: taps of the convolutions in the blocks.
        blocks: residual blocks of each stage.
        dropout: share of pooled features dropped in training.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        widths: tuple[int, ...] = (64, 96, 128, 192),
        kernel: int = 7,
        blocks: int = 2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, n_leads, NETWORK_SAMPLES))}
        self.stem = nn.Sequential(
            convolution(2 * n_leads, widths[0], 15, 2),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d((1, 3), (1, 2), (0, 1)),
        )
        self.stages = residual_stages((widths[0], *widths), kernel, blocks)
        self.head = nn.Sequential(
            nn.Linear(2 * widths[-1], 128),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(128, n_outputs),
        )

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns logits of ``(batch, leads, samples)`` mV, NaN where nothing was measured."""
        channels, printed = signal_channels(signal_mv)
        x = channels.unsqueeze(2)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        x = self.stages(x).squeeze(2)
        logits: Tensor = self.head(pooled(x, printed))
        return logits
