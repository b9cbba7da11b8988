"""A flat picture of a page without a grid: its scale, from pulses, lead names and paper size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitization.calibration import (
    USUAL_GAIN_MM_PER_MV,
    USUAL_SPEED_MM_PER_S,
    at_an_end,
    read_calibration,
)
from digitization.find_page import ASK_FOR_SCALE, SeesPages, find_upright, grid_share
from digitization.flat import flat_geometry
from digitization.layout import LayoutFound, candidate_layouts
from digitization.page_seen import PageSeen, PulseSeen
from digitization.pulses import PulseMeasured, measure_pulses, search_pulses
from digitization.rows import read_rows
from digitization.text_lines import read_lines
from digitization.traces import RowTrace
from ecg.leads import LEADS
from ecg.page_geometry import PageGeometry
from ecg.paper import PAGE_SECONDS, SCALES_MM_PER_PX, SPEEDS_MM_PER_S
from ecg.reading import READING_RATE_HZ, PageRejected

TEN_SECONDS = "printed speed, and ten seconds a page"
"""What tells the scale of a page that shows neither grid nor pulse."""
_MOST_GRID = 0.15  # of a picture; where there is none, letters and pulses make up a little
_FIRST_LONG_SIDES_MM = (285.0, 200.0, 400.0)
_SOME_NAMES = 2.0
_LEAST_NAMES = 4.5
_MANY_NAMES = 8.0
_ROUNDS = 3
_SETTLED = 0.01
_SAME_HEIGHT = 0.05
_MM_PER_INCH = 25.4
_USUAL_DPI = (72, 75, 96, 100, 120, 144, 150, 200, 240, 300, 400, 600, 1200)
_PAPERS_MM = ((297.0, 210.0), (279.4, 215.9))
_PAPER_PX = 3
# How far the scales that they tell may lie from each other, as shares.
_PULSE_ERROR, _ROWS_ERROR, _NAMES_ERROR, _PAPER_ERROR = 0.03, 0.005, 0.012, 0.015
_MOST_GAPS = 0.1  # of the length of a row
_SURE_NAME = 0.5
_PRESENT_BESIDE_PULSE = 0.2
_FAR_APART_MM = 40.0
_ENOUGH_PAIRS = 3
_MOST_SLOPE, _SAME_SLOPE = 0.12, 0.005
_LEAST_TILT = 0.15  # degrees


@dataclass(frozen=True)
class FlatPage:
    """A page without a grid in a flat picture.

    Attributes:
        geometry: its map.
        evidence: what tells its scale, ready for JSON.
    """

    geometry: PageGeometry
    evidence: dict[str, object]


def find_flat(photo: NDArray[np.uint8], looks: SeesPages) -> FlatPage | None:
    """Find the scale and the tilt of a page that has no grid and fills a flat picture.

    A calibration pulse is 1 mV high, so as many mm as the gain says, or 10 where nothing does. It
    is measured to some per cent, which the time base does not bear: rows and columns of the usual
    length tell more, and the resolution of a scan near there is exact. Without a pulse, a picture
    that is as long or wide as a paper at the resolution of a scan will do, if the columns say the
    same; and else that the page is printed at 25 mm/s, as it says itself, and shows ten seconds.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        looks: the networks.

    Returns:
        None where there is a grid, or no ECG.

    Raises:
        PageRejected: an ECG, but nothing tells the scale.
    """
    if grid_share(photo, looks) > _MOST_GRID:
        return None
    page = _first_look(photo, looks)
    if page is None:
        return None
    tilt = _tilt_degrees(photo, page, looks)
    if abs(tilt) > _LEAST_TILT:
        page = _look(photo, page.mm_per_px, looks, tilt) or page
    pulse = None
    for _ in range(_ROUNDS):
        pulse = _by_pulses(photo, page, looks) or pulse
        better = pulse or _by_names(page, page.mm_per_px, 1.0)
        if better is None or abs(better / page.mm_per_px - 1) < _SETTLED:
            break
        page = _look(photo, better, looks, page.tilt) or page
    scale, evidence = _weigh(photo, page, pulse, looks)
    size = photo.shape[1], photo.shape[0]
    return FlatPage(
        flat_geometry(size, scale, page.tilt),
        {"mm_per_px": round(scale, 5), "tilt_degrees": round(page.tilt, 2), **evidence},
    )


@dataclass(frozen=True)
class _Page:
    """What is seen of a page at a scale, turned clockwise by ``tilt`` degrees in the picture."""

    mm_per_px: float
    tilt: float
    geometry: PageGeometry
    seen: PageSeen
    layout: LayoutFound


def _first_look(photo: NDArray[np.uint8], looks: SeesPages) -> _Page | None:
    """The page as if it were as large as pages are; None where too few names are seen."""
    best = None
    for long_mm in _FIRST_LONG_SIDES_MM:
        page = _look(photo, long_mm / max(photo.shape[:2]), looks)
        if page is not None and (best is None or page.layout.score > best.layout.score):
            best = page
        # Names are seen of a page half as large again, too; of other pictures, hardly any.
        if best is None or not _SOME_NAMES < best.layout.score < _MANY_NAMES:
            break
    return best if best is not None and best.layout.score >= _LEAST_NAMES else None


def _look(
    photo: NDArray[np.uint8], mm_per_px: float, looks: SeesPages, tilt: float = 0.0
) -> _Page | None:
    """The page at a scale; None where nothing is seen of one."""
    low, high = SCALES_MM_PER_PX
    if not low <= mm_per_px <= high:
        return None
    try:
        flat = flat_geometry((photo.shape[1], photo.shape[0]), mm_per_px, tilt)
        geometry, seen, _ = find_upright(photo, flat, looks)
        return _Page(mm_per_px, tilt, geometry, seen, candidate_layouts(seen)[0])
    except PageRejected:
        return None


def _tilt_degrees(photo: NDArray[np.uint8], page: _Page, looks: SeesPages) -> float:
    """By how much lines through names beside each other are turned; of one column, its traces."""
    names = [name for name in page.seen.names if name.score > _SURE_NAME]
    places = np.array([(name.x_mm, name.y_mm) for name in names]).reshape(-1, 2)
    first, second = np.triu_indices(len(places), 1)
    along, down = np.abs(places[second] - places[first]).T
    beside = (along > _FAR_APART_MM) & (down < _MOST_SLOPE * along)
    if beside.sum() >= _ENOUGH_PAIRS:
        apart = (places[second] - places[first])[beside]
        slopes = apart[:, 1] / apart[:, 0]
    else:
        slopes = np.array(
            [
                np.polyfit(row.x_mm[read], row.y_mm[read], 1)[0]
                for row in read_rows(photo, page.geometry, page.seen, looks).values()
                if (read := np.isfinite(row.y_mm)).sum() > 1
            ]
        )
    if not len(slopes):
        return 0.0
    agreeing = np.abs(slopes[:, None] - slopes) < _SAME_SLOPE
    return float(np.rad2deg(np.arctan(slopes[agreeing[agreeing.sum(axis=1).argmax()]].mean())))


def _by_pulses(photo: NDArray[np.uint8], page: _Page, looks: SeesPages) -> float | None:
    """The scale at which the calibration pulses are as high as the gain."""
    seen = page.seen
    measured = measure_pulses(photo, page.geometry, seen.pulses)
    found = [
        (box, size) for box, size in zip(seen.pulses, measured, strict=True) if size is not None
    ] or list(search_pulses(photo, page.geometry, seen.rows))
    # Those of the limb leads, where those of the chest leads are half as high.
    found = _higher_half(found) or found
    heights = np.array([size.height_mm for _, size in found])
    if not len(heights):
        return None
    height = float(np.median(heights))
    alike = [box for box, size in found if abs(size.height_mm / height - 1) < _SAME_HEIGHT]
    placed = any(at_an_end(box, row) for box in alike for row in seen.rows)
    if 2 * len(alike) <= len(found) or (len(alike) == 1 and not placed):
        return None
    printed = read_calibration(read_lines(photo, page.geometry, looks.see_text))
    gain = printed.gain_mm_per_mv or USUAL_GAIN_MM_PER_MV
    return page.mm_per_px * gain / height


def _higher_half(
    found: list[tuple[PulseSeen, PulseMeasured]],
) -> list[tuple[PulseSeen, PulseMeasured]]:
    """The upper half of as many pulses as leads, where the lower ones are half as high."""
    ordered = sorted(found, key=lambda one: one[0].bottom_mm)
    upper, lower = (ordered[: len(LEADS) // 2], ordered[len(LEADS) // 2 :])
    if not lower or len(upper) != len(lower):
        return []
    high, low = (np.median([size.height_mm for _, size in half]) for half in (upper, lower))
    return upper if abs(high / low / 2 - 1) < _SAME_HEIGHT else []


def _weigh(
    photo: NDArray[np.uint8], page: _Page, pulse: float | None, looks: SeesPages
) -> tuple[float, dict[str, object]]:
    """The scale in mm per pixel that all speak for, and what each says."""
    if pulse is None:
        paper = _of_paper(photo, page)
        if paper is not None:
            return paper[0], {"source": "size of the paper", "dots_per_inch": paper[1]}
        by_print = _of_print(photo, page, looks)
        if by_print is None:
            raise PageRejected(
                "The page shows no grid, no calibration pulse, and no print of 25 mm/s and its "
                f"gain that would tell its scale; {ASK_FOR_SCALE}.",
                "grid",
            )
        return by_print, {"source": TEN_SECONDS, "dots_per_inch": None}
    names = _by_names(page, pulse, _PULSE_ERROR)
    rows = _by_rows(photo, page, pulse, looks)
    timed = rows or names
    error = _ROWS_ERROR if rows else _NAMES_ERROR if names else _PULSE_ERROR
    middle = timed or pulse
    usual = min(_USUAL_DPI, key=lambda dpi: abs(np.log(_MM_PER_INCH / dpi / middle)))
    exact = abs(_MM_PER_INCH / usual / middle - 1) < error
    told = {"by_pulse": pulse, "by_rows": rows, "by_names": names}
    return _MM_PER_INCH / usual if exact else middle, {
        "source": "calibration pulse",
        **{key: value and round(value, 5) for key, value in told.items()},
        "dots_per_inch": usual if exact else None,
    }


def _by_rows(
    photo: NDArray[np.uint8], page: _Page, mm_per_px: float, looks: SeesPages
) -> float | None:
    """The scale near another at which rows last ten seconds.

    Rhythm strips that are shorter than the other rows tell it, for those have gaps.
    """
    ends = {
        seen: (_begin_mm(row, row.extent_mm), row.extent_mm[1])
        for seen, row in read_rows(photo, page.geometry, page.seen, looks).items()
        if row.extent_mm and not any(row.cut)
    }
    if not ends:
        return None
    left, right = np.median(list(ends.values()), axis=0)
    strips = page.layout.rows[len(page.layout.short) :]
    of_strips = np.array([ends[row][1] - ends[row][0] for row in strips if row in ends])
    longer = (right - left) / of_strips if len(of_strips) else np.ones(1)
    if (longer > 1 + _ROWS_ERROR).all() and (longer < 1 + _MOST_GAPS).all():
        left = right - float(np.median(of_strips))
    # The last sample stands one step before the end.
    shown_s = PAGE_SECONDS - 1 / READING_RATE_HZ
    scales = [page.mm_per_px * shown_s * speed / (right - left) for speed in SPEEDS_MM_PER_S]
    near = float(min(scales, key=lambda scale: abs(scale / mm_per_px - 1)))
    return near if abs(near / mm_per_px - 1) < _PULSE_ERROR else None


def _begin_mm(row: RowTrace, extent_mm: tuple[float, float]) -> float:
    """Where a row with a pulse before it begins.

    A pulse falls where the trace begins, and beside it the look is sure of a trace too late.
    """
    first = int(np.searchsorted(row.x_mm, extent_mm[0]))
    doubted = np.flatnonzero(row.presence[:first] < _PRESENT_BESIDE_PULSE)
    return float(row.x_mm[doubted[-1] + 1 if len(doubted) else 0])


def _by_names(page: _Page, mm_per_px: float, error: float) -> float | None:
    """The scale near another at which names stand as far apart as columns of ten seconds do."""
    apart = page.layout.names_apart_mm
    if apart is None or page.layout.layout.columns < 2:
        return None
    usual = [PAGE_SECONDS / page.layout.layout.columns * speed for speed in SPEEDS_MM_PER_S]
    scales = [page.mm_per_px * width / apart for width in usual]
    near = min(scales, key=lambda scale: abs(scale / mm_per_px - 1))
    return near if abs(near / mm_per_px - 1) < error else None


def _of_print(photo: NDArray[np.uint8], page: _Page, looks: SeesPages) -> float | None:
    """The scale at which a page of ten seconds has the speed that is printed on it.

    What the rows say, where names stand as far apart; None where the print names not both 25 mm/s
    and a gain, or too few leads are named.
    """
    printed = read_calibration(read_lines(photo, page.geometry, looks.see_text))
    named = page.layout.score >= _MANY_NAMES and page.layout.layout.columns > 1
    if not named or None in (printed.speed_mm_per_s, printed.gain_mm_per_mv):
        return None
    if printed.speed_mm_per_s != USUAL_SPEED_MM_PER_S:
        return None  # these show five seconds or ten
    names = _by_names(page, page.mm_per_px, _PULSE_ERROR)
    return names and _by_rows(photo, page, names, looks)


def _of_paper(photo: NDArray[np.uint8], page: _Page) -> tuple[float, int] | None:
    """Scale and resolution of a scan as long or wide as a paper, if the columns say the same."""
    sides = sorted(photo.shape[:2], reverse=True)
    for dpi in _USUAL_DPI:
        scale = _MM_PER_INCH / dpi
        for paper in _PAPERS_MM:
            fits = any(abs(s - mm / scale) < _PAPER_PX for s, mm in zip(sides, paper, strict=True))
            if fits and _by_names(page, scale, _PAPER_ERROR):
                return scale, dpi
    return None
