"""Lead names: read where the layout look sees a word, looked for where a layout would print them.

Names too small or too near the trace for the layout look are still read when it is known where
to look: at one common offset from the start of every column of every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitization.page_seen import NameSeen, RowSeen
from digitization.rectify import rectify
from ecg.leads import LEAD_INDEX, LEADS
from ecg.page_geometry import PageGeometry
from ecg.paper import LAYOUTS

CROP_PX = (80, 40)
CROP_PIXELS_PER_MM = 6.0
_SHARES = (0.0, 0.25, 0.5, 0.75)
_OFFSETS_X_MM = np.arange(-3.0, 8.1, 2.0)
_OFFSETS_Y_MM = np.arange(-9.0, 9.1, 1.5)
_MOST_WORDS = 60
_MOST_ROWS = max(layout.total_rows for layout in LAYOUTS.values())
_LEAST_READ = 0.4
_LEAST_FOUND = 0.5
_FEWEST = 3
_APART_MM = (6.0, 4.0)

ReadsNames = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def read_words(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    words: tuple[NameSeen, ...],
    read: ReadsNames,
) -> tuple[NameSeen, ...]:
    """Read each word that may be a lead name; those that name no lead are dropped.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the page.
        words: what looks like names, the surest first.
        read: probabilities ``(n, 13)`` of grey crops, the last of no name.
    """
    words = words[:_MOST_WORDS]
    if not words:
        return ()
    centres = np.array([(word.x_mm, word.y_mm) for word in words])
    names = []
    for word, probability in zip(words, read(_crops(photo, geometry, centres)), strict=True):
        best = int(np.argmax(probability))
        if best < len(LEADS) and probability[best] > _LEAST_READ:
            score = word.score * float(probability[best])
            names.append(replace(word, lead=LEADS[best], score=score))
    return tuple(names)


def search_names(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    rows: tuple[RowSeen, ...],
    read: ReadsNames,
) -> tuple[NameSeen, ...]:
    """Look for lead names at the starts of the columns of every layout.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
        rows: rows of traces.
        read: as for ``read_words``.

    Returns:
        Names at the offset and of the layout that explain most of what is read there; none
        where they are too few to mean anything.
    """
    if not rows or len(rows) > _MOST_ROWS:
        return ()
    left = float(np.median([row.left_mm for row in rows]))
    right = float(np.median([row.right_mm for row in rows]))
    levels = np.array([row.y_mm for row in rows])
    starts = left + np.array(_SHARES) * (right - left)
    places = np.meshgrid(levels, starts, _OFFSETS_X_MM, _OFFSETS_Y_MM, indexing="ij")
    centres = np.stack([places[1] + places[2], places[0] + places[3]], axis=-1).reshape(-1, 2)
    crops = _crops(photo, geometry, centres)
    found = np.concatenate([read(crops[k : k + 256]) for k in range(0, len(crops), 256)])
    offsets = (len(_OFFSETS_X_MM), len(_OFFSETS_Y_MM))
    table = found.reshape(len(rows), len(_SHARES), *offsets, -1)
    # The level of a row is known to about one step.
    table = ndimage.maximum_filter1d(table, 3, axis=3)

    def name(row: int, column_share: float, lead: int, i: int, j: int) -> NameSeen:
        return NameSeen(
            LEADS[lead],
            left + column_share * (right - left) + float(_OFFSETS_X_MM[i]),
            rows[row].y_mm + float(_OFFSETS_Y_MM[j]),
            float(table[row, _SHARES.index(column_share), i, j, lead]),
        )

    most = 0.0
    best: tuple[NameSeen, ...] = ()
    for short, strips in _printed_cells(len(rows)):
        row, share, lead = np.array([(r, _SHARES.index(s), k) for r, s, k in short]).T
        total = table[row, share, :, :, lead].sum(axis=0)
        i, j = (int(at) for at in np.unravel_index(int(total.argmax()), total.shape))
        if total[i, j] <= most:
            continue
        most = float(total[i, j])
        names = [name(*cell, i, j) for cell in short]
        names += [name(r, 0.0, int(table[r, 0, i, j, : len(LEADS)].argmax()), i, j) for r in strips]
        best = tuple(one for one in names if one.score > _LEAST_FOUND)
    # Among so many crops one or two are read as a name by chance.
    return best if len(best) >= _FEWEST else ()


def beside(names: tuple[NameSeen, ...], known: tuple[NameSeen, ...]) -> tuple[NameSeen, ...]:
    """The names that stand where none of those known does."""
    return tuple(
        name
        for name in names
        if all(
            abs(name.x_mm - other.x_mm) > _APART_MM[0] or abs(name.y_mm - other.y_mm) > _APART_MM[1]
            for other in known
        )
    )


def _printed_cells(rows: int) -> Iterator[tuple[list[tuple[int, float, int]], list[int]]]:
    """What so many rows may show: row, share of the width and lead of each name, and strips."""
    for layout in LAYOUTS.values():
        if layout.name == "strip":
            continue
        for order in ("standard", "cabrera"):
            cells = layout.printed_leads(order)
            for first in range(layout.total_rows - rows + 1):
                shown = [cell for cell in cells if 0 <= cell.row - first < rows]
                short = [
                    (cell.row - first, cell.column / layout.columns, LEAD_INDEX[cell.lead])
                    for cell in shown
                    if not cell.is_rhythm
                ]
                if len(short) >= _FEWEST:
                    yield short, [cell.row - first for cell in shown if cell.is_rhythm]


def _crops(
    photo: NDArray[np.uint8], geometry: PageGeometry, centres_mm: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """``(n, 40, 80)`` grey crops of the page about ``(n, 2)`` places."""
    width, height = CROP_PX
    half_mm = np.array([width - 1, height - 1]) / 2 / CROP_PIXELS_PER_MM
    first = centres_mm.min(axis=0) - half_mm
    corners = np.round((centres_mm - half_mm - first) * CROP_PIXELS_PER_MM).astype(int)
    size = corners.max(axis=0) + CROP_PX
    page = rectify(
        photo, geometry, first[0], first[1], (int(size[0]), int(size[1])), CROP_PIXELS_PER_MM
    )
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    windows = np.lib.stride_tricks.sliding_window_view(grey, (height, width))
    return np.ascontiguousarray(windows[corners[:, 1], corners[:, 0]])
