"""Scores of one digitized lead against the true one.

The signal-to-noise ratios are those of the PhysioNet Challenge 2024 (as competed) and of the
Kaggle competition "PhysioNet - Digitization of ECG Images" (2025). Truth is NaN where nothing
was printed and an estimate is NaN where nothing was read. ``ecg.metrics.page`` scores pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecg.metrics.alignment import align, shifted

KAGGLE_MAX_SHIFT_S = 0.2
KAGGLE_MAX_RATIO = 1e6

Signal = NDArray[np.floating]


def challenge_snr_db(truth_mv: Signal, estimate_mv: Signal | None, rate_hz: float) -> float:
    """The Challenge 2024 signal-to-noise ratio of one lead, as competed.

    After ``ecg.metrics.alignment.align``: ``10 log10(mean(truth^2) / mean((truth -
    estimate)^2))`` over the samples finite in both, no mean removed, times the share of the
    truth's samples that are finite in both.

    Args:
        truth_mv: ``(n,)`` in mV, NaN where nothing was printed.
        estimate_mv: the same of what was read; None or all NaN when the lead was not found.
        rate_hz: samples a second of both.

    Returns:
        dB. 0 where there is no estimate. NaN, to be skipped in means as the Challenge does,
        where the ratio is undefined: a perfect estimate, an all-zero or absent truth.
    """
    truth = np.asarray(truth_mv, np.float64)
    if not np.isfinite(truth).any():
        return math.nan
    if estimate_mv is None or not np.isfinite(estimate_mv).any():
        return 0.0
    return snr_db(truth, align(truth, np.asarray(estimate_mv), rate_hz).estimate_mv)


def snr_db(truth_mv: Signal, estimate_mv: Signal) -> float:
    """The Challenge 2024 ratio without any alignment; see ``challenge_snr_db``."""
    both = np.isfinite(truth_mv) & np.isfinite(estimate_mv)
    if not both.any():
        return 0.0
    truth = np.asarray(truth_mv, np.float64)[both]
    noise = float(np.mean((truth - np.asarray(estimate_mv, np.float64)[both]) ** 2))
    power = float(np.mean(truth**2))
    if power == 0 or noise == 0:
        return math.nan
    coverage = float(both.sum() / np.isfinite(truth_mv).sum())
    return coverage * 10 * math.log10(power / noise)


def mean_removed_snr_db(truth_mv: Signal, estimate_mv: Signal) -> float:
    """Variance of the truth over that of the error, in dB, over samples finite in both.

    Returns:
        dB without a penalty for missing samples; NaN where undefined or nothing is shared.
    """
    truth, estimate = _shared(truth_mv, estimate_mv)
    if len(truth) < 2:
        return math.nan
    power, noise = float(np.var(truth)), float(np.var(truth - estimate))
    return 10 * math.log10(power / noise) if power > 0 and noise > 0 else math.nan


def pearson(truth_mv: Signal, estimate_mv: Signal) -> float:
    """Pearson correlation over samples finite in both.

    Returns:
        -1 to 1; 0 where either is constant there or fewer than two samples are shared.
    """
    truth, estimate = _shared(truth_mv, estimate_mv)
    if len(truth) < 2:
        return 0.0
    truth, estimate = truth - truth.mean(), estimate - estimate.mean()
    scale = math.sqrt(float(truth @ truth) * float(estimate @ estimate))
    return float(np.clip(truth @ estimate / scale, -1, 1)) if scale > 0 else 0.0


def rmse_uv(truth_mv: Signal, estimate_mv: Signal) -> float:
    """Root mean square error in uV over samples finite in both; NaN if there are none."""
    truth, estimate = _shared(truth_mv, estimate_mv)
    if len(truth) == 0:
        return math.nan
    return 1000 * math.sqrt(float(np.mean((truth - estimate) ** 2)))


def amplitude_error(truth_mv: Signal, estimate_mv: Signal) -> float:
    """How far the gain is off: ``|slope - 1|`` of the estimate fitted to the truth.

    The slope is that of the least-squares line ``estimate = slope * truth + offset`` over the
    samples finite in both. NaN where the truth is constant there.
    """
    truth, estimate = _shared(truth_mv, estimate_mv)
    if len(truth) < 2:
        return math.nan
    truth = truth - truth.mean()
    power = float(truth @ truth)
    return abs(float(truth @ estimate) / power - 1) if power > 0 else math.nan


def coverage(truth_mv: Signal, estimate_mv: Signal) -> float:
    """Share of the truth's finite samples that are finite in the estimate; NaN if none."""
    printed = np.isfinite(truth_mv)
    if not printed.any():
        return math.nan
    return float(np.isfinite(estimate_mv)[printed].mean())


def kaggle_powers(truth_mv: Signal, estimate_mv: Signal, rate_hz: float) -> tuple[float, float]:
    """Signal and noise power sums of one lead by the Kaggle 2025 rule.

    The time shift is the arg-max of the plain cross-correlation of the mean-removed signals
    within 0.2 s (ties: the smallest shift), then the vertical offset is free (least squares).
    Only the stretch from the truth's first to last finite sample is looked at. That competition
    refused NaN: samples not read count as 0 before the alignment, as a submission would have
    had to fill them, and those that the shift brings in from outside as 0 after it.

    Args:
        truth_mv: ``(n,)`` in mV, NaN where nothing was printed.
        estimate_mv: ``(n,)`` in mV, NaN where nothing was read.
        rate_hz: samples a second.

    Returns:
        ``(sum(truth^2), sum((truth - estimate)^2))`` in mV^2.
    """
    from scipy.signal import correlate

    printed = np.flatnonzero(np.isfinite(truth_mv))
    if len(printed) == 0:
        return 0.0, 0.0
    stretch = slice(printed[0], printed[-1] + 1)
    truth = np.asarray(truth_mv, np.float64)[stretch]
    estimate = np.asarray(estimate_mv, np.float64)[stretch]
    used = np.isfinite(truth)
    mean = float(truth[used].mean())
    filled = np.where(used, truth, mean)
    estimate = np.where(np.isfinite(estimate), estimate, 0.0)
    n = len(truth)
    most = min(n - 1, int(KAGGLE_MAX_SHIFT_S * rate_hz))
    # lags[k] > 0: the estimate is late.
    correlation = correlate(estimate - estimate.mean(), filled - mean, mode="full")
    lags = np.arange(-n + 1, n)
    near = np.abs(lags) <= most
    lags, correlation = lags[near], correlation[near]
    # FFT rounding must not break a tie.
    best = correlation >= correlation.max() - 1e-9 * max(1e-12, float(np.abs(correlation).max()))
    lag = int(min(lags[best], key=abs))
    moved = shifted(estimate, lag)
    both = used & np.isfinite(moved)
    moved += np.mean(truth[both] - moved[both]) if both.any() else 0.0
    moved = np.where(np.isfinite(moved), moved, 0.0)
    return float(np.sum(truth[used] ** 2)), float(np.sum((truth[used] - moved[used]) ** 2))


def kaggle_ratio(truth_mv: Signal, estimate_mv: Signal | None, rate_hz: float) -> float:
    """The Kaggle 2025 signal-to-noise ratio of one image, linear.

    Args:
        truth_mv: ``(leads, n)`` in mV, NaN where nothing was printed.
        estimate_mv: the same of what was read; None for an image that could not be read, which
            counts as a flat line at each lead's own best height.
        rate_hz: samples a second.

    Returns:
        ``sum(truth^2) / sum(error^2)`` over all leads, at most 1e6; NaN if nothing was printed.
    """
    truth = np.asarray(truth_mv, np.float64)
    estimate = np.full_like(truth, np.nan) if estimate_mv is None else np.asarray(estimate_mv)
    powers = [kaggle_powers(a, b, rate_hz) for a, b in zip(truth, estimate, strict=True)]
    signal, noise = (math.fsum(column) for column in zip(*powers, strict=True))
    if signal == 0:
        return math.nan
    return min(KAGGLE_MAX_RATIO, signal / noise) if noise > 0 else KAGGLE_MAX_RATIO


def kaggle_snr_db(
    truths_mv: Sequence[Signal], estimates_mv: Sequence[Signal | None], rate_hz: float
) -> float:
    """The Kaggle 2025 score: ``10 log10`` of the mean over images of their linear ratios.

    Args:
        truths_mv: ``(leads, n)`` of each image.
        estimates_mv: the same of what was read, None for an image that could not be read.
        rate_hz: samples a second of all.
    """
    ratios = [
        kaggle_ratio(truth, estimate, rate_hz)
        for truth, estimate in zip(truths_mv, estimates_mv, strict=True)
    ]
    return kaggle_db(ratios)


def kaggle_db(ratios: Sequence[float]) -> float:
    """``10 log10`` of the mean of per-image ratios; NaN ratios are skipped, NaN if none."""
    defined = [ratio for ratio in ratios if not math.isnan(ratio)]
    return 10 * math.log10(math.fsum(defined) / len(defined)) if defined else math.nan


def _shared(
    truth_mv: Signal, estimate_mv: Signal
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth, estimate = np.asarray(truth_mv, np.float64), np.asarray(estimate_mv, np.float64)
    if truth.shape != estimate.shape or truth.ndim != 1:
        raise ValueError(f"one lead each, of one length: not {truth.shape}, {estimate.shape}")
    both = np.isfinite(truth) & np.isfinite(estimate)
    return truth[both], estimate[both]
