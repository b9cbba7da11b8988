"""Rows of traces: strips rectified from the photo, looked at and followed column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digitization.following import follow
from digitization.page_seen import NameSeen, PageSeen, RowSeen
from digitization.rectify import rectify
from digitization.traces import RowTrace, clean_heights, runs_of, sharpened
from ecg.page_geometry import PageGeometry

PIXELS_PER_MM, COLUMNS_PER_MM = 8.0, 12.0
"""Scales of the strip that the trace look sees; it is trained at them."""
_STRIP_MM = 48.0
_TALL_STRIP_MM = 96.0
_SIDE_MM = 14.0
_SURE_NAME = 0.5
_NAME_INK = 0.1
_NEAR_BORDER_MM = 6.0
_AT_BORDER_MM = 1.0
_ABOUT_PEAK_MM = 2.0
_BESIDE_PEAK_MM = 10.0
_GONE = 0.93
_BESIDE_PHOTO_MM = 1.5


class SeesTraces(Protocol):
    """The trace look, as rows need it."""

    def see_trace(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Trace look at a strip about one row: ``(heights + 1, w)``, the last of no trace."""


def read_rows(
    photo: NDArray[np.uint8], geometry: PageGeometry, seen: PageSeen, looks: SeesTraces
) -> dict[RowSeen, RowTrace]:
    """Read the centre line of every row, all over the same columns.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the page.
        seen: what is on the page.
        looks: the trace look.
    """
    rows = seen.rows
    if not rows:
        return {}
    left = min(row.left_mm for row in rows) - _SIDE_MM
    right = max(row.right_mm for row in rows) + _SIDE_MM

    def read(
        some: Sequence[RowSeen], height_mm: float, ends_mm: tuple[float, float]
    ) -> list[RowTrace]:
        return _read_strips(photo, geometry, some, ends_mm, height_mm, seen.names, looks)

    traces = dict(zip(rows, read(rows, _STRIP_MM, (left, right)), strict=True))
    for row, usual in traces.items():
        lost = _left_at_border(usual, row.y_mm)
        for part in _stretches(lost):
            ends = (float(usual.x_mm[part][0]), float(usual.x_mm[part][-1]))
            (tall,) = read([row], _TALL_STRIP_MM, ends)
            _take_peaks(usual, tall, part, lost, row.y_mm)
    return {row: _seen_to_end(sharpened(trace), geometry, photo) for row, trace in traces.items()}


def _read_strips(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    rows: Sequence[RowSeen],
    ends_mm: tuple[float, float],
    strip_mm: float,
    names: tuple[NameSeen, ...],
    looks: SeesTraces,
) -> list[RowTrace]:
    """Read rows, each in a strip of a height about its level."""
    left, right = ends_mm
    size = (round((right - left) * COLUMNS_PER_MM) + 1, round(strip_mm * PIXELS_PER_MM))
    tops = [row.y_mm - strip_mm / 2 for row in rows]
    scales = (COLUMNS_PER_MM, PIXELS_PER_MM)
    strips = (rectify(photo, geometry, left, top, size, scales) for top in tops)
    columns = np.stack([looks.see_trace(strip) for strip in strips])
    for strip, top in zip(columns, tops, strict=True):
        _doubt_names(strip[:-1], names, left, top)
    x = left + np.arange(size[0]) / COLUMNS_PER_MM
    return [
        clean_heights(x, top + centre.astype(np.float64) / PIXELS_PER_MM, here, sure)
        for top, centre, here, sure in zip(tops, *follow(columns), strict=True)
    ]


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
        first = round((name.x_mm - half_x - left_mm) * COLUMNS_PER_MM)
        last = round((name.x_mm + half_x - left_mm) * COLUMNS_PER_MM)
        above = round((name.y_mm - half_y - top_mm) * PIXELS_PER_MM)
        below = round((name.y_mm + half_y - top_mm) * PIXELS_PER_MM)
        heights[max(above, 0) : max(below + 1, 0), max(first, 0) : max(last + 1, 0)] *= _NAME_INK


def _left_at_border(trace: RowTrace, level_mm: float) -> NDArray[np.bool_]:
    """``(n,)`` whether a trace is lost where it comes near the border of a usual strip.

    Waves that go on beyond it have none in the columns where they are beyond, and steep ones end
    far from the border so.
    """
    near = np.abs(trace.y_mm - level_mm) > _STRIP_MM / 2 - _NEAR_BORDER_MM
    return _about(near) & _about(trace.presence < _GONE)


def _about(columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The columns and those beside them."""
    window = np.ones(2 * round(_ABOUT_PEAK_MM * COLUMNS_PER_MM) + 1)
    return np.convolve(columns, window, "same") > 0.5


def _stretches(columns: NDArray[np.bool_]) -> list[slice]:
    """The stretches of a row that hold the columns, with what the trace look needs beside them."""
    beside = round(_BESIDE_PEAK_MM * COLUMNS_PER_MM)
    joined: list[slice] = []
    for first, beyond in runs_of(columns).tolist():
        start, stop = max(first - beside, 0), min(beyond + beside, len(columns))
        if joined and start <= joined[-1].stop:
            start = joined.pop().start
        joined.append(slice(start, stop))
    return joined


def _take_peaks(
    usual: RowTrace, tall: RowTrace, part: slice, lost: NDArray[np.bool_], level_mm: float
) -> None:
    """Take over, in place, the waves that go beyond a usual strip as a tall one shows them.

    Where the usual strip does not lose it, the trace ends there, and what lies beyond is another
    row's; and all else is read more exactly in a usual strip.
    """
    beyond = np.abs(tall.y_mm - level_mm) > _STRIP_MM / 2 - _AT_BORDER_MM
    there = _about(beyond & lost[part])
    usual.y_mm[part][there] = tall.y_mm[there]
    usual.confidence[part][there] = tall.confidence[there]
    usual.presence[part][there] = tall.presence[there]


def _seen_to_end(trace: RowTrace, geometry: PageGeometry, photo: NDArray[np.uint8]) -> RowTrace:
    """The same trace, knowing at which ends it leaves the picture."""
    extent = trace.extent_mm
    if extent is None:
        return trace
    finite = np.isfinite(trace.y_mm)
    heights = np.interp(extent, trace.x_mm[finite], trace.y_mm[finite])
    outwards = np.array([-_BESIDE_PHOTO_MM, _BESIDE_PHOTO_MM])
    beyond = geometry.photo_from_page(np.stack([np.array(extent) + outwards, heights], axis=-1))
    height, width = photo.shape[:2]
    first, last = (not (0 <= x <= width - 1 and 0 <= y <= height - 1) for x, y in beyond.tolist())
    return replace(trace, cut=(first, last))
