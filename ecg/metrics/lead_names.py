"""Leads that were given out under a wrong name, told by their places or their shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate
from scipy.spatial import cKDTree

from ecg.leads import LEADS

Signal = NDArray[np.floating]

_LEAST_SHARE = 0.2
_LEAST_CORRELATION = 0.9
_CLEARLY = 0.25


def wrong_names(record_mv: Signal, estimate_mv: Signal) -> tuple[str, ...]:
    """Names under which another lead was given out.

    The longest stretch of each lead read is compared with all twelve true leads, wherever in the
    record it fits best, upright or inverted. Its name is wrong where another lead, or its own
    inverted, correlates above 0.9 and leaves less than a quarter of the variance unexplained
    that its own leaves.

    Args:
        record_mv: ``(12, n)`` the whole true record.
        estimate_mv: ``(12, m)`` what was read at the same rate, NaN where nothing was.
    """
    record = np.nan_to_num(np.asarray(record_mv, np.float64))
    wrong = []
    for index, lead in enumerate(LEADS):
        stretch = _longest_stretch(np.asarray(estimate_mv[index], np.float64))
        if len(stretch) < _LEAST_SHARE * estimate_mv.shape[1] or len(stretch) > record.shape[1]:
            continue
        fits = [_extremes(stretch, true) for true in record]
        own = max(fits[index][1], 0.0)
        others = [max(high, -low) for k, (low, high) in enumerate(fits) if k != index]
        best = max(-fits[index][0], *others)
        if best > _LEAST_CORRELATION and 1 - best**2 < _CLEARLY * (1 - own**2):
            wrong.append(lead)
    return tuple(wrong)


def misplaced_names(
    printed: Sequence[tuple[str, NDArray[np.floating]]],
    read: Sequence[tuple[str, NDArray[np.floating]]],
) -> tuple[str, ...]:
    """Names under which a trace of another lead was given out: most of its points lie on that.

    Args:
        printed: lead and ``(n, 2)`` points of every trace in the picture.
        read: the same of every trace that was read, NaN where nothing was.
    """
    leads = np.concatenate([np.full(len(points), LEADS.index(lead)) for lead, points in printed])
    tree = cKDTree(np.concatenate([points for _, points in printed]))
    wrong = set()
    for lead, points in read:
        seen = points[np.isfinite(points).all(axis=1)]
        if len(seen):
            on = np.bincount(leads[tree.query(seen)[1]])
            if on.argmax() != LEADS.index(lead):
                wrong.add(lead)
    return tuple(lead for lead in LEADS if lead in wrong)


def _longest_stretch(signal: Signal) -> Signal:
    """The longest run of finite samples."""
    finite = np.concatenate([[0], np.isfinite(signal).astype(int), [0]])
    edges = np.flatnonzero(np.diff(finite))
    if not len(edges):
        return signal[:0]
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return signal[starts[longest] : stops[longest]]


def _extremes(stretch: Signal, true: Signal) -> tuple[float, float]:
    """Least and greatest correlation of a stretch with a record, over all places in it."""
    length = len(stretch)
    centred = stretch - stretch.mean()
    products = correlate(true, centred, mode="valid")
    sums = np.cumsum(np.concatenate([[0.0], true]))
    squares = np.cumsum(np.concatenate([[0.0], true**2]))
    total = sums[length:] - sums[:-length]
    power = np.clip(squares[length:] - squares[:-length] - total**2 / length, 1e-12, None)
    correlation = products / np.sqrt(power * max(float(centred @ centred), 1e-12))
    return float(correlation.min()), float(correlation.max())
