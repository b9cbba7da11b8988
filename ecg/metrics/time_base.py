"""How far the time base of a digitized page is off: its length against the true one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

Signal = NDArray[np.floating]

_PIECE_S = 1.25
_LARGEST_SHIFT_S = 0.3
_LEAST_CORRELATION = 0.8
_SHORTEST_SPAN_S = 1.0


def time_error(truth_mv: Signal, estimate_mv: Signal, rate_hz: float) -> float:
    """Relative error of the time base, ``|measured length / true length - 1|``.

    Every lead is cut into pieces of 1.25 s; each says by how much the estimate is late there. The
    slope of these delays over the time (Theil and Sen's) is the error of the length, whatever
    delay all pieces share.

    Args:
        truth_mv: ``(leads, n)`` in mV, NaN where nothing was printed.
        estimate_mv: the same of what was read.
        rate_hz: samples a second of both.

    Returns:
        NaN where too few pieces can be recognised, or they lie too close together.
    """
    times: list[float] = []
    delays: list[float] = []
    length = round(_PIECE_S * rate_hz)
    for truth, estimate in zip(truth_mv, estimate_mv, strict=True):
        there = np.flatnonzero(np.isfinite(truth) & np.isfinite(estimate))
        if len(there) < length:
            continue
        for first in range(int(there[0]), int(there[-1]) + 2 - length, length):
            piece = slice(first, first + length)
            delay = _delay(truth[piece], estimate[piece], round(_LARGEST_SHIFT_S * rate_hz))
            if delay is not None:
                times.append(first / rate_hz)
                delays.append(delay / rate_hz)
    if len(times) < 3 or np.ptp(times) < _SHORTEST_SPAN_S:
        return math.nan
    rise, run = np.subtract.outer(delays, delays), np.subtract.outer(times, times)
    later = run > 0
    return abs(float(np.median(rise[later] / run[later])))


def _delay(truth: Signal, estimate: Signal, largest: int) -> float | None:
    """Samples by which a piece is late, below the sample; None where it is not recognised."""
    both = np.isfinite(truth) & np.isfinite(estimate)
    if both.mean() < 0.9:
        return None
    a = np.where(both, truth - truth[both].mean(), 0.0)
    b = np.where(both, estimate - estimate[both].mean(), 0.0)
    scale = math.sqrt(float(a @ a) * float(b @ b))
    if scale < 1e-9:
        return None
    middle = len(a) - 1
    products = correlate(b, a, mode="full")[middle - largest : middle + largest + 1] / scale
    best = int(products.argmax())
    if products[best] < _LEAST_CORRELATION or not 0 < best < len(products) - 1:
        return None
    before, top, after = products[best - 1 : best + 2]
    bend = before - 2 * top + after
    return best - largest + float(0.5 * (before - after) / bend if bend < 0 else 0.0)
