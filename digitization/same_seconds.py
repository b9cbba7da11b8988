"""Whether the columns of a page show one time after another, as most do, or all the same seconds.

Some recorders store ten seconds and print the same part of every lead. What tells is that a heart
beats in all leads at once, and that of the limb leads any two make all six: the first column's
foretell the second's, sample by sample, only where both show the same seconds. A regular rhythm
repeats itself nearly so; noise and small differences from beat to beat tell it apart.

Over 423 records of PTB-XL's folds 1 to 9 with 0.02 mV of noise, no page with consecutive columns is
taken for one of the other kind; those of that kind are all told as 3x4, and eight in nine as 6x2,
where beats must tell alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from digitization.limb_leads import FROM_I_AND_II
from ecg.leads import LEAD_INDEX, LIMB_LEADS
from ecg.paper import PrintedLead

FloatArray = NDArray[np.float64]

_LEAST_SAMPLES = 250
_LAGS = range(-4, 5)  # samples; time bases of columns differ by less
_MOST_UNLIKE = 0.3
_OWN_UNLIKE, _OWN_TIMES = 0.03, 8.0
_USUAL_OWN = 0.01
_LEAST_BEATS = 0.3  # correlation, beside limb leads that fit
_SURE_BEATS = 0.8  # alone
_AT_ONCE = range(-2, 3)  # samples
_NOT_AT_ONCE = (range(-400, -2), range(3, 401))
_SMOOTH = 9
_STEEPEST = 0.98


def show_same_seconds(
    printed: Sequence[PrintedLead], values_mv: Sequence[NDArray[np.floating]]
) -> bool:
    """Whether all columns of a page show the same seconds.

    Args:
        printed: the stretches of the page.
        values_mv: ``(n,)`` samples of each at 500 Hz, NaN where nothing was read.
    """
    columns: dict[int, dict[str, FloatArray]] = {}
    for lead, values in zip(printed, values_mv, strict=True):
        if not lead.is_rhythm and np.isfinite(values).sum() >= _LEAST_SAMPLES:
            columns.setdefault(lead.column, {})[lead.lead] = np.asarray(values, np.float64)
    if len(columns) < 2:
        return False
    limbs = [
        found
        for _, leads in sorted(columns.items())
        if len(found := {name: one for name, one in leads.items() if name in LIMB_LEADS}) > 1
    ]
    foretold = len(limbs) > 1
    if foretold:
        unlike, own = _unlikeness(limbs[0], limbs[1])
        if unlike >= min(_MOST_UNLIKE, _OWN_TIMES * own + _OWN_UNLIKE):
            return False
    beats = [_steepness(list(leads.values())) for _, leads in sorted(columns.items())]
    together = min(_together(beats[0], other, _AT_ONCE) for other in beats[1:])
    if foretold:
        return together > _LEAST_BEATS
    return together > _SURE_BEATS and all(
        _together(beats[0], other, lags) < together for other in beats[1:] for lags in _NOT_AT_ONCE
    )


def _unlikeness(one: dict[str, FloatArray], two: dict[str, FloatArray]) -> tuple[float, float]:
    """How unlike the limb leads of a column are to what another's foretell, and its own fit.

    Both are shares of energy: 0 of what is the same, about 1 of what has nothing to do with it.
    """
    ways = [FROM_I_AND_II[[LEAD_INDEX[name] for name in leads]] for leads in (one, two)]
    signals = [_common(list(leads.values())) for leads in (one, two)]
    foretold = ways[1] @ (np.linalg.pinv(ways[0]) @ signals[0])
    length = min(foretold.shape[1], signals[1].shape[1])
    unlike = min(
        _share(
            foretold[:, max(lag, 0) : length + min(lag, 0)],
            signals[1][:, max(-lag, 0) : length + min(-lag, 0)],
        )
        for lag in _LAGS
    )
    own = [
        _share(way @ (np.linalg.pinv(way) @ signal), signal)
        for way, signal in zip(ways, signals, strict=True)
        if len(way) > 2
    ]
    return unlike, max(own, default=_USUAL_OWN)


def _common(leads: Sequence[FloatArray]) -> FloatArray:
    """Leads of one column as an array of the shortest's length."""
    length = min(map(len, leads))
    return np.array([lead[:length] for lead in leads])


def _share(a: FloatArray, b: FloatArray) -> float:
    """Energy of the difference of two groups of signals without their means, as a share."""
    there = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
    if there.sum() < _LEAST_SAMPLES:
        return 1.0
    a, b = (one[:, there] - one[:, there].mean(axis=1, keepdims=True) for one in (a, b))
    return float(((a - b) ** 2).sum() / max((a**2).sum() + (b**2).sum(), 1e-12))


def _steepness(leads: Sequence[FloatArray]) -> FloatArray:
    """How steep the leads of a column are on the whole, each as much as its own usual; ``(n,)``."""
    change = np.abs(np.diff(_common(leads), axis=1))
    total = np.zeros(change.shape[1])
    for one in change:
        there = np.isfinite(one)
        usual, most = np.median(one[there]), np.quantile(one[there], _STEEPEST)
        total[there] += np.minimum(one[there], most) / max(float(usual), 1e-6)
    return uniform_filter1d(total, _SMOOTH)


def _together(one: FloatArray, two: FloatArray, lags: range) -> float:
    """Highest correlation of two columns' steepness at some lags."""
    length = min(len(one), len(two))
    found = [0.0]
    for lag in lags:
        a = one[max(lag, 0) : length + min(lag, 0)]
        b = two[max(-lag, 0) : length + min(-lag, 0)]
        if len(a) >= _LEAST_SAMPLES and min(a.std(), b.std()) > 0:
            found.append(float(np.corrcoef(a, b)[0, 1]))
    return max(found)
