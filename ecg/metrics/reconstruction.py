"""Scores of reconstructed leads against the true ones.

At 100 Hz, estimate and truth both high-passed at 0.5 Hz, ends cut; correlation and R2 of each
record and lead against its own mean, over the samples that were neither given nor derivable. A
lead without any change counts 0.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 100.0
HIGH_PASS_HZ = 0.5
END_S = 0.5
_LEAST_SAMPLES = 50
_LEAST_DEVIATION_MV = 1e-3


@functools.cache
def high_pass_matrix(samples: int) -> NDArray[np.float32]:
    """The scores' high-pass as a matrix: ``signal @ matrix`` is the filtered signal.

    A second-order Butterworth at 0.5 Hz, forwards and backwards, of a signal at 100 Hz.

    Args:
        samples: length of a signal.

    Returns:
        ``(samples, samples)``, not writable.
    """
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, HIGH_PASS_HZ, "highpass", fs=RATE_HZ, output="sos")
    matrix = sosfiltfilt(sections, np.eye(samples), axis=-1).astype(np.float32)
    matrix.flags.writeable = False
    return matrix


@dataclass(frozen=True)
class ReconstructionScores:
    """Scores of each record and lead, NaN where nothing was to be scored.

    Attributes:
        pearson: ``(n, 12)`` correlation.
        r2: ``(n, 12)`` share of the variance explained.
        rmse_uv: ``(n, 12)`` root of the mean squared error.
    """

    pearson: NDArray[np.float64]
    r2: NDArray[np.float64]
    rmse_uv: NDArray[np.float64]


def score_reconstruction(
    truth_mv: NDArray[np.floating],
    estimate_mv: NDArray[np.floating],
    scored: NDArray[np.bool_],
    raw: bool = False,
) -> ReconstructionScores:
    """Scores estimates.

    Args:
        truth_mv: ``(n, 12, samples)`` at 100 Hz, finite.
        estimate_mv: the same shape, finite.
        scored: the same shape: samples that were neither given nor derivable.
        raw: leave out the high-pass.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    if not truth_mv.shape == estimate_mv.shape == scored.shape or truth_mv.ndim != 3:
        raise ValueError(
            "truth, estimate and what is scored must all be (records, 12, samples), not "
            f"{truth_mv.shape}, {estimate_mv.shape} and {scored.shape}"
        )
    if not (np.isfinite(truth_mv).all() and np.isfinite(estimate_mv).all()):
        raise ValueError("truth and estimate must be finite; an estimate fills every sample")
    truth, estimate = truth_mv.astype(np.float64), estimate_mv.astype(np.float64)
    if not raw:
        matrix = high_pass_matrix(truth.shape[-1]).astype(np.float64)
        truth, estimate = truth @ matrix, estimate @ matrix
    weight = scored.copy()
    ends = round(END_S * RATE_HZ)
    weight[..., :ends] = weight[..., weight.shape[-1] - ends :] = False
    count = weight.sum(-1)
    divisor = np.maximum(count, 1)
    centred_truth = _centred(truth, weight, divisor)
    centred_estimate = _centred(estimate, weight, divisor)
    # Without the high-pass an electrode's offset is no error.
    error = centred_estimate - centred_truth if raw else (estimate - truth) * weight
    truth_power = (centred_truth**2).sum(-1)
    estimate_power = (centred_estimate**2).sum(-1)
    pearson = (centred_truth * centred_estimate).sum(-1) / np.sqrt(
        np.maximum(truth_power * estimate_power, 1e-24)
    )
    squared = (error**2).sum(-1)
    r2 = 1 - squared / np.maximum(truth_power, 1e-12)
    constant = truth_power / divisor < _LEAST_DEVIATION_MV**2
    pearson[constant | (estimate_power / divisor < 1e-12)] = 0
    r2[constant] = 0
    unscored = count < _LEAST_SAMPLES
    rmse = 1000 * np.sqrt(squared / divisor)
    for values in (pearson, r2, rmse):
        values[unscored] = np.nan
    return ReconstructionScores(pearson, r2, rmse)


def _centred(
    x: NDArray[np.float64], weight: NDArray[np.bool_], divisor: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Less the mean of the weighted samples; zero elsewhere."""
    return (x - ((x * weight).sum(-1) / divisor)[..., None]) * weight
