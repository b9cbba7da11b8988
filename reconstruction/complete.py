"""A record completed: what was measured kept, the rest filled, and how far each sample may err."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS, LIMB_LEADS, LIMB_LEADS_FROM_I_II, derive_limb_leads
from ecg.resampling import finite_runs, resample, resampled_length
from reconstruction.reconstructor import RATE_HZ, SAMPLES, ReconstructionError, Reconstructor

LEAST_S = 2.4
"""Shortest stretch of one lead from which a record is completed (a column of a 3x4 page)."""
_RATES_HZ = (50.0, 2000.0)
_MOST_S = 120.0
_SEAM_S = 0.4
_UNKNOWN_MV = 1.0  # deviation where no lead is measured for ten seconds or more


@dataclass(frozen=True)
class CompletedRecord:
    """Twelve whole leads.

    Attributes:
        signal_mv: ``(12, n)`` float32 mV, finite. The limb leads keep their relations within 1 uV.
        deviation_mv: ``(12, n)`` float32 mV: half the width of the interval that holds the truth
            in 68 % of the samples; zero where the lead was measured or follows from measured ones.
        filled: ``(12, n)`` whether a sample was neither measured nor follows from measured ones.
        rate_hz: samples a second.
        model: name of the model that filled.
    """

    signal_mv: NDArray[np.float32]
    deviation_mv: NDArray[np.float32]
    filled: NDArray[np.bool_]
    rate_hz: float
    model: str


def complete(
    signal_mv: NDArray[np.floating],
    rate_hz: float,
    reconstructor: Reconstructor,
    confidence: NDArray[np.floating] | None = None,
) -> CompletedRecord:
    """Complete a record.

    Where more than two limb leads were measured together they are replaced by their weighted
    projection on Einthoven's and Goldberger's relations; every other measured sample passes
    through as it is. Filled stretches are set level with the measured ones that they adjoin.

    Args:
        signal_mv: ``(12, n)`` mV, NaN where nothing was measured.
        rate_hz: samples a second.
        reconstructor: what fills.
        confidence: ``(12, n)`` in 0..1, weights of the projection; equal without it.

    Raises:
        ReconstructionError: the record is no twelve leads, of an absurd rate, too short, or shows
            too little, or the model needs leads that it does not show.
    """
    _check(signal_mv, rate_hz)
    known = derive_limb_leads(project_limb_leads(signal_mv, confidence))
    filled = ~np.isfinite(known)
    estimate, deviation = _estimated(known, rate_hz, reconstructor)
    estimate = _levelled(estimate.astype(np.float64), known, round(_SEAM_S * rate_hz))
    result = np.where(filled, estimate, known)
    limb = slice(0, len(LIMB_LEADS))
    result[limb] = _related(estimate[:2], known[limb])
    result = np.where(filled, result, known).astype(np.float32)
    return CompletedRecord(
        result,
        np.where(filled, deviation, 0).astype(np.float32),
        filled,
        float(rate_hz),
        reconstructor.name,
    )


def project_limb_leads(
    signal_mv: NDArray[np.floating], confidence: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """Make measured limb leads agree where more than two were measured together.

    Args:
        signal_mv: ``(12, n)`` mV, NaN where nothing was measured.
        confidence: ``(12, n)`` in 0..1; a small share is added, so that none counts nothing.

    Returns:
        A new ``(12, n)`` array, NaN in the same places. The projection is the weighted
        least-squares fit of leads I and II.
    """
    result = signal_mv.astype(np.float32, copy=True)
    limb = signal_mv[: len(LIMB_LEADS)].astype(np.float64)
    known = np.isfinite(limb)
    places = np.flatnonzero(known.sum(axis=0) > 2)
    if not len(places):
        return result
    values = np.where(known, limb, 0)[:, places]
    weights = known[:, places].astype(np.float64)
    if confidence is not None:
        trusted = np.nan_to_num(confidence[: len(LIMB_LEADS), places].astype(np.float64))
        weights *= np.clip(trusted, 0, 1) + 0.01
    relations = LIMB_LEADS_FROM_I_II
    moments = np.einsum("ln,li,lj->nij", weights, relations, relations)
    products = np.einsum("ln,li,ln->ni", weights, relations, values)
    both = np.linalg.solve(moments, products[..., None])[..., 0]
    fitted = relations @ both.T
    result[: len(LIMB_LEADS), places] = np.where(known[:, places], fitted, np.nan)
    return result


def _check(signal_mv: NDArray[np.floating], rate_hz: float) -> None:
    if signal_mv.ndim != 2 or signal_mv.shape[0] != len(LEADS):
        raise ReconstructionError(f"a record must be (12, samples), not {signal_mv.shape}")
    if not (np.isfinite(rate_hz) and _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]):
        raise ReconstructionError(
            f"a rate of {rate_hz:g} Hz is out of the range of ECGs, {_RATES_HZ[0]:g} to "
            f"{_RATES_HZ[1]:g} Hz"
        )
    seconds = signal_mv.shape[1] / rate_hz
    if seconds > _MOST_S:
        raise ReconstructionError(
            f"the record lasts {seconds:.0f} s; cut it into parts of at most {_MOST_S:.0f} s"
        )
    longest = np.isfinite(signal_mv).sum(axis=1).max(initial=0) / rate_hz
    if longest == 0:
        raise ReconstructionError("the record shows no lead at all: every sample is missing")
    if longest < LEAST_S:
        raise ReconstructionError(
            f"no lead is measured for {LEAST_S:g} s (the longest for {longest:.1f} s): too little "
            "to complete twelve leads from"
        )


def _estimated(
    known_mv: NDArray[np.float32], rate_hz: float, reconstructor: Reconstructor
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Estimate and deviation at the record's own rate, from overlapping windows."""
    samples = known_mv.shape[1]
    shown = derive_limb_leads(resample(known_mv, rate_hz, RATE_HZ).astype(np.float32))
    count = shown.shape[1]
    if count < SAMPLES and reconstructor.needs:
        raise ReconstructionError(
            f"the model {reconstructor.name} needs {SAMPLES / RATE_HZ:g} s; the record lasts "
            f"{samples / rate_hz:.1f} s; use the model completion, which takes any part"
        )
    if count < SAMPLES:
        shown = np.pad(shown, ((0, 0), (0, SAMPLES - count)), constant_values=np.nan)
    pieces = 1 if count <= SAMPLES else 1 + int(np.ceil((count - SAMPLES) / (SAMPLES // 2)))
    starts = np.linspace(0, max(count - SAMPLES, 0), pieces).round().astype(int)
    windows = np.stack([shown[:, start : start + SAMPLES] for start in starts])
    visible = np.isfinite(windows).any(axis=(1, 2))
    starts = starts[visible]
    found = reconstructor.estimate(windows[visible])
    ramp = 1 - np.abs(np.linspace(-1, 1, SAMPLES)) + 1e-3
    total = np.zeros((2, len(LEADS), shown.shape[1]))
    weight = np.zeros(shown.shape[1])
    for start, signal, deviation in zip(starts, found.signal_mv, found.deviation_mv, strict=True):
        total[0, :, start : start + SAMPLES] += ramp * signal
        total[1, :, start : start + SAMPLES] += ramp * deviation
        weight[start : start + SAMPLES] += ramp
    estimate, deviation = (total / np.maximum(weight, 1e-3))[:, :, :count]
    deviation[:, weight[:count] == 0] = _UNKNOWN_MV
    estimate = resample(estimate, RATE_HZ, rate_hz)
    places = np.arange(samples) * RATE_HZ / rate_hz
    deviation = np.stack([np.interp(places, np.arange(count), row) for row in deviation])
    if estimate.shape[1] != samples:  # rounding of the two lengths
        if resampled_length(count, RATE_HZ, rate_hz) < samples:
            short = samples - estimate.shape[1]
            estimate = np.pad(estimate, ((0, 0), (0, short)), mode="edge")
        estimate = estimate[:, :samples]
    return estimate, deviation


def _levelled(
    estimate_mv: NDArray[np.float64], known_mv: NDArray[np.float32], seam: int
) -> NDArray[np.float64]:
    """The estimate moved up or down so that it goes on level where a measured stretch ends.

    The distance is the median over ``seam`` samples beside the end, and between two measured
    stretches it goes over from the one's to the other's.
    """
    result = estimate_mv.copy()
    moments = np.arange(estimate_mv.shape[1])
    for lead, row in enumerate(known_mv):
        places, distances = [], []
        for start, stop in finite_runs(row):
            distance = row[start:stop] - estimate_mv[lead, start:stop]
            places += [start, stop - 1]
            distances += [np.median(distance[:seam]), np.median(distance[-seam:])]
        if places:
            result[lead] += np.interp(moments, places, distances)
    return result


def _related(
    estimate_mv: NDArray[np.float64], known_mv: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The six limb leads from estimates of I and II, changed least so that a measured one holds.

    Args:
        estimate_mv: ``(2, n)`` leads I and II.
        known_mv: ``(6, n)`` limb leads, NaN where unknown; one or none is known where any is not.
    """
    both = estimate_mv.copy()
    for row, relation in zip(known_mv, LIMB_LEADS_FROM_I_II, strict=True):
        miss = np.where(np.isfinite(row), row - relation @ both, 0)
        both += np.outer(relation, miss) / (relation @ relation)
    return LIMB_LEADS_FROM_I_II @ both
