"""Training examples of the maps classifier: lead maps drawn from truth with a reader's errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classification.signal_route import NETWORK_RATE_HZ
from dataset_generation.printed_windows import PrintedWindows, sample_printed_windows
from dataset_generation.signal_errors import no_signal_errors, sample_signal_errors
from ecg.lead_maps import (
    LINE_WIDTH_MM,
    MAP_COLUMNS,
    MAP_SECONDS,
    LeadMaps,
    draw_lead_maps,
)
from ecg.leads import LEADS
from learning.training import ExampleDataset

_FINER = 4  # a cubic through the samples, as the printer's pen went


class MapsExamples(ExampleDataset):
    """Lead maps of records as pages show them and as a reader may read them.

    Args:
        signals_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        targets: ``(n, classes)`` in 0..1.
    """

    def __init__(self, signals_uv: NDArray[np.int16], targets: NDArray[np.float32]) -> None:
        if len(signals_uv) != len(targets):
            raise ValueError(f"{len(signals_uv)} signals but {len(targets)} targets")
        self.signals_uv, self.targets = signals_uv, targets.astype(np.float32)

    def __len__(self) -> int:
        return len(self.signals_uv)

    def example(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Returns ink ``(12, 160, 250)`` uint8, presence ``(12,)`` and the targets."""
        signal = self.signals_uv[index].astype(np.float32) / 1000
        quarter = signal.shape[1] // 4
        signal = np.roll(signal, quarter * int(rng.integers(4)), axis=1)
        maps = sample_lead_maps(signal, rng)
        return maps.ink, maps.present.astype(np.float32), self.targets[index]


def clean_lead_maps(signal_mv: NDArray[np.float32], windows: PrintedWindows) -> LeadMaps:
    """Lead maps of a page without any error.

    Args:
        signal_mv: ``(12, samples)`` at 100 Hz, finite.
        windows: what the page shows.
    """
    return _drawn(signal_mv, windows, np.zeros(len(LEADS)), LINE_WIDTH_MM, None)


def sample_lead_maps(signal_mv: NDArray[np.float32], rng: np.random.Generator) -> LeadMaps:
    """Lead maps of a page drawn at random, with a reader's errors.

    Gain, time base, start of the window, baseline, width and strength of the ink, gaps, blur.

    Args:
        signal_mv: ``(12, samples)`` at 100 Hz, finite.
        rng: source of randomness.
    """
    windows = sample_printed_windows(rng)
    errors = sample_signal_errors(rng) if rng.random() < 0.8 else no_signal_errors()
    signal_mv = errors.apply(signal_mv, NETWORK_RATE_HZ)
    late_s = rng.normal(0, 0.02, len(LEADS))
    ink = _sample_column_ink(rng)
    maps = _drawn(signal_mv, windows, late_s, float(rng.uniform(0.2, 0.6)), ink)
    off_rows = np.round(rng.normal(0, 1.5, len(LEADS))).astype(int)
    moved = maps.ink.copy()
    for lead in np.flatnonzero(off_rows):  # the baseline was taken a little off
        moved[lead] = np.roll(maps.ink[lead], off_rows[lead], axis=0)
    if rng.random() < 0.3:
        moved = _blurred(moved)
    return LeadMaps(moved, maps.present)


def _drawn(
    signal_mv: NDArray[np.float32],
    windows: PrintedWindows,
    late_s: NDArray[np.float64],
    line_width_mm: float,
    column_ink: NDArray[np.float32] | None,
) -> LeadMaps:
    starts = np.full(len(LEADS), np.nan)
    durations = np.full(len(LEADS), MAP_SECONDS)
    for lead, start_s, duration_s in windows.stretches():
        place = LEADS.index(lead)
        if np.isnan(starts[place]):  # the column comes before the rhythm strip
            starts[place] = windows.source_start_s + start_s
            durations[place] = duration_s
    # the cubic needs a neighbour on both sides, hence a sample less at either end
    first_s = 1 / NETWORK_RATE_HZ
    return draw_lead_maps(
        _cubic(signal_mv),
        NETWORK_RATE_HZ * _FINER,
        starts + late_s - first_s,
        durations,
        line_width_mm,
        column_ink=column_ink,
    )


def _cubic(signal_mv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Catmull-Rom interpolation, four times finer, from the second sample to the last but one."""
    t = np.arange(_FINER, dtype=np.float32) / _FINER
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    )
    count = signal_mv.shape[1] - 3
    fine = sum(signal_mv[:, k : k + count, None] * weights[k].astype(np.float32) for k in range(4))
    return np.asarray(fine, np.float32).reshape(len(signal_mv), -1)


def _sample_column_ink(rng: np.random.Generator) -> NDArray[np.float32]:
    """Strength of the ink by lead and column: a level, a slow swell, and gaps."""
    ink = np.full((len(LEADS), MAP_COLUMNS), rng.uniform(0.6, 1.0), np.float32)
    ink += rng.normal(0, 0.05, (len(LEADS), 1))
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 15))):
            lead, start = int(rng.integers(len(LEADS))), int(rng.integers(MAP_COLUMNS))
            ink[lead, start : start + int(rng.integers(1, 12))] *= rng.uniform(0, 0.6)
    return np.clip(ink, 0, 1)


def _blurred(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A quarter, a half, a quarter in both directions."""
    wide = ink.astype(np.uint16)
    for axis in (1, 2):
        middle = 2 * wide
        before, after = np.roll(wide, 1, axis), np.roll(wide, -1, axis)
        wide = (middle + before + after) // 4
    return wide.astype(np.uint8)
