"""The looks, loaded and applied: pictures in, probability maps out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.probability_maps import ProbabilityMaps
from learning.inference import RunningNetwork, open_network
from segmentation.ink import normalise

NAMES = {
    "page": "page_look",
    "layout": "layout_look",
    "names": "lead_names",
    "trace": "trace_look",
    "text": "text_lines",
}
INT8_ROLES = ("page", "layout", "trace")
"""Those that cost most; the others keep their full precision."""


class Looks:
    """Page look, layout look, lead-name recogniser, trace look and text reader.

    Args:
        page, layout, names, trace, text: trained networks; their facts say what they see.
    """

    def __init__(
        self,
        page: RunningNetwork,
        layout: RunningNetwork,
        names: RunningNetwork,
        trace: RunningNetwork,
        text: RunningNetwork,
    ) -> None:
        self._page, self._layout, self._names, self._trace = page, layout, names, trace
        self._text = text

    @classmethod
    def load(
        cls,
        folders: dict[str, Path] | None = None,
        device: str = "auto",
        precision: str = "auto",
    ) -> Looks:
        """Load the shipped looks, or those in other folders.

        Args:
            folders: folder of a checkpoint by ``page``, ``layout``, ``names``, ``trace`` or
                ``text``.
            device: ``auto``, ``cpu`` or ``cuda``.
            precision: ``float32``, ``int8`` for the looks that cost most, or ``auto``: ``int8``
                on processors made for it.
        """
        import checkpoints

        own = folders or {}
        return cls(
            **{
                role: open_network(
                    own.get(role) or checkpoints.path(name),
                    device,
                    precision if role in INT8_ROLES else "float32",
                )
                for role, name in NAMES.items()
            }
        )

    def see_page(self, photo: NDArray[np.uint8], longest_px: int) -> ProbabilityMaps:
        """Apply the page look to a photo shrunk (or enlarged) to a size.

        Args:
            photo: ``(h, w, 3)`` uint8 RGB.
            longest_px: longest side at which the photo is looked at.

        Returns:
            Maps of ``segmentation.page_look.CLASSES``.
        """
        height, width = photo.shape[:2]
        factor = longest_px / max(height, width)
        size = (max(32, round(width * factor)), max(32, round(height * factor)))
        shrinks = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        small = cv2.resize(photo, size, interpolation=shrinks)
        scale = (width / size[0], height / size[1])
        return ProbabilityMaps(_maps(self._page, small), tuple(self._page.facts["classes"]), scale)

    def see_layout(self, page: NDArray[np.uint8]) -> ProbabilityMaps:
        """Apply the layout look to a rectified page at its 4 pixels per mm.

        Returns:
            Maps of ``segmentation.layout_look.CLASSES`` at half the size.
        """
        values = _maps(self._layout, page, stride=2)
        return ProbabilityMaps(values, tuple(self._layout.facts["classes"]), (2.0, 2.0))

    def see_names(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Read words: ``(n, 40, 80)`` grey crops to ``(n, 13)`` probabilities, the last of none."""
        logits = self._names(normalise(crops)[:, None])
        return _softmax(logits, axis=1)

    def see_text(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Read a line of print: a ``(32, w)`` grey crop to ``(w / 4, 46)`` probabilities.

        The first class is none, the others are ``digitization.text_lines.CHARACTERS``.
        """
        return _softmax(self._text(normalise(crop)[None, None])[0], axis=1)

    def see_trace(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Apply the trace look to a strip about one row at its 12 columns and 8 rows a mm.

        Args:
            strip: ``(h, w, 3)`` uint8 RGB, the row in its middle.

        Returns:
            ``(h + 1, w)`` probability of each height in each column, the last of no trace.
        """
        height, width = strip.shape[:2]
        planes = _planes(strip, self._trace.multiple, channels=4)
        planes[0, 3] = self._distance(planes.shape[2], height)[:, None]
        logits = self._trace(planes)[0, :, :height, :width]
        scores = np.concatenate([logits[0], logits[1].mean(axis=0, keepdims=True)])
        return _softmax(scores, axis=0)

    def _distance(self, count: int, height: int) -> NDArray[np.float32]:
        """Distance of each of so many rows from the middle, 1 at the edge of a strip as trained."""
        facts = self._trace.facts
        half = (float(facts["strip_mm"]) * float(facts["pixels_per_mm"]) - 1) / 2
        rows = np.minimum(np.arange(count), height - 1)
        return ((rows - (height - 1) / 2) / half).astype(np.float32)


def _maps(
    network: RunningNetwork, picture: NDArray[np.uint8], stride: int = 1
) -> NDArray[np.float32]:
    """``(classes, h / stride, w / stride)`` probabilities of a network's logits."""
    height, width = picture.shape[:2]
    logits = network(_planes(picture, network.multiple))[0]
    seen = logits[:, : -(-height // stride), : -(-width // stride)]
    # The logistic function, without overflow; in place, for new memory costs more than counting.
    seen *= 0.5
    np.tanh(seen, out=seen)
    seen *= 0.5
    seen += 0.5
    return seen


def _planes(picture: NDArray[np.uint8], multiple: int, channels: int = 3) -> NDArray[np.float32]:
    """``(1, channels, h, w)`` in 0..1 of ``(h, w, 3)``, the edges repeated to whole multiples.

    Channels beyond the picture's are left to be filled.
    """
    height, width = picture.shape[:2]
    below, right = -height % multiple, -width % multiple
    padded = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
    planes = np.empty((1, channels, height + below, width + right), np.float32)
    np.multiply(padded.transpose(2, 0, 1), np.float32(1 / 255), out=planes[0, :3])
    return planes


def _softmax(scores: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Shares that sum to 1 along an axis."""
    shares = scores - scores.max(axis=axis, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=axis, keepdims=True)
    return shares
