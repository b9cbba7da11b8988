"""The time base: where the columns of a page begin and how wide they are."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digitization.layout import LayoutFound
from digitization.page_seen import PulseSeen
from digitization.traces import MOST_GAP_MM, RowTrace
from ecg.paper import MAJOR_GRID_MM, MINOR_GRID_MM, PAGE_SECONDS
from ecg.reading import READING_RATE_HZ, PageRejected

FloatArray = NDArray[np.float64]

_AGREEMENT_MM = 0.5
_FOOT_MM = 1.75
_NAMED_MM = 25.0  # what names, pulses and their feet take up before a row
_BESIDE_PULSE = (0.25, 0.1)  # of an end: as a vote, and in the mean
_GAPS_MM = (0.0, *np.arange(0.5, MOST_GAP_MM + 0.01, 0.125).tolist())
_FINER_MM = np.arange(-0.12, 0.121, 0.01)
_FULL_GAP = 0.3
_WIDE_GAP_MM = 3.0  # of narrower ones ink beside them hides much
_FILLED_GAP = -0.35  # of a gap's width: half way from an empty one to one full of traces
_NAMES_GAP_ERROR_MM = 1.5
_NAMED_GAPS_MM = (1.5, 11.5)
_WIDTH_ERROR = 0.045
_STRIP_ERROR = 0.01
_NAMES_ERROR = 0.013
_SEARCHED_MM = np.arange(-9.0, 9.01, 0.125)
_SEARCHED_NEAR_NAMES_MM = np.arange(-5.0, 5.01, 0.125)
_NAME_AFTER_MM = 0.4
_NAME_SPREAD_MM = 1.5
_NAMES_BEHIND_MM = (0.5, 3.0)  # the begin, as a vote about it: usual distance and spread
_FAR_FROM_NAMES = 0.1
_STEP_BLUR_MM = 0.3
_STEPS_APART_MM = 0.8
_STRAIGHT_MM = 0.3
_ALIKE = 0.6
_HALF_SURE_MM = 0.1
_STEP_NEAR_MM = 0.35
_STEP_FAR_MM = 1.6
_LEAST_STEP_MM = 0.6
_TALL_STEP_MM = 3.0
_STRAIGHT = 0.12
_PEN_MM = 0.1  # how far begins and ends are off for the pen
_BESIDE_PULSE_MM = 0.25
# Errors besides: of all together, and of each; of begins or ends, by whether pulses stand there.
_END_MM = {False: (0.04, 0.06), True: (_BESIDE_PULSE_MM, 0.1)}
_STEP_MM = (0.04, 0.15)
_MARK_MM = (0.006, 0.03)  # the second of one; that several agree tells that they are exact
_SAME_MARK_MM, _LEAST_MARKED = 0.13, 0.2
_BESIDE_MARK_MM = 1.5
_STEP_SOUGHT_MM = (-0.15, 0.0, 0.15)
_BEGINS = (0.4, 0.3, 0.3)  # shares of pages: anywhere, on any line of the grid, on a bold one
_BETWEEN, _FIRST_PULSE_MM = 0.15, 8.0  # of a width: how far pulses stand from where columns begin
_LONGEST_FOOT_MM = 4.0
_USUAL_WINDOWS_S = (1.25, 2.0, 2.5, 3.0, 5.0, 6.0, 10.0, 12.0)


class SeesMarks(Protocol):
    """What the time base needs of ``LeadMarks``."""

    def near(self, row: RowTrace, at_mm: float) -> float | None:
        """Where near a place in a row a mark between leads stands; None where none is clear."""


def time_base(
    found: LayoutFound,
    rows: list[RowTrace],
    pulses: tuple[PulseSeen, ...],
    speed: float,
    has_grid: bool = True,
    marks: SeesMarks | None = None,
) -> tuple[tuple[float, ...], float]:
    """Where the columns begin and how wide they are, from the ends of the rows.

    Rows that are a little longer or shorter than a usual page have its length, and lie where
    most of their ends agree; what is longer may be gaps between the columns. Without a grid
    whole millimetres are no lines on which traces may begin.
    """
    ended = [(row, extent) for row, extent in ((row, row.extent_mm) for row in rows) if extent]
    if not ended:
        raise PageRejected("The traces on the page are too faint to read.", "trace")
    columns = found.layout.columns
    short = rows[: len(found.short)]
    # A row that leaves the picture does not end there.
    begins = np.array([extent[0] for row, extent in ended if not row.cut[0]])
    ends = np.array([extent[1] for row, extent in ended if not row.cut[1]])
    # Rhythm strips have no gaps.
    with_gaps = [_among(row, short) for row, _ in ended if not row.cut[1]]
    gaps_before = (columns - 1) * np.array(with_gaps, int)
    is_cut = not (len(begins) and len(ends))
    left = float(np.median(begins if len(begins) else [extent[0] for _, extent in ended]))
    right = float(np.median(ends if len(ends) else [extent[1] for _, extent in ended]))
    width = (right - left) / columns
    whole = PAGE_SECONDS / columns * speed
    # Of columns with gaps, a strip alone tells the width; of others, it is as long as they are.
    strips = [extent for row, extent in ended if not any(row.cut) and not _among(row, short)]
    of_strips = any(abs(b - a - whole * columns) < _STRIP_ERROR * (b - a) for a, b in strips)
    # So do names that stand as far apart, where most rows seem to begin or end elsewhere.
    of_names = abs((found.names_apart_mm or 0.0) - whole) < _NAMES_ERROR * whole
    from_names = not of_strips and not is_cut and abs(found.column_mm - width) > 0.05 * width
    if of_strips or (of_names and not is_cut):
        width = whole
    elif from_names:
        width = found.column_mm
    elif is_cut:
        width = found.names_apart_mm or _width_of_part(right - left, speed, columns)
    leading = [p.right_mm for p in pulses if p.left_mm - 4 < left < p.right_mm + 4]
    trailing = [p.left_mm for p in pulses if p.left_mm - 4 < right < p.right_mm + 4]
    if len(rows) > 2:
        # One pulse alone may be a frame or a complex.
        leading, trailing = (many if len(many) > 1 else [] for many in (leading, trailing))
    if leading and trailing:
        # Rows have them at one end only; at the other, frames.
        if len(leading) < len(trailing):
            leading = []
        else:
            trailing = []
    usual_mm = _usual_width(width, speed, columns, found.names_apart_mm)
    if not usual_mm and not is_cut:
        # What stands before the pulses may have been read as a part of the rows, too.
        within = [p.right_mm for p in pulses if left < p.left_mm < left + _NAMED_MM]
        if len(within) > len(ended) / 2:
            inner = (right - float(np.median(within))) / columns
            usual_mm = _usual_width(inner, speed, columns, found.names_apart_mm)
            if usual_mm:
                leading, width = within, inner
    gap, error = 0.0, _BESIDE_PULSE_MM
    if usual_mm:
        # What stands beyond the foot of pulses at an end was read from them.
        begins = begins[begins > (np.median(leading) - _FOOT_MM if leading else -np.inf)]
        before = ends < (np.median(trailing) + _FOOT_MM if trailing else np.inf)
        ends, gaps_before = ends[before], gaps_before[before]
        names_gap = found.names_apart_mm and found.names_apart_mm - usual_mm
        named = found.names_left_mm(usual_mm + max(names_gap or 0.0, 0.0))
        if not len(begins) + len(ends):
            begins = np.array([_left_from_steps(left, named, usual_mm, columns, short)])
        # The last sample stands one step before the end.
        ends = ends + speed / READING_RATE_HZ
        beside = np.array([bool(leading)] * len(begins) + [bool(trailing)] * len(ends))
        gapped = [] if from_names and (names_gap or 0) < _NAMES_GAP_ERROR_MM else short
        left, gap = _left_and_gap(
            begins, ends, gaps_before, beside, usual_mm, columns, gapped, named, names_gap
        )
        if not (gap or is_cut) and usual_mm < (1 - _WIDTH_ERROR) * width:
            # No gaps make up for what a usual width lacks: the columns are as wide as they seem.
            usual_mm = None
            left = float(np.median(begins)) if len(begins) else left
        marked = _lefts_from_marks(left, (usual_mm or width) + gap, columns, short, pulses, marks)
        if len(marked) > 1 and (gap or not usual_mm):
            wider = float(np.polyfit(list(marked), list(marked.values()), 1)[0])
            gap, width = (gap + wider, width) if gap else (gap, width + wider)
            marked = {column: place - column * wider for column, place in marked.items()}
        if marked:
            left = float(np.median(list(marked.values())))
        left, error = _settled(
            left,
            [begins, ends - (usual_mm or width) * columns - gap * gaps_before],
            [bool(leading), bool(trailing)],
            [] if gap else _lefts_from_steps(left, usual_mm or width, columns, short, speed),
            list(marked.values()),
        )
    elif leading:
        left = float(np.median(leading))
    if has_grid:
        left = _at_a_line(left, error)
    width = usual_mm or width
    apart = found.names_apart_mm or width + gap
    between = _pulses_between(left, right, width, apart, columns, len(rows), pulses)
    if between is not None:
        starts, shortest = between
        return starts, _usual_width(shortest, speed, 1) or shortest
    return tuple(left + k * (width + gap) for k in range(columns)), width


def _among(row: RowTrace, rows: list[RowTrace]) -> bool:
    return any(row is other for other in rows)


def _left_from_steps(
    left_mm: float,
    names_left_mm: float | None,
    width_mm: float,
    columns: int,
    rows: list[RowTrace],
) -> float:
    """Where the first column begins, from the steps between its leads and the next ones.

    Names are printed where their column begins, or a little after; steps near there that stand a
    column apart, in as many rows as there are, tell it to a pen's width.

    Args:
        left_mm: where the traces begin.
        names_left_mm: where the names of the first column begin; None where they were not read.
        width_mm: width of a column.
        columns: their number.
        rows: centre lines of the rows that are no rhythm strips.
    """
    if columns == 1 or not rows:
        return left_mm
    named = names_left_mm is not None
    usual = names_left_mm - _NAME_AFTER_MM if names_left_mm is not None else left_mm
    lefts = usual + (_SEARCHED_NEAR_NAMES_MM if named else _SEARCHED_MM)
    places, sure = np.concatenate([steps(row) for row in rows], axis=1)
    # A step that is like many others near it, as the flanks of beats are, tells little.
    apart = (places[:, None] - lefts)[..., None] - width_mm * np.arange(1, columns)
    total = (sure[:, None, None] * np.exp(-0.5 * (apart / _STEP_BLUR_MM) ** 2)).sum((0, 2))
    if named:
        total *= np.exp(-0.5 * ((lefts - usual) / _NAME_SPREAD_MM) ** 2)
    if not total.any():
        return usual
    best = float(lefts[total.argmax()])
    seen = [(step_at(row, best + k * width_mm), k) for row in rows for k in range(1, columns)]
    exact = [step[0] - k * width_mm for step, k in seen if step]
    return float(np.median(exact)) if exact else best


def steps(row: RowTrace) -> FloatArray:
    """Every step along a row: where one straight stretch ends and another begins at once.

    Returns:
        ``(2, n)`` places in mm, and how sure each is in 0..1: the higher, and the fewer others of
        its height there are in the row.
    """
    x, y = row.x_mm, row.y_mm
    pitch = float(x[1] - x[0])
    near, far = max(1, round(_STEP_NEAR_MM / pitch)), round(_STEP_FAR_MM / pitch)
    if len(x) < 2 * far + 2:
        return np.empty((2, 0))
    # Lines through the stretch that begins at each sample.
    stretches = np.lib.stride_tricks.sliding_window_view(y, far - near)
    design = np.stack([np.ones(far - near), np.arange(far - near) * pitch], axis=1)
    lines = stretches @ np.linalg.pinv(design).T
    rest = np.sqrt(((stretches - lines @ design.T) ** 2).mean(axis=1))
    middle = np.arange(far, len(x) - far)
    before, after = middle - far, middle + near
    height = np.abs(
        (lines[after, 0] - lines[after, 1] * near * pitch)
        - (lines[before, 0] + lines[before, 1] * far * pitch)
    )
    rest = np.maximum(rest[before], rest[after])
    clear = (height >= np.maximum(_LEAST_STEP_MM, rest / _STRAIGHT)) & (rest < _STRAIGHT_MM)
    height = np.where(clear, height, 0.0)
    places, heights = [], []
    reach = round(_STEPS_APART_MM / pitch)
    while height.any():
        top = int(height.argmax())
        places.append(float(x[middle[top]]))
        heights.append(float(height[top]))
        height[max(0, top - reach) : top + reach + 1] = 0.0
    found = np.array(heights)
    alike = (found[None, :] >= _ALIKE * found[:, None]).sum(axis=1)
    alone = np.minimum(found, _TALL_STEP_MM) / np.maximum(alike, 1)
    return np.array([places, alone / (alone + _HALF_SURE_MM)])


def step_at(row: RowTrace, at_mm: float) -> tuple[float, float] | None:
    """Where near a place one trace ends and the next begins at another height.

    Both are taken as straight for a millimetre; between them, the share of each in the heights
    read tells where one passes into the other.

    Returns:
        Position and height of the step in mm; None where there is no clear one.
    """
    x, y = row.x_mm - at_mm, row.y_mm
    pitch = x[1] - x[0]
    sides = [(x > -_STEP_FAR_MM) & (x < -_STEP_NEAR_MM), (x < _STEP_FAR_MM) & (x > _STEP_NEAR_MM)]
    between = np.flatnonzero(np.abs(x) <= _STEP_NEAR_MM)
    if len(between) < 2 or not all(np.isfinite(y[side]).sum() >= 5 for side in sides):
        return None
    if not np.isfinite(y[between]).all():
        return None
    lines, rest = [], 0.0
    for side in sides:
        there = side & np.isfinite(y)
        line = np.polyfit(x[there], y[there], 1)
        rest = max(rest, float(np.std(y[there] - np.polyval(line, x[there]))))
        lines.append(np.polyval(line, x[between]))
    height = lines[1] - lines[0]
    if np.abs(height).min() < max(_LEAST_STEP_MM, rest / _STRAIGHT):
        return None
    before = np.clip((lines[1] - y[between]) / height, 0.0, 1.0)
    place = at_mm + x[between[0]] - pitch / 2 + float(before.sum()) * pitch
    return place, float(np.mean(height))


def _left_and_gap(
    begins_mm: FloatArray,
    ends_mm: FloatArray,
    gaps_before: NDArray[np.integer],
    beside_pulse: NDArray[np.bool_],
    width_mm: float,
    columns: int,
    rows: list[RowTrace],
    names_left_mm: float | None,
    names_gap_mm: float | None,
) -> tuple[float, float]:
    """Where the first column begins, and how far the columns stand apart.

    Args:
        begins_mm, ends_mm: of the rows.
        gaps_before: how many gaps between columns lie before each end.
        beside_pulse: whether each stands beside a pulse, where it is less sure.
        width_mm: width of a column.
        columns: their number.
        rows: rows that have all columns.
        names_left_mm: where the names of the first column begin; None where they were not read.
        names_gap_mm: how far the columns stand apart by their names; None likewise.
    """
    vote, share = (np.where(beside_pulse, less, 1.0) for less in _BESIDE_PULSE)

    def at(gap: float) -> tuple[float, float, float]:
        """How empty gaps of a width are, less how full, and the begin that they give."""
        places = np.concatenate([begins_mm, ends_mm - width_mm * columns - gap * gaps_before])
        left = _agreed(places, vote * _near_names(places, names_left_mm), share)
        # Presence says how much of the gaps is empty; a gap that is none is full of traces.
        empty = 0.0
        for row in rows:
            for column in range(1, columns):
                start = left + column * width_mm + (column - 1) * gap
                inside = row.presence[(row.x_mm > start) & (row.x_mm < start + gap)]
                empty += float((_FULL_GAP - inside).sum()) * (row.x_mm[1] - row.x_mm[0])
        return empty, left, gap

    gaps = list(_GAPS_MM if columns > 1 and rows else _GAPS_MM[:1])
    if names_gap_mm is not None:
        gaps = [gap for gap in gaps if abs(gap - names_gap_mm) < _NAMES_GAP_ERROR_MM] or gaps
    empty, left, gap = max((at(gap) for gap in gaps), key=lambda tried: tried[0])
    if gap > _WIDE_GAP_MM and empty < _FILLED_GAP * gap * (columns - 1) * len(rows):
        # Traces fill what names that stand wide apart say are gaps: the columns are wide.
        return at(0.0)[1], 0.0
    if gap:
        _, left, gap = max((at(gap + off) for off in _FINER_MM), key=lambda tried: tried[0])
    return left, gap


def _near_names(places_mm: FloatArray, names_left_mm: float | None) -> FloatArray:
    """How much the names of the first column speak for each place at which it may begin."""
    if names_left_mm is None:
        return np.ones(len(places_mm))
    usual, spread = _NAMES_BEHIND_MM
    off = (names_left_mm - usual - places_mm) / spread
    near: FloatArray = _FAR_FROM_NAMES + (1 - _FAR_FROM_NAMES) * np.exp(-0.5 * off**2)
    return near


def _agreed(places_mm: FloatArray, vote: FloatArray, share: FloatArray) -> float:
    """The mean of the places that most vote for, by their shares; the others were misread."""
    close = np.abs(places_mm[:, None] - places_mm) < _AGREEMENT_MM
    best = close[(close @ vote).argmax()]
    return float(np.average(places_mm[best], weights=share[best]))


def _lefts_from_steps(
    left_mm: float, width_mm: float, columns: int, rows: list[RowTrace], speed: float
) -> list[float]:
    """Where the first column begins, by each clear step from one lead to the next."""
    # The step lies between the last sample of the one and the first of the other.
    half_mm = speed / READING_RATE_HZ / 2
    lefts = []
    for row in rows:
        for k in range(1, columns):
            at = left_mm + k * width_mm - half_mm
            seen = [step_at(row, at + off) for off in _STEP_SOUGHT_MM]
            found = [step[0] for step in seen if step]
            if found:
                lefts.append(float(np.median(found)) + half_mm - k * width_mm)
    return lefts


def _lefts_from_marks(
    left_mm: float,
    apart_mm: float,
    columns: int,
    rows: list[RowTrace],
    pulses: tuple[PulseSeen, ...],
    marks: SeesMarks | None,
) -> dict[int, float]:
    """Where the first column begins, by the marks before each other one.

    Returns:
        Column and place; none where too few marks agree.
    """
    if marks is None:
        return {}
    edges = np.array([edge for pulse in pulses for edge in (pulse.left_mm, pulse.right_mm)])
    marked: list[tuple[int, float]] = []
    for k in range(1, columns):
        for row in rows:
            at = marks.near(row, left_mm + k * apart_mm)
            # Edges of pulses are no marks.
            if at is not None and not (np.abs(edges - at) < _BESIDE_MARK_MM).any():
                marked.append((k, at - k * apart_mm))
    if not marked:
        return {}
    before, places = np.array(marked).T
    alike = np.abs(places[:, None] - places) < _SAME_MARK_MM
    best = alike[alike.sum(axis=1).argmax()]
    if best.sum() < max(2, _LEAST_MARKED * (columns - 1) * len(rows)):
        return {}
    return {int(k): float(np.median(places[best & (before == k)])) for k in np.unique(before[best])}


def _settled(
    left_mm: float,
    ends_mm: list[FloatArray],
    beside_pulse: list[bool],
    steps_mm: list[float],
    marks_mm: list[float],
) -> tuple[float, float]:
    """Where the first column begins, from what agrees on it: begins, ends, and steps between.

    How far a pen reaches beyond its line's end is a matter of the pen: begins and ends are off
    by as much, to opposite sides, and steps and marks not at all. Least squares over the medians,
    with what the pen does as the second unknown.

    Args:
        left_mm: about where.
        ends_mm: where it begins by each begin of a row, and by each end.
        beside_pulse: whether begins, and ends, stand beside pulses.
        steps_mm: where it begins by each step.
        marks_mm: where it begins by the marks before each column.

    Returns:
        Where, and the standard error of that, in mm.
    """
    design, seen, errors = [[0.0, 1.0]], [0.0], [_PEN_MM]
    for places, sign, (of_all, of_each) in (
        (ends_mm[0], -1.0, _END_MM[beside_pulse[0]]),
        (ends_mm[1], 1.0, _END_MM[beside_pulse[1]]),
        (np.array(steps_mm), 0.0, _STEP_MM),
        (np.array(marks_mm), 0.0, (_MARK_MM[0], _MARK_MM[1] / max(len(marks_mm), 1))),
    ):
        near = places[np.abs(places - left_mm) < _AGREEMENT_MM] - left_mm
        if len(near):
            middle = float(np.median(near))
            spread = max(of_each, float(np.median(np.abs(near - middle))))
            design.append([1.0, sign])
            seen.append(middle)
            errors.append(float(np.hypot(of_all, spread / np.sqrt(len(near)))))
    if len(seen) == 1:
        return left_mm, _AGREEMENT_MM
    weighted = np.array(design) / np.array(errors)[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    solution = covariance @ weighted.T @ (np.array(seen) / np.array(errors))
    return left_mm + float(solution[0]), float(np.sqrt(covariance[0, 0]))


def _at_a_line(left_mm: float, error_mm: float) -> float:
    """Where the traces begin: on a line of the grid, where that is likelier than beside it.

    Programs that draw their own paper count from its lines, many from a bold one; recorders with
    printed paper begin anywhere, and a begin by chance that near to a line is moved by no more
    than what ends are read wrongly by.

    Args:
        left_mm: where the traces begin.
        error_mm: the standard error of that.
    """
    anywhere, on_line, on_bold = _BEGINS
    best, likeliest = left_mm, anywhere / MAJOR_GRID_MM
    for pitch, share in (
        (MINOR_GRID_MM, on_line * MINOR_GRID_MM / MAJOR_GRID_MM),
        (MAJOR_GRID_MM, on_bold),
    ):
        line = pitch * round(left_mm / pitch)
        off = (left_mm - line) / error_mm
        likely = share * np.exp(-0.5 * off**2) / (error_mm * np.sqrt(2 * np.pi))
        if likely > likeliest:
            best, likeliest = line, likely
    return best


def _usual_width(
    width_mm: float, speed: float, columns: int, names_apart_mm: float | None = None
) -> float | None:
    """The usual width of a column near a measured one, which may hold a share of the gaps.

    The names of neighbouring columns stand as far apart as a column is wide, or further.
    """
    whole = PAGE_SECONDS / columns * speed
    if abs(width_mm - whole) < _WIDTH_ERROR * whole:
        return whole
    gap = _GAPS_MM[-1] * (columns - 1) / columns
    for usual in (window * speed for window in _USUAL_WINDOWS_S):
        slack = _WIDTH_ERROR * usual
        if -slack < width_mm - usual < max(slack, gap):
            return usual
        if names_apart_mm and _NAMED_GAPS_MM[0] < names_apart_mm - usual < _NAMED_GAPS_MM[1]:
            return usual
    return None


def _width_of_part(seen_mm: float, speed: float, columns: int) -> float:
    """The least usual width of columns of which only a part is in the picture."""
    for usual in (window * speed for window in _USUAL_WINDOWS_S):
        if usual * columns > (1 - _WIDTH_ERROR) * seen_mm:
            return usual
    return seen_mm / columns


def _pulses_between(
    left: float,
    right: float,
    width: float,
    apart: float,
    columns: int,
    rows: int,
    pulses: tuple[PulseSeen, ...],
) -> tuple[tuple[float, ...], float] | None:
    """Starts and width of columns that begin with a pulse each; None where they do not."""
    if columns == 1:
        return None
    before = []
    for column in range(columns):
        at, reach = left + column * apart, _BETWEEN * width if column else _FIRST_PULSE_MM
        before.append([pulse for pulse in pulses if abs(pulse.right_mm - at) < reach])
    if min(len(here) for here in before[1:]) < max(2, rows / 2):
        return None
    behind = [float(np.median([pulse.right_mm for pulse in here])) for here in before if here]
    foot = left - behind[0] if before[0] else 1.0
    of_last = right - width - behind[-1]
    if foot > _LONGEST_FOOT_MM >= of_last >= 0:
        # What was read of the first pulses hides where their column begins.
        foot, left = of_last, behind[0] + of_last
    starts = [left, *(edge + foot for edge in behind[-(columns - 1) :])]
    ends = [*(float(np.median([pulse.left_mm for pulse in here])) for here in before[1:]), right]
    shortest = min(end - start for start, end in zip(starts, ends, strict=True))
    return (tuple(starts), shortest) if shortest > 0.6 * width else None
