"""Ink on paper, whatever the light: what the networks that read words are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def normalise(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey crops ``(..., h, w)`` with paper at 0 and ink negative, whatever the light."""
    grey = crops.astype(np.float32)
    dark, paper = np.quantile(grey, (0.01, 0.7), axis=(-2, -1), keepdims=True)
    depth = np.maximum(paper - dark, 12.0)
    return np.clip((grey - paper) / depth, -1.5, 1.0).astype(np.float32, copy=False)
