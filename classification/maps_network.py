"""The network that reads twelve leads as pictures of their ink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from classification.leadwise_network import LeadwiseResNet
from ecg.lead_maps import MAP_COLUMNS, MAP_HALF_RANGE_MV, MAP_ROWS, ROWS_PER_MV
from ecg.leads import LEADS
from learning.onnx import GraphInput
from learning.registry import register_network

_LEAST_INK = 0.15
_PAGE_COLUMNS = 4
_LEADS_A_COLUMN = len(LEADS) // _PAGE_COLUMNS
_COLUMN_SAMPLES = 256  # of which the map fills 250; a multiple of the stride
_STRIDE = 4


@register_network
class MapsNet(nn.Module):
    """Lead maps to logits: a trace path and a picture path, then a network along time.

    Takes ``(batch, 12, 160, 250)`` ink, uint8 or 0..1, and ``(batch, 12)`` presence, and answers
    ``(batch, n_outputs)`` logits.

    The *trace path* takes where the ink of each column lies, in mV: columns are 10 ms, so that is
    a signal at 100 Hz. The *picture path* reads every lead's map by shared 2-D convolutions that
    shrink the voltage axis early, since a trace is one line a column. Both meet in a
    ``LeadwiseResNet``, the picture path after its stem, with the leads side by side in four
    columns as a 3x4 page prints them. So the network along time may begin with the weights of one
    that was trained on signals, and reads maps about as well as signals from the first step.

    Args:
        n_outputs: logits.
        picture_width: channels of the first 2-D convolution.
        time_network: further arguments of the ``LeadwiseResNet`` along time.
    """

    centre_mv: Tensor
    in_column: Tensor

    def __init__(
        self,
        n_outputs: int = 5,
        picture_width: int = 6,
        time_network: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.graph_inputs = {
            "ink": GraphInput((1, len(LEADS), MAP_ROWS, MAP_COLUMNS), dtype="uint8"),
            "present": GraphInput((1, len(LEADS))),
        }
        self.along_time = LeadwiseResNet(len(LEADS), n_outputs, **(time_network or {}))
        first = self.along_time.stem[0]
        assert isinstance(first, nn.Conv2d)
        to_stem = nn.Conv2d(picture_width, first.out_channels, (MAP_ROWS // 8, 3), 1, (0, 1))
        nn.init.zeros_(to_stem.weight)
        assert to_stem.bias is not None
        nn.init.zeros_(to_stem.bias)
        self.picture = nn.Sequential(
            nn.Conv2d(1, picture_width, (8, 8), (8, _STRIDE), (0, 2), bias=False),  # 20 x 64
            nn.BatchNorm2d(picture_width),
            nn.ReLU(inplace=True),
            to_stem,  # 1 x 64
        )
        rows = torch.arange(MAP_ROWS, dtype=torch.float32)
        self.register_buffer(
            "centre_mv", MAP_HALF_RANGE_MV - (rows + 0.5) / ROWS_PER_MV, persistent=False
        )
        column = torch.arange(len(LEADS)) // _LEADS_A_COLUMN
        self.register_buffer(
            "in_column", column[:, None] == torch.arange(_PAGE_COLUMNS), persistent=False
        )

    def forward(self, ink: Tensor, present: Tensor) -> Tensor:
        """Logits of ``(batch, 12, 160, 250)`` ink and ``(batch, 12)`` presence."""
        if ink.dtype == torch.uint8:
            ink = ink.to(self.centre_mv.dtype) / 255
        ink = functional.pad(ink, (0, _COLUMN_SAMPLES - MAP_COLUMNS))
        powers = torch.stack([torch.ones_like(self.centre_mv), self.centre_mv])
        mass, moment = (powers @ ink).unbind(2)
        seen = (mass > _LEAST_INK) & (present.unsqueeze(-1) > 0)
        trace = torch.where(seen, moment / mass.clamp(min=_LEAST_INK), torch.nan)
        batch, leads, rows, samples = ink.shape
        picture = self.picture(ink.reshape(batch * leads, 1, rows, samples))
        picture = picture.reshape(batch, leads, -1, samples // _STRIDE)
        shown = self.in_column.repeat_interleave(samples, 1)
        signal = torch.where(shown, trace.repeat(1, 1, _PAGE_COLUMNS), torch.nan)
        printed = self.in_column.repeat_interleave(samples // _STRIDE, 1).unsqueeze(1)
        after_stem = picture.repeat(1, 1, 1, _PAGE_COLUMNS) * printed * present[..., None, None]
        logits: Tensor = self.along_time(signal, after_stem)
        return logits

    def start_from(self, signals: LeadwiseResNet) -> None:
        """Takes the weights of a trained signal network; the picture path adds nothing at first.

        Raises:
            RuntimeError: the networks along time differ in shape.
        """
        self.along_time.load_state_dict(signals.state_dict())
