"""Which samples of a record a printed page would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.paper import LAYOUTS, PAGE_SECONDS

_SHARED_WINDOW_S = 1.8  # PTB-V's own layout


@dataclass(frozen=True)
class PrintedWindows:
    """The stretch of each lead that a page shows.

    Attributes:
        layout: layout id of ``ecg.paper.LAYOUTS``, or ``shared`` (one window for all leads).
        simultaneous: columns show the same seconds instead of consecutive ones.
        rhythm_leads: leads printed whole below the columns.
        source_start_s: where in the record the page begins.
        duration_s: seconds that a full row shows.
        missing: leads that were not read.
    """

    layout: str = "3x4"
    simultaneous: bool = False
    rhythm_leads: tuple[str, ...] = ()
    source_start_s: float = 0.0
    duration_s: float = PAGE_SECONDS
    missing: tuple[str, ...] = ()

    def mask(self, samples: int, rate_hz: float) -> NDArray[np.bool_]:
        """Returns which samples are printed, on the page's own time axis.

        Args:
            samples: length of the answer, which begins where the page begins.
            rate_hz: samples a second.

        Returns:
            ``(12, samples)`` booleans.
        """
        seen = np.zeros((len(LEADS), samples), bool)
        for lead, start_s, duration_s in self.stretches():
            start = round(start_s * rate_hz)
            seen[LEADS.index(lead), start : start + round(duration_s * rate_hz)] = True
        return seen

    def stretches(self) -> tuple[tuple[str, float, float], ...]:
        """Returns each printed stretch as (lead, start in seconds on the page, seconds)."""
        if self.layout == "shared":
            found = [(lead, 0.0, self.duration_s) for lead in LEADS]
        else:
            found = [
                (printed.lead, printed.start_s, printed.duration_s)
                for printed in LAYOUTS[self.layout].printed_leads(
                    duration_s=self.duration_s, simultaneous=self.simultaneous
                )
            ]
            found += [(lead, 0.0, self.duration_s) for lead in self.rhythm_leads]
        return tuple(stretch for stretch in found if stretch[0] not in self.missing)

    def show(self, signal_mv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
        """Returns a record as the page shows it: same shape, NaN where nothing is printed."""
        samples = signal_mv.shape[1]
        start = min(round(self.source_start_s * rate_hz), samples)
        page = np.full_like(signal_mv, np.nan)
        page[:, : samples - start] = signal_mv[:, start:]
        page[~self.mask(samples, rate_hz)] = np.nan
        return page


def sample_printed_windows(rng: np.random.Generator) -> PrintedWindows:
    """Draws a page such as hospitals print them; 3x4 with consecutive columns is the usual one."""
    layout = str(rng.choice(["3x4", "6x2", "12x1", "shared"], p=[0.68, 0.18, 0.06, 0.08]))
    missing = _sample_missing(rng)
    if layout == "shared":
        start_s = float(rng.uniform(0, PAGE_SECONDS - _SHARED_WINDOW_S))
        return PrintedWindows("shared", False, (), start_s, _SHARED_WINDOW_S, missing)
    columns = LAYOUTS[layout].columns
    simultaneous = columns > 1 and rng.random() < 0.15
    rhythm: tuple[str, ...] = ()
    if rng.random() < 0.45:
        rhythm = ("II",) if rng.random() < 0.8 else ("II", "V1", "V5")
    if simultaneous:
        start_s = float(rng.uniform(0, PAGE_SECONDS * (1 - 1 / columns)))
        rhythm = ()  # it would run past the end of the record
    else:
        start_s = 0.0
    duration_s = PAGE_SECONDS if rng.random() < 0.8 else float(rng.uniform(7.0, PAGE_SECONDS))
    return PrintedWindows(layout, simultaneous, rhythm, start_s, duration_s, missing)


def _sample_missing(rng: np.random.Generator) -> tuple[str, ...]:
    if rng.random() > 0.2:
        return ()
    count = int(rng.integers(1, 7))
    return tuple(str(lead) for lead in rng.choice(LEADS, count, replace=False))
