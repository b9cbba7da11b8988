"""The three looks, loaded and applied: pictures in, probability maps out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.probability_maps import ProbabilityMaps

if TYPE_CHECKING:
    from torch import nn

NAMES = {
    "page": "page_look",
    "layout": "layout_look",
    "names": "lead_names",
    "trace": "trace_look",
}


class Looks:
    """Page look, layout look, lead-name recogniser and trace look.

    Args:
        page, layout, names, trace: trained networks, in evaluation mode.
    """

    def __init__(
        self, page: nn.Module, layout: nn.Module, names: nn.Module, trace: nn.Module
    ) -> None:
        self._page, self._layout, self._names, self._trace = page, layout, names, trace

    @classmethod
    def load(cls, folders: dict[str, Path] | None = None, device: str = "auto") -> Looks:
        """Load the shipped looks, or those in other folders.

        Args:
            folders: folder of a checkpoint by ``page``, ``layout``, ``names`` or ``trace``.
            device: ``auto``, ``cpu`` or ``cuda``.
        """
        import torch

        import checkpoints
        import segmentation.lead_names
        import segmentation.networks  # noqa: F401  (both register networks)
        from learning.checkpoint import read_checkpoint

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        networks: dict[str, Any] = {}
        for role, name in NAMES.items():
            if folders and role in folders:
                network = read_checkpoint(folders[role]).network
            else:
                network = checkpoints.load(name)
            placed: Any = _without_batch_norms(network.eval()).to(device)
            networks[role] = placed.to(memory_format=torch.channels_last)
        return cls(**networks)

    def see_page(self, photo: NDArray[np.uint8], longest_px: int) -> ProbabilityMaps:
        """Apply the page look to a photo shrunk (or enlarged) to a size.

        Args:
            photo: ``(h, w, 3)`` uint8 RGB.
            longest_px: longest side at which the photo is looked at.

        Returns:
            Maps of ``segmentation.page_look.CLASSES``.
        """
        from segmentation.page_look import CLASSES

        height, width = photo.shape[:2]
        factor = longest_px / max(height, width)
        size = (max(32, round(width * factor)), max(32, round(height * factor)))
        shrinks = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        small = cv2.resize(photo, size, interpolation=shrinks)
        values = self._run(self._page, small)
        return ProbabilityMaps(values, CLASSES, (width / size[0], height / size[1]))

    def see_layout(self, page: NDArray[np.uint8]) -> ProbabilityMaps:
        """Apply the layout look to a rectified page at its 4 pixels per mm.

        Returns:
            Maps of ``segmentation.layout_look.CLASSES`` at half the size.
        """
        from segmentation.layout_look import CLASSES

        return ProbabilityMaps(self._run(self._layout, page, stride=2), CLASSES, (2.0, 2.0))

    def see_names(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Read words: ``(n, 40, 80)`` grey crops to ``(n, 13)`` probabilities, the last of none."""
        import torch

        from segmentation.lead_names import normalise

        picture = torch.from_numpy(np.stack([normalise(crop) for crop in crops]))[:, None]
        device = next(self._names.parameters()).device
        with torch.inference_mode():
            answer = self._names(picture.to(device)).softmax(dim=1)
        return np.ascontiguousarray(answer.cpu().numpy())

    def see_trace(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Apply the trace look to a strip about one row at its 8 pixels per mm.

        Args:
            strip: ``(h, w, 3)`` uint8 RGB, the row in its middle.

        Returns:
            ``(h + 1, w)`` probability of each height in each column, the last of no trace.
        """
        import torch

        from segmentation.page_look import to_tensor
        from segmentation.trace_look import column_scores, height_channel

        height, width = strip.shape[:2]
        picture = torch.cat([to_tensor(strip), height_channel(height, width)])[None]
        with torch.inference_mode():
            logits = self._forward(self._trace, picture)[..., :height, :width]
            answer = column_scores(logits).softmax(dim=1)[0]
        return np.ascontiguousarray(answer.cpu().numpy())

    def _run(
        self, network: nn.Module, image: NDArray[np.uint8], stride: int = 1
    ) -> NDArray[np.float32]:
        import torch

        from segmentation.page_look import to_tensor

        height, width = image.shape[:2]
        with torch.inference_mode():
            logits = self._forward(network, to_tensor(image)[None])
            values = logits[0, :, : -(-height // stride), : -(-width // stride)].sigmoid()
        return np.ascontiguousarray(values.float().cpu().numpy())

    @staticmethod
    def _forward(network: Any, picture: Any) -> Any:
        """Run a network on a picture of any size, padded to what its levels need."""
        import torch
        from torch.nn import functional

        multiple = int(network.multiple)
        height, width = picture.shape[-2:]
        padding = (0, -width % multiple, 0, -height % multiple)
        padded = functional.pad(picture, padding, mode="replicate")
        device = next(network.parameters()).device
        return network(padded.to(device, memory_format=torch.channels_last))


def _without_batch_norms(network: nn.Module) -> nn.Module:
    """The same network with its batch norms folded into its convolutions: a tenth faster."""
    from torch.fx.experimental.optimization import fuse

    fused: Any = fuse(network)
    if hasattr(network, "multiple"):
        fused.multiple = network.multiple
    return fused
