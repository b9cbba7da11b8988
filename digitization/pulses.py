"""How long and how high calibration pulses are, measured on the picture of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.page_seen import PulseSeen, RowSeen
from digitization.rectify import rectify
from ecg.page_geometry import PageGeometry
from ecg.paper import GAINS_MM_PER_MV

_PIXELS_PER_MM = 6.0
_BESIDE_MM = 9.0
_HEIGHTS_MM = (3.5, 23.0)
_WIDTHS_MM = (1.0, 13.0)
_BEYOND_MM = 2.5
_BELOW_MM = 14.0
_BREAK_MM = 0.7
_LEAST_INK = 0.3
_WIDENED_PX = 3
_NEAR_PX = 3
_SOUGHT_MM = (16.0, 16.0)  # before and after the beginning of a row
_SOUGHT_AT_MM = (-7.0, -3.0, 1.0, 5.0)
_LEVEL_MM = 1.0
_ABOVE_FOOT_MM = 1.5
_SAME_HEIGHT = 0.1
_EXACT = 0.03
_SAME_MM = 0.7
_ROWS_APART_MM = 5.0
_ON_ROW_MM = 5.0
_SAME_EDGE_MM, _BROKEN_MM = 1.5, 6.0  # of the parts of a pulse


@dataclass(frozen=True)
class PulseMeasured:
    """A pulse: its top from edge to edge, and the height of that above its foot, in mm."""

    width_mm: float
    height_mm: float


def whole_pulses(pulses: tuple[PulseSeen, ...], rows: tuple[RowSeen, ...]) -> tuple[PulseSeen, ...]:
    """The pulses, those put together that were seen in parts.

    High ones cross names and other rows' waves. A pulse stands on a row; what ends far from any
    goes on in the one that stands right below it.

    Args:
        pulses: as seen.
        rows: the rows of traces.
    """

    def on_row(pulse: PulseSeen) -> bool:
        return any(abs(pulse.bottom_mm - row.y_mm) < _ON_ROW_MM for row in rows)

    waiting = sorted(pulses, key=lambda pulse: pulse.top_mm)
    whole: list[PulseSeen] = []
    while waiting:
        upper = waiting.pop(0)
        lower = next(
            (
                other
                for other in waiting
                if abs(other.left_mm - upper.left_mm) < _SAME_EDGE_MM
                and abs(other.right_mm - upper.right_mm) < _SAME_EDGE_MM
                and 0 <= other.top_mm - upper.bottom_mm < _BROKEN_MM
                and other.bottom_mm - upper.top_mm < _HEIGHTS_MM[1]
            ),
            None,
        )
        if lower is None or on_row(upper):
            whole.append(upper)
            continue
        waiting[waiting.index(lower)] = PulseSeen(
            min(upper.left_mm, lower.left_mm),
            upper.top_mm,
            max(upper.right_mm, lower.right_mm),
            lower.bottom_mm,
        )
    return tuple(whole)


def measure_pulses(
    photo: NDArray[np.uint8], geometry: PageGeometry, pulses: Sequence[PulseSeen]
) -> tuple[PulseMeasured | None, ...]:
    """Measure pulses; None for those that are not clear enough.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the upright page.
        pulses: where pulses were seen; their feet, and something between their edges.
    """
    scale = _PIXELS_PER_MM
    measured: list[PulseMeasured | None] = []
    for pulse in pulses:
        left = pulse.left_mm - _BESIDE_MM
        top = pulse.bottom_mm - _HEIGHTS_MM[1] - _BEYOND_MM
        size = (
            round((pulse.right_mm + _BESIDE_MM - left) * scale),
            round((pulse.bottom_mm + _BELOW_MM - top) * scale),
        )
        picture = rectify(photo, geometry, left, top, size, scale)
        inside = np.array([(pulse.left_mm + pulse.right_mm) / 2 - left, pulse.bottom_mm - top])
        x, y = np.round(inside * scale).astype(int).tolist()
        measured.append(measure_pulse(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), x, y))
    return tuple(measured)


def search_pulses(
    photo: NDArray[np.uint8], geometry: PageGeometry, rows: Sequence[RowSeen]
) -> tuple[tuple[PulseSeen, PulseMeasured], ...]:
    """Pulses at the beginnings of rows that were not seen, for they are high or crossed by others.

    What counts are two or more of one size that stand above each other, or one that is exactly as
    high as a usual gain makes it; others may be complexes.
    """
    scale = _PIXELS_PER_MM
    found: list[tuple[PulseSeen, PulseMeasured]] = []
    # Where rows begin with pulses that were not seen, some were seen from behind them only.
    left = min((row.left_mm for row in rows), default=0.0) - _SOUGHT_MM[0]
    for row in rows:
        top = row.y_mm - _HEIGHTS_MM[1] - _BEYOND_MM
        size = (
            round(sum(_SOUGHT_MM) * scale),
            round((row.y_mm + _BELOW_MM - top) * scale),
        )
        picture = cv2.cvtColor(rectify(photo, geometry, left, top, size, scale), cv2.COLOR_RGB2GRAY)
        y = round((row.y_mm - _ABOVE_FOOT_MM - top) * scale)
        for beside in _SOUGHT_AT_MM:
            at = round((_SOUGHT_MM[0] + beside) * scale)
            first = max(at - round(_BESIDE_MM * scale), 0)
            part = np.ascontiguousarray(picture[:, first : at + round(_BESIDE_MM * scale)])
            one = _measure(part, at - first, y)
            if one is not None:
                edge, highest = left + (first + one[1]) / scale, top + one[0] / scale
                # The edges may go on into the pulse of the row below.
                high = min(one[2].height_mm, row.y_mm - highest + _LEVEL_MM)
                box = PulseSeen(edge, highest, edge + one[2].width_mm, highest + high)
                found.append((box, PulseMeasured(one[2].width_mm, high)))
    return max((_alike(found, one) for one in found), key=len, default=())


def _alike(
    found: Sequence[tuple[PulseSeen, PulseMeasured]], one: tuple[PulseSeen, PulseMeasured]
) -> tuple[tuple[PulseSeen, PulseMeasured], ...]:
    """The pulses of one's size and place, one a row; none where one alone is no clear one."""
    alike: list[tuple[PulseSeen, PulseMeasured]] = []
    for box, size in found:
        same = (
            abs(size.height_mm - one[1].height_mm) < _SAME_HEIGHT * one[1].height_mm
            and abs(size.width_mm - one[1].width_mm) < _SAME_MM
            and abs(box.left_mm - one[0].left_mm) < _SAME_MM
        )
        apart = all(abs(box.bottom_mm - other.bottom_mm) > _ROWS_APART_MM for other, _ in alike)
        if same and apart:
            alike.append((box, size))
    height = one[1].height_mm
    exact = min(abs(height / gain - 1) for gain in GAINS_MM_PER_MV) < _EXACT
    return tuple(alike) if len(alike) > 1 or exact else ()


def measure_pulse(picture: NDArray[np.uint8], x: int, y: int) -> PulseMeasured | None:
    """Measure a pulse in a grey picture of a part of the page.

    Its top is where ink joins two upright edges; they end at its foot. Lines of the grid go on
    beyond the pulse and so count for nothing.

    Args:
        picture: ``(h, w)`` at 6 pixels per mm.
        x: a column between the edges, or within 2.5 mm of one.
        y: a row that both edges reach.

    Returns:
        None where no pulse is clear.
    """
    found = _measure(picture, x, y)
    return None if found is None else found[2]


def ink_of(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How deep the ink is in a grey picture, 0 of paper to 1 of the deepest.

    Lines are widened, that they may be a little askew, and deepest in their middle.
    """
    paper = float(np.quantile(picture, 0.8))
    depth = np.clip(paper - picture.astype(np.float32), 0, None)
    depth /= max(float(np.quantile(depth, 0.98)), 1.0)
    ink = cv2.dilate(np.minimum(depth, 1), np.ones((3, 3), np.uint8))
    blurred: NDArray[np.float32] = cv2.GaussianBlur(ink, (0, 0), 1.0)
    return blurred


def _measure(picture: NDArray[np.uint8], x: int, y: int) -> tuple[int, int, PulseMeasured] | None:
    """The row and the first column of a pulse's top, and its size."""
    ink = ink_of(picture)
    height, width = ink.shape
    down = np.concatenate([np.zeros((1, width), np.float32), ink.cumsum(axis=0)])
    along = np.concatenate([np.zeros((height, 1), np.float32), ink.cumsum(axis=1)], axis=1)
    scale = _PIXELS_PER_MM
    beyond = round(_BEYOND_MM * scale)
    columns = np.arange(beyond, width - beyond)
    lefts, rights = columns[columns < x + beyond], columns[columns > x - beyond]
    if not len(lefts) or not len(rights):
        return None
    lengths = rights[None] - lefts[:, None]
    usable = (lengths > _WIDTHS_MM[0] * scale) & (lengths < _WIDTHS_MM[1] * scale)
    best, found = _LEAST_INK, None
    highest, lowest = (y - round(value * scale) for value in reversed(_HEIGHTS_MM))
    for top in range(max(highest, beyond + 2), lowest):
        edge = (down[y] - down[top]) / (y - top)
        edge = edge - (down[top - 2] - down[top - 2 - beyond]) / beyond
        line = along[top]
        across = (line[rights][None] - line[lefts][:, None]) / np.maximum(lengths, 1)
        before = (line[lefts - 2] - line[lefts - beyond])[:, None] / (beyond - 2)
        after = (line[rights + beyond] - line[rights + 2])[None] / (beyond - 2)
        score = np.minimum(edge[lefts][:, None], edge[rights][None])
        score = np.minimum(score, across - np.maximum(before, after))
        place = int(np.where(usable, score, -1).argmax())
        if score.flat[place] > best:
            best = float(score.flat[place])
            left, right = divmod(place, len(rights))
            found = (top, int(lefts[left]), int(rights[right]))
    if found is None:
        return None
    top, left, right = found
    # The weakest side decided; each side is where its own ink is deepest.
    edge = down[y] - down[top]
    left, right = (
        at - _NEAR_PX + int(edge[at - _NEAR_PX : at + _NEAR_PX + 1].argmax())
        for at in (left, right)
    )
    across = ink[top - _NEAR_PX : top + _NEAR_PX + 1, left : right + 1].mean(axis=1)
    top += int(across.argmax()) - _NEAR_PX
    found_width, found_height = (right - left) / scale, (_foot(ink, top, left, right) - top) / scale
    if found_width < _WIDTHS_MM[0] or not _HEIGHTS_MM[0] < found_height < _HEIGHTS_MM[1]:
        return None
    return top, left, PulseMeasured(found_width, found_height)


def _foot(ink: NDArray[np.float32], top: int, left: int, right: int) -> int:
    """The row at which the two edges of a pulse end."""
    edges = np.minimum(ink[:, left], ink[:, right])
    above = float(edges[: top - 1].mean())
    usual = float(np.median(edges[top : top + round(_HEIGHTS_MM[0] * _PIXELS_PER_MM)]))
    stretch = round(_BREAK_MM * _PIXELS_PER_MM)
    ahead = np.lib.stride_tricks.sliding_window_view(edges[top + stretch :], stretch).mean(axis=1)
    ended = np.flatnonzero(ahead < (above + usual) / 2)
    return (
        top + stretch + (int(ended[0]) + stretch // 2 - _WIDENED_PX if len(ended) else len(ahead))
    )
