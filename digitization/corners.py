"""The map of a page from four corners of a rectangle of known size, bent to the grid it shows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from digitization.grid import (
    BORDER_MM,
    GridCrossings,
    find_crossings,
    fit_geometry,
    predict_index,
)
from ecg.page_geometry import PageGeometry
from ecg.page_parts import Corners
from ecg.paper import MAJOR_GRID_MM
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected

FloatArray = NDArray[np.float64]

_NEAR_MM = 12.0
_FURTHEST_MM = 30.0
_FEWEST_SEEDS = 4
_FEWEST = 12
_OFF_CELLS = 0.3
_REACH_CELLS = 1.6
_NONE = np.iinfo(np.int64).min


def geometry_from_corners(
    corners: Corners, see_grid: Callable[[float], ProbabilityMaps]
) -> tuple[PageGeometry, int]:
    """The map that a person's corners give.

    The homography of the corners foretells where the grid's crossings next to them are; from
    there the others are counted, neighbour by neighbour, and bend the map. How the machine had
    counted them does not matter. Without enough crossings the homography stands.

    Args:
        corners: four points and the size of the rectangle.
        see_grid: the page look at the photo, given how many photo pixels a millimetre has.

    Returns:
        The map, with the origin of its page at the first corner, and the crossings that bent it.
    """
    width, height = corners.size_mm
    page = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    photo = np.asarray(corners.photo_points, np.float64)
    homography = cv2.getPerspectiveTransform(page.astype(np.float32), photo.astype(np.float32))
    flat = _flat(homography, width, height)
    maps = see_grid(flat.pixels_per_mm())
    try:
        found = find_crossings(maps["grid_x"], maps["grid_y"])
    except PageRejected:
        return flat, 0
    foretold = np.asarray(flat.page_from_photo(maps.to_picture(found.points)), np.float64)
    numbered = _number(foretold, found, page)
    if numbered is None:
        return flat, 0
    index, origin = numbered
    kept = index[:, 0] != _NONE
    index, points = _with_corners(
        index[kept], maps.to_picture(found.points[kept]), origin, flat, page
    )
    first = index.min(axis=0)
    in_maps = (points + 0.5) / np.asarray(maps.scale) - 0.5
    bent = fit_geometry(GridCrossings(index - first, in_maps, found.period_px), maps)
    x, y = (origin + MAJOR_GRID_MM * first - BORDER_MM).tolist()
    geometry = PageGeometry(bent.photo_points, bent.step_mm, (x, y), bent.residual_mm)
    return geometry, int(kept.sum())


def _flat(homography: FloatArray, width_mm: float, height_mm: float) -> PageGeometry:
    """A homography on a lattice that reaches as far beyond the rectangle as a grid's does."""
    columns, rows = (
        int(np.ceil((side + 2 * BORDER_MM) / MAJOR_GRID_MM)) + 1 for side in (width_mm, height_mm)
    )
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    page = np.stack([x, y], axis=-1) * MAJOR_GRID_MM - BORDER_MM
    points = cv2.perspectiveTransform(page.reshape(-1, 1, 2), homography).reshape(page.shape)
    return PageGeometry(points.astype(np.float64), MAJOR_GRID_MM, (-BORDER_MM, -BORDER_MM))


def _number(
    foretold_mm: FloatArray, found: GridCrossings, corners_mm: FloatArray
) -> tuple[NDArray[np.int64], FloatArray] | None:
    """Number crossings from the corners inwards, each from its numbered neighbours.

    Args:
        foretold_mm: ``(n, 2)`` where the corners' homography has the crossings on the page.
        found: the crossings, with numbers that may be wrong.
        corners_mm: ``(4, 2)`` the corners on the page.

    Returns:
        ``(n, 2)`` column and row of each, ``_NONE`` where it was not reached, and where number 0
        lies on the page; None where too few crossings were reached.
    """
    away = np.linalg.norm(foretold_mm[:, None] - corners_mm, axis=2).min(axis=1)
    near = away < max(_NEAR_MM, float(np.partition(away, 3)[3]))
    if near.sum() < _FEWEST_SEEDS or away[near].max() > _FURTHEST_MM:
        return None
    # The rectangle may begin anywhere between the lines: where, is the mean phase of the grid.
    turns = np.exp(2j * np.pi * foretold_mm[near] / MAJOR_GRID_MM).mean(axis=0)
    origin = np.angle(turns) / (2 * np.pi) * MAJOR_GRID_MM
    cells = (foretold_mm - origin) / MAJOR_GRID_MM
    near &= np.abs(cells - np.round(cells)).max(axis=1) < _OFF_CELLS
    if near.sum() < _FEWEST_SEEDS:
        return None
    index = np.full(found.points.shape, _NONE, np.int64)
    index[near] = np.round(cells[near])
    reach = _REACH_CELLS * found.period_px
    while True:
        known = index[:, 0] != _NONE
        if not known.any() or known.all():
            break
        distance, _ = cKDTree(found.points[known]).query(found.points)
        beside = np.flatnonzero(~known & (distance < reach))
        if not len(beside):
            break
        predicted = predict_index(found.points[known], index[known], found.points[beside])
        whole = np.round(predicted)
        sure = np.abs(predicted - whole).max(axis=1) < _OFF_CELLS
        if not sure.any():
            break
        index[beside[sure]] = whole[sure]
    known = index[:, 0] != _NONE
    # One crossing a number.
    _, first = np.unique(index, axis=0, return_index=True)
    known &= np.isin(np.arange(len(index)), first)
    index[~known] = _NONE
    return (index, origin) if known.sum() >= _FEWEST else None


def _with_corners(
    index: NDArray[np.int64],
    points: FloatArray,
    origin: FloatArray,
    flat: PageGeometry,
    page: FloatArray,
) -> tuple[NDArray[np.int64], FloatArray]:
    """Add the grid's places next to the corners, where no crossing was seen."""
    nearest = np.round((page - origin) / MAJOR_GRID_MM).astype(np.int64)
    unseen = ~(nearest[:, None] == index).all(axis=2).any(axis=1)
    foretold = flat.photo_from_page(origin + nearest[unseen] * MAJOR_GRID_MM)
    return np.concatenate([index, nearest[unseen]]), np.concatenate([points, foretold])
