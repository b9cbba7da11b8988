"""Layout: which lead is printed where on the rectified page.

Rows of traces, lead names and calibration pulses come from the layout look. Every layout that
``ecg.paper`` knows is laid over them, in both lead orders and, for pages of which only some rows
are in the picture, at every row. Lead names support it where they stand as it expects them; the
limb-lead identities of what was read support or contradict it later.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ecg.leads import LEADS
from ecg.paper import LAYOUTS, Layout, PrintedLead
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected

_MAX_LEVEL_STEP_MM = 6.0
_SHARE_OF_SPACING = 0.4
_HIGHEST_LEVEL_MM = 6.0
_MARK_SHARE = 0.2
_USUAL_COLUMNS_MM = (62.5, 125.0)
_CABRERA_PRIOR = 1.5
_NAME_TOLERANCE_MM = (4.5, 3.5)
_USUAL_NAME_MM = (2.2, 1.4)
_SURE_NAME = 0.5
_NAME_FROM_ROW_MM = 14.0
_ROW_APART = (0.5, 1.5)
_RAGGED_MM = 15.0
_WIDE_GAP = 1.6
_UNNAMED_COLUMN = (3.0, 0.5)  # where one column or more have names


@dataclass(frozen=True)
class NameSeen:
    """A lead name.

    Attributes:
        lead: the lead.
        x_mm, y_mm: its centre on the page.
        score: how sure the look is, 0..1.
        half_mm: half its width and height.
    """

    lead: str
    x_mm: float
    y_mm: float
    score: float
    half_mm: tuple[float, float] = _USUAL_NAME_MM


@dataclass(frozen=True)
class RowSeen:
    """A row of traces: its level, its ends in mm, and the stretches that it was seen in."""

    y_mm: float
    left_mm: float
    right_mm: float

    @property
    def length_mm(self) -> float:
        """From end to end."""
        return self.right_mm - self.left_mm


@dataclass(frozen=True)
class PulseSeen:
    """A calibration pulse: left, top, right and bottom in mm."""

    left_mm: float
    top_mm: float
    right_mm: float
    bottom_mm: float


@dataclass(frozen=True)
class PageSeen:
    """What the layout look found on a page, in page millimetres."""

    names: tuple[NameSeen, ...]
    rows: tuple[RowSeen, ...]
    pulses: tuple[PulseSeen, ...]


@dataclass(frozen=True)
class LayoutFound:
    """The layout of a page.

    Attributes:
        layout: the layout.
        order: ``standard`` or ``cabrera``.
        rows: rows of traces in the picture, from the top.
        row_offset: row of the layout that the first of them is.
        rhythm_leads: lead of each rhythm strip.
        rhythm_read: whether that was read from its name, or is only the usual one.
        column_mm: width of a column.
        left_mm: where the first column begins.
        score: support by lead names, in names.
        evidence: what decided, ready for JSON.
        names_apart_mm: how far apart the names of neighbouring columns stand; None where too few
            were read.
        name_edges: column and left edge in mm of every name that was matched.
    """

    layout: Layout
    order: str
    rows: tuple[RowSeen, ...]
    row_offset: int
    rhythm_leads: tuple[str, ...]
    rhythm_read: tuple[bool, ...]
    column_mm: float
    left_mm: float
    score: float
    evidence: dict[str, object] = field(default_factory=dict)
    names_apart_mm: float | None = None
    name_edges: tuple[tuple[int, float], ...] = ()

    def names_left_mm(self, apart_mm: float) -> float | None:
        """Where the names of the first column begin, for columns that far apart."""
        if not self.name_edges:
            return None
        return float(np.median([edge - column * apart_mm for column, edge in self.name_edges]))

    @property
    def short(self) -> tuple[RowSeen, ...]:
        """The rows in the picture that are no rhythm strips."""
        return self.rows[: max(self.layout.rows - self.row_offset, 0)]

    def printed_leads(self, duration_s: float) -> list[PrintedLead]:
        """The stretches on the rows in the picture; ``row`` counts these rows."""
        strips = self.rhythm_leads + ("II", "V1", "V5")[len(self.rhythm_leads) :]
        printed = self.layout.printed_leads(self.order, strips, duration_s, strip_lead=strips[0])
        found = []
        for lead in printed:
            row = lead.row - self.row_offset
            if 0 <= row < len(self.rows):
                found.append(
                    PrintedLead(
                        lead.lead,
                        lead.sign,
                        row,
                        lead.column,
                        lead.start_s,
                        lead.duration_s,
                        lead.is_rhythm,
                    )
                )
        return found


def look_over(
    maps: ProbabilityMaps,
    left_mm: float,
    top_mm: float,
    pixels_per_mm: float,
    inside_mm: tuple[float, float, float, float] | None = None,
) -> PageSeen:
    """Turn the layout look's maps into names, rows and pulses.

    Args:
        maps: classes of ``segmentation.layout_look``.
        left_mm, top_mm: page position of the maps' first pixel.
        pixels_per_mm: scale of the maps.
        inside_mm: left, top, right and bottom beyond which nothing counts; what lies beside the
            paper may look like traces.
    """
    origin = np.array([left_mm, top_mm])
    if inside_mm is not None:
        low = np.floor((np.array(inside_mm[:2]) - origin) * pixels_per_mm).astype(int)
        high = np.ceil((np.array(inside_mm[2:]) - origin) * pixels_per_mm).astype(int) + 1
        kept = np.zeros_like(maps.values)
        window = (slice(None), slice(max(low[1], 0), high[1]), slice(max(low[0], 0), high[0]))
        kept[window] = maps.values[window]
        maps = ProbabilityMaps(kept, maps.classes, maps.scale)
    return PageSeen(
        _names(maps, origin, pixels_per_mm),
        _rows(maps["baseline"], origin, pixels_per_mm),
        _pulses(maps["pulse"], origin, pixels_per_mm),
    )


def _names(
    maps: ProbabilityMaps, origin: NDArray[np.float64], scale: float
) -> tuple[NameSeen, ...]:
    """Words that look like lead names, each with its likeliest lead."""
    by_lead = np.stack([maps[f"name_{lead}"] for lead in LEADS])
    any_lead = by_lead.max(axis=0)
    labels, _ = ndimage.label(any_lead > 0.3)
    seen = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        weights = np.where(labels[place] == number, any_lead[place], 0)
        mass, peak = float(weights.sum()), float(weights.max())
        if peak < 0.45 or mass < 1.2 * scale**2:
            continue
        rows, columns = np.mgrid[place]
        x = float((weights * columns).sum()) / mass
        y = float((weights * rows).sum()) / mass
        lead = LEADS[int(by_lead[:, place[0], place[1]].sum(axis=(1, 2)).argmax())]
        # A name covers about 8 square millimetres.
        score = peak * min(1.0, mass / (5.0 * scale**2))
        at = float(origin[0] + x / scale), float(origin[1] + y / scale)
        half = weights.shape[1] / 2 / scale, weights.shape[0] / 2 / scale
        seen.append(NameSeen(lead, *at, score, half))
    return tuple(sorted(seen, key=lambda name: -name.score))


def _rows(
    baseline: NDArray[np.float32], origin: NDArray[np.float64], scale: float
) -> tuple[RowSeen, ...]:
    """Group the stretches of baseline into rows."""
    # Close gaps of a few millimetres along the rows.
    closed = ndimage.maximum_filter1d(baseline, int(3 * scale) | 1, axis=1)
    closed = ndimage.minimum_filter1d(closed, int(3 * scale) | 1, axis=1)
    band = closed > 0.4
    # A steep complex at the end of a page joins rows: a level is never so high.
    upright = np.ones((round(_HIGHEST_LEVEL_MM * scale), 1), bool)
    band &= ~ndimage.binary_opening(band, structure=upright)
    labels, _ = ndimage.label(band, structure=np.ones((3, 3)))
    pieces = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None:
            continue
        weights = np.where(labels[place] == number, closed[place], 0)
        ys = place[0].start + np.arange(weights.shape[0])
        left = origin[0] + place[1].start / scale
        right = origin[0] + (place[1].stop - 1) / scale
        level = origin[1] + float((weights.sum(1) * ys).sum() / weights.sum()) / scale
        if right - left > 8:
            pieces.append((left, right, level))
    pieces.sort(key=lambda piece: piece[0] - piece[1])
    furthest = _furthest_step(pieces)
    rows: list[list[tuple[float, float, float]]] = []
    for piece in pieces:
        best, best_step = None, furthest
        for row in rows:
            overlap = sum(max(0.0, min(piece[1], p[1]) - max(piece[0], p[0])) for p in row)
            length = np.array([p[1] - p[0] for p in row])
            level = float(np.average([p[2] for p in row], weights=length))
            step = abs(level - piece[2])
            allowed = 0.25 * (piece[1] - piece[0])
            if step < best_step and (overlap < allowed or step < 2.0):
                best, best_step = row, step
        if best is None:
            rows.append([piece])
        else:
            best.append(piece)
    found = []
    for row in map(_without_strays, rows):
        length = np.array([p[1] - p[0] for p in row])
        level = float(np.average([p[2] for p in row], weights=length))
        found.append((RowSeen(level, min(p[0] for p in row), max(p[1] for p in row)), length.sum()))
    if not found:
        return ()
    longest = max(length for _, length in found)
    kept = [row for row, length in found if length > max(12.0, 0.3 * longest)]
    return tuple(sorted(kept, key=lambda row: row.y_mm))


def _without_strays(pieces: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """The pieces of a row without those further from the others than they are long.

    What lies beside the paper may look like traces at the level of a row. The longest piece
    comes first.
    """
    longest, *others = pieces
    kept, left, right = [longest], longest[0], longest[1]
    for piece in sorted(others, key=lambda piece: max(left - piece[1], piece[0] - right)):
        if max(left - piece[1], piece[0] - right) <= piece[1] - piece[0]:
            kept.append(piece)
            left, right = min(left, piece[0]), max(right, piece[1])
    return kept


def _furthest_step(pieces: list[tuple[float, float, float]]) -> float:
    """How far the level of a row may change between its columns: less than half way to the next."""
    spacings = []
    for left, right, level in pieces:
        below = [
            other[2] - level
            for other in pieces
            if other[2] - level > _MAX_LEVEL_STEP_MM
            and min(right, other[1]) - max(left, other[0]) > 0.5 * (right - left)
        ]
        if below:
            spacings.append(min(below))
    if not spacings:
        return _MAX_LEVEL_STEP_MM
    return max(_MAX_LEVEL_STEP_MM, _SHARE_OF_SPACING * float(np.median(spacings)))


def _pulses(
    pulse: NDArray[np.float32], origin: NDArray[np.float64], scale: float
) -> tuple[PulseSeen, ...]:
    labels, _ = ndimage.label(pulse > 0.5)
    seen = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place is None:
            continue
        height = (place[0].stop - place[0].start) / scale
        width = (place[1].stop - place[1].start) / scale
        filled = float((labels[place] == number).mean())
        if 3 < height < 25 and 2 < width < 14 and filled > 0.6:
            left, top = origin + np.array([place[1].start, place[0].start]) / scale
            # Drawn boxes end half a pixel beyond the last that is mostly covered.
            seen.append(
                PulseSeen(float(left), float(top), float(left + width), float(top + height))
            )
    return tuple(seen)


def with_named_rows(seen: PageSeen) -> PageSeen:
    """The same page with the faint rows that only their names tell of.

    Names stand at one height above (or below) their rows: where most do, a name without a row has
    one that was not seen.
    """
    # Any upright mark, as that between two leads, reads as "I".
    names = [name for name in seen.names if name.score > _SURE_NAME and name.lead != "I"]
    if len(seen.rows) < 2 or len(names) < 3:
        return seen
    levels = np.array([row.y_mm for row in seen.rows])
    heights = np.array([name.y_mm for name in names])
    apart = levels[:, None] - heights
    tried = np.sort(apart[np.abs(apart) < _NAME_FROM_ROW_MM])
    if not len(tried):
        return seen
    missed = np.abs(apart[None] - tried[:, None, None]).min(axis=1)  # (tried, names)
    matched = (missed < _NAME_TOLERANCE_MM[1]).sum(axis=1)
    likely = tried[matched == matched.max()]
    above = likely[likely > 0]  # Most names stand above their rows.
    beside = float(np.median(above if len(above) else likely))
    has_row = np.abs(apart - beside).min(axis=0) < _NAME_TOLERANCE_MM[1]
    if has_row.sum() < max(3, 0.6 * len(names)):
        return seen
    columns = np.array([name.x_mm for name in names])[has_row]
    named = np.sort(heights + beside)
    groups = np.split(named, np.flatnonzero(np.diff(named) > _NAME_TOLERANCE_MM[1]) + 1)
    steps = [group.mean() for group in groups] if len(groups) > 1 else levels
    spacing = float(np.median(np.diff(steps)))
    left = float(np.median([row.left_mm for row in seen.rows]))
    right = float(np.median([row.right_mm for row in seen.rows]))
    rows = list(seen.rows)
    missing = sorted(
        (
            name.y_mm + beside
            for name, known in zip(names, has_row, strict=True)
            if not known and np.abs(columns - name.x_mm).min() < _NAME_TOLERANCE_MM[0]
        ),
        key=lambda level: float(np.abs(levels - level).min()),
    )
    for level in missing:
        away = min(abs(row.y_mm - level) for row in rows) / spacing
        if _ROW_APART[0] < away < _ROW_APART[1]:
            rows.append(RowSeen(level, left, right))
    return replace(seen, rows=tuple(sorted(rows, key=lambda row: row.y_mm)))


def candidate_layouts(
    seen: PageSeen, layout: str | None = None, order: str | None = None
) -> list[LayoutFound]:
    """Lay every layout over the rows, the one that the lead names support best first.

    Args:
        seen: names and rows of the page.
        layout: only this layout, where the user names it.
        order: only this order, ``standard`` or ``cabrera``, likewise.

    Raises:
        PageRejected: no rows, or more rows than any layout has.
    """
    if not seen.rows:
        raise PageRejected("No ECG traces were found on the page.", "layout")
    shapes = [LAYOUTS[layout]] if layout else list(LAYOUTS.values())
    found: list[LayoutFound] = []
    for shape in shapes:
        orders = (order,) if order else ("standard", "cabrera")
        for named in orders[:1] if shape.name == "strip" else orders:
            for rows in _row_choices(seen.rows, shape):
                missing = shape.total_rows - len(rows)
                for offset in range(missing + 1):
                    tried = [
                        _support(seen, shape, named, rows, offset, ends, width)
                        for ends in _ends(rows)
                        for width in _column_widths(ends, shape)
                    ]
                    found.append(max(tried, key=lambda one: one.score))
    if not found:
        raise PageRejected(
            f"{len(seen.rows)} rows of traces were found, which fits no known layout; "
            "name it with --layout if the page has one.",
            "layout",
        )
    return sorted(found, key=lambda one: -one.score)


def _row_choices(rows: tuple[RowSeen, ...], layout: Layout) -> list[tuple[RowSeen, ...]]:
    """The rows as seen, or with one or two false ones left out where there are too many."""
    if len(rows) <= layout.total_rows:
        return [rows]
    extra = len(rows) - layout.total_rows
    if extra > 2:
        return []
    return list(combinations(rows, layout.total_rows))


def _ends(rows: tuple[RowSeen, ...]) -> list[tuple[float, float]]:
    """Where the rows begin and end: what most say, and where they differ the widest, too.

    Of a faint or noisy row only a part may have been seen; short rows are left out.
    """
    lengths = np.array([row.length_mm for row in rows])
    whole = [
        row for row, length in zip(rows, lengths, strict=True) if length > 0.8 * np.median(lengths)
    ]
    left = float(np.median([row.left_mm for row in whole]))
    right = float(np.median([row.right_mm for row in whole]))
    widest = float(min(row.left_mm for row in rows)), float(max(row.right_mm for row in rows))
    ragged = max(left - widest[0], widest[1] - right) > _RAGGED_MM
    return [(left, right), widest] if ragged else [(left, right)]


def _column_widths(ends_mm: tuple[float, float], layout: Layout) -> list[float]:
    """Widths that the columns may have: as seen, or a usual one where the page is cut off."""
    left, right = ends_mm
    seen = (right - left) / layout.columns
    if layout.columns == 1:
        return [seen]
    return [seen, *(usual for usual in _USUAL_COLUMNS_MM if 1.03 * seen < usual < 1.4 * seen)]


def _support(
    seen: PageSeen,
    layout: Layout,
    order: str,
    rows: tuple[RowSeen, ...],
    offset: int,
    ends_mm: tuple[float, float],
    width: float,
) -> LayoutFound:
    """How well the names support a layout laid over the rows."""
    left, right = ends_mm
    cells = layout.printed_leads(order)
    expected: dict[str, list[tuple[int, int]]] = {}
    rhythm_rows = []
    for cell in cells:
        row = cell.row - offset
        if not 0 <= row < len(rows):
            continue
        if cell.is_rhythm or layout.name == "strip":
            rhythm_rows.append(row)
        else:
            expected.setdefault(cell.lead, []).append((row, cell.column))
    differences = []
    for name in seen.names:
        for row, column in expected.get(name.lead, []):
            dx = name.x_mm - (left + column * width)
            dy = name.y_mm - rows[row].y_mm
            if -14 < dx < 16 and -16 < dy < 14:
                differences.append((name, row, column, dx, dy))
    best_total, best_matched, best_shift = 0.0, [], (2.0, -6.0)
    for _, _, _, shift_x, shift_y in differences:
        matched: dict[tuple[int, int], tuple[NameSeen, float]] = {}
        for name, row, column, dx, dy in differences:
            close_x = abs(dx - shift_x) < _NAME_TOLERANCE_MM[0]
            close_y = abs(dy - shift_y) < _NAME_TOLERANCE_MM[1]
            key = (row, column)
            if close_x and close_y and (key not in matched or matched[key][1] < name.score):
                matched[key] = (name, name.score)
        total = sum(score for _, score in matched.values())
        if total > best_total:
            best_total, best_shift = total, (shift_x, shift_y)
            best_matched = [(name, *key) for key, (name, _) in matched.items()]
    used = {id(name) for name, _, _ in best_matched}
    rhythm_leads, rhythm_read = [], []
    rhythm_support = 0.0
    for row in sorted(rhythm_rows):
        near = [
            name
            for name in seen.names
            if id(name) not in used
            and -14 < name.x_mm - left < 16
            and -16 < name.y_mm - rows[row].y_mm < 14
            and (not best_matched or abs(name.y_mm - rows[row].y_mm - best_shift[1]) < 6)
        ]
        if near:
            strongest = max(near, key=lambda name: name.score)
            used.add(id(strongest))
            rhythm_leads.append(strongest.lead)
            rhythm_read.append(True)
            rhythm_support += strongest.score
        else:
            default = ("II", "V1", "V5")[min(len(rhythm_leads), 2)]
            rhythm_leads.append(default)
            rhythm_read.append(False)
    # Squared: a word half read is noise, one fully read that stands elsewhere is another layout.
    # Any upright mark reads as "I".
    contradicted = sum(
        name.score**2 * (_MARK_SHARE if name.lead == "I" else 1.0)
        for name in seen.names
        if id(name) not in used
    )
    named_columns = {column for _, _, column in best_matched}
    # Six limb leads alone are half of a 12x1 page, not a 6x2 page without names on the right.
    enough = len(best_matched) + sum(rhythm_read) >= 4
    unnamed_columns = layout.columns - len(named_columns) if enough else 0
    missing_rows = layout.total_rows - len(rows)
    unnamed = len(expected) - len(best_matched)
    dropped = len(seen.rows) - len(rows)
    gaps = np.diff([row.y_mm for row in rows[: max(layout.rows - offset, 0)]])
    wide_gaps = int((gaps > _WIDE_GAP * np.median(gaps)).sum()) if len(gaps) else 0
    score = (
        best_total
        + rhythm_support
        - 0.7 * contradicted
        - 0.4 * missing_rows
        - _UNNAMED_COLUMN[len(named_columns) > 1] * unnamed_columns
        - 0.12 * max(unnamed, 0)
        - 0.8 * dropped
        - 3.0 * wide_gaps
        - (_CABRERA_PRIOR if order == "cabrera" else 0.0)
    )
    column_mm, left_mm = width, left
    names_apart_mm = None
    evidence: dict[str, object] = {
        "names_matched": sorted(name.lead for name, _, _ in best_matched),
        "names_seen": len(seen.names),
        "rows_seen": len(seen.rows),
        "rows_missing": missing_rows,
        "name_offset_mm": [round(v, 1) for v in best_shift],
    }
    if layout.columns > 1 and len(best_matched) >= 3:
        columns = np.array([c for _, _, c in best_matched], float)
        x = np.array([name.x_mm for name, _, _ in best_matched])
        if np.ptp(columns) > 0:
            slope, _ = np.polyfit(columns, x, 1)
            names_apart_mm = float(slope)
            evidence["column_mm_from_names"] = round(float(slope), 2)
            plausible = 0.6 * width < slope < 1.7 * width
            if plausible and abs(slope - width) > 0.05 * width and len(best_matched) >= 5:
                # The page is cropped, or a row was seen too long: trust the names' spacing.
                column_mm = float(slope)
                if right - left < slope * layout.columns:
                    left_mm = left
    return LayoutFound(
        layout,
        order,
        rows,
        offset,
        tuple(rhythm_leads),
        tuple(rhythm_read),
        column_mm,
        left_mm,
        float(score),
        evidence,
        names_apart_mm,
        tuple((column, name.x_mm - name.half_mm[0]) for name, _, column in best_matched),
    )
