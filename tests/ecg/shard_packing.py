"""The packing of ``ecg.ptbxl_shards``, the other way: written from its description."""

from typing import Any

import numpy as np

BASE = [0, 1, 6, 7, 8, 9, 10, 11]


def zigzag(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = values.astype(np.int32)
    coded = np.where(wide < 0, -2 * wide - 1, 2 * wide).astype(np.uint16)
    return (coded & 255).astype(np.uint8), (coded >> 8).astype(np.uint8)


def packed(signals: np.ndarray) -> dict[str, Any]:
    """The planes of ``(N, 12, T)`` int16."""
    stored = signals[:, BASE].transpose(1, 0, 2)
    differences = np.diff(stored, axis=2, prepend=np.zeros_like(stored[:, :, :1]))
    i, ii = signals[:, 0].astype(np.int32), signals[:, 1].astype(np.int32)
    predicted = np.stack([ii - i, -((i + ii) >> 1), i - (ii >> 1), ii - (i >> 1)])
    residuals = (signals[:, 2:6].transpose(1, 0, 2) - predicted).astype(np.int16)
    lo, hi = zigzag(differences.astype(np.int16))
    rlo, rhi = zigzag(residuals)
    return {"lo": lo, "hi": hi, "rlo": rlo, "rhi": rhi}
