"""Beats in millimetres: how far apart they stand on the paper and how wide they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from digitization.traces import RowTrace

_REFRACTORY_MM = 6.0
_HALF_BEAT_MM = 4.0
_FEWEST = 4
_WIDTH_QUANTILE = 0.25


@dataclass(frozen=True)
class Beats:
    """The beats of a page.

    Attributes:
        interval_mm: from one beat to the next in a row, the median.
        width_mm: spread (standard deviation) of a beat's squared slope along the row, the lower
            quartile: beats from a ventricle are wide at any speed.
    """

    interval_mm: float
    width_mm: float


def measure_beats(rows: Iterable[RowTrace]) -> Beats | None:
    """Find the steep complexes of each row and measure them.

    Returns:
        None where fewer than four beats are clear.
    """
    intervals: list[float] = []
    widths: list[float] = []
    for row in rows:
        step = float(row.x_mm[1] - row.x_mm[0])
        energy = np.nan_to_num(np.gradient(row.y_mm)) ** 2
        if not energy.any():
            continue
        half = round(_HALF_BEAT_MM / step)
        smooth = np.convolve(energy, np.hanning(half + 2)[1:-1], "same")
        high = np.percentile(smooth, 98)
        peaks, _ = find_peaks(
            np.minimum(smooth, high), height=0.3 * high, distance=round(_REFRACTORY_MM / step)
        )
        intervals.extend(np.diff(row.x_mm[peaks]))
        for peak in peaks:
            part = slice(max(peak - half, 0), peak + half + 1)
            weights, x = energy[part], row.x_mm[part]
            middle = np.average(x, weights=weights)
            widths.append(float(np.sqrt(np.average((x - middle) ** 2, weights=weights))))
    if len(widths) < _FEWEST or not intervals:
        return None
    return Beats(float(np.median(intervals)), float(np.quantile(widths, _WIDTH_QUANTILE)))
