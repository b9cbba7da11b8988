"""The original system's way: a picture network over the lead maps, as channels or merged in RGB."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

import learning.torchvision_guard  # noqa: F401  (before torchvision)
from ecg.lead_maps import MAP_COLUMNS, MAP_ROWS
from learning.onnx import GraphInput
from learning.registry import register_network

_RGB = 3


@register_network
class MapsPictureNet(nn.Module):
    """A residual network of torchvision over lead maps.

    Takes what ``MapsNet`` takes: ``(batch, leads, 160, 250)`` ink, uint8 or 0..1, and ``(batch,
    leads)`` presence; answers ``(batch, n_outputs)`` logits. The seed system merged the leads into
    one RGB picture and trained ResNet-152 on it (He et al. 2016, doi 10.1109/CVPR.2016.90); its
    merging left 210 pixels of each lead to be seen, here every lead is whole.

    Args:
        n_leads: leads; a multiple of three for the merged picture.
        n_outputs: logits.
        backbone: a ResNet, ResNeXt or wide ResNet of torchvision by its name there.
        view: ``leads``, a channel for each lead; ``merged``, four leads under another in each of
            R, G and B, as ``dataset_generation.readings_folder.merged_picture`` has them.

    Raises:
        ValueError: torchvision has no such network of this family.
    """

    def __init__(
        self,
        n_leads: int = 12,
        n_outputs: int = 5,
        backbone: str = "resnet18",
        view: Literal["leads", "merged"] = "leads",
    ) -> None:
        from torchvision import models

        super().__init__()
        known = sorted(
            {name for pattern in ("resnet*", "resnext*", "wide_resnet*")
             for name in models.list_models(module=models, include=pattern)}
        )  # fmt: skip
        if backbone not in known:
            raise ValueError(f"no backbone {backbone!r}; there are {', '.join(known)}")
        self.graph_inputs = {
            "ink": GraphInput((1, n_leads, MAP_ROWS, MAP_COLUMNS), dtype="uint8"),
            "present": GraphInput((1, n_leads)),
        }
        self.view = view
        self.network = models.get_model(backbone, weights=None, num_classes=n_outputs)
        if view == "leads":
            first = cast(nn.Conv2d, self.network.conv1)
            self.network.conv1 = nn.Conv2d(
                n_leads, first.out_channels, 7, stride=2, padding=3, bias=False
            )

    def forward(self, ink: Tensor, present: Tensor) -> Tensor:
        """Logits of ``(batch, leads, 160, 250)`` ink and ``(batch, leads)`` presence."""
        if ink.dtype == torch.uint8:
            ink = ink.to(present.dtype) / 255
        picture = ink * (present > 0)[..., None, None].to(ink.dtype)
        if self.view == "merged":
            batch, leads, rows, columns = picture.shape
            picture = picture.reshape(batch, _RGB, leads // _RGB * rows, columns)
        logits: Tensor = self.network(picture)
        return logits
