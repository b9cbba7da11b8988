"""The page in a photo: its grid at a scale that is seen well, its upright turn, what is on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digitization.grid import BORDER_MM, find_crossings, fit_geometry
from digitization.layout import candidate_layouts
from digitization.names import (
    beside,
    named_lines,
    read_words,
    search_names,
    search_strip_name,
    surest,
)
from digitization.page_seen import PageSeen, RowSeen, look_over, with_named_rows
from digitization.rectify import rectify
from digitization.text_lines import read_lines
from ecg.page_geometry import PageGeometry
from ecg.paper import MAJOR_GRID_MM
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected

QUARTER_TURNS = (0, 2, 1, 3)
BEST_PIXELS_PER_MM = 5.0
LAYOUT_PIXELS_PER_MM = 4.0
"""Scale of the page that the layout look sees; it is trained at it."""
LARGEST_LOOK_PX = 2600
ASK_FOR_SCALE = "a flat picture without a grid can be read if you give its scale with --mm-per-px"
_ENOUGH_NAMES = 4.5
_ROWS_LIKE_A_NAME_MM = 500.0
_TURNED = 0.7
_BESIDE_GRID_MM = 6.0
_ON_EDGE_MM = 1.5
_BEYOND_ROWS_MM = 5.0
_SURE_NAME = 0.8
_FIRST_LOOK_PX = 1280
_STILL_SEEN = 0.8
_LARGEST_PAGE_MM = 650.0
_MOST_RESIDUAL_MM = 0.35  # 0.02 to 0.2 is usual; cells that are long and short by turns are none
_MANY_CROSSINGS = 150
_SURE_CROSSINGS = 300
_LEAST_GRID = 0.03  # of a picture; letters and pulses of a page without a grid make up less
_USUAL_SCALES = (4.2, 6.0)  # pixels per mm at which the page look places lines best


class SeesPages(Protocol):
    """The looks, as the reader needs them (``segmentation.looks.Looks``)."""

    def see_page(self, photo: NDArray[np.uint8], longest_px: int) -> ProbabilityMaps:
        """Page look at a photo."""

    def see_layout(self, page: NDArray[np.uint8]) -> ProbabilityMaps:
        """Layout look at a rectified page."""

    def see_names(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Lead-name recogniser on grey crops: ``(n, 13)`` probabilities, the last of none."""

    def see_trace(self, strip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Trace look at a strip about one row: ``(heights + 1, w)``, the last of no trace."""

    def see_text(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Text reader on a grey crop of a line: ``(steps, 46)``, the first of no letter."""


def find_geometry(photo: NDArray[np.uint8], looks: SeesPages) -> PageGeometry:
    """Find the grid, looking again at other sizes where little was seen or at a better one."""
    longest = max(photo.shape[:2])
    first = min(_FIRST_LOOK_PX, 2 * longest)
    tried: list[tuple[float, PageGeometry, int]] = []
    refusal: PageRejected | None = None
    for size in dict.fromkeys((first, first // 2, min(2000, longest))):
        if size < 160 or any(support > _MANY_CROSSINGS for support, *_ in tried):
            continue
        try:
            geometry, support = _geometry_at(photo, looks, size)
        except PageRejected as rejected:
            refusal = refusal or rejected
            continue
        tried.append((support, geometry, size))
    if not tried:
        reason = str(refusal or "No ECG grid was found.").removesuffix(".")
        raise PageRejected(
            f"{reason}; {ASK_FOR_SCALE}.",
            "grid",
        )
    support, geometry, size = max(tried, key=lambda item: item[0])
    if support < _SURE_CROSSINGS and _share(support, geometry, photo) < _LEAST_GRID:
        raise PageRejected(f"No ECG grid was found; {ASK_FOR_SCALE}.", "grid")
    seen_at = geometry.pixels_per_mm() * size / longest
    better = round(longest * BEST_PIXELS_PER_MM / geometry.pixels_per_mm())
    if seen_at <= _USUAL_SCALES[0] and better > 2 * longest:
        # Of a small part of a page, seen so large, the 1 mm lines may look like those of 5 mm.
        return _coarser(photo, looks, geometry, (first // 2, first // 4)) or geometry
    if _USUAL_SCALES[0] < seen_at < _USUAL_SCALES[1]:
        return geometry
    return _closer(photo, looks, geometry, support) or geometry


def grid_share(photo: NDArray[np.uint8], looks: SeesPages) -> float:
    """The share of a picture in which a grid is seen, by its crossings of 5 mm lines."""
    try:
        geometry, support = _geometry_at(
            photo, looks, min(_FIRST_LOOK_PX, 2 * max(photo.shape[:2]))
        )
    except PageRejected:
        return 0.0
    return _share(support, geometry, photo)


def _share(support: float, geometry: PageGeometry, photo: NDArray[np.uint8]) -> float:
    square_px = (MAJOR_GRID_MM * geometry.pixels_per_mm()) ** 2
    return support * square_px / (photo.shape[0] * photo.shape[1])


def _closer(
    photo: NDArray[np.uint8], looks: SeesPages, geometry: PageGeometry, support: float
) -> PageGeometry | None:
    """The geometry of a look at the page alone, at the scale at which lines are placed best."""
    corners = geometry.photo_points.reshape(-1, 2)
    limits = (photo.shape[1], photo.shape[0])
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, limits).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, limits).astype(int)
    page = photo[top:bottom, left:right]
    longest = max(page.shape[:2])
    size = round(longest * BEST_PIXELS_PER_MM / geometry.pixels_per_mm())
    if size > 2 * longest:
        return None
    try:
        closer, more = _geometry_at(page, looks, min(size, LARGEST_LOOK_PX))
    except PageRejected:
        return None
    if more < _STILL_SEEN * support:
        return None
    return replace(closer, photo_points=closer.photo_points + (left, top))


def _coarser(
    photo: NDArray[np.uint8], looks: SeesPages, geometry: PageGeometry, sizes: Sequence[int]
) -> PageGeometry | None:
    """A grid several times as coarse, seen at a smaller size of the picture."""
    for size in sizes:
        try:
            coarse, _ = _geometry_at(photo, looks, size)
        except PageRejected:
            continue
        scale = coarse.pixels_per_mm()
        seen_at = scale * size / max(photo.shape[:2])
        if scale > 3 * geometry.pixels_per_mm() and seen_at > _USUAL_SCALES[0]:
            return coarse
    return None


def _geometry_at(
    photo: NDArray[np.uint8], looks: SeesPages, longest_px: int
) -> tuple[PageGeometry, float]:
    """The geometry seen at one size, and how many crossings support it."""
    maps = looks.see_page(photo, longest_px)
    crossings = find_crossings(maps["grid_x"], maps["grid_y"])
    size_mm = crossings.index.max(axis=0) * MAJOR_GRID_MM + 2 * BORDER_MM
    if max(size_mm) > _LARGEST_PAGE_MM:
        raise PageRejected(
            "The picture shows a fine regular grid that is not ECG paper, or several pages at "
            "once; photograph one page.",
            "grid",
        )
    geometry = fit_geometry(crossings, maps)
    if geometry.residual_mm > _MOST_RESIDUAL_MM:
        raise PageRejected(
            "The lines of the grid are not seen 5 mm apart; take the photo closer and sharper.",
            "grid",
        )
    return geometry, float(len(crossings.points))


def find_upright(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    looks: SeesPages,
    quarter_turns: Sequence[int] = QUARTER_TURNS,
) -> tuple[PageGeometry, PageSeen, int]:
    """Try quarter turns of the page until lead names are seen.

    Where too few are seen, they are looked for again, closer, where a layout would print them.

    Returns:
        The geometry turned so that the page is upright, what is on it, and the quarter turns.
    """
    tried: list[tuple[float, PageGeometry, PageSeen, int]] = []
    for turns in quarter_turns:
        turned = turn_geometry(geometry, turns)
        seen = _see_layout(photo, turned, looks)
        score = _layout_score(seen)
        if score < _ENOUGH_NAMES and seen.rows:
            seen = with_lines(photo, turned, seen, looks)
            score = _layout_score(seen)
        # Pulses look like themselves only on an upright page.
        if seen.pulses and score < _ENOUGH_NAMES:
            score, seen = _search_names(photo, turned, score, seen, looks)
        if score > _ENOUGH_NAMES:
            return turned, seen, turns
        tried.append((score, turned, seen, turns))
    score, turned, seen, turns = max(tried, key=_upright_without_names)
    if not seen.pulses:
        _, seen = _search_names(photo, turned, score, seen, looks)
    return turned, seen, turns


def with_lines(
    photo: NDArray[np.uint8], geometry: PageGeometry, seen: PageSeen, looks: SeesPages
) -> PageSeen:
    """The page with its lines of print, and the names among them."""
    if seen.lines is not None:
        return seen
    lines = read_lines(photo, geometry, looks.see_text)
    return replace(seen, names=surest(seen.names, named_lines(lines)), lines=lines)


def _upright_without_names(tried: tuple[float, PageGeometry, PageSeen, int]) -> float:
    """What speaks for a turn, in names: the layout's score, rows, and that most photos are upright.

    Rows are seen on an upright page and on one that stands on its head.
    """
    score, _, seen, turns = tried
    rows = sum(row.length_mm for row in seen.rows) / _ROWS_LIKE_A_NAME_MM
    return score + rows - (_TURNED if turns else 0.0)


def _search_names(
    photo: NDArray[np.uint8], geometry: PageGeometry, score: float, seen: PageSeen, looks: SeesPages
) -> tuple[float, PageSeen]:
    """The page with the names found by a closer look, where they fit a layout better."""
    if len(seen.rows) == 1:
        row = seen.rows[0]
        names = search_strip_name(photo, geometry, row, seen.pulses, looks.see_names)
    else:
        names = search_names(photo, geometry, seen.rows, looks.see_names)
    if not names:
        return score, seen
    others = beside(seen.names, names)
    sure = tuple(name for name in others if name.score > _SURE_NAME)
    tried = [(score, seen)]
    for more in dict.fromkeys((sure, others)):
        found = replace(seen, names=(*names, *more))
        tried.append((_layout_score(found), found))
    return max(tried, key=lambda one: one[0])


def _layout_score(seen: PageSeen) -> float:
    """How well some layout explains the names on a page."""
    try:
        return candidate_layouts(seen)[0].score
    except PageRejected:
        return -np.inf


def turn_geometry(geometry: PageGeometry, quarter_turns: int) -> PageGeometry:
    """The same map for a page whose axes are turned by quarter turns."""
    points = np.rot90(geometry.photo_points, quarter_turns, axes=(0, 1))
    return replace(geometry, photo_points=np.ascontiguousarray(points))


def _see_layout(photo: NDArray[np.uint8], geometry: PageGeometry, looks: SeesPages) -> PageSeen:
    left, top, right, bottom = geometry.extent_mm
    scale = LAYOUT_PIXELS_PER_MM
    size = (round((right - left) * scale), round((bottom - top) * scale))
    page = rectify(photo, geometry, left, top, size, scale)
    maps = looks.see_layout(page)
    # The first pixel of the maps is the middle of the page's first two.
    shift = (maps.scale[0] - 1) / 2 / scale
    beyond = BORDER_MM - _BESIDE_GRID_MM
    inside = (left + beyond, top + beyond, right - beyond, bottom - beyond)
    seen = look_over(maps, left + shift, top + shift, scale / maps.scale[0], inside)
    rows = _without_frame(seen.rows, (top + BORDER_MM, bottom - BORDER_MM))
    names = read_words(photo, geometry, seen.names, looks.see_names)
    return with_named_rows(replace(seen, rows=rows, names=names))


def _without_frame(rows: tuple[RowSeen, ...], edges_mm: tuple[float, float]) -> tuple[RowSeen, ...]:
    """The rows but those that lie on the grid's first or last line and go on beyond the others."""
    on_edge = [min(abs(row.y_mm - edge) for edge in edges_mm) < _ON_EDGE_MM for row in rows]
    rights = [row.right_mm for row, on in zip(rows, on_edge, strict=True) if not on]
    if len(rights) < 2:
        return rows
    furthest = max(rights) + _BEYOND_ROWS_MM
    return tuple(
        row for row, on in zip(rows, on_edge, strict=True) if not on or row.right_mm < furthest
    )
