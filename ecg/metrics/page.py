"""Scores of a whole digitized page, failures counted and never dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.metrics import digitization
from ecg.metrics.alignment import align

PADDING_S = 0.15
"""Left out at the end of a record: PTB-XL's 500 Hz records end in 0.1 s of padding."""

FOUND_COVERAGE = 0.5
FOUND_PEARSON = 0.9


@dataclass(frozen=True)
class LeadScore:
    """Scores of one lead, all but ``coverage`` after the Challenge's alignment.

    Attributes:
        lead: its name.
        challenge_snr_db: 0 where nothing was read; NaN where undefined (see there).
        mean_removed_snr_db: 0 where nothing was read.
        pearson: 0 where nothing was read.
        rmse_uv: where nothing was read, that of reading zero.
        amplitude_error: NaN where nothing was read.
        coverage: share of what was printed that was read.
        shift_s: by how much the estimate was late.
        shift_mv: by how much it was high.
        found: at least half of it was read.
    """

    lead: str
    challenge_snr_db: float
    mean_removed_snr_db: float
    pearson: float
    rmse_uv: float
    amplitude_error: float
    coverage: float
    shift_s: float
    shift_mv: float
    found: bool


@dataclass(frozen=True)
class PageScore:
    """Scores of one page.

    Attributes:
        leads: those of the leads that the page prints, in ``LEADS`` order.
        kaggle_ratio: linear signal-to-noise ratio of the page by the Kaggle 2025 rule.
    """

    leads: tuple[LeadScore, ...]
    kaggle_ratio: float

    @property
    def challenge_snr_db(self) -> float:
        """Mean over leads; undefined ones (perfect, or a flat truth) are skipped."""
        return self.mean("challenge_snr_db")

    @property
    def kaggle_snr_db(self) -> float:
        """The page's own Kaggle ratio in dB."""
        return digitization.kaggle_db([self.kaggle_ratio])

    @property
    def pearson(self) -> float:
        """Mean over leads."""
        return self.mean("pearson")

    @property
    def rmse_uv(self) -> float:
        """Mean over leads, in uV."""
        return self.mean("rmse_uv")

    @property
    def leads_found_percent(self) -> float:
        """Share of the printed leads of which at least half was read."""
        return 100 * float(np.mean([lead.found for lead in self.leads]))

    @property
    def all_leads_right(self) -> bool:
        """Whether every printed lead was found and correlates above 0.9 with the truth."""
        return all(lead.found and lead.pearson > FOUND_PEARSON for lead in self.leads)

    def mean(self, metric: str) -> float:
        """Mean of one figure over leads, NaN skipped; NaN if there is none."""
        values = [getattr(lead, metric) for lead in self.leads]
        defined = [value for value in values if not math.isnan(value)]
        return math.fsum(defined) / len(defined) if defined else math.nan


def score_page(
    truth_mv: NDArray[np.floating],
    estimate_mv: NDArray[np.floating] | None,
    rate_hz: float,
    padding_s: float = PADDING_S,
) -> PageScore:
    """Scores a page against the record it was printed from.

    Args:
        truth_mv: ``(12, n)`` in mV, NaN where the page prints nothing.
        estimate_mv: ``(12, m)`` in mV at the same rate, sample 0 at the same time, NaN where
            nothing was read; None for a page that was rejected. A shorter one is continued
            with NaN, a longer one cut.
        rate_hz: samples a second.
        padding_s: how much at the end of the record is left out.

    Returns:
        Scores of each printed lead; a lead that was not read counts 0 dB.

    Raises:
        ValueError: if a shape is wrong or the page prints nothing.
    """
    truth = np.array(truth_mv, np.float64)
    if truth.ndim != 2 or truth.shape[0] != 12:
        raise ValueError(f"truth must be (12, samples), not {truth.shape}")
    truth[:, max(0, truth.shape[1] - round(padding_s * rate_hz)) :] = np.nan
    if not np.isfinite(truth).any():
        raise ValueError("the page prints nothing: truth has no finite sample")
    estimate = np.full_like(truth, np.nan)
    if estimate_mv is not None:
        if estimate_mv.ndim != 2 or estimate_mv.shape[0] != 12:
            raise ValueError(f"estimate must be (12, samples), not {estimate_mv.shape}")
        n = min(truth.shape[1], estimate_mv.shape[1])
        estimate[:, :n] = estimate_mv[:, :n]
        estimate[~np.isfinite(estimate)] = np.nan
    return PageScore(
        leads=tuple(
            _score_lead(lead, truth[row], estimate[row], rate_hz)
            for row, lead in enumerate(LEADS)
            if np.isfinite(truth[row]).any()
        ),
        kaggle_ratio=digitization.kaggle_ratio(truth, estimate, rate_hz),
    )


def _score_lead(
    lead: str, truth: NDArray[np.float64], estimate: NDArray[np.float64], rate_hz: float
) -> LeadScore:
    share = digitization.coverage(truth, estimate)
    if share == 0:
        nothing_read = 1000 * math.sqrt(float(np.nanmean(truth**2)))
        return LeadScore(lead, 0.0, 0.0, 0.0, nothing_read, math.nan, 0.0, 0.0, 0.0, False)
    alignment = align(truth, estimate, rate_hz)
    moved = alignment.estimate_mv
    return LeadScore(
        lead=lead,
        challenge_snr_db=digitization.snr_db(truth, moved),
        mean_removed_snr_db=digitization.mean_removed_snr_db(truth, moved),
        pearson=digitization.pearson(truth, moved),
        rmse_uv=digitization.rmse_uv(truth, moved),
        amplitude_error=digitization.amplitude_error(truth, moved),
        coverage=share,
        shift_s=alignment.shift_samples / rate_hz,
        shift_mv=alignment.shift_mv,
        found=share >= FOUND_COVERAGE,
    )
