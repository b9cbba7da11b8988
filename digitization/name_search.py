"""Lead names looked for where a layout would print them.

Names too small or too near the trace for the layout look are still read when it is known where
to look: at one common offset from the start of every column of every row.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.layout import NameSeen, RowSeen
from digitization.rectify import rectify
from ecg.leads import LEAD_INDEX
from ecg.page_geometry import PageGeometry
from ecg.paper import LAYOUTS

CROP_PX = (80, 40)
CROP_PIXELS_PER_MM = 6.0
_SHARES = (0.0, 0.25, 0.5, 0.75)
_OFFSETS_X_MM = np.arange(-3.0, 8.1, 2.0)
_OFFSETS_Y_MM = np.arange(-9.0, 9.1, 1.5)
_READ = 0.5

ReadsNames = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


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
        read: probabilities ``(n, 13)`` of grey crops, the last of no name.

    Returns:
        Names at the offset and of the layout that explain most of what is read there.
    """
    if not rows or len(rows) > 13:
        return ()
    left = float(np.median([row.left_mm for row in rows]))
    right = float(np.median([row.right_mm for row in rows]))
    scale = CROP_PIXELS_PER_MM
    half_x, half_y = (CROP_PX[0] - 1) / 2, (CROP_PX[1] - 1) / 2
    margin_mm = 20.0
    top = rows[0].y_mm - margin_mm
    size = (
        round((right - left + 2 * margin_mm) * scale),
        round((rows[-1].y_mm - top + margin_mm) * scale),
    )
    page = rectify(photo, geometry, left - margin_mm, top, size, scale)
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    crops = []
    for row in rows:
        for share in _SHARES:
            for dx in _OFFSETS_X_MM:
                for dy in _OFFSETS_Y_MM:
                    x = (share * (right - left) + dx + margin_mm) * scale - half_x
                    y = (row.y_mm + dy - top) * scale - half_y
                    crops.append(cv2.getRectSubPix(grey, CROP_PX, (x + half_x, y + half_y)))
    found = np.concatenate([read(np.stack(crops[k : k + 256])) for k in range(0, len(crops), 256)])
    offsets = (len(_OFFSETS_X_MM), len(_OFFSETS_Y_MM))
    table = found.reshape(len(rows), len(_SHARES), *offsets, -1)
    best: tuple[float, tuple[NameSeen, ...]] = (0.0, ())
    for layout in LAYOUTS.values():
        if layout.name == "strip" or len(rows) > layout.total_rows:
            continue
        cells = [cell for cell in layout.printed_leads() if not cell.is_rhythm]
        for first in range(layout.total_rows - len(rows) + 1):
            shown = [cell for cell in cells if 0 <= cell.row - first < len(rows)]
            if len(shown) < 3:
                continue
            probability = np.stack(
                [
                    table[
                        cell.row - first,
                        _SHARES.index(cell.column / layout.columns),
                        :,
                        :,
                        LEAD_INDEX[cell.lead],
                    ]
                    for cell in shown
                ]
            )
            total = probability.sum(axis=0)
            i, j = np.unravel_index(int(total.argmax()), total.shape)
            if total[i, j] <= best[0]:
                continue
            names = tuple(
                NameSeen(
                    cell.lead,
                    left + cell.column / layout.columns * (right - left) + float(_OFFSETS_X_MM[i]),
                    rows[cell.row - first].y_mm + float(_OFFSETS_Y_MM[j]),
                    float(p),
                )
                for cell, p in zip(shown, probability[:, i, j], strict=True)
                if p > _READ
            )
            best = (float(total[i, j]), names)
    return best[1]
