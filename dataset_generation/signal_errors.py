"""What printing, photographing and reading do to a signal, drawn at random.

These stand in for a reader's errors where no read photos are at hand: gain and time-base errors,
wander left by a bent page, a machine's filters, noise of the trace, gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SignalErrors:
    """One draw of errors; zeros and ones are no error.

    Attributes:
        gain: ``(12,)`` factor of each lead.
        speed: factor of the time base; 1.02 reads 2 % long.
        wander_mv: ``(12,)`` amplitude of a slow sine in each lead.
        wander_hz: its frequency.
        wander_phase: ``(12,)`` its phase.
        noise_mv: standard deviation of white noise.
        highpass_hz: corner of the machine's high-pass, 0 for none.
        lowpass_hz: corner of the machine's low-pass, infinite for none.
        gaps: (lead index, start, length) in shares of the record, where nothing was read.
        noise_seed: seed of the noise.
    """

    gain: NDArray[np.float32]
    speed: float
    wander_mv: NDArray[np.float32]
    wander_hz: float
    wander_phase: NDArray[np.float32]
    noise_mv: float
    highpass_hz: float
    lowpass_hz: float
    gaps: tuple[tuple[int, float, float], ...]
    noise_seed: int

    def apply(self, signal_mv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
        """Returns the signal with the errors: same shape, finite but for the gaps.

        Args:
            signal_mv: ``(12, samples)`` without NaN.
            rate_hz: samples a second.
        """
        samples = signal_mv.shape[1]
        result = _filtered(signal_mv, rate_hz, self.highpass_hz, self.lowpass_hz)
        if self.speed != 1:
            place = np.arange(samples) / self.speed
            left = np.minimum(place.astype(np.int64), samples - 2)
            share = np.clip(place - left, 0, 1).astype(np.float32)
            result = result[:, left] * (1 - share) + result[:, left + 1] * share
        time_s = np.arange(samples, dtype=np.float32) / np.float32(rate_hz)
        result = result * self.gain[:, None]
        if self.wander_mv.any():
            angle = 2 * np.pi * self.wander_hz * time_s + self.wander_phase[:, None]
            result = result + self.wander_mv[:, None] * np.sin(angle)
        if self.noise_mv > 0:
            noise = np.random.default_rng(self.noise_seed).standard_normal(
                result.shape, dtype=np.float32
            )
            result = result + np.float32(self.noise_mv) * noise
        result = result.astype(np.float32)
        for lead, start, length in self.gaps:
            first = int(start * samples)
            result[lead, first : first + int(length * samples)] = np.nan
        return result


def no_signal_errors() -> SignalErrors:
    """Returns the draw that changes nothing."""
    none = np.zeros(12, np.float32)
    return SignalErrors(none + 1, 1.0, none, 0.0, none, 0.0, 0.0, np.inf, (), 0)


def sample_signal_errors(rng: np.random.Generator, strength: float = 1.0) -> SignalErrors:
    """Draws errors; strength 0 gives none, 1 those of a usual phone photo."""

    def happens(share: float) -> bool:
        return bool(rng.random() < share * min(1.0, strength))

    gain = np.ones(12) + strength * rng.uniform(-0.08, 0.08)
    if happens(0.5):
        gain = gain * (1 + strength * rng.uniform(-0.04, 0.04, 12))
    wander = np.zeros(12)
    if happens(0.5):
        wander = strength * rng.uniform(0, 0.1) * rng.uniform(0, 1, 12)
    gaps: list[tuple[int, float, float]] = []
    if happens(0.25):
        gaps = [
            (int(rng.integers(12)), float(rng.uniform(0, 1)), float(rng.uniform(0.005, 0.04)))
            for _ in range(int(rng.integers(1, 12)))
        ]
    return SignalErrors(
        gain=gain.astype(np.float32),
        speed=1 + strength * float(rng.uniform(-0.03, 0.03)) if happens(0.6) else 1.0,
        wander_mv=wander.astype(np.float32),
        wander_hz=float(rng.uniform(0.1, 0.5)),
        wander_phase=rng.uniform(0, 2 * np.pi, 12).astype(np.float32),
        noise_mv=strength * float(rng.exponential(0.01)) if happens(0.6) else 0.0,
        highpass_hz=float(rng.choice([0.15, 0.5, 0.67])) if happens(0.4) else 0.0,
        lowpass_hz=float(rng.uniform(18, 45)) if happens(0.5) else np.inf,
        gaps=tuple(gaps),
        noise_seed=int(rng.integers(2**31)),
    )


def _filtered(
    signal_mv: NDArray[np.float32], rate_hz: float, highpass_hz: float, lowpass_hz: float
) -> NDArray[np.float32]:
    """Second-order zero-phase Butterworth amplitudes in the frequency domain."""
    if highpass_hz <= 0 and not np.isfinite(lowpass_hz):
        return signal_mv
    samples = signal_mv.shape[1]
    frequency = np.fft.rfftfreq(samples, 1 / rate_hz)
    amplitude = 1 / (1 + (frequency / lowpass_hz) ** 4)
    if highpass_hz > 0:
        amplitude *= 1 - 1 / (1 + (frequency / highpass_hz) ** 4)
    spectrum = np.fft.rfft(signal_mv, axis=1) * amplitude
    return np.fft.irfft(spectrum, samples, axis=1).astype(np.float32)
