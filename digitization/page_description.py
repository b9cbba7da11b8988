"""What was found on a page, as parts in photo pixels that a person may mend and give back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitization.grid import BORDER_MM
from digitization.page_seen import PageSeen
from ecg.page_geometry import PageGeometry
from ecg.page_parts import (
    LEAST_CORNER_PX,
    LEAST_SIDE_MM,
    Box,
    Corners,
    Lattice,
    LeadBox,
    PageParts,
    Point,
    PrintedName,
    Row,
    is_box,
)
from ecg.paper import MAJOR_GRID_MM, PrintedLead

_DECIMALS = 2
_SHARES = np.arange(1.0, 0.19, -0.1)
_LONE_HALF_MM = 12.0


def describe_page(
    photo_size: tuple[int, int],
    geometry: PageGeometry,
    seen: PageSeen,
    printed: Sequence[PrintedLead],
    starts_mm: Sequence[float],
    layout: str,
    order: str,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    chest_gain_mm_per_mv: float,
) -> PageParts:
    """Put together the parts of a page that was read.

    A box that a bent page leaves no room for is left out.

    Args:
        photo_size: width and height of the photo.
        geometry: map of the upright page.
        seen: rows, names and pulses.
        printed: stretches of leads; ``row`` counts the rows of ``seen``.
        starts_mm: where each of them begins.
        layout, order, speed_mm_per_s, gain_mm_per_mv, chest_gain_mm_per_mv: as decided.
    """
    levels = [row.y_mm for row in seen.rows]
    spacing = float(np.median(np.diff(levels))) if len(levels) > 1 else 2 * _LONE_HALF_MM
    half = spacing / 2

    def box(left: float, top: float, right: float, bottom: float) -> Box | None:
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        a, b, c, d = _points(geometry.photo_from_page(np.array(corners)))
        return (a, b, c, d) if is_box((a, b, c, d)) and _within((a, b, c, d), photo_size) else None

    leads: list[LeadBox] = []
    for lead, start_mm in zip(printed, starts_mm, strict=True):
        level = levels[lead.row]
        end_mm = start_mm + lead.duration_s * speed_mm_per_s
        where = box(start_mm, level - half, end_mm, level + half)
        if where is not None:
            name = "-" * (lead.sign < 0) + lead.lead
            start_s = round(lead.start_s, 6)
            leads.append(LeadBox(lead=name, box=where, start_s=start_s, is_rhythm=lead.is_rhythm))
    names: list[PrintedName] = []
    for word in seen.names:
        x, y = word.half_mm
        where = box(word.x_mm - x, word.y_mm - y, word.x_mm + x, word.y_mm + y)
        if where is not None:
            names.append(PrintedName(lead=word.lead, box=where, score=round(word.score, 4)))
    pulses = [box(p.left_mm, p.top_mm, p.right_mm, p.bottom_mm) for p in seen.pulses]
    rows = []
    for row in seen.rows:
        ends = np.array([[row.left_mm, row.y_mm], [row.right_mm, row.y_mm]])
        left, right = _points(geometry.photo_from_page(ends))
        rows.append(Row(left=left, right=right))
    chest = None if chest_gain_mm_per_mv == gain_mm_per_mv else chest_gain_mm_per_mv
    return PageParts(
        photo_size=photo_size,
        corners=_corners(geometry, photo_size),
        points=Lattice(
            step_mm=geometry.step_mm,
            origin_mm=geometry.origin_mm,
            photo_points=tuple(_points(line) for line in geometry.photo_points),
        ),
        layout=layout,
        order="cabrera" if order == "cabrera" else "standard",
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain_mm_per_mv,
        chest_gain_mm_per_mv=chest,
        rows=tuple(rows),
        names=tuple(names),
        pulses=tuple(pulse for pulse in pulses if pulse is not None),
        leads=tuple(leads) or None,
    )


def _corners(geometry: PageGeometry, photo_size: tuple[int, int]) -> Corners | None:
    """The grid's outline, or as much about its middle as lies within the photo."""
    left, top, right, bottom = geometry.extent_mm
    low = np.array([left, top]) + BORDER_MM
    cells = np.floor((np.array([right, bottom]) - BORDER_MM - low) / MAJOR_GRID_MM)
    for share in _SHARES:
        aside = np.floor((1 - share) / 2 * cells)
        width, height = ((cells - 2 * aside) * MAJOR_GRID_MM).tolist()
        x, y = (low + aside * MAJOR_GRID_MM).tolist()
        page = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
        a, b, c, d = _points(geometry.photo_from_page(page))
        usable = is_box((a, b, c, d), LEAST_CORNER_PX) and min(width, height) >= LEAST_SIDE_MM
        if usable and all(_inside(point, photo_size) for point in (a, b, c, d)):
            return Corners(photo_points=(a, b, c, d), width_mm=width, height_mm=height)
    return None


def _points(photo: NDArray[np.floating]) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in np.round(photo, _DECIMALS).tolist())


def _within(box: Box, photo_size: tuple[int, int]) -> bool:
    """Whether the middle of a box is in the photo."""
    x, y = np.mean(box, axis=0).tolist()
    return _inside((x, y), photo_size)


def _inside(point: Point, photo_size: tuple[int, int]) -> bool:
    return 0 <= point[0] <= photo_size[0] - 1 and 0 <= point[1] <= photo_size[1] - 1
