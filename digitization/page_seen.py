"""What the layout look saw on a page: lead names, rows of traces and calibration pulses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitization.text_lines import TextLine
from ecg.leads import LEADS
from ecg.probability_maps import ProbabilityMaps

NAME_TOLERANCE_MM = (4.5, 3.5)
"""How far names may stand, across and down, from where the other names tell."""
_MAX_LEVEL_STEP_MM = 6.0
_SHARE_OF_SPACING = 0.4
_HIGHEST_LEVEL_MM = 6.0
_USUAL_NAME_MM = (2.2, 1.4)
_SURE_NAME = 0.5
_NAME_FROM_ROW_MM = 14.0
_ROW_APART = (0.6, 1.5)


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
    """A row of traces: its level and its ends in mm."""

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
    """What was found on a page, in page millimetres.

    Attributes:
        names, rows, pulses: what the layout look saw.
        lines: lines of print; None where they were not read.
    """

    names: tuple[NameSeen, ...]
    rows: tuple[RowSeen, ...]
    pulses: tuple[PulseSeen, ...]
    lines: tuple[TextLine, ...] | None = None


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
    beside = _rows_from_names_mm(levels, heights)
    if beside is None:
        return seen
    has_row = np.abs(levels[:, None] - heights - beside).min(axis=0) < NAME_TOLERANCE_MM[1]
    if has_row.sum() < max(3, 0.6 * len(names)):
        return seen
    columns = np.array([name.x_mm for name in names])[has_row]
    order = np.argsort(heights)
    apart = np.flatnonzero(np.diff(heights[order]) > NAME_TOLERANCE_MM[1]) + 1
    # A single name without a row may be none, and would halve the spacing.
    groups = [group for group in np.split(order, apart) if len(group) > 1 or has_row[group[0]]]
    steps = [heights[group].mean() for group in groups] if len(groups) > 1 else levels
    spacing = float(np.median(np.diff(steps)))
    left = float(np.median([row.left_mm for row in seen.rows]))
    right = float(np.median([row.right_mm for row in seen.rows]))
    rows = list(seen.rows)
    missing = sorted(
        (
            name.y_mm + beside
            for name, known in zip(names, has_row, strict=True)
            if not known and np.abs(columns - name.x_mm).min() < NAME_TOLERANCE_MM[0]
        ),
        key=lambda level: float(np.abs(levels - level).min()),
    )
    for level in missing:
        away = min(abs(row.y_mm - level) for row in rows) / spacing
        if _ROW_APART[0] < away < _ROW_APART[1]:
            rows.append(RowSeen(level, left, right))
    return replace(seen, rows=tuple(sorted(rows, key=lambda row: row.y_mm)))


def _rows_from_names_mm(
    levels_mm: NDArray[np.float64], heights_mm: NDArray[np.float64]
) -> float | None:
    """How far below their names most rows lie; None where no name is near a row."""
    apart = levels_mm[:, None] - heights_mm
    tried = np.sort(apart[np.abs(apart) < _NAME_FROM_ROW_MM])
    if not len(tried):
        return None
    missed = np.abs(apart[None] - tried[:, None, None]).min(axis=1)  # (tried, names)
    matched = (missed < NAME_TOLERANCE_MM[1]).sum(axis=1)
    likely = tried[matched == matched.max()]
    above = likely[likely > 0]  # Most names stand above their rows.
    return float(np.median(above if len(above) else likely))
