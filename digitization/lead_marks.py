"""Marks that are printed between the leads of a row, measured on the photo.

Many recorders and programs print an upright stroke where one lead passes into the next. It tells
where the next begins to a hundredth of a millimetre, whatever the pen does at the ends of traces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.rectify import rectify
from digitization.traces import RowTrace, runs_of
from ecg.page_geometry import PageGeometry

FloatArray = NDArray[np.float64]

_PIXELS_PER_MM = 20.0
_BESIDE_MM = 2.0
_ABOVE_MM = 8.5
_SOUGHT_MM = 1.2
_SAME_PLACE_MM = 0.1
_OFF_TRACE_MM = 0.9
_MARK_INK, _ABOVE_GRID = 0.5, 0.3  # of the ink of traces
_WIDEST_MARK_MM, _LEAST_MARK_MM, _LEAST_PIECE_MM = 1.4, 1.0, 0.6
_LEAST_BEYOND, _PAPER_INK = 0.25, 0.25  # above and below a mark on a dark grid: how much, how dark
_LEAST_SIDE_MM, _TOUCHING_PX = 0.3, 4
_UPRIGHT_MM, _SLANT = 0.08, 0.08
_TRACE_WIDTH_MM = 1.0
_HALF_PEN_MM = 0.12
_LEAST_TRACE = 0.3
_PAPER = 0.7
_DARK = 8.0


@dataclass(eq=False)
class LeadMarks:
    """Finds the marks in a photo, each once.

    Attributes:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
    """

    photo: NDArray[np.uint8]
    geometry: PageGeometry
    _known: dict[tuple[int, int], float | None] = field(default_factory=dict, repr=False)

    def near(self, row: RowTrace, at_mm: float) -> float | None:
        """Where near a place in a row a mark stands; None where none is clear."""
        key = (id(row), round(at_mm / _SAME_PLACE_MM))
        if key not in self._known:
            at = key[1] * _SAME_PLACE_MM
            self._known[key] = find_mark(self.photo, self.geometry, row, at)
        return self._known[key]


def find_mark(
    photo: NDArray[np.uint8], geometry: PageGeometry, row: RowTrace, at_mm: float
) -> float | None:
    """The middle of the mark between two leads in mm; None where there is none.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
        row: the centre line of the row.
        at_mm: about where, within a millimetre.
    """
    near = np.abs(row.x_mm - at_mm) <= _BESIDE_MM
    heights = row.y_mm[near]
    if np.isfinite(heights).sum() < _LEAST_TRACE * max(near.sum(), 1):
        return None
    top = float(np.nanmedian(heights)) - _ABOVE_MM
    width, height = (round(2 * mm * _PIXELS_PER_MM) + 1 for mm in (_BESIDE_MM, _ABOVE_MM))
    left = at_mm - _BESIDE_MM
    picture = rectify(photo, geometry, left, top, (width, height), _PIXELS_PER_MM)
    x = np.arange(width) / _PIXELS_PER_MM - _BESIDE_MM
    finite = np.isfinite(row.y_mm)
    y = np.interp(at_mm + x, row.x_mm[finite], row.y_mm[finite]) - top
    mark = _mark(_clearest(picture, y), x, y)
    return None if mark is None else at_mm + mark


def _clearest(picture: NDArray[np.uint8], y_mm: FloatArray) -> NDArray[np.float32]:
    """The channel in which ink stands out most: its depth, 0 of paper."""
    rows = np.arange(picture.shape[0])[:, None] / _PIXELS_PER_MM
    off = np.abs(rows - y_mm) > _OFF_TRACE_MM
    best, found = -np.inf, np.zeros(picture.shape[:2], np.float32)
    for channel in range(3):
        light = picture[..., channel].astype(np.float32) + _DARK
        ink = 1 - light / np.quantile(light, _PAPER)
        trace = float(np.median(_along(ink, y_mm)))
        clear = trace / (float(ink[off].std()) + 0.02)
        if clear > best:
            best, found = clear, ink
    return found


def _along(ink: NDArray[np.float32], y_mm: FloatArray) -> NDArray[np.float32]:
    """Ink along a line: ``(w,)``, over most of the width of a thin pen."""
    columns = np.arange(ink.shape[1], dtype=np.float32)[None]
    offsets = np.linspace(-_HALF_PEN_MM, _HALF_PEN_MM, 5)
    at = ((y_mm + offsets[:, None]) * _PIXELS_PER_MM).astype(np.float32)
    lines = cv2.remap(ink, np.repeat(columns, len(at), axis=0), at, cv2.INTER_LINEAR)
    mean: NDArray[np.float32] = lines.mean(axis=0)
    return mean


def _mark(ink: NDArray[np.float32], x_mm: FloatArray, y_mm: FloatArray) -> float | None:
    """The middle of an upright stroke that is neither trace nor grid; None where there is none.

    Lines of the grid are as dark across the picture as along it.
    """
    trace = float(np.median(_along(ink, y_mm)))
    points = np.stack([np.arange(len(x_mm)), y_mm * _PIXELS_PER_MM], axis=-1)
    drawn = np.zeros(ink.shape, np.uint8)
    width = round(_TRACE_WIDTH_MM * _PIXELS_PER_MM)
    cv2.polylines(drawn, [np.round(points).astype(np.int32)], False, 1, width)
    rest = np.where(drawn > 0, np.nan, ink)
    beside = np.abs(x_mm) > _SOUGHT_MM
    across = np.sort(rest[:, beside], axis=1)[:, beside.sum() // 2]  # NaN where the trace is
    grid = max(float(np.nanmax(across)), 0.0) if np.isfinite(across).any() else 0.0
    if trace <= 0:
        return None
    # Lines as dark as traces are told from marks by their length alone.
    is_dark = grid > (1 - _ABOVE_GRID) * trace
    least = max(_MARK_INK * trace, 0.0 if is_dark else grid + _ABOVE_GRID * trace / 2)
    dark = np.pad(rest > least, ((0, 0), (1, 1)))
    edges = np.diff(dark.astype(np.int8), axis=1)
    rows, firsts = np.nonzero(edges == 1)
    _, beyonds = np.nonzero(edges == -1)
    widths = (beyonds - firsts) / _PIXELS_PER_MM
    middles = (firsts + beyonds - 1) / 2 / _PIXELS_PER_MM - _BESIDE_MM
    hidden = np.pad(np.isnan(rest), ((0, 0), (1, 1)))
    free = ~(hidden[rows, firsts] | hidden[rows, beyonds + 1])  # no trace right beside
    usable = free & (widths < _WIDEST_MARK_MM) & (np.abs(middles) < _SOUGHT_MM)
    if usable.sum() < _LEAST_MARK_MM * _PIXELS_PER_MM:
        return None
    rows, middles = rows[usable], middles[usable]
    near = np.abs(middles[:, None] - middles) < _UPRIGHT_MM
    best = near[near.sum(axis=1).argmax()]
    if best.sum() < _LEAST_MARK_MM * _PIXELS_PER_MM:
        return None
    pieces = runs_of(np.isin(np.arange(len(rest)), rows[best]))
    if np.ptp(pieces, axis=1).max() < _LEAST_PIECE_MM * _PIXELS_PER_MM:
        return None  # dots of a grid
    if np.abs(np.polyfit(rows[best], middles[best], 1)[0]) * _PIXELS_PER_MM > _SLANT:
        return None
    place = int(np.abs(x_mm - np.median(middles[best])).argmin())
    if is_dark:
        beyond = rest[np.setdiff1d(np.flatnonzero(drawn[:, place] == 0), rows[best]), place]
        if len(beyond) < _LEAST_BEYOND * len(rest) or np.median(beyond) > _PAPER_INK * trace:
            return None
    # Letters of names stand off the trace, on one side of it.
    side = np.sign(rows[best] / _PIXELS_PER_MM - y_mm[place])
    apart = np.abs(rows[best][:, None] - np.flatnonzero(drawn[:, place]))
    away = apart.min() if apart.size else np.inf
    fewest = min((side < 0).sum(), (side > 0).sum())
    if away > _TOUCHING_PX and fewest < _LEAST_SIDE_MM * _PIXELS_PER_MM:
        return None
    profile = ink[rows[best]].mean(axis=0)
    found = _half_width(profile - np.median(profile), place)
    return None if found is None else sum(found) / 2 / _PIXELS_PER_MM - _BESIDE_MM


def _half_width(profile: NDArray[np.float32], peak: int) -> tuple[float, float] | None:
    """Where a peak falls to half its height on both sides, in samples."""
    half = profile[peak] / 2
    below = np.flatnonzero(profile < half)
    before, after = below[below < peak], below[below > peak]
    if not len(before) or not len(after):
        return None
    i, j = int(before[-1]), int(after[0])
    left = i + (half - profile[i]) / (profile[i + 1] - profile[i])
    right = j - (half - profile[j]) / (profile[j - 1] - profile[j])
    return float(left), float(right)
