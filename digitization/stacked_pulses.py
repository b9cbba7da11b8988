"""Calibration pulses of rows so close that each pulse reaches the one above: one tall ladder."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.page_seen import PulseSeen, RowSeen
from digitization.pulses import PulseMeasured, ink_of
from digitization.rectify import rectify
from ecg.page_geometry import PageGeometry
from ecg.paper import GAINS_MM_PER_MV

_PIXELS_PER_MM = 6.0
_SOUGHT_MM = 16.0  # on both sides of either end of the rows
_ABOVE_MM = 27.0
_BELOW_MM = 8.0
_WITHIN_MM = (1.0, 2.0)  # an edge goes on from above the first level to above the last
_WIDTHS_MM = (1.5, 13.0)
_EVEN_MM = 0.8
_SOLID = 0.45
_BEYOND_MM = (0.7, 3.3)
_LEAST_INK = 0.3
_EDGE_PX = 3
_WIDENED_PX = 2
_NEAR = 0.1


def search_stacked_pulses(
    photo: NDArray[np.uint8], geometry: PageGeometry, rows: Sequence[RowSeen]
) -> tuple[tuple[PulseSeen, PulseMeasured], ...]:
    """Pulses of all rows, where their edges run into one another.

    Two upright edges that go through all rows, side by side, and are joined at the top stand as
    far above the first level as the gain says; the lowest foot tells how far levels and feet are
    apart.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
        rows: the rows of traces.

    Returns:
        One pulse a row, all as high as the first; none where there is no ladder.
    """
    levels = sorted(row.y_mm for row in rows)
    if len(levels) < 2:
        return ()
    ends = min(row.left_mm for row in rows), max(row.right_mm for row in rows)
    top = levels[0] - _ABOVE_MM
    size = (
        round(2 * _SOUGHT_MM * _PIXELS_PER_MM),
        round((levels[-1] + _BELOW_MM - top) * _PIXELS_PER_MM),
    )
    for end in ends:
        left = end - _SOUGHT_MM
        picture = rectify(photo, geometry, left, top, size, _PIXELS_PER_MM)
        ladder = _find_ladder(
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY),
            round((levels[0] - _WITHIN_MM[0] - top) * _PIXELS_PER_MM),
            round((levels[-1] - _WITHIN_MM[1] - top) * _PIXELS_PER_MM),
        )
        if ladder is None:
            continue
        first, last, highest, lowest = (value / _PIXELS_PER_MM for value in ladder)
        by_feet = (lowest - highest) - (levels[-1] - levels[0])
        height = (by_feet + levels[0] - (top + highest)) / 2
        gain = min(GAINS_MM_PER_MV, key=lambda one: abs(np.log(max(height, 1.0) / one)))
        if abs(height / gain - 1) > _NEAR or gain < np.diff(levels).min():
            continue
        return tuple(
            (
                PulseSeen(left + first, level - height, left + last, level),
                PulseMeasured(last - first, height),
            )
            for level in levels
        )
    return ()


def _find_ladder(
    picture: NDArray[np.uint8], first: int, last: int
) -> tuple[int, int, int, int] | None:
    """Left, right, top and foot of the clearest ladder that fills the rows ``first:last``."""
    ink = ink_of(picture)
    deep = float(np.quantile(ink[first:last].mean(axis=0), 0.995))
    solid = cv2.blur(ink, (1, 7)) > _SOLID * deep
    edges = np.flatnonzero(solid[first:last].mean(axis=0) > 0.97)
    if not len(edges):
        return None
    above, below = solid[:first, edges], solid[last:, edges]
    tops = np.where(above.all(axis=0), 0, first - (~above[::-1]).argmax(axis=0))
    feet = last + np.where(below.all(axis=0), len(below), (~below).argmax(axis=0))
    near, far = (round(value * _PIXELS_PER_MM) for value in _BEYOND_MM)
    even = _EVEN_MM * _PIXELS_PER_MM
    best, found = _LEAST_INK, None
    for i, left in enumerate(edges):
        widths = (edges - left) / _PIXELS_PER_MM
        partners = (
            (widths > _WIDTHS_MM[0])
            & (widths < _WIDTHS_MM[1])
            & (np.abs(tops - tops[i]) < even)
            & (np.abs(feet - feet[i]) < even)
            & (np.minimum(tops, tops[i]) > 2)
        )
        for k in np.flatnonzero(partners):
            right = int(edges[k])
            top = round((int(tops[i]) + int(tops[k])) / 2)
            joined = ink[top - 1 : top + 6]
            sides = joined[:, max(left - far, 0) : left - near], joined[:, right + near :][:, :far]
            beyond = [float(side.mean(axis=1).max()) for side in sides if side.size]
            inside = joined[:, left + _EDGE_PX : right + 1 - _EDGE_PX]
            line = inside.mean(axis=1)
            score = float(line.max()) - max(beyond, default=0.0)
            if score > best:
                foot = round((int(feet[i]) + int(feet[k])) / 2) - _WIDENED_PX
                best, found = score, (int(left), right, top - 1 + int(line.argmax()), foot)
    if found is None:
        return None
    # Each edge is where its own ink is deepest.
    depths = ink[first:last].mean(axis=0)
    first_edge, last_edge = (
        at - _EDGE_PX + int(depths[at - _EDGE_PX : at + _EDGE_PX + 1].argmax())
        for at in (max(found[0], _EDGE_PX), found[1])
    )
    return first_edge, last_edge, found[2], found[3]
