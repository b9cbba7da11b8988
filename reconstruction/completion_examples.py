"""Training examples of completion: a record, and what a page or a device shows of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dataset_generation.signal_errors import sample_signal_errors
from ecg.leads import derive_limb_leads
from learning.training import ExampleDataset
from reconstruction.reconstructor import RATE_HZ
from reconstruction.task import millivolts
from reconstruction.visible import sample_visible

_DEVICE_ERRORS = 0.33


class CompletionExamples(ExampleDataset):
    """Visible parts, at times with a reader's errors, and the whole record.

    Errors: a shared gain also changes the truth, for the filled parts are to fit the measured
    ones; leads' own gains, shifts of a sample, wander, noise and gaps are in the visible part only.

    Args:
        signals_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        error_share: share of the pages with a reader's errors; of what devices record a third
            of it.
    """

    def __init__(self, signals_uv: NDArray[np.int16], error_share: float = 0.4) -> None:
        self.signals_uv, self.error_share = signals_uv, error_share

    def __len__(self) -> int:
        return len(self.signals_uv)

    def example(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the visible ``(12, samples)`` mV with NaN, and the truth ``(12, samples)`` mV."""
        truth = millivolts(self.signals_uv[index])
        samples = truth.shape[1]
        if rng.random() < 0.5:  # another part of the record is seen on a page
            truth = np.roll(truth, samples // 4 * int(rng.integers(1, 4)), axis=1)
        truth = truth * np.float32(np.exp(rng.normal(0, 0.12)))
        shown = truth
        seen = sample_visible(rng, samples, RATE_HZ)
        whole = bool((seen.all(axis=1) | ~seen.any(axis=1)).all())  # as devices record
        if rng.random() < self.error_share * (_DEVICE_ERRORS if whole else 1.0):
            errors = sample_signal_errors(rng, float(rng.uniform(0.2, 1.0)))
            gain = errors.gain / errors.gain.mean()
            shown = replace(errors, gain=gain, speed=1.0).apply(shown, RATE_HZ)
            if rng.random() < 0.5:
                shifts = rng.integers(-1, 2, len(shown))
                shown = np.stack(
                    [np.roll(lead, shift) for lead, shift in zip(shown, shifts, strict=True)]
                )
        shown = np.where(seen, shown, np.float32(np.nan))
        if np.isnan(shown).all():  # the gaps lay over all of it
            return self.example(index, rng)
        return derive_limb_leads(shown), truth
