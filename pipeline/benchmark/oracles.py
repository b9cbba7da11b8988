"""Oracles: what a perfect page geometry, layout or trace look would say of a generated photo.

A stage is made perfect in the way in which a person mends it: its part of the page is given to
the reader. The trace look has no such part; its oracle is shown a picture whose pixels hold the
page's millimetres in place of colours, and so knows where on the page each of them lies, however
the reader has rectified it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_generation.photo import Photo
from digitization.page_description import describe_page
from digitization.page_seen import NameSeen, PageSeen, PulseSeen, RowSeen
from ecg.leads import LEADS
from ecg.page_parts import PageParts
from ecg.probability_maps import ProbabilityMaps

_ON_PAGE = 1.0
_CLOSE = 1e-3


def true_parts(photo: Photo) -> PageParts:
    """Everything that a person could mark on a generated photo, exactly."""
    page = photo.page
    spec = page.spec
    traces = [trace for trace in page.traces if len(trace.points_mm) > 1]
    rows = []
    for row in sorted({trace.row for trace in traces}):
        points = np.concatenate([trace.points_mm for trace in traces if trace.row == row])
        x, level = points[:, 0], float(np.median(points[:, 1]))
        rows.append(RowSeen(level, float(x.min()), float(x.max())))
    names = tuple(
        NameSeen(word.lead, (a + c) / 2, (b + d) / 2, 1.0, ((c - a) / 2, (d - b) / 2))
        for word in page.texts
        if word.lead is not None
        for a, b, c, d in [word.box_mm]
    )
    pulses = tuple(PulseSeen(*pulse.min(axis=0), *pulse.max(axis=0)) for pulse in page.pulses)
    printed = spec.printed_leads()
    return describe_page(
        photo.spec.camera.photo_size,
        photo.camera.geometry,
        PageSeen(names, tuple(rows), pulses),
        printed,
        [spec.column_x_mm[lead.column] for lead in printed],
        spec.layout,
        spec.order,
        spec.speed_mm_per_s,
        spec.gain_mm_per_mv,
        chest_gain_mm_per_mv=spec.gain_mm_per_mv,
    )


def millimetre_picture(photo: Photo) -> NDArray[np.float32]:
    """The photo with the page's x and y in millimetres in place of red and green.

    Returns:
        ``(h, w, 3)`` float32; the third channel is 1, and as beyond a photo what else it is.
    """
    width, height = photo.spec.camera.photo_size
    inverse = photo.camera.inverse_map((0, 0, width, height))
    planes = [
        inverse.every_pixel(np.ascontiguousarray(inverse.page_mm[..., k], np.float32))
        for k in range(2)
    ]
    return np.stack([*planes, np.full((height, width), _ON_PAGE, np.float32)], axis=-1)


class PerfectTraceLook:
    """A trace look that knows a generated page; it is to be shown its ``millimetre_picture``.

    The other looks see nothing: what they would find is to be given to the reader.

    Args:
        photo: the photo.
    """

    def __init__(self, photo: Photo) -> None:
        self._rows: dict[int, list[NDArray[np.float64]]] = {}
        for trace in photo.page.traces:
            if len(trace.points_mm) > 1:
                self._rows.setdefault(trace.row, []).append(trace.points_mm)

    def see_page(self, photo: NDArray[Any], longest_px: int) -> ProbabilityMaps:
        """Nothing: the geometry is given."""
        raise NotImplementedError("give the geometry of the page")

    def see_layout(self, page: NDArray[Any]) -> ProbabilityMaps:
        """Nothing: the layout is given."""
        raise NotImplementedError("give the layout of the page")

    def see_names(self, crops: NDArray[Any]) -> NDArray[np.float32]:
        """No further name is to be found."""
        return np.tile(np.eye(len(LEADS) + 1, dtype=np.float32)[-1], (len(crops), 1))

    def see_trace(self, strip: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where the trace of the row in the middle of a strip of millimetres runs.

        Args:
            strip: ``(h, w, 3)``.

        Returns:
            ``(h + 1, w)``: the two heights about it in every column, weighted by how near they
            are; the last is 1 where there is no trace.
        """
        height, width = strip.shape[:2]
        x, y = strip[..., 0].astype(np.float64), strip[..., 1].astype(np.float64)
        on_page = np.abs(strip[..., 2] - _ON_PAGE) < _CLOSE
        out = np.zeros((height + 1, width), np.float32)
        out[-1] = 1
        middle = on_page[height // 2]
        if not middle.any():
            return out
        level = float(np.median(y[height // 2, middle]))
        row = min(self._rows.values(), key=lambda some: abs(_level(some) - level))
        for points in row:
            inside = on_page & (x >= points[0, 0]) & (x <= points[-1, 0])
            below = y - np.interp(x, points[:, 0], points[:, 1])
            crossed = (below[:-1] <= 0) & (below[1:] > 0) & inside[:-1] & inside[1:]
            columns = np.flatnonzero(crossed.any(axis=0))
            above = crossed.argmax(axis=0)[columns]
            before, after = below[above, columns], below[above + 1, columns]
            share = -before / np.maximum(after - before, 1e-9)
            out[:, columns] = 0
            out[above, columns] = 1 - share
            out[above + 1, columns] = share
        return out


def _level(row: list[NDArray[np.float64]]) -> float:
    """Level of a row of stretches."""
    return float(np.median(np.concatenate(row)[:, 1]))
