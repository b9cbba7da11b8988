"""What the page says twice, compared: the basis on which a reading is trusted or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ecg.leads import LEAD_INDEX, LIMB_LEADS
from ecg.paper import PrintedLead

_WITHIN = (0.01, 0.99)
_FLAT_MV = 0.06
_BEATS_MV = 0.2
_SHIFT_SAMPLES = 24
_LEAST_SAMPLES = 250
_NOTHING = 1e-9
_GOES_ON = 0.6
_STEEP_SAMPLES = 31  # over which steepness is taken
_STEEPEST = 0.98


@dataclass(frozen=True)
class Agreement:
    """Checks of one reading; NaN where the page does not allow one.

    Attributes:
        coverage: share of the printed windows that was read.
        confidence: mean confidence of what was read.
        einthoven, goldberger: what the limb leads and the augmented leads say of each other, as
            ``limb_checks`` gives it.
        rhythm: mean correlation of rhythm strips with their short leads.
    """

    coverage: float
    confidence: float
    einthoven: float
    goldberger: float
    rhythm: float

    @property
    def quality(self) -> float:
        """One figure in 0..1."""
        checks = (self.einthoven, self.goldberger, self.rhythm)
        known = [min(max(value, 0.0), 1.0) for value in checks if np.isfinite(value)]
        consistent = float(np.mean(known)) if known else 0.8
        return round(float(self.coverage * self.confidence * (0.3 + 0.7 * consistent)), 3)


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Highest correlation of two signals a little shifted; NaN if too short."""
    values = [
        xy / np.sqrt(xx * yy) if np.sqrt(xx * yy) > _NOTHING else 0.0
        for xx, yy, xy in _products(a, b)
    ]
    return max(values, default=float("nan"))


def likeness(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """As ``correlation``, but 1 only for signals of the same height: Lin's (doi 10.2307/2532051).

    Levels may differ.
    """
    values = [2 * xy / (xx + yy) if xx + yy > _NOTHING else 0.0 for xx, yy, xy in _products(a, b)]
    return max(values, default=float("nan"))


def _products(
    a: NDArray[np.floating], b: NDArray[np.floating]
) -> Iterator[tuple[float, float, float]]:
    """Sums of squares of two signals, and of their product, without their means, for each shift."""
    for k in range(-_SHIFT_SAMPLES, _SHIFT_SAMPLES + 1, 2):
        left = a[max(k, 0) : len(a) + min(k, 0)]
        right = b[max(-k, 0) : len(b) + min(-k, 0)]
        both = np.isfinite(left) & np.isfinite(right)
        if both.sum() < _LEAST_SAMPLES:
            continue
        x, y = left[both] - left[both].mean(), right[both] - right[both].mean()
        yield float((x**2).sum()), float((y**2).sum()), float((x * y).sum())


def beats_together(strip_mv: NDArray[np.floating], signal_mv: NDArray[np.floating]) -> float:
    """Correlation of where a strip is steep with where the leads printed beside it are.

    A heart beats in all leads at once: 0.5 to 0.9 of real strips (312 of fold 9), near 0 of a line
    of print that was taken for one. NaN where too little was read.

    Args:
        strip_mv: ``(n,)`` mV.
        signal_mv: ``(12, n)`` mV, NaN where nothing was read.
    """
    steep = _steepness(np.concatenate([strip_mv[None], signal_mv]))
    there = np.isfinite(steep)
    usual = np.array(
        [
            np.median(row[np.isfinite(row)]) if ok else 1.0
            for row, ok in zip(steep, there.any(axis=1), strict=True)
        ]
    )
    shares = np.where(there, steep / np.maximum(usual, _NOTHING)[:, None], 0.0)[1:]
    count = there[1:].sum(axis=0)
    both = there[0] & (count > 0)
    if both.sum() < 2 * _LEAST_SAMPLES:
        return float("nan")
    strip, others = steep[0, both], shares.sum(axis=0)[both] / count[both]
    a, b = (np.minimum(one, np.quantile(one, _STEEPEST)) for one in (strip, others))
    if min(a.std(), b.std()) < _NOTHING:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _steepness(signal_mv: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean change from sample to sample about each; NaN where nothing is."""
    change = np.abs(np.diff(signal_mv, axis=1, append=np.nan))
    there = np.isfinite(change)
    share = uniform_filter1d(there.astype(np.float64), _STEEP_SAMPLES, axis=1)
    mean = uniform_filter1d(np.where(there, change, 0.0), _STEEP_SAMPLES, axis=1)
    return np.where(there, mean / np.maximum(share, _NOTHING), np.nan)


def limb_checks(signal_mv: NDArray[np.floating]) -> tuple[float, float]:
    """Likenesses that Einthoven's and Goldberger's relations promise.

    Heights count: leads under wrong names may be a multiple of what they should be.

    Args:
        signal_mv: ``(12, n)``, windows in their own time.

    Returns:
        The one of III with II - I, and the least of the augmented leads' with their sums of limb
        leads. Where those were not printed together, what other three leads of a column say: 3 I
        = 2 (aVL - aVR) for the first, and aVR + aVL + aVF = 0 for the second. NaN where no such
        leads were printed at the same time.
    """

    def lead(name: str) -> NDArray[np.floating]:
        return signal_mv[LEAD_INDEX[name]]

    one, two, three = lead("I"), lead("II"), lead("III")
    right, left, foot = lead("aVR"), lead("aVL"), lead("aVF")
    einthoven = likeness(three, two - one)
    sums = (
        (right, -(one + two) / 2),
        (left, (one - three) / 2),
        (foot, (two + three) / 2),
    )
    known = [value for value in (likeness(*pair) for pair in sums) if np.isfinite(value)]
    if not np.isfinite(einthoven):
        einthoven = _zero_sum(3 * one, -2 * left, 2 * right)
    return einthoven, min(known) if known else _zero_sum(right, left, foot)


def limbs_go_on(signal_mv: NDArray[np.floating], printed: Sequence[PrintedLead]) -> bool:
    """Whether the second column of six rows shows the limb leads of the first, going on.

    A page of limb leads alone is not one of twelve: chest leads keep none of the relations that
    limb leads keep in their usual order. (In Cabrera's, where each is about the mean of its
    neighbours, they nearly do.)

    Args:
        signal_mv: ``(12, n)`` mV, NaN where nothing was read.
        printed: the leads of the page without its rhythm strips.
    """
    first = {lead.lead: lead.row for lead in printed if lead.column == 0}
    second = {lead.row: lead.lead for lead in printed if lead.column == 1}
    if tuple(first) != LIMB_LEADS or not set(first.values()) <= set(second):
        return False
    taken = np.full_like(signal_mv, np.nan)
    for limb, row in first.items():
        taken[LEAD_INDEX[limb]] = signal_mv[LEAD_INDEX[second[row]]]
    return min(limb_checks(taken)) > _GOES_ON


def _zero_sum(*leads: NDArray[np.floating]) -> float:
    """Likeness of the largest of some leads that add up to nothing to the others."""
    together = np.isfinite(leads).all(axis=0)
    if not together.any():
        return float("nan")
    largest = int(np.argmax(np.var(np.array(leads)[:, together], axis=1)))
    others = [lead for number, lead in enumerate(leads) if number != largest]
    return likeness(leads[largest], -np.sum(others, axis=0))


def flat_rows(signal_mv: NDArray[np.float32], printed: Sequence[PrintedLead]) -> int:
    """How many rows of several leads show no heart at all on a page whose others do.

    One lead may be flat where an electrode was off; the leads of a whole row are never. A line of
    the grid or of a frame was taken for such a row.

    Args:
        signal_mv: ``(12, n)`` mV, NaN where nothing was read.
        printed: the leads of the page.
    """
    rows: dict[int, list[float]] = {}
    for lead in printed:
        values = signal_mv[LEAD_INDEX[lead.lead]]
        values = values[np.isfinite(values)]
        if not lead.is_rhythm and len(values):
            low, high = np.quantile(values, _WITHIN)
            rows.setdefault(lead.row, []).append(float(high - low))
    if not rows or np.median([swing for row in rows.values() for swing in row]) < _BEATS_MV:
        return 0
    return sum(len(row) > 1 and max(row) < _FLAT_MV for row in rows.values())
