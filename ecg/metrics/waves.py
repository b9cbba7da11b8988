"""Heights that a reader of an ECG measures: of the R peak and of ST."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.heart_rate import measure_heart_rate

ST_AFTER_J_S = 0.06
_BASELINE_S = (0.10, 0.06)  # before the R peak: the PR segment
_QRS_S = (0.06, 0.12)
_QRS_SHARE = 0.12
_BEAT_S = (0.12, 0.24)


@dataclass(frozen=True)
class Waves:
    """Medians over the beats of a record.

    Attributes:
        r_mv: ``(12,)`` highest point of the QRS complex over the PR segment.
        st_mv: ``(12,)`` level 60 ms after the J point over the PR segment.
    """

    r_mv: NDArray[np.float64]
    st_mv: NDArray[np.float64]


@dataclass(frozen=True)
class BeatTimes:
    """Where a record's waves are measured.

    Attributes:
        beats: ``(n,)`` samples of the R peaks.
        j_samples: from the R peak to the J point.
        rate_hz: samples a second.
    """

    beats: NDArray[np.int64]
    j_samples: int
    rate_hz: float


def find_beat_times(signal_mv: NDArray[np.floating], rate_hz: float) -> BeatTimes | None:
    """Beats of a whole record and its one J point, by the mean beat's spatial velocity.

    The J point is the last moment, up to 120 ms after the peak, at which the velocity over all
    leads is above 12 % of its highest. None where no beats are clear.
    """
    rate = measure_heart_rate(signal_mv, rate_hz)
    if rate is None:
        return None
    before, behind = round(_BEAT_S[0] * rate_hz), round(_BEAT_S[1] * rate_hz)
    beats = np.round(rate.beats_s * rate_hz).astype(np.int64)
    beats = beats[(beats >= before) & (beats < signal_mv.shape[1] - behind)]
    if not len(beats):
        return None
    mean = np.mean([signal_mv[:, beat - before : beat + behind] for beat in beats], axis=0)
    velocity = np.sqrt((np.gradient(mean, axis=1) ** 2).sum(axis=0))[before:]
    reach = round(_QRS_S[1] * rate_hz)
    fast = np.flatnonzero(velocity[:reach] > _QRS_SHARE * velocity[:reach].max())
    return BeatTimes(beats, int(fast[-1]) if len(fast) else 0, rate_hz)


def measure_waves(signal_mv: NDArray[np.floating], times: BeatTimes) -> Waves:
    """Measure all leads of a record at given times, ``(12, samples)`` mV."""
    rate = times.rate_hz
    start, stop = (round(part * rate) for part in _BASELINE_S)
    reach = round(_QRS_S[0] * rate)
    st = times.j_samples + round(ST_AFTER_J_S * rate)
    peak, level = [], []
    for beat in times.beats:
        baseline = np.median(signal_mv[:, beat - start : beat - stop + 1], axis=1)
        peak.append(signal_mv[:, beat - reach : beat + reach + 1].max(axis=1) - baseline)
        level.append(signal_mv[:, min(beat + st, signal_mv.shape[1] - 1)] - baseline)
    return Waves(np.median(peak, axis=0), np.median(level, axis=0))
