"""Masks of traces in photo size: drawn from what was read, and read back once mended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitization.following import follow
from digitization.page_seen import RowSeen
from digitization.rectify import rectify
from digitization.rows import COLUMNS_PER_MM, PIXELS_PER_MM
from digitization.traces import RowTrace, clean_heights
from ecg.page_geometry import PageGeometry
from ecg.reading import Trace

LINE_MM = 0.15
_SIDE_MM = 14.0
_HALF_STRIP_MM = 32.0
_INK = 64
_NEAR_SHARE = 0.35
_OWN_SHARE = 0.5
_ALONE_MM = 20.0
_REACH_MM = 12.0
_PEN_PERCENTILE = 25
_TALL_LINES = 1.6
_TIP_MM = 0.5
_SHARED = 0.5
_SHIFT = 4  # OpenCV draws at 1/16 pixel


def draw_trace_mask(
    traces: Iterable[Trace], size: tuple[int, int], pixels_per_mm: float
) -> NDArray[np.uint8]:
    """Draw traces as a person may mend them.

    Args:
        traces: what was read, in photo pixels.
        size: width and height of the photo.
        pixels_per_mm: scale of the page in the photo; lines are 0.15 mm wide, 1 pixel at least:
            wider ones would fill the QRS complexes.

    Returns:
        ``(height, width)`` uint8, 255 on the traces and 0 elsewhere.
    """
    mask = np.zeros((size[1], size[0]), np.uint8)
    thickness = max(1, round(LINE_MM * pixels_per_mm))
    for trace in traces:
        points = trace.photo_points
        finite = np.isfinite(points[:, 0] + points[:, 1])
        breaks = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
        for piece in np.split(np.arange(len(points)), breaks):
            if len(piece) > 1 and finite[piece[0]]:
                line = np.rint(points[piece] * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(mask, [line], False, 255, thickness, cv2.LINE_AA, _SHIFT)
    return mask


def read_trace_mask(
    mask: NDArray[np.uint8], geometry: PageGeometry, rows: Sequence[RowSeen]
) -> dict[RowSeen, RowTrace]:
    """The centre line of every row, from a mask instead of the trace look.

    A piece of ink that hangs together belongs to the rows along which it runs; where rows cross
    in it, each is followed on its own.

    Args:
        mask: ``(h, w)`` uint8, bright where there is a trace.
        geometry: map of the page.
        rows: rows of traces.
    """
    if not rows:
        return {}
    left = min(row.left_mm for row in rows) - _SIDE_MM
    top = min(row.y_mm for row in rows) - _HALF_STRIP_MM
    right = max(row.right_mm for row in rows) + _SIDE_MM
    bottom = max(row.y_mm for row in rows) + _HALF_STRIP_MM
    across, down = COLUMNS_PER_MM, PIXELS_PER_MM
    size = (round((right - left) * across), round((bottom - top) * down))
    # Beyond the photo is white, as paper is: ink is dark here.
    paper = np.repeat(255 - mask[..., None], 3, axis=2)
    ink = 255 - rectify(paper, geometry, left, top, size, (across, down))[..., 0]
    owners = _owners(ink, np.array([(row.y_mm - top) * down for row in rows]))
    x = left + np.arange(size[0]) / across
    height = round(2 * _HALF_STRIP_MM * down)
    firsts = [round((row.y_mm - _HALF_STRIP_MM - top) * down) for row in rows]
    strips = [
        np.where(own, ink, 0)[first : first + height]
        for first, own in zip(firsts, owners, strict=True)
    ]
    followed = [[one[0] for one in follow(_columns(strip)[None])] for strip in strips]
    runs = np.stack(
        [
            _runs(strip, centre) + first
            for strip, (centre, _, _), first in zip(strips, followed, firsts, strict=True)
        ]
    )
    shared = _shared(runs)
    traces = {}
    for number, row in enumerate(rows):
        centre, presence, confidence = followed[number]
        first = firsts[number]
        middle = _middle_of_line(strips[number], runs[number] - first)
        # Where rows run together, only what stands beside them tells which is which.
        heights = np.where(shared[number] | np.isnan(middle), centre, middle)
        sure = np.where(shared[number], _SHARED * confidence, confidence).astype(np.float32)
        traces[row] = clean_heights(x, top + (first + heights) / down, presence, sure)
    return traces


def _owners(ink: NDArray[np.uint8], levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(rows, h, w)``: which ink may belong to which row."""
    spacing = float(np.diff(np.sort(levels)).min()) if len(levels) > 1 else np.inf
    near_px = _NEAR_SHARE * min(spacing, _ALONE_MM / _NEAR_SHARE * PIXELS_PER_MM)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((ink > _INK).astype(np.uint8))
    owners = np.zeros((len(levels), *ink.shape), bool)
    for label, (x, y, width, height, _) in enumerate(boxes[1:], 1):
        place = (slice(y, y + height), slice(x, x + width))
        here = labels[place] == label
        ys = y + np.arange(height)
        along = np.array(
            [here[np.abs(ys - level) < near_px].any(axis=0).mean() for level in levels]
        )
        mine = along > _OWN_SHARE
        if not mine.any():
            middle = float(np.average(ys, weights=here.sum(axis=1)))
            mine[np.abs(levels - middle).argmin()] = True
        # The edge of a line is ink too.
        edge = (slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1))
        wider = cv2.dilate((labels[edge] == label).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        owners[mine, edge[0], edge[1]] |= wider
    return owners


def _columns(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(h + 1, w)`` probability of each height in each column, the last of no trace.

    What is nearer to the row's level, the middle of the strip, is a little likelier, which
    decides only where rows run together.
    """
    reach = _REACH_MM * PIXELS_PER_MM
    away = (np.arange(len(ink)) - (len(ink) - 1) / 2)[:, None] / reach
    weight = (ink > _INK) * np.exp(-0.5 * away**2)
    total = weight.sum(axis=0)
    heights = weight / np.maximum(total, 1e-9)
    return np.concatenate([heights, (total == 0)[None]]).astype(np.float32)


def _runs(ink: NDArray[np.uint8], chosen: NDArray[np.float32]) -> NDArray[np.float64]:
    """Upper and lower edge of the ink nearest to chosen heights: ``(w, 2)``, NaN without ink."""
    runs = np.full((ink.shape[1], 2), np.nan)
    for column, near in enumerate(chosen):
        edges = np.flatnonzero(np.diff(ink[:, column] > _INK, prepend=False, append=False))
        if len(edges):
            ends = edges.reshape(-1, 2)
            away = np.maximum(np.maximum(ends[:, 0] - near, near - ends[:, 1] + 1), 0)
            runs[column] = ends[away.argmin()]
    return runs - 0.5


def _shared(runs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(rows, w)``: where the ink of a row is that of another row as well."""
    upper, lower = runs[..., 0], runs[..., 1]
    same = (upper[:, None] < lower) & (upper < lower[:, None])
    same[np.arange(len(runs)), np.arange(len(runs))] = False
    return np.asarray(same.any(axis=1))


def _middle_of_line(ink: NDArray[np.uint8], runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the middle of the pen ran: ``(w,)`` heights in pixels, NaN without ink.

    In a steep stroke that is the middle of the ink in a column; at the tip of a wave, half a
    line from its edge.
    """
    upper, lower = runs[:, 0], runs[:, 1]
    thickness = lower - upper
    if not np.isfinite(thickness).any():
        return upper
    ys = np.arange(len(ink))[:, None]
    weight = np.where((ys > upper - 1) & (ys < lower + 1), ink, 0).astype(np.float64)
    middle = (weight * ys).sum(axis=0) / np.where(np.isnan(upper), np.nan, weight.sum(axis=0))
    pen = float(np.nanpercentile(thickness, _PEN_PERCENTILE))
    tall = thickness > _TALL_LINES * pen
    width = 2 * round(_TIP_MM * COLUMNS_PER_MM) + 1
    highest = ndimage.minimum_filter1d(np.where(np.isnan(upper), np.inf, upper), width)
    lowest = ndimage.maximum_filter1d(np.where(np.isnan(lower), -np.inf, lower), width)
    middle = np.where(tall & (upper <= highest), upper + pen / 2, middle)
    return np.where(tall & (lower >= lowest), lower - pen / 2, middle)
