"""Lead names: read where the layout look sees a word, looked for where a layout would print them.

Names too small or too near the trace for the layout look are still read when it is known where
to look: at one common offset from the start, or the middle, of every column of every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitization.page_seen import NameSeen, PulseSeen, RowSeen
from digitization.rectify import rectify
from digitization.text_lines import TextLine
from ecg.leads import LEAD_INDEX, LEADS
from ecg.page_geometry import PageGeometry
from ecg.paper import LAYOUTS

CROP_PX = (80, 40)
CROP_PIXELS_PER_MM = 6.0
_OFFSETS_X_MM = {0.0: np.arange(-3.0, 15.1, 2.0), 0.5: np.arange(-2.0, 2.1, 2.0)}
_STEP_Y_MM = 1.5
_OFFSETS_Y_MM = (-18.0, 9.0)
_FURTHEST_MM = 45.0
_WITHIN_SPACING = (0.55, 0.7)  # of the rows: looked for so far, but not further
_MOST_WORDS = 60
_MOST_ROWS = max(layout.total_rows for layout in LAYOUTS.values())
_LEAST_READ = 0.4
_LEAST_FOUND = 0.5
_FEWEST = 3
_APART_MM = (6.0, 4.0)
_BY_STRIP_MM, _SURE_STRIP = 10.0, 0.85
_LINE = re.compile(r"(lead *|)(i{1,3}|av[rlf]|v[1-6]|d(?:i{1,3}|[123]))")
_SURE_LINE = 0.7
_SPELLED = {lead.lower(): lead for lead in LEADS} | {
    f"d{digit}": lead
    for number, lead in enumerate(LEADS[:3], 1)
    for digit in (str(number), lead.lower())
}

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
    """Look for lead names at the starts and over the middles of the columns of every layout.

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
    down = _offsets_down_mm(levels)
    most = 0.0
    best: tuple[NameSeen, ...] = ()
    for within, across in _OFFSETS_X_MM.items():
        layouts = list(_printed_cells(len(rows), within))
        shares = sorted({within, *(share for short, _ in layouts for _, share, _ in short)})
        starts = left + np.array(shares) * (right - left)
        places = np.meshgrid(levels, starts, across, down, indexing="ij")
        centres = np.stack([places[1] + places[2], places[0] + places[3]], axis=-1)
        crops = _crops(photo, geometry, centres.reshape(-1, 2))
        found = np.concatenate([read(crops[k : k + 256]) for k in range(0, len(crops), 256)])
        # The level of a row is known to about one step.
        table = ndimage.maximum_filter1d(found.reshape(*places[0].shape, -1), 3, axis=3)
        for short, strips in layouts:
            cells = [(r, shares.index(s), k) for r, s, k in short]
            row, share, lead = np.array(cells).T
            total = table[row, share, :, :, lead].sum(axis=0)
            i, j = (int(at) for at in np.unravel_index(int(total.argmax()), total.shape))
            if total[i, j] <= most:
                continue
            most = float(total[i, j])
            for r in strips:
                of_strip = table[r, shares.index(within), i, j, : len(LEADS)]
                cells.append((r, shares.index(within), int(of_strip.argmax())))
            best = tuple(
                NameSeen(
                    LEADS[k],
                    float(starts[s] + across[i]),
                    float(levels[r] + down[j]),
                    float(table[r, s, i, j, k]),
                )
                for r, s, k in cells
                if table[r, s, i, j, k] > _LEAST_FOUND
            )
    # Among so many crops one or two are read as a name by chance.
    return best if len(best) >= _FEWEST else ()


def search_strip_name(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    row: RowSeen,
    pulses: Iterable[PulseSeen],
    read: ReadsNames,
) -> tuple[NameSeen, ...]:
    """Look for the name of a lone strip over the calibration pulse before it and behind that.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
        row: the strip.
        pulses: calibration pulses of the page.
        read: as for ``read_words``.

    Returns:
        The name, where it is read at one place and all around it; else none. Edges of a pulse read
        as "I".
    """
    before = [pulse for pulse in pulses if abs(pulse.right_mm - row.left_mm) < _BY_STRIP_MM]
    if not before:
        return ()
    pulse = min(before, key=lambda one: abs(one.right_mm - row.left_mm))
    across = np.arange(pulse.left_mm - 2, pulse.right_mm + 8.1)
    down = pulse.top_mm + np.arange(-5, 5.1)
    centres = np.stack(np.meshgrid(across, down), axis=-1)
    found = read(_crops(photo, geometry, centres.reshape(-1, 2)))[:, : len(LEADS)]
    around = ndimage.uniform_filter(found.reshape(*centres.shape[:2], -1), (3, 3, 1))
    i, j, k = (int(at) for at in np.unravel_index(int(around.argmax()), around.shape))
    score = float(around[i, j, k])
    if score < _SURE_STRIP or LEADS[k] == "I":
        return ()
    return (NameSeen(LEADS[k], float(across[j]), float(down[i]), score),)


def named_lines(lines: Iterable[TextLine]) -> tuple[NameSeen, ...]:
    """The lines of print that are a lead's name, "Lead aVF" and "DII" too.

    An "I" alone is not told from any other stroke.
    """
    names = []
    for line in lines:
        found = _LINE.fullmatch(line.text.strip())
        if found is None or found[0] == "i" or line.sure.min() < _SURE_LINE:
            continue
        left, top, right, bottom = line.box_mm
        # The name alone, without the word before it.
        left += (right - left) * len(found[1]) / len(found[0])
        half_mm = (right - left) / 2, (bottom - top) / 2
        lead = _SPELLED[found[2]]
        sure = float(line.sure.min())
        names.append(NameSeen(lead, (left + right) / 2, (top + bottom) / 2, sure, half_mm))
    return tuple(names)


def surest(names: tuple[NameSeen, ...], others: tuple[NameSeen, ...]) -> tuple[NameSeen, ...]:
    """The names of both, of those that stand at one place the surest."""
    kept = tuple(
        name for name in names if beside((name,), tuple(o for o in others if o.score > name.score))
    )
    return kept + beside(others, kept)


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


def _offsets_down_mm(levels_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far below its row a name is looked for: further up where rows stand far apart."""
    highest, lowest = _OFFSETS_Y_MM
    spacing = float(np.median(np.diff(levels_mm))) if len(levels_mm) > 1 else -highest
    least, most = (share * spacing for share in _WITHIN_SPACING)
    up = max(min(-highest, most), min(least, _FURTHEST_MM), lowest)
    return np.arange(-_STEP_Y_MM * np.ceil(up / _STEP_Y_MM), lowest + 0.1, _STEP_Y_MM)


def _printed_cells(
    rows: int, within: float
) -> Iterator[tuple[list[tuple[int, float, int]], list[int]]]:
    """What so many rows may show: row, share of the width and lead of each name, and strips.

    Args:
        rows: their number.
        within: share of its stretch at which a name stands.
    """
    for layout in LAYOUTS.values():
        if layout.name == "strip":
            continue
        for order in ("standard", "cabrera"):
            cells = layout.printed_leads(order)
            for first in range(layout.total_rows - rows + 1):
                shown = [cell for cell in cells if 0 <= cell.row - first < rows]
                short = [
                    (
                        cell.row - first,
                        (cell.column + within) / layout.columns,
                        LEAD_INDEX[cell.lead],
                    )
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
