"""Beats and heart rate of a record on which each lead may show other seconds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_QRS_SMOOTHING_S = 0.08
_REFRACTORY_S = 0.25
_LEAST_INTERVALS = 2


@dataclass(frozen=True)
class HeartRate:
    """Heart rate and how even it is.

    Attributes:
        bpm: beats a minute, from the median interval between beats.
        least_bpm: rate of the longest interval.
        most_bpm: rate of the shortest interval.
        beats_s: ``(n,)`` times of the beats in seconds from the start of the record.
    """

    bpm: float
    least_bpm: float
    most_bpm: float
    beats_s: NDArray[np.float64]


def measure_heart_rate(signal_mv: NDArray[np.floating], rate_hz: float) -> HeartRate | None:
    """Finds the beats and their rate.

    All leads count at once: at each moment the slopes of those leads that show it are squared
    and averaged, each in units of its own 98th percentile, so that the seconds that a page
    spreads over its columns join into one strip.

    Args:
        signal_mv: ``(12, samples)`` mV, NaN = not measured.
        rate_hz: samples a second.

    Returns:
        The heart rate, or None where fewer than three clear beats were found.
    """
    from scipy.signal import find_peaks

    slope = np.gradient(signal_mv.astype(np.float64), axis=1) * rate_hz
    shown = np.isfinite(slope)
    usable = shown.sum(axis=1) >= 0.5 * rate_hz
    if not usable.any():
        return None
    slope, shown = slope[usable], shown[usable]
    steepest = np.nanpercentile(np.abs(slope), 98, axis=1, keepdims=True)
    energy = np.where(shown, slope / np.maximum(steepest, 1e-6), 0.0) ** 2
    strip = energy.sum(axis=0) / np.maximum(shown.sum(axis=0), 1)
    width = max(3, round(_QRS_SMOOTHING_S * rate_hz))
    strip = np.convolve(np.minimum(strip, 4.0), np.hanning(width + 2)[1:-1], mode="same")
    seen = shown.any(axis=0)
    if strip[seen].max() <= 0:
        return None
    high = np.percentile(strip[seen], 98)
    peaks, _ = find_peaks(
        strip,
        height=0.3 * high,
        prominence=0.25 * high,
        distance=max(1, round(_REFRACTORY_S * rate_hz)),
    )
    if len(peaks) < _LEAST_INTERVALS + 1:
        return None
    intervals = [
        (b - a) / rate_hz
        for a, b in pairwise(peaks)
        if seen[a:b].mean() > 0.95  # an unread gap may hide beats
    ]
    if len(intervals) < _LEAST_INTERVALS:
        return None
    return HeartRate(
        bpm=60 / float(np.median(intervals)),
        least_bpm=60 / max(intervals),
        most_bpm=60 / min(intervals),
        beats_s=peaks / rate_hz,
    )
