"""From heights in a strip to samples: cleaning, calibration, resampling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from ecg.reading import READING_RATE_HZ

FloatArray = NDArray[np.float64]

_PRESENT = 0.4
_LONGEST_GAP_MM = 1.2
_MARK_MM = 0.6
_SIDE_MM = 2.2
_STEP_MM = 1.5
_FALL_MM = 1.2
_HIGH_MM = 4.0
_BREAK_MM = 6.0
_COLUMN_MM = 25.0
_SHARPER = np.array([0.035, -0.095, 0.035, 1.05, 0.035, -0.095, 0.035])
"""A filter over columns of 1/12 mm; fitted on fold 9."""
MOST_GAP_MM = 12.5
"""The widest gap between two columns of a row."""


@dataclass(frozen=True)
class RowTrace:
    """The centre line of a row.

    Attributes:
        x_mm: ``(n,)`` page positions of the columns, evenly spaced.
        y_mm: ``(n,)`` heights, NaN where there is no trace.
        confidence: ``(n,)`` 0..1.
        presence: ``(n,)`` 0..1, how sure it is that there is a trace.
        cut: whether it leaves the picture at its begin and at its end.
    """

    x_mm: FloatArray
    y_mm: FloatArray
    confidence: NDArray[np.float32]
    presence: NDArray[np.float32]
    cut: tuple[bool, bool] = (False, False)

    @property
    def extent_mm(self) -> tuple[float, float] | None:
        """First and last position of the longest run of trace.

        Short breaks are bridged, and wider ones between stretches as long as columns are.
        """
        finite = np.isfinite(self.y_mm)
        if finite.sum() < 8:
            return None
        step = self.x_mm[1] - self.x_mm[0]
        runs = runs_of(finite)
        for bridge_mm, least_mm in ((_BREAK_MM, 0.0), (MOST_GAP_MM, _COLUMN_MM)):
            runs = _bridged(runs, bridge_mm / step, least_mm / step)
        first, beyond = runs[np.argmax(runs[:, 1] - runs[:, 0])]
        return self._edge(first - 1, first), self._edge(beyond, beyond - 1)

    def _edge(self, outside: int, inside: int) -> float:
        """Where between two columns the trace begins, from how sure each is of a trace."""
        if not 0 <= outside < len(self.x_mm):
            return float(self.x_mm[inside])
        low, high = float(self.presence[outside]), float(self.presence[inside])
        share = np.clip((0.5 - low) / max(high - low, 1e-6), 0.0, 1.0)
        return float(self.x_mm[outside] + share * (self.x_mm[inside] - self.x_mm[outside]))


def runs_of(there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """``(n, 2)`` first and beyond of every run of what is there."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    return edges.reshape(-1, 2)


def _bridged(runs: NDArray[np.int64], bridge: float, least: float) -> NDArray[np.int64]:
    """Runs (first, beyond) joined over breaks up to ``bridge`` where both are ``least`` long."""
    joined = [runs[0].copy()]
    for run in runs[1:]:
        shorter = min(run[1] - run[0], joined[-1][1] - joined[-1][0])
        if run[0] - joined[-1][1] <= bridge and shorter >= least:
            joined[-1][1] = run[1]
        else:
            joined.append(run.copy())
    return np.array(joined)


def clean_heights(
    x_mm: FloatArray,
    y_mm: FloatArray,
    presence: NDArray[np.float32],
    confidence: NDArray[np.float32],
) -> RowTrace:
    """Drop columns without a trace and specks, and bridge short breaks.

    Args:
        x_mm: positions of the columns.
        y_mm: heights as read.
        presence: how sure it is that there is a trace.
        confidence: how sure its height is.
    """
    y = np.where(presence >= _PRESENT, y_mm, np.nan)
    step = x_mm[1] - x_mm[0]
    for start, stop in runs_of(np.isfinite(y)):
        if (stop - start) * step < 0.3:
            y[start:stop] = np.nan
    finite = np.isfinite(y)
    if finite.sum() >= 2:
        for start, stop in runs_of(~finite):
            if start > 0 and stop < len(y) and (stop - start) * step <= _LONGEST_GAP_MM:
                y[start:stop] = np.interp(
                    x_mm[start:stop], [x_mm[start - 1], x_mm[stop]], [y[start - 1], y[stop]]
                )
    return RowTrace(x_mm, y, confidence, presence)


def sharpened(trace: RowTrace) -> RowTrace:
    """The same trace, its sharp waves as high as they were drawn.

    Pen and look blur them by an eightieth of their height.

    Args:
        trace: as the trace look shows it, in columns of 1/12 mm.
    """
    y = trace.y_mm.copy()
    for start, stop in runs_of(np.isfinite(y)):
        run = np.pad(y[start:stop], len(_SHARPER) // 2, mode="edge")
        y[start:stop] = np.convolve(run, _SHARPER, "valid")
    return replace(trace, y_mm=y)


def without_pulse(trace: RowTrace, left_mm: float) -> RowTrace:
    """Take out what was read of a pulse that falls where the row begins.

    Within half a millimetre of the beginning, heights far from those on both sides belong to the
    pulse, not to the heart; so does the fall from a height at which the row did not begin.

    Args:
        trace: a row as read.
        left_mm: where its first lead begins.
    """
    x, y = trace.x_mm, trace.y_mm.copy()
    away = x - left_mm
    before = y[(away > -_SIDE_MM) & (away < 0) & np.isfinite(y)]
    after = y[(away > _FALL_MM) & (away < _SIDE_MM) & np.isfinite(y)]
    if len(before) and len(after) and np.median(after) - np.median(before) > _HIGH_MM:
        falling = (away > -_SIDE_MM) & (away < _FALL_MM)
        y[falling & (y < np.median(after) - _STEP_MM)] = np.nan
    sides = [(away > -_SIDE_MM) & (away < -_MARK_MM), (away > _MARK_MM) & (away < _SIDE_MM)]
    levels = [np.nanmedian(y[side]) for side in sides if np.isfinite(y[side]).any()]
    if not levels:
        return trace
    low, high = min(levels) - _STEP_MM, max(levels) + _STEP_MM
    near = np.flatnonzero(np.abs(away) <= _MARK_MM)
    marks = near[(y[near] < low) | (y[near] > high)]
    kept = np.setdiff1d(np.flatnonzero(np.isfinite(y)), marks)
    if len(levels) == 2 and len(kept) > 1:
        y[marks] = np.interp(x[marks], x[kept], y[kept])
    else:
        y[marks] = np.nan
    return replace(trace, y_mm=y)


def sample_window(
    trace: RowTrace,
    left_mm: float,
    duration_s: float,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    zero_mm: float,
    sign: int = 1,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read one stretch at 500 Hz.

    A cubic spline through the columns: linear interpolation would cost decibels at the QRS.

    Returns:
        ``(n,)`` mV, NaN where nothing was read, and ``(n,)`` confidence.
    """
    count = round(duration_s * READING_RATE_HZ)
    at = left_mm + np.arange(count) / READING_RATE_HZ * speed_mm_per_s
    signal = np.full(count, np.nan, np.float32)
    step = trace.x_mm[1] - trace.x_mm[0]
    for start, stop in runs_of(np.isfinite(trace.y_mm)):
        if stop - start < 4:
            continue
        x, y = trace.x_mm[start:stop], trace.y_mm[start:stop]
        inside = (at >= x[0] - step) & (at <= x[-1] + step)
        if inside.any():
            heights = CubicSpline(x, y)(np.clip(at[inside], x[0], x[-1]))
            signal[inside] = sign * (zero_mm - heights) / gain_mm_per_mv
    confidence = np.interp(at, trace.x_mm, trace.confidence, left=0, right=0).astype(np.float32)
    confidence[~np.isfinite(signal)] = 0
    return signal, confidence
