"""Reading a page: photo and looks in, millivolts out, or a reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitization.following import follow
from digitization.grid import BORDER_MM, find_crossings, fit_geometry
from digitization.layout import (
    LayoutFound,
    NameSeen,
    PageSeen,
    PulseSeen,
    RowSeen,
    candidate_layouts,
    look_over,
    pulse_gain,
)
from digitization.limb_leads import reconcile
from digitization.names import read_words, search_names
from digitization.quality import Agreement, correlation, limb_checks
from digitization.rectify import rectify
from digitization.traces import RowTrace, clean_heights, sample_window, without_pulse
from ecg.lead_maps import LeadMaps, draw_lead_maps
from ecg.leads import LEAD_INDEX, LEADS
from ecg.page_geometry import PageGeometry
from ecg.paper import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S, PrintedLead
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import READING_RATE_HZ, PageRejected, Reading, Trace

_ENOUGH_NAMES = 4.5
_LAYOUT_PIXELS_PER_MM = 4.0
_TRACE_PIXELS_PER_MM = 8.0
_STRIP_MM = 48.0
_TALL_STRIP_MM = 64.0
_DENSE_ROWS_MM = 18.0
_SIDE_MM = 14.0
_SURE_NAME = 0.5
_NAME_INK = 0.1
_BESIDE_GRID_MM = 6.0
_FIRST_LOOK_PX = 1280
_BEST_PIXELS_PER_MM = 4.0
_LARGEST_PAGE_MM = 650.0
_CANDIDATES = 6
_TRUSTED_STRIP = 0.6
_CLOSE_SCORE = 4.0
_LEAST_SUPPORT = 4.0
_LEAST_SUPPORT_STRIP = 0.8
_AGREEMENT_MM = 0.5
_FOOT_MM = 1.0
_BESIDE_PULSE = 0.5
_GAPS_MM = (0.0, *np.arange(0.5, 5.01, 0.125).tolist())
_FULL_GAP = 0.3
_USUAL_WINDOWS_S = (1.25, 2.0, 2.5, 3.0, 5.0, 6.0, 10.0, 12.0)


FloatArray = NDArray[np.float64]


class SeesPages(Protocol):
    """The looks, as the reader needs them (``segmentation.looks.Looks``)."""

    def see_page(self, photo: NDArray[np.uint8], longest_px: int) -> ProbabilityMaps:
        """Page look at a photo."""

    def see_layout(self, page: NDArray[np.uint8]) -> ProbabilityMaps:
        """Layout look at a rectified page."""

    def see_names(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Lead-name recogniser on grey crops: ``(n, 13)`` probabilities, the last of none."""

    def see_trace(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Trace look at a strip about one row: ``(heights + 1, w)``, the last of no trace."""


@dataclass(frozen=True)
class ReadOptions:
    """What a person may say about a page instead of leaving it to the reader.

    Attributes:
        layout: layout id, or None to recognise it.
        speed_mm_per_s: paper speed, or None for 25 unless the page says otherwise.
        gain_mm_per_mv: gain, or None for what the pulse shows, else 10.
        min_quality: quality below which a page is refused.
    """

    layout: str | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    min_quality: float = 0.35

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")
        if self.speed_mm_per_s is not None and self.speed_mm_per_s not in SPEEDS_MM_PER_S:
            raise ValueError(f"speed must be 25 or 50 mm/s, not {self.speed_mm_per_s:g}")
        if self.gain_mm_per_mv is not None and self.gain_mm_per_mv not in GAINS_MM_PER_MV:
            raise ValueError(f"gain must be 5, 10 or 20 mm/mV, not {self.gain_mm_per_mv:g}")


def read_page(
    photo: NDArray[np.uint8], looks: SeesPages, options: ReadOptions | None = None
) -> Reading:
    """Digitize the page in a photo.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB, upright or at any quarter turn.
        looks: the networks.
        options: what is known of the page.

    Raises:
        PageRejected: the page cannot be read; the message says why.
    """
    options = options or ReadOptions()
    if min(photo.shape[:2]) < 40:
        raise PageRejected(
            f"The picture is only {photo.shape[1]} x {photo.shape[0]} pixels; an ECG needs at "
            "least a few hundred.",
            "page",
        )
    geometry = find_geometry(photo, looks)
    geometry, seen, turned = find_upright(photo, geometry, looks)
    candidates = candidate_layouts(seen, options.layout)
    traces = _read_rows(photo, geometry, seen, looks)
    speed = options.speed_mm_per_s or 25.0
    shown_gain, pulse_mm = pulse_gain(seen.pulses, seen.rows, GAINS_MM_PER_MV)
    gain = options.gain_mm_per_mv or shown_gain or 10.0
    compositions = [
        _compose(found, [traces[row] for row in found.rows], seen.pulses, speed, gain)
        for found in candidates[:_CANDIDATES]
        if found.score > candidates[0].score - _CLOSE_SCORE
    ]
    best = max(compositions, key=lambda one: one.support)
    _refuse(best, options)
    evidence: dict[str, Any] = {
        "quarter_turns": turned,
        "grid_residual_mm": round(geometry.residual_mm, 4),
        "pixels_per_mm": round(geometry.pixels_per_mm(), 2),
        "order": best.found.order,
        "layout": {
            **best.found.evidence,
            "names_score": round(best.found.score, 2),
            "support": round(best.support, 2),
        },
        "speed": "given" if options.speed_mm_per_s else "usual 25 mm/s",
        "gain": "given"
        if options.gain_mm_per_mv
        else ("calibration pulse" if shown_gain else "usual 10 mm/mV"),
        "pulse_mm": None if pulse_mm is None else round(pulse_mm, 2),
        "column_mm": round(best.column_mm, 2),
        "agreement": {
            key: None if not np.isfinite(value) else round(float(value), 3)
            for key, value in vars(best.agreement).items()
        },
    }
    return Reading(
        signal_mv=best.signal_mv,
        confidence=best.confidence,
        layout=best.found.layout.name,
        speed_mm_per_s=speed,
        gain_mm_per_mv=gain,
        quality=best.agreement.quality,
        traces=tuple(
            _trace(traces[best.found.rows[lead.row]], lead, best, speed, geometry)
            for lead in best.printed
        ),
        geometry=geometry,
        lead_maps=_maps(best.signal_mv, best.starts),
        evidence=evidence,
    )


def find_geometry(photo: NDArray[np.uint8], looks: SeesPages) -> PageGeometry:
    """Find the grid, looking again at a better size where the first look was not at one."""
    longest = max(photo.shape[:2])
    first = min(_FIRST_LOOK_PX, 2 * longest)
    tried: list[tuple[float, PageGeometry]] = []
    refusal: PageRejected | None = None
    for size in (first, first // 2, min(2000, longest)):
        if size < 160 or (tried and size != first):
            continue
        try:
            geometry, support = _geometry_at(photo, looks, size)
        except PageRejected as rejected:
            refusal = refusal or rejected
            continue
        tried.append((support, geometry))
    if not tried:
        raise refusal or PageRejected("No ECG grid was found.", "grid")
    support, geometry = max(tried, key=lambda item: item[0])
    seen_at = geometry.pixels_per_mm() * first / longest
    better = round(longest * _BEST_PIXELS_PER_MM / geometry.pixels_per_mm())
    if not 2.9 < seen_at < 6.0 and 160 < better < 2600 and better <= 2 * longest:
        try:
            again, more = _geometry_at(photo, looks, better)
        except PageRejected:
            return geometry
        if more > 0.8 * support:
            return again
    return geometry


def _geometry_at(
    photo: NDArray[np.uint8], looks: SeesPages, longest_px: int
) -> tuple[PageGeometry, float]:
    """The geometry seen at one size, and how many crossings support it."""
    maps = looks.see_page(photo, longest_px)
    crossings = find_crossings(maps["grid_x"], maps["grid_y"])
    geometry = fit_geometry(crossings, maps)
    left, top, right, bottom = geometry.extent_mm
    if right - left > _LARGEST_PAGE_MM or bottom - top > _LARGEST_PAGE_MM:
        raise PageRejected(
            "The picture shows a fine regular grid that is not ECG paper, or several pages at "
            "once; photograph one page.",
            "grid",
        )
    return geometry, float(len(crossings.points))


def find_upright(
    photo: NDArray[np.uint8], geometry: PageGeometry, looks: SeesPages
) -> tuple[PageGeometry, PageSeen, int]:
    """Try the four quarter turns of the page until lead names are seen.

    Where too few are seen, they are looked for again, closer, where a layout would print them.

    Returns:
        The geometry turned so that the page is upright, what is on it, and the quarter turns.
    """
    tried: list[tuple[float, PageGeometry, PageSeen, int]] = []
    for turns in (0, 2, 1, 3):
        turned = turn_geometry(geometry, turns)
        seen = _see_layout(photo, turned, looks)
        score = _layout_score(seen)
        # Pulses look like themselves only on an upright page.
        if seen.pulses and score < _ENOUGH_NAMES:
            score, seen = _search_names(photo, turned, score, seen, looks)
        if score > _ENOUGH_NAMES:
            return turned, seen, turns
        tried.append((score, turned, seen, turns))
    score, turned, seen, turns = max(tried, key=lambda one: one[0])
    if not seen.pulses:
        _, seen = _search_names(photo, turned, score, seen, looks)
    return turned, seen, turns


def _search_names(
    photo: NDArray[np.uint8], geometry: PageGeometry, score: float, seen: PageSeen, looks: SeesPages
) -> tuple[float, PageSeen]:
    """The page with the names found by a closer look, where they fit a layout better."""
    names = search_names(photo, geometry, seen.rows, looks.see_names)
    if not names:
        return score, seen
    found = replace(seen, names=names)
    better = _layout_score(found)
    return (better, found) if better > score else (score, seen)


def _layout_score(seen: PageSeen) -> float:
    """How well some layout explains the names on a page."""
    try:
        return candidate_layouts(seen)[0].score
    except PageRejected:
        return -np.inf


def turn_geometry(geometry: PageGeometry, quarter_turns: int) -> PageGeometry:
    """The same map for a page whose axes are turned by quarter turns."""
    points = np.rot90(geometry.photo_points, quarter_turns, axes=(0, 1))
    return replace(geometry, photo_points=np.ascontiguousarray(points))


def _see_layout(photo: NDArray[np.uint8], geometry: PageGeometry, looks: SeesPages) -> PageSeen:
    left, top, right, bottom = geometry.extent_mm
    scale = _LAYOUT_PIXELS_PER_MM
    size = (round((right - left) * scale), round((bottom - top) * scale))
    page = rectify(photo, geometry, left, top, size, scale)
    maps = looks.see_layout(page)
    # The first pixel of the maps is the middle of the page's first two.
    shift = (maps.scale[0] - 1) / 2 / scale
    beyond = BORDER_MM - _BESIDE_GRID_MM
    inside = (left + beyond, top + beyond, right - beyond, bottom - beyond)
    seen = look_over(maps, left + shift, top + shift, scale / maps.scale[0], inside)
    return replace(seen, names=read_words(photo, geometry, seen.names, looks.see_names))


def _read_rows(
    photo: NDArray[np.uint8], geometry: PageGeometry, seen: PageSeen, looks: SeesPages
) -> dict[RowSeen, RowTrace]:
    """The centre line of every row, all over the same columns."""
    rows = seen.rows
    if not rows:
        return {}
    left = min(row.left_mm for row in rows) - _SIDE_MM
    right = max(row.right_mm for row in rows) + _SIDE_MM
    scale = _TRACE_PIXELS_PER_MM
    levels = [row.y_mm for row in rows]
    spacing = float(np.median(np.diff(levels))) if len(rows) > 1 else np.inf
    strip_mm = _STRIP_MM if spacing < _DENSE_ROWS_MM else _TALL_STRIP_MM
    size = (round((right - left) * scale), round(strip_mm * scale))
    tops = [level - strip_mm / 2 for level in levels]
    strips = (rectify(photo, geometry, left, top, size, scale) for top in tops)
    columns = np.stack([looks.see_trace(strip) for strip in strips])
    for strip, top in zip(columns, tops, strict=True):
        _doubt_names(strip[:-1], seen.names, left, top)
    centres, presence, confidence = follow(columns)
    x = left + np.arange(size[0]) / scale
    return {
        row: clean_heights(x, top + centre.astype(np.float64) / scale, here, sure)
        for row, top, centre, here, sure in zip(
            rows, tops, centres, presence, confidence, strict=True
        )
    }


def _doubt_names(
    heights: NDArray[np.float32], names: tuple[NameSeen, ...], left_mm: float, top_mm: float
) -> None:
    """Lower, in place, the likelihood of a trace where a lead name is printed.

    A trace may run through a name; but where the trace may be elsewhere, the ink is the name's:
    the strokes of a "V" below the beginning of a lead look like a complex.
    """
    for name in names:
        if name.score < _SURE_NAME:
            continue
        half_x, half_y = name.half_mm
        first = round((name.x_mm - half_x - left_mm) * _TRACE_PIXELS_PER_MM)
        last = round((name.x_mm + half_x - left_mm) * _TRACE_PIXELS_PER_MM)
        above = round((name.y_mm - half_y - top_mm) * _TRACE_PIXELS_PER_MM)
        below = round((name.y_mm + half_y - top_mm) * _TRACE_PIXELS_PER_MM)
        heights[max(above, 0) : max(below + 1, 0), max(first, 0) : max(last + 1, 0)] *= _NAME_INK


@dataclass(frozen=True)
class _Composition:
    """A page put together under one layout: time base, calibration, leads, checks."""

    found: LayoutFound
    starts_mm: tuple[float, ...]
    column_mm: float
    printed: tuple[PrintedLead, ...]
    signal_mv: NDArray[np.float32]
    confidence: NDArray[np.float32]
    starts: Mapping[str, float]
    agreement: Agreement

    @property
    def support(self) -> float:
        """Evidence for the layout: lead names, and what the leads say about each other."""

        def known(value: float) -> float:
            return float(np.clip(value, -0.5, 1.0)) if np.isfinite(value) else 0.0

        checks = self.agreement
        return (
            self.found.score
            + 2.5 * known(checks.einthoven)
            + 2.5 * known(checks.goldberger)
            + 1.5 * known(checks.rhythm)
        )


def _compose(
    found: LayoutFound,
    rows: list[RowTrace],
    pulses: tuple[PulseSeen, ...],
    speed: float,
    gain: float,
) -> _Composition:
    """Put the rows together under one layout."""
    starts_mm, column_mm = _time_base(found, rows, pulses, speed)
    rows = [without_pulse(row, starts_mm[0]) for row in rows]
    duration_s = column_mm / speed * found.layout.columns
    printed = tuple(found.printed_leads(duration_s))
    samples = round(duration_s * READING_RATE_HZ)
    signal = np.full((12, samples), np.nan, np.float32)
    confidence = np.zeros((12, samples), np.float32)
    zeros = [_zero_level(row, trace, pulses) for row, trace in zip(found.rows, rows, strict=True)]
    strips: list[tuple[PrintedLead, NDArray[np.float32], NDArray[np.float32]]] = []
    starts: dict[str, float] = {}
    expected = read = 0
    for lead in printed:
        values, sure = sample_window(
            rows[lead.row],
            starts_mm[lead.column],
            lead.duration_s,
            speed,
            gain,
            zeros[lead.row],
            lead.sign,
        )
        expected += len(values)
        read += int(np.isfinite(values).sum())
        if np.isfinite(values).mean() > 0.3:
            starts.setdefault(lead.lead, lead.start_s)
        if lead.is_rhythm:
            strips.append((lead, values, sure))
            continue
        first = round(lead.start_s * READING_RATE_HZ)
        room = min(len(values), samples - first)
        signal[LEAD_INDEX[lead.lead], first : first + room] = values[:room]
        confidence[LEAD_INDEX[lead.lead], first : first + room] = sure[:room]
    einthoven, goldberger = limb_checks(signal)
    rhythm = _add_strips(signal, confidence, strips, found.rhythm_read)
    signal = reconcile(signal, gain)
    sure_all = confidence[confidence > 0]
    agreement = Agreement(
        coverage=read / max(expected, 1),
        confidence=float(sure_all.mean()) if sure_all.size else 0.0,
        einthoven=einthoven,
        goldberger=goldberger,
        rhythm=rhythm,
    )
    return _Composition(found, starts_mm, column_mm, printed, signal, confidence, starts, agreement)


def _time_base(
    found: LayoutFound, rows: list[RowTrace], pulses: tuple[PulseSeen, ...], speed: float
) -> tuple[tuple[float, ...], float]:
    """Where the columns begin and how wide they are, from the ends of the rows.

    Rows that are a little longer or shorter than a usual page have its length, and lie where
    most of their ends agree; what is longer may be gaps between the columns.
    """
    extents = [extent for extent in (row.extent_mm for row in rows) if extent is not None]
    if not extents:
        raise PageRejected("The traces on the page are too faint to read.", "trace")
    columns = found.layout.columns
    left = float(np.median([extent[0] for extent in extents]))
    right = float(np.median([extent[1] for extent in extents]))
    width = (right - left) / columns
    from_names = abs(found.column_mm - width) > 0.05 * width
    if from_names:
        width = found.column_mm
    leading = [p.right_mm for p in pulses if p.left_mm - 4 < left < p.right_mm + 4]
    trailing = [p.left_mm for p in pulses if p.left_mm - 4 < right < p.right_mm + 4]
    usual_mm = _usual_width(width, speed)
    gap = 0.0
    if usual_mm and not from_names and not (leading and trailing):
        # What stands beyond the foot of pulses at an end was read from them.
        first = float(np.median(leading)) - _FOOT_MM if leading else -np.inf
        last = float(np.median(trailing)) + _FOOT_MM if trailing else np.inf
        begins = np.array([extent[0] for extent in extents if extent[0] > first])
        # The last sample stands one step before the end.
        ends = np.array([extent[1] for extent in extents if extent[1] < last])
        ends = ends + speed / READING_RATE_HZ
        if not len(begins) + len(ends):
            begins = np.array([extent[0] for extent in extents])
        # Beside a pulse an end is less sure.
        sure = np.array([_BESIDE_PULSE if leading else 1.0] * len(begins))
        sure = np.append(sure, [_BESIDE_PULSE if trailing else 1.0] * len(ends))
        short = [row for row, seen in zip(rows, found.rows, strict=True) if seen in found.short]
        left, gap = _left_and_gap(begins, ends, sure, usual_mm, columns, short)
    elif leading:
        left = float(np.median(leading))
    width = usual_mm or width
    between = _pulses_between(left, right, width, columns, len(rows), pulses)
    if between is not None:
        starts, shortest = between
        return starts, _usual_width(shortest, speed) or shortest
    return tuple(left + k * (width + gap) for k in range(columns)), width


def _left_and_gap(
    begins_mm: FloatArray,
    ends_mm: FloatArray,
    sure: FloatArray,
    width_mm: float,
    columns: int,
    rows: list[RowTrace],
) -> tuple[float, float]:
    """Where the first column begins, and how far the columns stand apart.

    Args:
        begins_mm, ends_mm: of the rows.
        sure: weight of each.
        width_mm: width of a column.
        columns: their number.
        rows: rows that have all columns.
    """
    best_left, best_gap, most = 0.0, 0.0, -np.inf
    for gap in _GAPS_MM if columns > 1 and rows else _GAPS_MM[:1]:
        length = width_mm * columns + gap * (columns - 1)
        left = _agreed(np.concatenate([begins_mm, ends_mm - length]), sure)
        # Presence says how much of the gaps is empty; a gap that is none is full of traces.
        empty = 0.0
        for row in rows:
            for column in range(1, columns):
                start = left + column * width_mm + (column - 1) * gap
                inside = row.presence[(row.x_mm > start) & (row.x_mm < start + gap)]
                empty += float((_FULL_GAP - inside).sum()) * (row.x_mm[1] - row.x_mm[0])
        if empty > most:
            best_left, best_gap, most = left, gap, empty
    return best_left, best_gap


def _agreed(places_mm: FloatArray, sure: FloatArray) -> float:
    """The mean of the places that most agree on, the others being misread."""
    close = np.abs(places_mm[:, None] - places_mm) < _AGREEMENT_MM
    best = close[(close @ sure).argmax()]
    return float(np.average(places_mm[best], weights=sure[best]))


def _usual_width(width_mm: float, speed: float) -> float | None:
    """The usual width of a column near a measured one."""
    for usual in _USUAL_WINDOWS_S:
        if abs(width_mm - usual * speed) < 0.045 * usual * speed:
            return usual * speed
    return None


def _pulses_between(
    left: float,
    right: float,
    width: float,
    columns: int,
    rows: int,
    pulses: tuple[PulseSeen, ...],
) -> tuple[tuple[float, ...], float] | None:
    """Starts and width of columns that begin with a pulse each; None where they do not."""
    starts, ends = [left], []
    first = [pulse.right_mm for pulse in pulses if abs(pulse.right_mm - left) < 8]
    foot = left - float(np.median(first)) if first else 1.0
    for column in range(1, columns):
        here = [p for p in pulses if abs(p.right_mm - left - column * width) < 0.15 * width]
        if len(here) < max(2, rows / 2):
            return None
        starts.append(float(np.median([pulse.right_mm for pulse in here])) + foot)
        ends.append(float(np.median([pulse.left_mm for pulse in here])))
    if columns == 1:
        return None
    ends.append(right)
    shortest = min(end - start for start, end in zip(starts, ends, strict=True))
    return (tuple(starts), shortest) if shortest > 0.6 * width else None


def _zero_level(row: RowSeen, trace: RowTrace, pulses: tuple[PulseSeen, ...]) -> float:
    """Height of 0 mV: the foot of the row's pulse, else the row's usual level."""
    for pulse in pulses:
        if pulse.top_mm < row.y_mm < pulse.bottom_mm + 4 and abs(pulse.bottom_mm - row.y_mm) < 4:
            return pulse.bottom_mm
    finite = trace.y_mm[np.isfinite(trace.y_mm)]
    return float(np.median(finite)) if finite.size else row.y_mm


def _add_strips(
    signal: NDArray[np.float32],
    confidence: NDArray[np.float32],
    strips: list[tuple[PrintedLead, NDArray[np.float32], NDArray[np.float32]]],
    named: tuple[bool, ...],
) -> float:
    """Lay rhythm strips over the short leads; return how well the two agree.

    Where a strip's lead name was not read, it is the lead that it agrees with best; where it was,
    only if another agrees far better ("II" is easily read as "I" or "III").
    """
    agreements = []
    taken: set[int] = set()
    for (lead, values, sure), is_named in zip(strips, named, strict=False):
        values, sure = _fit(values, signal.shape[1]), _fit(sure, signal.shape[1], 0.0)
        scores = {k: correlation(values, signal[k]) for k in range(12) if k not in taken}
        index = LEAD_INDEX[lead.lead]
        known = {k: value for k, value in scores.items() if np.isfinite(value)}
        if known:
            likely = max(known, key=lambda k: known[k])
            own = known.get(index, -1.0)
            clearly = known[likely] > max(0.9, own + 0.15)
            if clearly or (not is_named and known[likely] > own + 0.03):
                index = likely
        taken.add(index)
        if np.isfinite(scores.get(index, float("nan"))):
            agreements.append(scores[index])
        # One of the two, never a mixture: they differ by a fraction of a millimetre.
        finite = np.isfinite(values)
        trusted = finite.any() and float(sure[finite].mean()) > _TRUSTED_STRIP
        replaced = finite if trusted else finite & ~np.isfinite(signal[index])
        signal[index, replaced] = values[replaced]
        confidence[index, replaced] = sure[replaced]
    return min(agreements) if agreements else float("nan")


def _fit(values: NDArray[np.float32], length: int, fill: float = np.nan) -> NDArray[np.float32]:
    """Cut or pad to a length."""
    out = np.full(length, fill, np.float32)
    out[: min(length, len(values))] = values[:length]
    return out


def _refuse(best: _Composition, options: ReadOptions) -> None:
    """Refuse what cannot be trusted."""
    agreement = best.agreement
    if agreement.coverage < 0.5:
        raise PageRejected(
            f"Only {agreement.coverage:.0%} of the printed traces could be read; take the photo "
            "closer, sharp and with all of the page in it.",
            "trace",
        )
    needed = _LEAST_SUPPORT_STRIP if best.found.layout.name == "strip" else _LEAST_SUPPORT
    if best.support < needed and options.layout is None:
        raise PageRejected(
            "The lead names could not be read well enough to tell which trace is which lead; "
            "take the photo closer and sharper, or name the layout with --layout.",
            "layout",
        )
    if np.isfinite(agreement.rhythm) and agreement.rhythm < 0.3:
        raise PageRejected(
            "The rhythm strip does not agree with the same lead above it, so leads or time base "
            "were read wrongly; take the photo flatter and sharper.",
            "quality",
        )
    quality = agreement.quality
    if quality < options.min_quality:
        raise PageRejected(
            f"The page was read too uncertainly (quality {quality:.2f}, needed "
            f"{options.min_quality:.2f}); take the photo closer, flat and evenly lit.",
            "quality",
        )


def _trace(
    row: RowTrace, lead: PrintedLead, page: _Composition, speed: float, geometry: PageGeometry
) -> Trace:
    start_mm = page.starts_mm[lead.column]
    inside = (row.x_mm >= start_mm) & (row.x_mm <= start_mm + lead.duration_s * speed)
    points = np.stack([row.x_mm[inside], row.y_mm[inside]], axis=-1)
    finite = np.isfinite(points).all(axis=1)
    photo = np.full_like(points, np.nan)
    if finite.any():
        photo[finite] = geometry.photo_from_page(points[finite])
    return Trace(
        lead.lead,
        lead.row,
        lead.is_rhythm,
        lead.start_s,
        points,
        photo,
        row.confidence[inside].astype(np.float32),
    )


def _maps(signal_mv: NDArray[np.float32], starts: Mapping[str, float]) -> LeadMaps:
    """Lead maps of the windows that were read."""
    return draw_lead_maps(
        signal_mv, READING_RATE_HZ, [starts.get(lead, float("nan")) for lead in LEADS]
    )
