"""Reader of packed PTB-XL shards: lossless int16 signals in compressed ``.npz`` files.

A shard holds ``ecg_id`` (N,), ``fs`` (1,) and four byte planes. ``lo``/``hi`` ``(8, N, T)`` are
the low and high bytes of the zigzag-coded sample differences of I, II and V1 to V6. ``rlo``/
``rhi`` ``(4, N, T)`` are those of III, aVR, aVL and aVF less what I and II predict. One unit is
1 uV; all sums wrap at 16 bits, so decoding is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEAD_INDEX

_STORED = [LEAD_INDEX[lead] for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")]
_DERIVED = [LEAD_INDEX[lead] for lead in ("III", "aVR", "aVL", "aVF")]


@dataclass(frozen=True)
class Shard:
    """A decoded shard.

    Attributes:
        ecg_ids: ``(N,)`` record numbers.
        signals_uv: ``(N, 12, T)`` int16 in uV, leads in ``LEADS`` order.
        rate_hz: samples a second.
    """

    ecg_ids: NDArray[np.int64]
    signals_uv: NDArray[np.int16]
    rate_hz: int


def read_shard(path: str | Path) -> Shard:
    """Decodes one shard.

    Raises:
        ValueError: if the file lacks a part of the format.
    """
    with np.load(path, allow_pickle=False) as file:
        missing = {"ecg_id", "fs", "lo", "hi", "rlo", "rhi"} - set(file.files)
        if missing:
            raise ValueError(f"{path} is no packed PTB-XL shard: it lacks {sorted(missing)}")
        ecg_ids = file["ecg_id"].astype(np.int64)
        return Shard(ecg_ids, unpacked_uv(file), int(file["fs"].ravel()[0]))


def unpacked_uv(planes: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.int16]:
    """Decodes the four byte planes to ``(N, 12, T)`` int16 uV, leads in ``LEADS`` order."""
    differences = _zigzag_decoded(planes["lo"], planes["hi"])
    residuals = _zigzag_decoded(planes["rlo"], planes["rhi"])
    signals = np.empty((differences.shape[1], 12, differences.shape[2]), np.int16)
    for difference, stored in zip(differences, _STORED, strict=True):
        np.cumsum(difference, axis=-1, dtype=np.int16, out=signals[:, stored])
    i, ii = signals[:, 0].astype(np.int32), signals[:, 1].astype(np.int32)
    predicted = (ii - i, -((i + ii) >> 1), i - (ii >> 1), ii - (i >> 1))
    for derived, prediction, residual in zip(_DERIVED, predicted, residuals, strict=True):
        signals[:, derived] = (prediction + residual).astype(np.int16)
    return signals


def _zigzag_decoded(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> NDArray[np.int16]:
    coded = high.astype(np.uint16)
    coded <<= 8
    coded |= low
    sign = (coded & 1).view(np.int16)
    np.negative(sign, out=sign)
    coded >>= 1
    return coded.view(np.int16) ^ sign
