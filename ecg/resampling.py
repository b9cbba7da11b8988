"""Band-limited change of the sampling rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGEST_FACTOR = 1024
_HALF_LENGTH = 32
_KAISER_BETA = 8.0
_CUTOFF = 0.92  # share of the lower Nyquist frequency at -6 dB; the stop band begins at 1.0


def resampled_length(samples: int, from_hz: float, to_hz: float) -> int:
    """Number of samples after resampling: ``round(samples * to_hz / from_hz)``."""
    return int(np.floor(samples * to_hz / from_hz + 0.5))


def finite_runs(row: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Half-open ranges ``[start, stop)`` of the runs of finite samples of a 1-D array."""
    edges = np.diff(np.concatenate([[0], np.isfinite(row).astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def resample(signal: ArrayLike, from_hz: float, to_hz: float) -> NDArray[np.floating]:
    """Resamples along the last axis without aliasing; NaN gaps stay gaps.

    Sample ``k`` of either grid lies at ``k / rate`` seconds. Each run of finite samples is
    resampled by itself (polyphase, Kaiser-windowed sinc, ends continued as odd reflections, so
    neither an offset nor a slope rings). A new sample is finite where the nearest old one is;
    nothing is mixed across a gap. What lies below 0.84 of the lower Nyquist frequency passes
    unchanged.

    Args:
        signal: ``(..., n)``, NaN = not measured.
        from_hz: present rate, samples a second.
        to_hz: wanted rate.

    Returns:
        ``(..., round(n * to_hz / from_hz))``: float32 of a float32 signal, else float64.

    Raises:
        ValueError: if a rate is not positive and finite.
    """
    for rate in (from_hz, to_hz):
        if not (np.isfinite(rate) and rate > 0):
            raise ValueError(f"a sampling rate must be positive, not {rate}")
    array = np.asarray(signal)
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    if from_hz == to_hz:
        return array.copy()
    ratio = Fraction(float(to_hz)).limit_denominator(10**6)
    ratio = (ratio / Fraction(float(from_hz)).limit_denominator(10**6)).limit_denominator(
        _LARGEST_FACTOR
    )
    n = array.shape[-1]
    n_new = resampled_length(n, from_hz, to_hz)
    flat = array.reshape(int(np.prod(array.shape[:-1])), n)
    result = np.full((flat.shape[0], n_new), np.nan, array.dtype)
    by_run: dict[tuple[int, int], list[int]] = {}
    for row_number, row in enumerate(flat):
        for run in finite_runs(row):
            by_run.setdefault(run, []).append(row_number)
    for (start, stop), rows in by_run.items():
        # New samples k with k / to_hz nearest to an old sample of the run.
        first = max(0, int(np.ceil((start - 0.5) * to_hz / from_hz - 1e-9)))
        last = int(np.ceil((stop - 0.5) * to_hz / from_hz - 1e-9)) if stop < n else n_new
        last = min(last, n_new)
        if first < last:
            result[rows, first:last] = _resample_run(
                flat[rows, start:stop].astype(np.float64), start, first, last, ratio
            )
    return result.reshape(*array.shape[:-1], n_new)


def _resample_run(
    run: NDArray[np.float64], start: int, first: int, last: int, ratio: Fraction
) -> NDArray[np.float64]:
    """New samples ``first..last`` from ``run`` ``(rows, m)``, which began at sample ``start``."""
    from scipy.signal import firwin, upfirdn

    up, down = ratio.numerator, ratio.denominator
    slower = max(up, down)
    half = _HALF_LENGTH * slower
    taps = firwin(2 * half + 1, _CUTOFF / slower, window=("kaiser", _KAISER_BETA)) * up
    # The padded run begins at old sample `origin`, chosen so that origin * up / down is whole.
    reach = half // up + 2 * down + 2
    origin = -(-(reach - start) // down) * -down
    left = start - origin
    old_last = (last - 1) * down // up + 1
    right = max(0, old_last + reach - (start + run.shape[1]) + 1)
    padded = _extend_odd(run, left, right)
    # Zeros before the taps make their delay a whole number of output samples.
    delay = -(-half // down)
    taps = np.concatenate([np.zeros(delay * down - half), taps])
    filtered = upfirdn(taps, padded, up, down, axis=-1)
    offset = delay - origin * up // down
    return filtered[:, first + offset : last + offset]


def _extend_odd(run: NDArray[np.float64], left: int, right: int) -> NDArray[np.float64]:
    """Continues a run by point reflection at its ends, as often as needed."""
    if run.shape[1] == 1:
        return np.pad(run, ((0, 0), (left, right)), mode="edge")
    return np.pad(run, ((0, 0), (left, right)), mode="reflect", reflect_type="odd")
