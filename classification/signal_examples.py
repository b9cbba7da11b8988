"""Training examples of the signal classifier: whole records and printed pages of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classification.signal_route import NETWORK_RATE_HZ
from dataset_generation.printed_windows import sample_printed_windows
from dataset_generation.signal_errors import sample_signal_errors
from learning.training import ExampleDataset


class SignalExamples(ExampleDataset):
    """Half whole records, half pages, with a reader's errors, mixed at times with another record.

    Mixing: Zhang et al. 2018, "mixup" (arXiv 1710.09412), before anything is hidden.

    Args:
        signals_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        targets: ``(n, classes)`` in 0..1.
        page_share: share of examples that are shown as a page.
        mix_share: share of examples that are mixed with another record.
    """

    def __init__(
        self,
        signals_uv: NDArray[np.int16],
        targets: NDArray[np.float32],
        page_share: float = 0.5,
        mix_share: float = 0.4,
    ) -> None:
        if len(signals_uv) != len(targets):
            raise ValueError(f"{len(signals_uv)} signals but {len(targets)} targets")
        self.signals_uv, self.targets = signals_uv, targets.astype(np.float32)
        self.page_share, self.mix_share = page_share, mix_share

    def __len__(self) -> int:
        return len(self.signals_uv)

    def example(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns ``(12, samples)`` mV with NaN, and the targets."""
        signal, target = self._record(index, rng), self.targets[index]
        if rng.random() < self.mix_share:
            other = int(rng.integers(len(self)))
            weight = np.float32(rng.beta(0.4, 0.4))
            signal = weight * signal + (1 - weight) * self._record(other, rng)
            target = weight * target + (1 - weight) * self.targets[other]
        if rng.random() < self.page_share:
            windows = sample_printed_windows(rng)
            errors = sample_signal_errors(rng)
            return windows.show(errors.apply(signal, NETWORK_RATE_HZ), NETWORK_RATE_HZ), target
        if rng.random() < 0.5:
            signal = sample_signal_errors(rng, 0.5).apply(signal, NETWORK_RATE_HZ)
        if rng.random() < 0.1:
            missing = rng.choice(12, int(rng.integers(1, 5)), replace=False)
            signal = signal.copy()
            signal[missing] = np.nan
        return signal, target

    def _record(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """One record in mV, turned by whole quarters so that a page shows each lead elsewhere."""
        signal = self.signals_uv[index].astype(np.float32) / 1000
        quarter = signal.shape[1] // 4
        return np.roll(signal, quarter * int(rng.integers(4)), axis=1)
