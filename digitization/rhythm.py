"""Rhythm strips: which lead each shows, laid over the short leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitization.quality import beats_together, correlation, likeness
from ecg.leads import LEAD_INDEX, LEADS
from ecg.paper import PrintedLead

_TRUSTED_STRIP = 0.6
_SAME_LEAD = 0.99
_OTHER_LEAD = 0.95
_LIKE_ENOUGH = ((0.9, 0.15), (0.8, 0.3))  # likeness, and how much more than to its own lead
_MORE_UNLIKE = (2.5, 4.0)  # times, where the name was read and where not
_UNLIKE = 0.2
_LEAST_TOGETHER = 0.15
_SAME_LINE = 0.995
_LEAST_EINTHOVEN = 0.3
_UNNAMED_USUAL = 0.7
_UNNAMED_OTHER = 0.95
_LIKE_NAMES = (range(3), range(3, 6), range(6, 12))  # lead numbers


def add_strips(
    signal: NDArray[np.float32],
    confidence: NDArray[np.float32],
    strips: list[tuple[PrintedLead, NDArray[np.float32], NDArray[np.float32]]],
    named: tuple[bool, ...] | None,
    einthoven: float = float("nan"),
) -> tuple[float, list[PrintedLead]]:
    """Lay rhythm strips over the short leads; return how well the two agree, and the strips.

    Where a strip's lead name was not read, it is the usual lead or the one that it is clearly
    more like, and is left out where it is like none. Where it was read, it is another only if it
    is far more like that (or that leaves far less unexplained) and has a like name ("II" is
    easily read as "I" or "III"); a line that is nothing like its lead is none of it. One that does
    not beat when the leads above it do is no strip, nor is a strip that was seen twice. A name that
    a person gave (``named`` is None) stands. Where limb leads contradict each other
    (``einthoven``, as of ``limb_checks``), one of them was misread, and nothing is told by them.
    """
    agreements, leads = [], []
    doubted = range(3) if einthoven < _LEAST_EINTHOVEN else ()
    taken: set[int] = set()
    for number, (lead, values, sure) in enumerate(strips):
        values, sure = _fit(values, signal.shape[1]), _fit(sure, signal.shape[1], 0.0)
        scores = {k: likeness(values, signal[k]) for k in range(12) if k not in {*taken, *doubted}}
        known = {k: value for k, value in scores.items() if np.isfinite(value)}
        index = LEAD_INDEX[lead.lead]
        if known and named is not None:
            is_named = number < len(named) and named[number]
            likely = lead_of_strip(index, is_named, known)
            again = any(likeness(values, signal[k]) > _SAME_LINE for k in taken)
            if likely is None or again or beats_together(values, signal) < _LEAST_TOGETHER:
                agreements.append(max(correlation(values, signal[k]) for k in known))
                continue
            index = likely
        taken.add(index)
        leads.append(replace(lead, lead=LEADS[index]))
        if index in known:
            agreements.append(correlation(values, signal[index]))
        # One of the two, never a mixture: they differ by a fraction of a millimetre.
        finite = np.isfinite(values)
        trusted = finite.any() and float(sure[finite].mean()) > _TRUSTED_STRIP
        replaced = finite if trusted else finite & ~np.isfinite(signal[index])
        signal[index, replaced] = values[replaced]
        confidence[index, replaced] = sure[replaced]
    return (float(np.mean(agreements)) if agreements else float("nan")), leads


def lead_of_strip(index: int, is_named: bool, likenesses: Mapping[int, float]) -> int | None:
    """The lead of a rhythm strip; None where that cannot be told.

    Args:
        index: the lead of its name, or the usual one.
        is_named: whether its name was read.
        likenesses: to the short leads by their number.
    """
    likely = max(likenesses, key=lambda k: likenesses[k])
    best, own = likenesses[likely], likenesses.get(index, -1.0)
    # Next to nothing is left to explain, and of the other much.
    same = best > _SAME_LEAD and own < _OTHER_LEAD
    more_unlike = (1 - own) / max(1 - best, 1e-6)
    if is_named:
        like = any(index in group and likely in group for group in _LIKE_NAMES)
        nearer = best > _OTHER_LEAD and more_unlike > _MORE_UNLIKE[0]
        clearly = any(best > max(least, own + more) for least, more in _LIKE_ENOUGH)
        if same or (like and (nearer or clearly)):
            return likely
        return index if own > _UNLIKE or index not in likenesses else None
    nearer = best > _SAME_LEAD and more_unlike > _MORE_UNLIKE[1]
    if best <= own + 0.03 and not nearer:
        return index if own > _UNNAMED_USUAL else None
    return likely if best > _UNNAMED_OTHER else None


def _fit(values: NDArray[np.float32], length: int, fill: float = np.nan) -> NDArray[np.float32]:
    """Cut or pad to a length."""
    out = np.full(length, fill, np.float32)
    out[: min(length, len(values))] = values[:length]
    return out
