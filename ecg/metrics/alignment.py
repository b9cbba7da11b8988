"""Alignment of an estimated lead to the true one, as the PhysioNet Challenge 2024 did it.

Source: Reyna et al. 2024, doi 10.22489/CinC.2024.001; the evaluation code as competed
(physionetchallenges/evaluation-2024 up to commit 733b003). Its latest commit (1a51354, 2025)
changed the shift so that a lead with an early estimate scores about 0 dB; that change is not
followed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = 256
MAX_SHIFT_S = 0.5
MAX_SHIFT_MV = 1.0
_SIGMA = 0.5
_SMEAR = 2  # pixels that the blur reaches: round(4 * sigma)


@dataclass(frozen=True)
class Alignment:
    """How an estimate was moved onto the truth.

    Attributes:
        estimate_mv: ``(n,)`` the estimate after the shift, NaN where nothing came in.
        shift_samples: how many samples the estimate was late; it was moved earlier by as many.
        shift_mv: how much too high it was; it was moved down by as much.
        accepted: False where the best shift lay outside the limits, so nothing was moved.
    """

    estimate_mv: NDArray[np.float64]
    shift_samples: int
    shift_mv: float
    accepted: bool


def align(
    truth_mv: NDArray[np.floating], estimate_mv: NDArray[np.floating], rate_hz: float
) -> Alignment:
    """Finds one time shift and one voltage shift for a lead and applies them.

    Both signals are drawn into images of 256 levels over their joint range, one pixel a finite
    sample, blurred (sigma 0.5 pixel) and cross-correlated over all shifts. The best shift is
    applied when it is at most ``round(0.5 * rate_hz)`` samples and 1 mV, else none is.

    Samples that are not finite leave no pixel, so the columns before the first and after the
    last finite sample of both signals are cut off first: it changes no correlation and makes a
    2.5 s window of a 10 s record cheap.

    Args:
        truth_mv: ``(n,)`` in mV, NaN where nothing was printed.
        estimate_mv: ``(n,)`` in mV, NaN where nothing was read.
        rate_hz: samples a second of both.

    Returns:
        The shifted estimate and the shift.

    Raises:
        ValueError: if either has no finite sample, or their shapes differ.
    """
    truth = np.asarray(truth_mv, np.float64)
    estimate = np.asarray(estimate_mv, np.float64)
    if truth.ndim != 1 or truth.shape != estimate.shape:
        raise ValueError(f"one lead each, of one length: not {truth.shape}, {estimate.shape}")
    if not (np.isfinite(truth).any() and np.isfinite(estimate).any()):
        raise ValueError("cannot align a lead without a finite sample")
    low = min(np.nanmin(truth), np.nanmin(estimate))
    high = max(np.nanmax(truth), np.nanmax(estimate))
    if high <= low:
        return Alignment(estimate.copy(), 0, 0.0, True)
    used = np.flatnonzero(np.isfinite(truth) | np.isfinite(estimate))
    columns = slice(max(0, used[0] - _SMEAR), used[-1] + 1 + _SMEAR)
    level_shift, shift = _best_shift(
        _blurred_image(truth[columns], low, high), _blurred_image(estimate[columns], low, high)
    )
    shift_mv = float(level_shift / (LEVELS - 1) * (high - low))
    if abs(shift) > round(MAX_SHIFT_S * rate_hz) or abs(shift_mv) > MAX_SHIFT_MV:
        return Alignment(estimate.copy(), 0, 0.0, False)
    return Alignment(shifted(estimate, shift) - shift_mv, shift, shift_mv, True)


def shifted(signal: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """The signal moved earlier by ``samples`` (later if negative), NaN where nothing came in."""
    result = np.full_like(signal, np.nan)
    n = len(signal)
    if abs(samples) < n:
        result[max(0, -samples) : n - max(0, samples)] = signal[
            max(0, samples) : n - max(0, -samples)
        ]
    return result


def _blurred_image(signal: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    columns = np.flatnonzero(np.isfinite(signal))
    # The original rounds after adding 1, so that its halves go to even from there.
    levels = np.round((LEVELS - 1) * (signal[columns] - low) / (high - low) + 1).astype(int) - 1
    image = np.zeros((LEVELS, len(signal)), np.float32)
    image[np.clip(levels, 0, LEVELS - 1), columns] = 1
    return gaussian_filter(image, _SIGMA)


def _best_shift(truth: NDArray[np.float32], estimate: NDArray[np.float32]) -> tuple[int, int]:
    """Rows and columns by which the estimate lies above and behind the truth."""
    from scipy.fft import fft, ifft, irfft, next_fast_len, rfft

    rows = next_fast_len(2 * LEVELS - 1)
    columns = next_fast_len(2 * truth.shape[1] - 1, real=True)
    # Along time first: it skips the rows that are only padding.
    product = fft(rfft(estimate, columns, axis=1), rows, axis=0, overwrite_x=True)
    product *= fft(rfft(truth, columns, axis=1), rows, axis=0, overwrite_x=True).conj()
    correlation = irfft(ifft(product, axis=0, overwrite_x=True), columns, axis=1)
    row, column = divmod(int(np.argmax(correlation)), columns)
    return (row if row < LEVELS else row - rows), (
        column if column < truth.shape[1] else column - columns
    )
