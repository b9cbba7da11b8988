"""Parts of a page that a person gave, turned into what the stages of reading would have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from digitization.layout import LayoutFound
from digitization.page_seen import NameSeen, PageSeen, PulseSeen, RowSeen
from digitization.traces import RowTrace
from ecg.page_geometry import PageGeometry
from ecg.page_parts import OTHER_LAYOUT, LeadBox, PageParts, PagePartsError
from ecg.paper import LAYOUTS, Layout, PrintedLead

FloatArray = NDArray[np.float64]

_SAME_ROW_SHARE = 0.5
_SAME_COLUMN_MM = 10.0
_SAME_START_MM = 1.0
_FURTHEST_LEVEL_MM = 8.0
_SHARE_OF_SPACING = 0.4


@dataclass(frozen=True, eq=False)
class GivenPage:
    """What a person gave of a page.

    Attributes:
        parts: in photo pixels.
        trace_mask: ``(h, w)`` uint8 of the photo's size, bright on the traces; the file that
            ``parts.mask`` names, opened.
    """

    parts: PageParts = field(default_factory=PageParts)
    trace_mask: NDArray[np.uint8] | None = None

    def check_photo(self, photo: NDArray[np.uint8]) -> None:
        """Whether these can be parts of a photo.

        Raises:
            PagePartsError: they cannot.
        """
        height, width = photo.shape[:2]
        self.parts.check_photo(width, height)
        if self.trace_mask is None:
            if self.parts.mask is not None:
                raise PagePartsError("mask: the file that it names was not opened.")
        elif self.trace_mask.shape != (height, width):
            has = f"{self.trace_mask.shape[1]} x {self.trace_mask.shape[0]}"
            raise PagePartsError(
                f"mask: it has {has} pixels, but the photo has {width} x {height}; a mask covers "
                "the whole upright photo, pixel by pixel."
            )

    @property
    def sees_layout(self) -> bool:
        """Whether the layout look is still needed."""
        parts = self.parts
        return parts.leads is None and None in (parts.rows, parts.names, parts.pulses)


@dataclass(frozen=True)
class PlacedLeads:
    """Where leads and their time base are on a page.

    Attributes:
        found: rows and layout.
        printed: the stretches; ``column`` counts ``starts_mm``.
        starts_mm: where columns begin; each stretch its own where they were placed by hand.
        duration_s: how long the record is.
    """

    found: LayoutFound
    printed: tuple[PrintedLead, ...]
    starts_mm: tuple[float, ...]
    duration_s: float

    @property
    def column_starts_mm(self) -> tuple[float, ...]:
        """Where columns begin, from the left, those of one column taken once."""
        columns: list[float] = []
        for start in sorted(self.starts_mm):
            if not columns or start - columns[-1] > _SAME_START_MM:
                columns.append(start)
        return tuple(columns)


def turns_of(parts: PageParts, geometry: PageGeometry) -> int:
    """Quarter turns, as of ``turn_geometry``, after which what was given stands upright."""
    boxes = [lead.box for lead in parts.leads or ()]
    ends = [(box[0], box[1]) for box in boxes] or [(r.left, r.right) for r in parts.rows or ()]
    page = geometry.page_from_photo(np.asarray(ends, np.float64))
    x, y = (page[:, 1] - page[:, 0]).sum(axis=0).tolist()
    if abs(x) >= abs(y):
        return 0 if x > 0 else 2
    return 1 if y > 0 else 3


def see_given(parts: PageParts, geometry: PageGeometry, seen: PageSeen | None = None) -> PageSeen:
    """What is on the page, in its millimetres, each given part instead of the one seen.

    Args:
        parts: what was given.
        geometry: map of the upright page.
        seen: what the layout look saw; nothing by default.
    """
    seen = seen or PageSeen((), (), ())
    if parts.names is not None:
        names = [(name, _bounds(name.box, geometry)) for name in parts.names]
        seen = replace(
            seen,
            names=tuple(
                NameSeen(
                    name.lead,
                    (left + right) / 2,
                    (top + bottom) / 2,
                    name.score,
                    ((right - left) / 2, (bottom - top) / 2),
                )
                for name, (left, top, right, bottom) in names
            ),
        )
    if parts.pulses is not None:
        seen = replace(
            seen, pulses=tuple(PulseSeen(*_bounds(pulse, geometry)) for pulse in parts.pulses)
        )
    if parts.rows is not None:
        ends = geometry.page_from_photo(np.array([(row.left, row.right) for row in parts.rows]))
        rows = [
            RowSeen(float(one[:, 1].mean()), float(one[0, 0]), float(one[1, 0])) for one in ends
        ]
        seen = replace(seen, rows=tuple(sorted(rows, key=lambda row: row.y_mm)))
    elif parts.leads is not None:
        seen = replace(seen, rows=_rows_of(_lead_bounds(parts.leads, geometry)))
    return seen


def settle(seen: PageSeen, traces: dict[RowSeen, RowTrace]) -> PageSeen:
    """Move rows that were guessed from boxes to the level at which their traces were read."""
    levels = np.array([row.y_mm for row in seen.rows])
    spacing = float(np.diff(levels).min()) if len(levels) > 1 else np.inf
    furthest = min(_FURTHEST_LEVEL_MM, _SHARE_OF_SPACING * spacing)
    rows = []
    for row in seen.rows:
        trace = traces[row]
        inside = (trace.x_mm >= row.left_mm) & (trace.x_mm <= row.right_mm)
        inside &= np.isfinite(trace.y_mm)
        level = float(np.median(trace.y_mm[inside])) if inside.any() else row.y_mm
        level = float(np.clip(level, row.y_mm - furthest, row.y_mm + furthest))
        rows.append(replace(row, y_mm=level))
    return replace(seen, rows=tuple(rows))


def place_leads(
    parts: PageParts, geometry: PageGeometry, rows: tuple[RowSeen, ...], speed_mm_per_s: float
) -> PlacedLeads:
    """Turn lead boxes into stretches on rows.

    The score of the layout counts the leads, for each is sure.

    Args:
        parts: with ``leads``.
        geometry: map of the upright page.
        rows: rows of traces, from the top.
        speed_mm_per_s: paper speed.

    Raises:
        PagePartsError: a box lies on none of the rows.
    """
    leads = parts.leads or ()
    bounds = _lead_bounds(leads, geometry)
    first = float(bounds[:, 0].min())
    printed = []
    for number, (lead, (left, top, right, bottom)) in enumerate(zip(leads, bounds, strict=True)):
        middle = (top + bottom) / 2
        row = min(range(len(rows)), key=lambda k: abs(rows[k].y_mm - middle))
        if not top <= rows[row].y_mm <= bottom:
            raise PagePartsError(
                f"leads[{number}] ({lead.lead}): its box lies on none of the rows; move it onto "
                "one, or leave out rows."
            )
        start_s = lead.start_s
        if start_s is None:
            start_s = float(left - first) / speed_mm_per_s
        duration_s = float(right - left) / speed_mm_per_s
        printed.append(
            PrintedLead(lead.name, lead.sign, row, number, start_s, duration_s, lead.is_rhythm)
        )
    layout = _layout_of(parts, printed, bounds)
    cabrera = any(lead.sign < 0 for lead in leads)
    found = LayoutFound(
        layout,
        parts.order or ("cabrera" if cabrera else "standard"),
        rows,
        0,
        (),
        (),
        float(np.median(bounds[:, 2] - bounds[:, 0])),
        first,
        float(len(leads)),
        {"leads_given": len(leads)},
    )
    duration_s = max(lead.start_s + lead.duration_s for lead in printed)
    return PlacedLeads(found, tuple(printed), tuple(bounds[:, 0].tolist()), duration_s)


def _layout_of(parts: PageParts, printed: Sequence[PrintedLead], bounds: FloatArray) -> Layout:
    """The layout given, else the one of as many rows, columns and rhythm strips."""
    if parts.layout in LAYOUTS:
        return LAYOUTS[parts.layout]
    short = [lead for lead in printed if not lead.is_rhythm]
    strips = len(printed) - len(short)
    if len(printed) == 1:
        return LAYOUTS["strip"]
    lefts = np.sort([bounds[lead.column, 0] for lead in short])
    columns = 1 + int((np.diff(lefts) > _SAME_COLUMN_MM).sum())
    rows = len({lead.row for lead in short})
    for layout in LAYOUTS.values():
        same = (rows, columns, strips) == (layout.rows, layout.columns, layout.rhythm_strips)
        if same and len(short) == rows * columns and parts.layout is None:
            return layout
    return Layout(OTHER_LAYOUT, rows, max(columns, 1), strips)


def _bounds(box: Sequence[tuple[float, float]], geometry: PageGeometry) -> tuple[float, ...]:
    """Left, top, right and bottom on the page, each the mean of its two corners."""
    page = geometry.page_from_photo(np.asarray(box, np.float64))
    x, y = page[:, 0], page[:, 1]
    sides = ((x[0] + x[3]) / 2, (y[0] + y[1]) / 2, (x[1] + x[2]) / 2, (y[2] + y[3]) / 2)
    return tuple(float(side) for side in sides)


def _lead_bounds(leads: Sequence[LeadBox], geometry: PageGeometry) -> FloatArray:
    """``(n, 4)`` left, top, right and bottom of each box on the page."""
    return np.array([_bounds(lead.box, geometry) for lead in leads])


def _rows_of(bounds: FloatArray) -> tuple[RowSeen, ...]:
    """Rows on which boxes lie side by side: each one's middle within the others' middle half."""
    groups: list[list[FloatArray]] = []
    for box in sorted(bounds, key=lambda one: one[1] + one[3]):
        middle, height = (box[1] + box[3]) / 2, box[3] - box[1]
        group = groups[-1] if groups else []
        level = np.mean([(one[1] + one[3]) / 2 for one in group]) if group else -np.inf
        heights = [height, *(one[3] - one[1] for one in group)]
        if middle - level < _SAME_ROW_SHARE * min(heights):
            group.append(box)
        else:
            groups.append([box])
    rows = []
    for group in groups:
        boxes = np.array(group)
        level = float((boxes[:, 1] + boxes[:, 3]).mean() / 2)
        rows.append(RowSeen(level, float(boxes[:, 0].min()), float(boxes[:, 2].max())))
    return tuple(rows)
