"""Reading a page: photo and looks in, millivolts out, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitization.beats import measure_beats
from digitization.calibration import (
    Calibration,
    Printed,
    decide,
    exact_pulses,
    pulse_gain,
    read_calibration,
)
from digitization.composition import LEAST_RHYTHM, Composition, compose, compose_given
from digitization.contrast import looks_again
from digitization.corners import geometry_from_corners
from digitization.find_page import (
    BEST_PIXELS_PER_MM,
    LARGEST_LOOK_PX,
    QUARTER_TURNS,
    SeesPages,
    find_geometry,
    find_upright,
    turn_geometry,
    with_lines,
)
from digitization.fine_lines import respaced
from digitization.flat import flat_geometry
from digitization.given import GivenPage, place_leads, see_given, settle, turns_of
from digitization.grid_lines import follow_lines
from digitization.layout import candidate_layouts
from digitization.lead_marks import LeadMarks
from digitization.no_grid import TEN_SECONDS, find_flat
from digitization.page_description import describe_page
from digitization.page_seen import PageSeen, RowSeen
from digitization.pulses import PulseMeasured, measure_pulses, search_pulses, whole_pulses
from digitization.rows import read_rows
from digitization.stacked_pulses import search_stacked_pulses
from digitization.trace_mask import read_trace_mask
from digitization.traces import RowTrace
from ecg.lead_maps import LeadMaps, draw_lead_maps
from ecg.leads import LEADS
from ecg.page_geometry import PageGeometry
from ecg.paper import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S, PrintedLead, check_scale
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import READING_RATE_HZ, PageRejected, Reading, Step, Trace

_UNSEEN = ("grid", "layout", "trace")
"""Stages whose refusal says that too little was seen."""
_LEAST_NAMES = (1.0, 2.5)  # of a strip, of another page
_CANDIDATES = 24
_CLOSE_SCORE = 4.0
_LEAST_FLAT_QUALITY = 0.9
_IN_DOUBT, _BY_CUSTOM = 0.6, 0.7
_FEW_NAMES, _LEAST_GOLDBERGER = 4.5, 0.4
_LEAST_SUPPORT = 4.0
_LEAST_SUPPORT_STRIP = 0.8


@dataclass(frozen=True)
class ReadOptions:
    """What a person may say about a page instead of leaving it to the reader.

    Attributes:
        layout: layout id, or None to recognise it.
        speed_mm_per_s: paper speed, or None for what the page shows, else 25.
        gain_mm_per_mv: gain, or None for what the page shows, else 10.
        mm_per_px: scale of a flat picture, which then needs no grid.
        min_quality: quality below which a page is refused.
        given: parts of the page that a person mended; stages whose parts are given are not run.
            The options above outweigh what it says of layout, speed and gain.
    """

    layout: str | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    mm_per_px: float | None = None
    min_quality: float = 0.35
    given: GivenPage = field(default_factory=GivenPage)

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")
        if self.speed_mm_per_s is not None and self.speed_mm_per_s not in SPEEDS_MM_PER_S:
            raise ValueError(f"speed must be 25 or 50 mm/s, not {self.speed_mm_per_s:g}")
        if self.gain_mm_per_mv is not None and self.gain_mm_per_mv not in GAINS_MM_PER_MV:
            raise ValueError(f"gain must be 5, 10 or 20 mm/mV, not {self.gain_mm_per_mv:g}")
        if self.mm_per_px is not None:
            check_scale(self.mm_per_px)

    def with_given(self) -> ReadOptions:
        """The same, with layout, speed and gain of the page given where none is said."""
        parts = self.given.parts
        return replace(
            self,
            layout=self.layout or (parts.layout if parts.layout in LAYOUTS else None),
            speed_mm_per_s=self.speed_mm_per_s or parts.speed_mm_per_s,
            gain_mm_per_mv=self.gain_mm_per_mv or parts.gain_mm_per_mv,
        )

    @property
    def leads_by_hand(self) -> bool:
        """Whether a person said which trace is which lead, so that names need not."""
        return self.layout is not None or self.given.parts.leads is not None


def read_page(
    photo: NDArray[np.uint8], looks: SeesPages, options: ReadOptions | None = None
) -> Reading:
    """Digitize the page in a photo.

    Where too little is seen of a page, it is looked at again as ``looks_again`` says, and then
    taken for a flat picture without a grid; so is one that was read in doubt, for specks of a
    copy may have been taken for a grid.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB, upright or at any quarter turn.
        looks: the networks.
        options: what is known of the page.

    Raises:
        PageRejected: the page cannot be read; the message says why.
        PagePartsError: what a person gave of the page cannot be what is in the photo.
    """
    options = (options or ReadOptions()).with_given()
    options.given.check_photo(photo)
    try:
        reading = _read(photo, looks, options)
    except PageRejected as rejected:
        if rejected.stage not in _UNSEEN:
            raise
        again = _read_again(photo, looks, options)
        if again is None:
            flat = _read_flat(photo, looks, options)
            if flat is None:
                raise
            return flat
        reading = again
    if reading.quality > _IN_DOUBT:
        return reading
    try:
        return _read_flat(photo, looks, options) or reading
    except PageRejected:
        return reading


def _read_again(photo: NDArray[np.uint8], looks: SeesPages, options: ReadOptions) -> Reading | None:
    """Digitize the page in the same photo with another contrast; None where that cannot be."""
    for contrast, picture in looks_again(photo):
        try:
            reading = _read(picture, looks, options)
        except PageRejected:
            continue
        needed = _LEAST_NAMES[reading.layout != "strip"]
        by_names = reading.evidence["layout"]["names_score"] >= needed
        # Tables agree with themselves by chance; of what came out only now, names must tell, and
        # lines of the paper that only now look like a grid may be none.
        if (by_names and reading.quality > _IN_DOUBT) or options.leads_by_hand:
            return replace(reading, evidence={**reading.evidence, "contrast": contrast})
    return None


def _read_flat(photo: NDArray[np.uint8], looks: SeesPages, options: ReadOptions) -> Reading | None:
    """Digitize a page that has no grid in a flat picture; None where there is none."""
    parts = options.given.parts
    if parts.points is not None or parts.corners is not None or options.mm_per_px is not None:
        return None
    flat = find_flat(photo, looks)
    if flat is None:
        return None
    # Of a curled page or one seen askew, the scale is not the same everywhere.
    sure = replace(options, min_quality=max(options.min_quality, _LEAST_FLAT_QUALITY))
    try:
        reading = _read(photo, looks, sure, flat.geometry)
    except PageRejected as rejected:
        raise PageRejected(
            f"The page shows no grid, and could not be read without one: {rejected}",
            rejected.stage,
        ) from rejected
    # That a page shows ten seconds is what is usual, not what it says.
    doubt = _BY_CUSTOM if flat.evidence["source"] == TEN_SECONDS else 1.0
    quality = round(reading.quality * doubt, 3)
    _refuse_uncertain(quality, options)
    return replace(reading, quality=quality, evidence={**reading.evidence, "scale": flat.evidence})


def _read(
    photo: NDArray[np.uint8],
    looks: SeesPages,
    options: ReadOptions,
    flat: PageGeometry | None = None,
) -> Reading:
    """Digitize the page in a photo as it is, its map known where it is flat."""
    given, parts = options.given, options.given.parts
    if min(photo.shape[:2]) < 40:
        raise PageRejected(
            f"The picture is only {photo.shape[1]} x {photo.shape[0]} pixels; an ECG needs at "
            "least a few hundred.",
            "page",
        )
    steps = _Steps()
    by_hand = parts.points is not None or parts.corners is not None
    with steps.take("page geometry", given=by_hand):
        geometry, crossings = (flat, None) if flat else _geometry(photo, options, looks)
    with steps.take("layout look", given=not given.sees_layout):
        geometry, seen, turned = _see_page(photo, geometry, given, looks)
    with steps.take("trace look", given=given.trace_mask is not None):
        seen, traces = _trace_rows(photo, geometry, seen, given, looks)
    with steps.take("printed text and calibration pulses", given=_calibrated(options)):
        seen, calibration = _calibrate(photo, geometry, seen, traces, options, looks)
    speed = calibration.speed_mm_per_s
    with steps.take("calibration and assignment of leads", given=parts.leads is not None):
        if parts.leads is not None:
            placed = place_leads(parts, geometry, seen.rows, speed)
            best = compose_given(placed, traces, seen.pulses, calibration)
        else:
            candidates = candidate_layouts(seen, options.layout, parts.order)
            has_grid = flat is None and options.mm_per_px is None
            marks = LeadMarks(photo, geometry)
            compositions = [
                compose(
                    found,
                    [traces[row] for row in found.rows],
                    seen.pulses,
                    calibration,
                    has_grid,
                    marks,
                )
                for found in candidates[:_CANDIDATES]
                if found.score > candidates[0].score - _CLOSE_SCORE
            ]
            best = max(compositions, key=lambda one: one.merit)
        best = replace(best, trust=calibration.trust)
        _refuse(best, options)
    evidence: dict[str, Any] = {
        "quarter_turns": turned,
        "grid_residual_mm": round(geometry.residual_mm, 4),
        **({} if crossings is None else {"crossings_about_corners": crossings}),
        "pixels_per_mm": round(geometry.pixels_per_mm(), 2),
        "order": best.found.order,
        "layout": {
            **best.found.evidence,
            "names_score": round(best.found.score, 2),
            "support": round(best.support, 2),
            "columns_show": "the same seconds" if best.same_seconds else "one time after another",
        },
        "calibration": calibration.evidence,
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
        gain_mm_per_mv=calibration.gain_mm_per_mv,
        quality=best.quality,
        traces=tuple(
            _trace(traces[best.found.rows[lead.row]], lead, best, speed, geometry)
            for lead in best.printed
            if lead.lead in best.starts
        ),
        geometry=geometry,
        lead_maps=_maps(best.signal_mv, best.starts),
        evidence=evidence,
        page=describe_page(
            (photo.shape[1], photo.shape[0]),
            geometry,
            replace(seen, rows=best.found.rows),
            best.printed,
            [best.starts_mm[lead.column] for lead in best.printed],
            best.found.layout.name,
            best.found.order,
            speed,
            calibration.gain_mm_per_mv,
            calibration.chest_gain_mm_per_mv,
        ),
        steps=steps.taken,
    )


def _calibrated(options: ReadOptions) -> bool:
    """Whether nothing of the calibration is left to be found."""
    return None not in (options.speed_mm_per_s, options.gain_mm_per_mv)


def _calibrate(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    seen: PageSeen,
    traces: Mapping[RowSeen, RowTrace],
    options: ReadOptions,
    looks: SeesPages,
) -> tuple[PageSeen, Calibration]:
    """Speed and gain from what is given, printed and drawn, and the page with all its pulses."""
    printed, beats = Printed(), None
    measured: tuple[PulseMeasured | None, ...] = (None,) * len(seen.pulses)
    if not _calibrated(options):
        parts = options.given.parts
        lined = with_lines(photo, geometry, seen, looks)
        printed = read_calibration(lined.lines or ())
        # Names that a person gave stand.
        seen = lined if parts.names is None else replace(lined, names=seen.names)
        if parts.pulses is None:
            seen = replace(seen, pulses=whole_pulses(seen.pulses, seen.rows))
        measured = measure_pulses(photo, geometry, seen.pulses)
        beats = measure_beats(traces.values())
        given = parts.pulses is not None or parts.leads is not None
        told = given or options.gain_mm_per_mv or printed.gain_mm_per_mv
        if not told and pulse_gain(exact_pulses(seen.pulses, measured), seen.rows)[0] is None:
            sought = search_pulses(photo, geometry, seen.rows) or search_stacked_pulses(
                photo, geometry, seen.rows
            )
            if sought:
                seen = replace(seen, pulses=tuple(pulse for pulse, _ in sought))
                measured = tuple(size for _, size in sought)
    calibration = decide(
        printed,
        seen.pulses,
        seen.rows,
        measured,
        beats,
        options.speed_mm_per_s,
        options.gain_mm_per_mv,
    )
    chest = options.given.parts.chest_gain_mm_per_mv
    if chest:
        evidence = {**calibration.evidence, "chest_gain_mm_per_mv": chest}
        calibration = replace(calibration, chest_gain_mm_per_mv=chest, evidence=evidence)
    return seen, calibration


class _Steps:
    """The steps of reading one page, timed."""

    def __init__(self) -> None:
        self._taken: list[Step] = []

    @contextmanager
    def take(self, stage: str, given: bool) -> Iterator[None]:
        """Time what is done in the block."""
        began = perf_counter()
        yield
        seconds = round(perf_counter() - began, 3)
        self._taken.append(Step(stage, "given" if given else "network", seconds))

    @property
    def taken(self) -> tuple[Step, ...]:
        return tuple(self._taken)


def _geometry(
    photo: NDArray[np.uint8], options: ReadOptions, looks: SeesPages
) -> tuple[PageGeometry, int | None]:
    """The map of the page, given or found, and the crossings that bent one given by corners."""
    parts = options.given.parts
    if parts.points is not None:
        return parts.points.geometry, None
    if parts.corners is None:
        if options.mm_per_px is not None:
            return flat_geometry((photo.shape[1], photo.shape[0]), options.mm_per_px), None
        return follow_lines(photo, respaced(photo, find_geometry(photo, looks))), None

    def see_grid(pixels_per_mm: float) -> ProbabilityMaps:
        size = round(max(photo.shape[:2]) * BEST_PIXELS_PER_MM / pixels_per_mm)
        return looks.see_page(photo, min(max(size, 160), LARGEST_LOOK_PX))

    geometry, crossings = geometry_from_corners(parts.corners, see_grid)
    return (follow_lines(photo, geometry) if crossings else geometry), crossings


def _see_page(
    photo: NDArray[np.uint8], geometry: PageGeometry, given: GivenPage, looks: SeesPages
) -> tuple[PageGeometry, PageSeen, int]:
    """The upright page and what is on it, given or seen, and its quarter turns."""
    parts = given.parts
    upright = parts.points is not None or parts.corners is not None
    if given.sees_layout:
        geometry, seen, turns = find_upright(
            photo, geometry, looks, (0,) if upright else QUARTER_TURNS
        )
        return geometry, see_given(parts, geometry, seen), turns
    turns = 0 if upright else turns_of(parts, geometry)
    geometry = turn_geometry(geometry, turns)
    return geometry, see_given(parts, geometry), turns


def _trace_rows(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    seen: PageSeen,
    given: GivenPage,
    looks: SeesPages,
) -> tuple[PageSeen, dict[RowSeen, RowTrace]]:
    """The centre line of every row, from the mask given or from the trace look."""
    if given.trace_mask is not None:
        return seen, read_trace_mask(given.trace_mask, geometry, seen.rows)
    traces = read_rows(photo, geometry, seen, looks)
    if given.parts.leads is not None and given.parts.rows is None:
        # The middle of a box drawn by hand is not quite the level of its row.
        seen = settle(seen, traces)
        traces = read_rows(photo, geometry, seen, looks)
    return seen, traces


def _refuse(best: Composition, options: ReadOptions) -> None:
    """Refuse what cannot be trusted."""
    agreement = best.agreement
    if agreement.coverage < 0.5:
        raise PageRejected(
            f"Only {agreement.coverage:.0%} of the printed traces could be read; take the photo "
            "closer, sharp and with all of the page in it.",
            "trace",
        )
    if best.flat_rows:
        raise PageRejected(
            "A row of leads shows no heart beat where the others do, so a line of the paper was "
            "taken for it; take the photo closer, sharp and evenly lit.",
            "trace",
        )
    strips = best.found.layout.rows if best.found.is_strips else 0
    needed = _LEAST_SUPPORT_STRIP * strips if strips else _LEAST_SUPPORT
    if best.support < needed and not options.leads_by_hand:
        raise PageRejected(
            "The lead names could not be read well enough to tell which trace is which lead; "
            "take the photo closer and sharper, or name the layout with --layout.",
            "layout",
        )
    few_names = best.found.score < _FEW_NAMES and not options.leads_by_hand
    if few_names and agreement.goldberger < _LEAST_GOLDBERGER:
        raise PageRejected(
            "Few lead names could be read, and the augmented leads do not agree with the limb "
            "leads, so leads were told wrongly; take the photo closer, with the whole page in it, "
            "or name the layout with --layout.",
            "layout",
        )
    if agreement.rhythm < LEAST_RHYTHM:
        raise PageRejected(
            "The rhythm strip does not agree with the same lead above it, so leads or time base "
            "were read wrongly; take the photo flatter and sharper.",
            "quality",
        )
    _refuse_uncertain(best.quality, options)


def _refuse_uncertain(quality: float, options: ReadOptions) -> None:
    """Refuse a page whose quality is lower than what is asked for."""
    if quality < options.min_quality:
        raise PageRejected(
            f"The page was read too uncertainly (quality {quality:.2f}, needed "
            f"{options.min_quality:.2f}); take the photo closer, flat and evenly lit.",
            "quality",
        )


def _trace(
    row: RowTrace, lead: PrintedLead, page: Composition, speed: float, geometry: PageGeometry
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
