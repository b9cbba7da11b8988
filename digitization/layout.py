"""Layout: which lead is printed where on the rectified page.

Rows of traces, lead names and calibration pulses come from the layout look. Every layout that
``ecg.paper`` knows is laid over them, in both lead orders and, for pages of which only some rows
are in the picture, at every row. Lead names support it where they stand as it expects them; the
limb-lead identities of what was read support or contradict it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import numpy as np

from digitization.page_seen import NAME_TOLERANCE_MM, NameSeen, PageSeen, RowSeen
from digitization.traces import MOST_GAP_MM
from ecg.leads import LEADS
from ecg.page_parts import OTHER_LAYOUT
from ecg.paper import LAYOUTS, LEAD_ORDERS, Layout, PrintedLead
from ecg.reading import PageRejected

_USUAL_COLUMNS_MM = (62.5, 125.0)
_USUAL_STRIPS = ("II", "V1", "V5")
_RAGGED_MM = 15.0
_WIDE_GAP = 1.6
_NAME_REACH_MM = ((-14.0, 16.0), (-24.0, 14.0))  # from a stretch's start, across and down
_BEFORE_ROWS_MM = 8.0  # further across, of a row's first lead: pulses of 0.2 s at 50 mm/s are long
_BEFORE_PULSE_MM, _APART = -4.0, 0.8  # of names that stand there alone: how far, and in names
_NAME_REACH_ROWS = (-0.65, 0.45)  # up and down, where rows stand far apart
_NAMES_APART_ROWS = 0.3  # of the rows' distance: how much higher one name may stand than another
_AT_START_MM = 8.0  # names that stand no further from the start of their stretch tell where it is
_STRIP_NAME_MM = 6.0
_LEAST_GAP_MM = 3.0
_USUAL_SHIFT_MM = (2.0, -6.0)
_FALSE_ROWS, _MANY_ROWS = (4, 2), 8  # at most, of few rows and of many
_ENOUGH_NAMED = 4
_STRIPS_ALONE = (2, 3)  # rows, on a page of nothing but rhythm strips
_FEWEST_FOR_COLUMNS = (3, 5)  # names: to measure the width of columns, to believe it

# What speaks against a layout, in names.
_CONTRADICTING_NAME = 0.7
_CONTRADICTING_MARK = 0.2  # of a name: any upright mark reads as "I"
_MISSING_ROW = (0.4, 0.1)  # the latter of a page all of whose rows have names: one of several
_MISSING_NAME = 0.12
_DROPPED_ROW = 0.8
_GAP_AMONG_ROWS = 3.0
_UNNAMED_COLUMN = (3.0, 0.5)  # where one column at most, or more of them, have names
_CABRERA = 1.5
_OTHER = 2.0
_LEAST_SURE = 0.5
_USUAL_ORDERS = {tuple(name.lstrip("-") for name in order) for order in LEAD_ORDERS.values()}
_USUAL_ROWS = {layout.rows for layout in LAYOUTS.values()}


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
        name_edges: column and left edge in mm of every name that was matched; none where names
            do not stand where their traces begin.
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
    def is_strips(self) -> bool:
        """Whether the page shows nothing but rhythm strips."""
        few = self.layout.name == OTHER_LAYOUT and len(self.layout.leads) < len(LEADS)
        return few or self.layout.name == "strip"

    @property
    def short(self) -> tuple[RowSeen, ...]:
        """The rows in the picture that are no rhythm strips."""
        return self.rows[: max(self.layout.rows - self.row_offset, 0)]

    def printed_leads(self, duration_s: float) -> list[PrintedLead]:
        """The stretches on the rows in the picture; ``row`` counts these rows."""
        strips = self.rhythm_leads + _USUAL_STRIPS[len(self.rhythm_leads) :]
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
    if not (layout or order):
        found = [*_named_layouts(seen), *_named_strips(seen)]
    for shape in shapes:
        orders = (order,) if order else ("standard", "cabrera")
        for named in orders[:1] if shape.name == "strip" else orders:
            for rows in _row_choices(seen.rows, shape):
                missing = shape.total_rows - len(rows)
                for offset in range(missing + 1):
                    # With room between the columns these go on beyond the rhythm strips.
                    short = rows[: max(shape.rows - offset, 0)]
                    tried = [
                        _support(seen, shape, named, rows, offset, ends[0], width)
                        for ends in dict.fromkeys((*_ends(rows), *_ends(short or rows)))
                        for width in _column_widths(ends, shape)
                    ]
                    found.append(max(tried, key=lambda one: one.score))
    if not found:
        count = f"{len(seen.rows)} rows of traces were found"
        if layout:
            most = LAYOUTS[layout].total_rows
            told = f"{count}, but {layout} has {most}; leave --layout out, or name another."
        else:
            told = f"{count}, which fits no known layout; photograph one page alone."
        raise PageRejected(told, "layout")
    return sorted(found, key=lambda one: -one.score)


def _named_layouts(seen: PageSeen) -> list[LayoutFound]:
    """Layouts of the twelve leads in another order or shape than the usual, each with its name."""
    sure = tuple(name for name in seen.names if name.score > _LEAST_SURE)
    if {name.lead for name in sure} != set(LEADS):
        return []
    fewer = combinations(seen.rows, len(seen.rows) - 1) if len(seen.rows) > 1 else ()
    found = []
    for rows in (seen.rows, *fewer):
        possible = range(max(1, len(rows) - len(_USUAL_STRIPS)), len(rows) + 1)
        counts = [count for count in possible if len(LEADS) % count == 0]
        for count, (left, right) in product(counts, _ends(rows)):
            columns = len(LEADS) // count
            width = (right - left) / columns
            leads = _leads_by_name(sure, rows, count, left, width)
            if len(set(leads)) < len(LEADS) or (leads in _USUAL_ORDERS and count in _USUAL_ROWS):
                continue
            layout = Layout(OTHER_LAYOUT, count, columns, len(rows) - count, leads)
            found.append(_support(seen, layout, "standard", rows, 0, left, width))
    return found


def _named_strips(seen: PageSeen) -> list[LayoutFound]:
    """A few rhythm strips one over the other, each of which its name tells."""
    rows = seen.rows
    if len(rows) not in _STRIPS_ALONE:
        return []
    left, right = _ends(rows)[0]
    least, most = _NAME_REACH_MM[0]
    sure = [name for name in seen.names if name.score > _LEAST_SURE]
    named = sorted((n for n in sure if least < n.x_mm - left < most), key=lambda n: n.y_mm)
    leads = tuple(name.lead for name in named)
    if not len(leads) == len(set(leads)) == len(rows):
        return []
    layout = Layout(OTHER_LAYOUT, len(rows), 1, 0, leads)
    return [_support(seen, layout, "standard", rows, 0, left, right - left)]


def _leads_by_name(
    names: tuple[NameSeen, ...], rows: tuple[RowSeen, ...], count: int, left: float, width: float
) -> tuple[str, ...]:
    """Leads that stand in columns of so many rows by their names, column by column."""
    places = [divmod(number, count) for number in range(len(LEADS))]
    expected = {lead: [(row, column) for column, row in places] for lead in LEADS}
    matched, _ = _matched_names(names, expected, rows, left, width)
    named = {(one.column, one.row): one.name.lead for one in matched}
    return tuple(named[place] for place in places if place in named)


def _row_choices(rows: tuple[RowSeen, ...], layout: Layout) -> list[tuple[RowSeen, ...]]:
    """The rows as seen, or with some false ones left out where there are too many.

    Lines of print and of paper are taken for rows; few of many rows leave too much to choose from.
    """
    if len(rows) <= layout.total_rows:
        return [rows]
    if len(rows) - layout.total_rows > _FALSE_ROWS[len(rows) > _MANY_ROWS]:
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
    """How far apart the columns may stand: as seen, or usual ones, cut off or with gaps."""
    left, right = ends_mm
    seen = (right - left) / layout.columns
    if layout.columns == 1:
        return [seen]
    cut_off = [usual for usual in _USUAL_COLUMNS_MM if 1.03 * seen < usual < 1.4 * seen]
    gaps = [
        (usual, (right - left - usual * layout.columns) / (layout.columns - 1))
        for usual in _USUAL_COLUMNS_MM
    ]
    apart = [usual + gap for usual, gap in gaps if _LEAST_GAP_MM < gap < MOST_GAP_MM]
    return [seen, *cut_off, *apart]


def _support(
    seen: PageSeen,
    layout: Layout,
    order: str,
    rows: tuple[RowSeen, ...],
    offset: int,
    left: float,
    width: float,
) -> LayoutFound:
    """How well the names support a layout laid over the rows."""
    expected: dict[str, list[tuple[int, int]]] = {}
    strips = []
    for cell in layout.printed_leads(order):
        row = cell.row - offset
        if not 0 <= row < len(rows):
            continue
        if cell.is_rhythm or layout.name == "strip":
            strips.append(row)
        else:
            expected.setdefault(cell.lead, []).append((row, cell.column))
    matched, shift = _matched_names(seen.names, expected, rows, left, width)
    used = {id(one.name) for one in matched}
    strip_names = _strip_names(
        seen.names, used, rows, sorted(strips), left, shift if matched else None
    )
    read = [name for name in strip_names if name is not None]
    used |= {id(name) for name in read}
    missing_rows = layout.total_rows - len(rows)
    named_columns = {one.column for one in matched}
    # Six limb leads alone are half of a 12x1 page, not a 6x2 page without names on the right.
    enough = len(matched) + len(read) >= _ENOUGH_NAMED
    unnamed_columns = layout.columns - len(named_columns) if enough else 0
    # Names over the middle of half the rows of a 12x1 page are those of the second column of 6x2.
    at_starts = shift[0] < _AT_START_MM
    all_named = enough and at_starts and layout.columns == 1 and len(matched) == len(rows)
    score = (
        sum(one.name.score for one in matched)
        + sum(name.score for name in read)
        - _CONTRADICTING_NAME * _contradiction(name for name in seen.names if id(name) not in used)
        - _MISSING_ROW[all_named] * missing_rows
        - _UNNAMED_COLUMN[len(named_columns) > 1] * unnamed_columns
        - _MISSING_NAME * max(len(expected) - len(matched), 0)
        - _DROPPED_ROW * _dropped(seen.rows, rows)
        - _GAP_AMONG_ROWS * _wide_gaps(rows[: max(layout.rows - offset, 0)])
        - (_CABRERA if order == "cabrera" else 0.0)
        - (_OTHER if len(layout.leads) == len(LEADS) else 0.0)
    )
    evidence: dict[str, object] = {
        "names_matched": sorted(one.name.lead for one in matched),
        "names_seen": len(seen.names),
        "strips_named": len(read),
        "rows_seen": len(seen.rows),
        "rows_missing": missing_rows,
        "name_offset_mm": [round(v, 1) for v in shift],
    }
    column_mm, names_apart_mm = width, _names_apart_mm(matched)
    if names_apart_mm is not None:
        evidence["column_mm_from_names"] = round(names_apart_mm, 2)
        plausible = 0.6 * width < names_apart_mm < 1.7 * width
        differs = abs(names_apart_mm - width) > 0.05 * width
        if plausible and differs and len(matched) >= _FEWEST_FOR_COLUMNS[1]:
            # The page is cropped, or a row was seen too long: trust the names' spacing.
            column_mm = names_apart_mm
    return LayoutFound(
        layout,
        order,
        rows,
        offset,
        tuple(
            name.lead if name is not None else _USUAL_STRIPS[min(k, 2)]
            for k, name in enumerate(strip_names)
        ),
        tuple(name is not None for name in strip_names),
        column_mm,
        left,
        float(score),
        evidence,
        names_apart_mm,
        tuple(
            (one.column, one.name.x_mm - one.name.half_mm[0])
            for one in matched
            if not one.is_apart and at_starts
        ),
    )


@dataclass(frozen=True)
class _Matched:
    """A name and the row and column at which a layout expects it.

    ``is_apart`` where it stands elsewhere than others, higher or before the pulses of its row.
    """

    name: NameSeen
    row: int
    column: int
    is_apart: bool = False


def _matched_names(
    names: tuple[NameSeen, ...],
    expected: dict[str, list[tuple[int, int]]],
    rows: tuple[RowSeen, ...],
    left: float,
    width: float,
) -> tuple[list[_Matched], tuple[float, float]]:
    """The names that stand at one shift from where their stretches begin, and that shift in mm.

    Of all shifts that one name has, the one with the highest sum of scores; the names of the first
    column may have one of their own.
    """
    apart_mm = _rows_apart_mm(rows)
    (least_x, most_x), (least_y, most_y) = _name_reach_mm(apart_mm)
    # Some programs print each name as high as its own trace needs.
    reach_y = max(NAME_TOLERANCE_MM[1], _NAMES_APART_ROWS * apart_mm)
    near = []
    for name in names:
        for row, column in expected.get(name.lead, []):
            dx = name.x_mm - (left + column * width)
            dy = name.y_mm - rows[row].y_mm
            furthest = least_x - (0.0 if column else _BEFORE_ROWS_MM)
            # Names may stand over the middle or the end of their stretch.
            if furthest < dx < max(most_x, width) and least_y < dy < most_y:
                near.append((_Matched(name, row, column), dx, dy))
    most, best, shift = _at_one_shift(near, reach_y)
    # Recorders that print pulses before the rows name the first leads before those.
    before = [one for one in near if not one[0].column and one[1] < _BEFORE_PULSE_MM]
    if not before:
        return best, shift
    others, of_others, shift_of_others = _at_one_shift(
        [one for one in near if one[0].column], reach_y
    )
    first, of_first, _ = _at_one_shift(before, reach_y)
    if others and first + others > most + _APART:
        apart = [replace(one, is_apart=True) for one in of_first]
        return [*apart, *of_others], shift_of_others
    return best, shift


def _at_one_shift(
    near: list[tuple[_Matched, float, float]], reach_y_mm: float
) -> tuple[float, list[_Matched], tuple[float, float]]:
    """Of names and their shifts, those at one shift that together are surest.

    Args:
        near: names, and how far across and down from the start of their stretch each stands.
        reach_y_mm: how far up and down they may stand from each other.

    Returns:
        Their sum of scores, the names, and the shift.
    """
    most, best, best_shift = 0.0, [], _USUAL_SHIFT_MM
    for _, shift_x, shift_y in near:
        matched: dict[tuple[int, int], _Matched] = {}
        for one, dx, dy in near:
            close_x = abs(dx - shift_x) < NAME_TOLERANCE_MM[0]
            close_y = abs(dy - shift_y) < reach_y_mm
            other = matched.get((one.row, one.column))
            if close_x and close_y and (other is None or other.name.score < one.name.score):
                is_apart = abs(dy - shift_y) >= NAME_TOLERANCE_MM[1]
                matched[one.row, one.column] = replace(one, is_apart=is_apart)
        total = sum(one.name.score for one in matched.values())
        if total > most:
            most, best, best_shift = total, list(matched.values()), (shift_x, shift_y)
    return most, best, best_shift


def _strip_names(
    names: tuple[NameSeen, ...],
    used: set[int],
    rows: tuple[RowSeen, ...],
    strips: list[int],
    left: float,
    shift: tuple[float, float] | None,
) -> list[NameSeen | None]:
    """The surest name near the start of each rhythm strip, None where there is none.

    Where the other names stand over the middle or the end of theirs, a strip's may, too.

    Args:
        names: names of the page.
        used: identities of those that name something else.
        rows: rows of traces.
        strips: which of them are strips, from the top.
        left: where the rows begin in mm.
        shift: how far from the start of their stretches, across and down, the other names stand
            in mm; None where there are none.
    """
    (least_x, most_x), (least_y, most_y) = _name_reach_mm(_rows_apart_mm(rows))
    found: list[NameSeen | None] = []
    taken = set(used)
    for row in (rows[number] for number in strips):
        furthest = most_x if shift is None or shift[0] < most_x else row.right_mm - left
        near = [
            name
            for name in names
            if id(name) not in taken
            and least_x < name.x_mm - left < furthest
            and least_y < name.y_mm - row.y_mm < most_y
            and (shift is None or abs(name.y_mm - row.y_mm - shift[1]) < _STRIP_NAME_MM)
        ]
        strongest = max(near, key=lambda name: name.score) if near else None
        found.append(strongest)
        if strongest is not None:
            taken.add(id(strongest))
    return found


def _contradiction(names: Iterable[NameSeen]) -> float:
    """How much names that a layout does not expect speak against it.

    Squared: a word half read is noise, one fully read that stands elsewhere is another layout.
    """
    return sum(name.score**2 * (_CONTRADICTING_MARK if name.lead == "I" else 1.0) for name in names)


def _dropped(seen: tuple[RowSeen, ...], kept: tuple[RowSeen, ...]) -> float:
    """How many rows are left out; short ones, as lines of print are, count by their length."""
    usual = float(np.median([row.length_mm for row in kept]))
    left_out = (row.length_mm / usual for row in seen if row not in kept)
    return sum(min(1.0, share) for share in left_out)


def _name_reach_mm(rows_apart_mm: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """How far from a stretch's start its name may stand, across and down."""
    across, (up, down) = _NAME_REACH_MM
    highest, lowest = (share * rows_apart_mm for share in _NAME_REACH_ROWS)
    return across, (min(up, highest), max(down, lowest))


def _rows_apart_mm(rows: tuple[RowSeen, ...]) -> float:
    """The usual distance of neighbouring rows; 0 of one row."""
    return float(np.median(np.diff([row.y_mm for row in rows]))) if len(rows) > 1 else 0.0


def _wide_gaps(rows: tuple[RowSeen, ...]) -> int:
    gaps = np.diff([row.y_mm for row in rows])
    return int((gaps > _WIDE_GAP * np.median(gaps)).sum()) if len(gaps) else 0


def _names_apart_mm(matched: list[_Matched]) -> float | None:
    """How far apart the names of neighbouring columns stand; None where too few tell."""
    matched = [one for one in matched if not one.is_apart]
    columns = np.array([one.column for one in matched], float)
    if len(matched) < _FEWEST_FOR_COLUMNS[0] or np.ptp(columns) == 0:
        return None
    slope, _ = np.polyfit(columns, np.array([one.name.x_mm for one in matched]), 1)
    return float(slope)
