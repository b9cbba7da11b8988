"""How well each lead was read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.reading import Reading
from ecg.record import Record

GOOD_CONFIDENCE = 0.8
FAIR_CONFIDENCE = 0.5


@dataclass(frozen=True)
class LeadQuality:
    """How well one lead was read.

    Attributes:
        lead: lead name.
        start_s: first second that was read, None when nothing was.
        seconds: how much was read.
        share: share of the printed window, first to last read sample, that was read.
        confidence: mean confidence of what was read, 0 to 1.
        peak_to_peak_mv: from the lowest to the highest sample.
        verdict: ``good``, ``fair``, ``poor`` or ``missing``.
    """

    lead: str
    start_s: float | None
    seconds: float
    share: float
    confidence: float
    peak_to_peak_mv: float | None
    verdict: str


def assess_leads(source: Reading | Record) -> tuple[LeadQuality, ...]:
    """The quality of all twelve leads, in their order; a recording's are sure where measured."""
    if isinstance(source, Reading):
        confidence = source.confidence
    else:
        confidence = np.isfinite(source.signal_mv).astype(np.float32)
    return tuple(
        _assess(index, signal, sure, source.rate_hz)
        for index, (signal, sure) in enumerate(zip(source.signal_mv, confidence, strict=True))
    )


def leads_found(source: Reading | Record) -> int:
    """How many of the twelve leads were read at all."""
    return int(np.isfinite(source.signal_mv).any(axis=1).sum())


def _assess(
    index: int,
    signal: NDArray[np.float32],
    lead_confidence: NDArray[np.float32],
    rate_hz: float,
) -> LeadQuality:
    there = np.flatnonzero(np.isfinite(signal))
    if not len(there):
        return LeadQuality(LEADS[index], None, 0.0, 0.0, 0.0, None, "missing")
    confidence = float(lead_confidence[there].mean())
    share = len(there) / float(there[-1] - there[0] + 1)
    sure = confidence * share
    verdict = "good" if sure >= GOOD_CONFIDENCE else "fair" if sure >= FAIR_CONFIDENCE else "poor"
    return LeadQuality(
        lead=LEADS[index],
        start_s=round(float(there[0]) / rate_hz, 3),
        seconds=round(len(there) / rate_hz, 3),
        share=round(share, 4),
        confidence=round(confidence, 4),
        peak_to_peak_mv=round(float(np.ptp(signal[there])), 3),
        verdict=verdict,
    )
