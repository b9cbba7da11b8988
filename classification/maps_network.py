"""The network that reads twelve leads as pictures of their ink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from classification.signal_network import SignalResNet
from ecg.lead_maps import MAP_COLUMNS, MAP_HALF_RANGE_MV, MAP_ROWS, ROWS_PER_MV
from learning.onnx import GraphInput
from learning.registry import register_network

_LEAST_INK = 0.15
_MOMENTS = 3  # channels of each lead beside its trace and mask


@register_network
class MapsNet(nn.Module):
    """Lead maps to logits: a picture path and a trace path, then one network along time.

    Takes ``(batch, leads, 160, 250)`` ink, uint8 or 0..1, and ``(batch, leads)`` presence, and
    answers ``(batch, n_outputs)`` logits.

    The *picture path* reads every lead's map by shared 2-D convolutions that shrink the voltage
    axis early, since a trace is one line a column. The *trace path* takes the moments of the ink
    in each column: where it lies (mV), where its far end lies, how much there is and how far it
    spreads. Columns are 10 ms, so the trace path is a signal at 100 Hz, and the network along
    time has the shape of ``SignalResNet`` and may begin with its weights. It meets the picture
    path after its stem.

    Args:
        n_leads: leads.
        n_outputs: logits.
        picture_width: channels of the first 2-D convolution.
        picture_features: features of a lead's picture along time.
        time_network: further arguments of the ``SignalResNet`` along time.
    """

    centre_mv: Tensor

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        picture_width: int = 6,
        picture_features: int = 12,
        time_network: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.graph_inputs = {
            "ink": GraphInput((1, n_leads, MAP_ROWS, MAP_COLUMNS), dtype="uint8"),
            "present": GraphInput((1, n_leads)),
        }
        self.along_time = SignalResNet(
            n_leads, n_outputs, extra_channels=_MOMENTS * n_leads, **(time_network or {})
        )
        first = self.along_time.stem[0]
        assert isinstance(first, nn.Conv2d)
        after_stem = first.out_channels
        self.picture = nn.Sequential(
            nn.Conv2d(1, picture_width, (8, 8), (8, 4), (0, 2), bias=False),  # 20 x 62
            nn.BatchNorm2d(picture_width),
            nn.ReLU(inplace=True),
            nn.Conv2d(picture_width, picture_features, (20, 3), 1, (0, 1), bias=False),  # 1 x 62
            nn.BatchNorm2d(picture_features),
            nn.ReLU(inplace=True),
        )
        self.merge = nn.Conv2d(n_leads * picture_features, after_stem, 1)
        nn.init.zeros_(self.merge.weight)
        rows = torch.arange(MAP_ROWS, dtype=torch.float32)
        self.register_buffer(
            "centre_mv", MAP_HALF_RANGE_MV - (rows + 0.5) / ROWS_PER_MV, persistent=False
        )

    def forward(self, ink: Tensor, present: Tensor) -> Tensor:
        """Logits of ``(batch, leads, 160, 250)`` ink and ``(batch, leads)`` presence."""
        if ink.dtype == torch.uint8:
            ink = ink.to(self.centre_mv.dtype) / 255
        batch, leads, rows, columns = ink.shape
        v = self.centre_mv
        powers = torch.stack([torch.ones_like(v), v, v**2, v**3])
        mass, first, second, third = (powers @ ink).unbind(2)
        seen = (mass > _LEAST_INK) & (present.unsqueeze(-1) > 0)
        share = mass.clamp(min=_LEAST_INK)
        centroid = first / share
        far_end = third / second.clamp(min=1e-3)
        spread = (second / share - centroid**2).clamp(min=0.0)
        mask = seen.to(ink.dtype)
        moments = torch.cat([far_end * mask, (mass * 0.1).clamp(max=4.0), spread * mask], dim=1)
        trace = torch.where(seen, centroid, torch.nan)
        picture = self.picture(ink.reshape(batch * leads, 1, rows, columns))
        picture = picture.reshape(batch, -1, 1, picture.shape[-1])
        merged = nn.functional.pad(self.merge(picture), (0, 4))
        logits: Tensor = self.along_time(trace, moments, merged)
        return logits

    def start_from(self, signals: SignalResNet) -> None:
        """Takes the weights of a trained signal network; new channels begin at nothing.

        Raises:
            RuntimeError: the networks along time differ in shape.
        """
        state = signals.state_dict()
        name = "stem.0.weight"
        kernel = torch.zeros_like(self.along_time.state_dict()[name])
        kernel[:, : state[name].shape[1]] = state[name]
        self.along_time.load_state_dict({**state, name: kernel})
