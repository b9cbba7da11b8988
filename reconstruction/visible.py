"""What of a record is visible: device lead sets, printed pages, and draws of them for training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataset_generation.printed_windows import PrintedWindows, sample_printed_windows
from ecg.leads import CHEST_LEADS, LEADS, LIMB_LEADS, canonical_lead

PAGE_3X4_1 = PrintedWindows("3x4", rhythm_leads=("II",))
"""The usual page: three rows of four columns and lead II whole below."""

_DEVICE_SHARES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("I",), 0.36),
    (("I", "II", "V3"), 0.40),
    (("I", "II"), 0.05),
    (LIMB_LEADS, 0.02),
    (("II",), 0.02),
    (("I", "II", "V1"), 0.02),
    (("I", "II", "V2"), 0.03),
    (("I", "II", "V4"), 0.02),
    (("I", "II", "V5"), 0.03),
    (("I", "II", "V6"), 0.01),
    (("I", "II", "V1", "V5"), 0.02),
    (("I", "II", "V2", "V4"), 0.03),
)
_PAGE_SHARE, _DEVICE_SHARE = 0.2, 0.72  # the rest: any leads
_USUAL_PAGE_SHARE = 0.5  # of the pages


def lead_rows(leads: tuple[str, ...]) -> list[int]:
    """Rows of leads by name.

    Raises:
        ValueError: a name is none of the twelve leads, or there is none.
    """
    if not leads:
        raise ValueError(f"no lead is given; choose from {', '.join(LEADS)}")
    return sorted({LEADS.index(canonical_lead(lead)) for lead in leads})


def show_leads(signal_mv: NDArray[np.float32], leads: tuple[str, ...]) -> NDArray[np.float32]:
    """Records ``(..., 12, samples)`` of which some leads are seen whole; NaN elsewhere."""
    shown = np.full_like(signal_mv, np.nan)
    rows = lead_rows(leads)
    shown[..., rows, :] = signal_mv[..., rows, :]
    return shown


def sample_visible(rng: np.random.Generator, samples: int, rate_hz: float) -> NDArray[np.bool_]:
    """Draws what a page or a device shows of a record.

    Most are lead sets of devices, a fifth pages, a few any leads at all.

    Returns:
        ``(12, samples)`` booleans, true somewhere.
    """
    drawn = rng.random()
    if drawn < _PAGE_SHARE:
        usual = rng.random() < _USUAL_PAGE_SHARE
        page = PAGE_3X4_1 if usual else sample_printed_windows(rng)
        seen = page.mask(samples, rate_hz)
        return seen if seen.any() else sample_visible(rng, samples, rate_hz)
    if drawn < _PAGE_SHARE + _DEVICE_SHARE:
        shares = np.array([share for _, share in _DEVICE_SHARES])
        leads = _DEVICE_SHARES[rng.choice(len(shares), p=shares / shares.sum())][0]
    elif rng.random() < 0.3:
        leads = (str(rng.choice(CHEST_LEADS)),)
    else:
        leads = tuple(rng.choice(LEADS, int(rng.integers(1, 12)), replace=False))
    seen = np.zeros((len(LEADS), samples), bool)
    seen[lead_rows(leads)] = True
    if rng.random() < 0.15:  # a strip that is shorter than the record
        length = int(rng.uniform(0.25, 1) * samples)
        start = int(rng.integers(samples - length + 1))
        seen[:, :start] = False
        seen[:, start + length :] = False
    return seen
