"""A page put together under a layout: time base, samples in mV, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitization.calibration import Calibration
from digitization.given import PlacedLeads
from digitization.layout import LayoutFound
from digitization.limb_leads import reconcile
from digitization.page_seen import PulseSeen, RowSeen
from digitization.quality import Agreement, flat_rows, limb_checks, limbs_go_on
from digitization.rhythm import add_strips
from digitization.same_seconds import show_same_seconds
from digitization.time_base import SeesMarks, time_base
from digitization.traces import RowTrace, sample_window, without_pulse
from ecg.leads import LEAD_INDEX
from ecg.paper import PrintedLead
from ecg.reading import READING_RATE_HZ

LEAST_RHYTHM = 0.3
"""Agreement of a rhythm strip with its lead below which one of them was read wrongly."""
_BY_CHANCE = 0.4
_NO_RHYTHM = 3.0
_FLAT_ROW = 5.0
_LEAST_READ = 0.3  # share of a lead; less is specks and print
_EMPTY_STRIP = 2.0  # what speaks against a layout with one, in names
_UNREAD_LEAD = 1.0  # likewise
_LIMBS_GO_ON = 4.0  # likewise
_BESIDE_PULSE_MM = 3.0


@dataclass(frozen=True)
class Composition:
    """A page put together under one layout.

    Attributes:
        found: the layout, its columns as wide as the time base says.
        starts_mm: where each column begins.
        column_mm: width of a column.
        printed: the stretches, those of rhythm strips last.
        signal_mv, confidence: ``(12, samples)`` at 500 Hz, NaN and 0 where nothing was printed.
        starts: seconds from the page's start at which each lead that was read begins.
        agreement: what the page says twice.
        flat_rows: rows of leads without a beat where others have some.
        empty_strips: rhythm strips of which next to nothing was read, or that are like no lead.
        limbs_go_on: whether the rows of limb leads go on where chest leads are taken to be.
        same_seconds: whether all columns show the same seconds, not one time after another.
        trust: less than one where print and pulses contradict each other.
    """

    found: LayoutFound
    starts_mm: tuple[float, ...]
    column_mm: float
    printed: tuple[PrintedLead, ...]
    signal_mv: NDArray[np.float32]
    confidence: NDArray[np.float32]
    starts: Mapping[str, float]
    agreement: Agreement
    flat_rows: int
    empty_strips: int
    limbs_go_on: bool
    same_seconds: bool = False
    trust: float = 1.0

    @property
    def quality(self) -> float:
        """One figure in 0..1: the checks, less where print and pulses contradict each other."""
        return round(self.agreement.quality * self.trust, 3)

    @property
    def support(self) -> float:
        """Evidence for the layout: lead names, and what the leads say about each other."""

        def known(value: float) -> float:
            if not np.isfinite(value):
                return 0.0
            return float(np.clip((value - _BY_CHANCE) / (1 - _BY_CHANCE), -0.5, 1.0))

        checks = self.agreement
        return (
            self.found.score
            + 2.5 * known(checks.einthoven)
            + 2.5 * known(checks.goldberger)
            + 1.5 * known(checks.rhythm)
            - _NO_RHYTHM * (checks.rhythm < LEAST_RHYTHM)
            - _FLAT_ROW * self.flat_rows
            - _EMPTY_STRIP * self.empty_strips
            - _LIMBS_GO_ON * self.limbs_go_on
        )

    @property
    def merit(self) -> float:
        """Support, less for every lead of which nothing was read: its row may be a line of text."""
        unread = {lead.lead for lead in self.printed} - set(self.starts)
        return self.support - _UNREAD_LEAD * len(unread)


def compose(
    found: LayoutFound,
    rows: list[RowTrace],
    pulses: tuple[PulseSeen, ...],
    calibration: Calibration,
    has_grid: bool = True,
    marks: SeesMarks | None = None,
) -> Composition:
    """Put the rows together under one layout, on paper with a grid or without."""
    speed = calibration.speed_mm_per_s
    starts_mm, column_mm = time_base(found, rows, pulses, speed, has_grid, marks)
    rows = _without_pulses(rows, starts_mm, pulses)
    duration_s = column_mm / speed * found.layout.columns
    printed = tuple(found.printed_leads(duration_s))
    placed = PlacedLeads(replace(found, column_mm=column_mm), printed, starts_mm, duration_s)
    return _measure(placed, rows, pulses, calibration, found.rhythm_read)


def compose_given(
    placed: PlacedLeads,
    traces: Mapping[RowSeen, RowTrace],
    pulses: tuple[PulseSeen, ...],
    calibration: Calibration,
) -> Composition:
    """Put together leads that were placed by hand."""
    rows = _without_pulses(
        [traces[row] for row in placed.found.rows], placed.column_starts_mm, pulses
    )
    return _measure(placed, rows, pulses, calibration, None)


def _measure(
    placed: PlacedLeads,
    rows: list[RowTrace],
    pulses: tuple[PulseSeen, ...],
    calibration: Calibration,
    rhythm_read: tuple[bool, ...] | None,
) -> Composition:
    """Sample the leads where they were placed, and check them against each other.

    Args:
        placed: leads and time base.
        rows: centre lines, without pulses.
        pulses: calibration pulses.
        calibration: speed and gains of the paper.
        rhythm_read: which names of rhythm strips were read; None where a person gave them.
    """
    found, printed, starts_mm = placed.found, placed.printed, placed.starts_mm
    zeros = [_zero_level(row, trace, pulses) for row, trace in zip(found.rows, rows, strict=True)]
    windows = [
        sample_window(
            rows[lead.row],
            starts_mm[lead.column],
            lead.duration_s,
            calibration.speed_mm_per_s,
            calibration.gain_of(lead.lead),
            zeros[lead.row],
            lead.sign,
        )
        for lead in printed
    ]
    by_hand = rhythm_read is None
    same = not by_hand and show_same_seconds(printed, [values for values, _ in windows])
    duration_s = placed.duration_s
    if same:
        printed = tuple(replace(lead, start_s=0.0) for lead in printed)
        duration_s = max(lead.duration_s for lead in printed)
    samples = round(duration_s * READING_RATE_HZ)
    signal = np.full((12, samples), np.nan, np.float32)
    confidence = np.zeros((12, samples), np.float32)
    strips: list[tuple[PrintedLead, NDArray[np.float32], NDArray[np.float32]]] = []
    starts: dict[str, float] = {}
    expected = read = 0
    for lead, (values, sure) in zip(printed, windows, strict=True):
        expected += len(values)
        read += int(np.isfinite(values).sum())
        if lead.is_rhythm:
            strips.append((lead, values, sure))
        if np.isfinite(values).mean() <= _LEAST_READ:
            continue
        starts.setdefault(lead.lead, lead.start_s)
        if lead.is_rhythm:
            continue
        first = round(lead.start_s * READING_RATE_HZ)
        room = min(len(values), samples - first)
        signal[LEAD_INDEX[lead.lead], first : first + room] = values[:room]
        confidence[LEAD_INDEX[lead.lead], first : first + room] = sure[:room]
    einthoven, goldberger = limb_checks(signal)
    flat = flat_rows(signal, printed)
    empty = sum(np.isfinite(values).mean() < _LEAST_READ for _, values, _ in strips)
    rhythm, strip_leads = add_strips(signal, confidence, strips, rhythm_read, einthoven)
    left_out = len(strips) - len(strip_leads)
    short = [lead for lead in printed if not lead.is_rhythm]
    printed = (*short, *strip_leads)
    signal = reconcile(signal, calibration.gain_mm_per_mv)
    sure_all = confidence[confidence > 0]
    agreement = Agreement(
        coverage=read / max(expected, 1),
        confidence=float(sure_all.mean()) if sure_all.size else 0.0,
        einthoven=einthoven,
        goldberger=goldberger,
        rhythm=rhythm,
    )
    return Composition(
        found,
        starts_mm,
        found.column_mm,
        printed,
        signal,
        confidence,
        starts,
        agreement,
        flat,
        max(int(empty), left_out),
        limbs_go_on(signal, short),
        same,
    )


def _without_pulses(
    rows: list[RowTrace], starts_mm: tuple[float, ...], pulses: tuple[PulseSeen, ...]
) -> list[RowTrace]:
    """Rows without what was read of the pulses before the first and any other column."""
    inner = [
        start
        for start in starts_mm[1:]
        if any(abs(pulse.right_mm - start) < _BESIDE_PULSE_MM for pulse in pulses)
    ]
    for start in (starts_mm[0], *inner):
        rows = [without_pulse(row, start) for row in rows]
    return rows


def _zero_level(row: RowSeen, trace: RowTrace, pulses: tuple[PulseSeen, ...]) -> float:
    """Height of 0 mV: the foot of the row's pulse, else the row's usual level."""
    for pulse in pulses:
        if pulse.top_mm < row.y_mm < pulse.bottom_mm + 4 and abs(pulse.bottom_mm - row.y_mm) < 4:
            return pulse.bottom_mm
    finite = trace.y_mm[np.isfinite(trace.y_mm)]
    return float(np.median(finite)) if finite.size else row.y_mm
