"""The grid: its crossings found, numbered and turned into one dense map of the page.

Crossings of 5 mm lines are located below the pixel, joined to their neighbours along lines that
the page look sees between them, numbered by walking those joints, and cleaned by local
agreement. Where each trace has a grid of its own, the others join the largest, where that goes on
straight. The map is a homography plus a smooth residual, so that curls and folds are followed and
single errors are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import (
    breadth_first_order,
    connected_components,
    minimum_spanning_tree,
)
from scipy.spatial import cKDTree

from digitization.plate import smooth_surface
from ecg.page_geometry import PageGeometry
from ecg.paper import MAJOR_GRID_MM
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected

FloatArray = NDArray[np.float64]

_MIN_CROSSINGS = 12
_MIN_PERIOD_PX = 6
_SECOND_STANDS_OUT = (1.4, 1.6)  # times: each of three repetitions, and all together
_SEEN = 0.05
_BORDER_CELLS = 4
_NEAR_CELLS = 2.3
_STEP_CELLS = 0.15
_BETWEEN_CELLS = 0.25
_PIECE = 3
_SLIP_TURNS = 4
_SLIP_VOTES = 12
_PANEL_CROSSINGS = 16
_PANEL_APART_CELLS = 6.0
_PANEL_STRAY_CELLS = 0.12
_ON_LATTICE_CELLS = 0.06
_SPACING_TURNS = 3
_JOINTS_AROUND = 24
_ODD_CELLS = 0.07
_EDGE_CELLS = 0.1
_BLOCK_CELLS = 6
_FLAT_MM = 0.08
_PANELS_KEPT = 0.65
_STRAIGHTER = 0.5
_MORE_KEPT = 1.05
BORDER_MM = _BORDER_CELLS * MAJOR_GRID_MM
"""How far a geometry's lattice reaches beyond the outermost crossings."""


@dataclass(frozen=True)
class GridCrossings:
    """Numbered crossings of 5 mm lines.

    Attributes:
        index: ``(n, 2)`` column and row number of each; no whole numbers in a grid that stands
            apart and is shifted against the largest.
        points: ``(n, 2)`` place in the maps' pixels.
        period_px: median spacing.
    """

    index: FloatArray
    points: FloatArray
    period_px: float


def find_crossings(grid_x: NDArray[np.float32], grid_y: NDArray[np.float32]) -> GridCrossings:
    """Find and number the crossings of the two families of lines.

    Args:
        grid_x: ``(h, w)`` probability of the upright lines.
        grid_y: ``(h, w)`` probability of the level lines.

    Raises:
        PageRejected: too few crossings hang together.
    """
    soft_x = cv2.GaussianBlur(grid_x, (0, 0), 1.0)
    soft_y = cv2.GaussianBlur(grid_y, (0, 0), 1.0)
    heat = soft_x * soft_y
    if int((heat > _SEEN).sum()) < _MIN_CROSSINGS:
        raise PageRejected(
            "No ECG grid was found; photograph the whole page from above, sharp and evenly lit.",
            "grid",
        )
    period = _period(soft_x, soft_y)
    # Of two crossings half a cell apart one is false, and weaker.
    reach = 2 * max(2, round(0.55 * period)) + 1
    top = cv2.dilate(heat, np.ones((reach, reach), np.uint8))
    ys, xs = np.nonzero((heat >= top) & (heat > _SEEN))
    seeds = np.stack([xs, ys], axis=-1).astype(np.float64)
    # Of a line at the picture's edge only a part is seen.
    edge = max(2.0, _EDGE_CELLS * period)
    seeds = seeds[(np.minimum(seeds, np.array(heat.shape[::-1]) - 1 - seeds) >= edge).all(axis=1)]
    if len(seeds) < _MIN_CROSSINGS:
        raise PageRejected("No ECG grid was found; the page shows no regular 5 mm lines.", "grid")
    points = _refine(seeds, soft_x, soft_y, max(3, round(0.38 * period)))
    edges, steps, cost, odd = _join(points, soft_x, soft_y, period)
    joined = _number(points, edges, steps, cost, period)
    # Grids that stand apart may seem to be joined, by cells of another length.
    even = odd < _ODD_CELLS
    apart = _number(points, edges[even], steps[even], cost[even], period)
    if max(len(joined.points), len(apart.points)) < _MIN_CROSSINGS:
        raise PageRejected(
            "The ECG grid is too faint or too broken to measure; take the photo closer, sharp "
            "and evenly lit.",
            "grid",
        )
    return _agreeing(apart if _stand_apart(apart, joined, heat) else joined, heat)


def _stand_apart(apart: GridCrossings, joined: GridCrossings, heat: NDArray[np.float32]) -> bool:
    """Whether the page has several grids that were numbered rightly only by even cells."""
    if not np.any(apart.index % 1):
        return False
    straight, bent = _stray_cells(apart), _stray_cells(joined)
    if len(apart.points) > _PANELS_KEPT * len(joined.points) and straight < _STRAIGHTER * bent:
        return True
    more = len(_agreeing(apart, heat).points) > _MORE_KEPT * len(_agreeing(joined, heat).points)
    return more and straight < _PANEL_STRAY_CELLS


def _period(soft_x: NDArray[np.float32], soft_y: NDArray[np.float32]) -> float:
    """Spacing at which both families of lines repeat, along rows and columns of the picture.

    The two must agree, for the grid is square: dots or fine lines between the true ones of one
    family do not halve the period.
    """
    level = _autocorrelation(soft_x[::4])
    upright = _autocorrelation(soft_y.T[::4])
    count = min(len(level), len(upright), 400)
    shared = np.clip(level[:count], 0, None) * np.clip(upright[:count], 0, None)
    shared[:_MIN_PERIOD_PX] = 0
    shared = np.convolve(shared, [0.25, 0.5, 0.25], "same")
    peaks = np.flatnonzero((shared[1:-1] > shared[:-2]) & (shared[1:-1] >= shared[2:])) + 1
    if not len(peaks):
        raise PageRejected("No ECG grid was found; the page shows no regular 5 mm lines.", "grid")
    strong = peaks[shared[peaks] > 0.4 * shared[peaks].max()]
    first = int(strong[0])
    if _is_half(first, shared):
        first = 2 * first - 2 + int(shared[2 * first - 2 : 2 * first + 3].argmax())
    weights = shared[first - 1 : first + 2]
    return float((np.arange(first - 1, first + 2) * weights).sum() / weights.sum())


def _is_half(period: int, shared: FloatArray) -> bool:
    """Whether every second repetition stands out, as where 1 mm lines are seen half way."""
    odd, even = (
        np.array([shared[max(k * period - 2, 0) : k * period + 3].max(initial=0) for k in turns])
        for turns in ((1, 3, 5), (2, 4, 6))
    )
    seen = 6 * period + 3 < len(shared)
    each, together = _SECOND_STANDS_OUT
    return bool(seen and (even > each * odd).all() and even.sum() > together * odd.sum())


def _autocorrelation(lines: NDArray[np.float32]) -> FloatArray:
    """Mean autocorrelation of rows, 1 at lag 0, unbiased for the overlap."""
    length = lines.shape[1]
    spectrum = np.fft.rfft(lines - lines.mean(axis=1, keepdims=True), 2 * length, axis=1)
    lags = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=0))[: length // 2]
    lags = lags / (1 - np.arange(len(lags)) / length)
    return lags / max(float(lags[0]), 1e-9)


def _refine(
    seeds: FloatArray, soft_x: NDArray[np.float32], soft_y: NDArray[np.float32], radius: int
) -> FloatArray:
    """Intersect the two lines through each crossing, each fitted over its neighbourhood."""
    offset = np.arange(-radius, radius + 1)
    dx, dy = np.meshgrid(offset, offset)
    padded_x = np.pad(soft_x, radius, mode="edge")
    padded_y = np.pad(soft_y, radius, mode="edge")
    cx, cy = seeds[:, 0].astype(int), seeds[:, 1].astype(int)
    rows = cy[:, None, None] + radius + dy
    columns = cx[:, None, None] + radius + dx
    # Only what lies near the straight line belongs to it: weight off-line pixels down.
    near_x = np.exp(-0.5 * (dx / (0.45 * radius + 1)) ** 2)
    near_y = np.exp(-0.5 * (dy / (0.45 * radius + 1)) ** 2)
    weight_x = padded_x[rows, columns] ** 2 * near_x
    weight_y = padded_y[rows, columns] ** 2 * near_y

    def line(
        weight: NDArray[np.floating], across: NDArray[np.int64], along: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        """Weighted fit across = a + b along, one line for each crossing."""
        w = weight.reshape(len(weight), -1).astype(np.float64) + 1e-9
        u, v = along.ravel().astype(float), across.ravel().astype(float)
        s0, s1, s2 = w.sum(1), w @ u, w @ u**2
        t0, t1 = w @ v, w @ (u * v)
        slope = (s0 * t1 - s1 * t0) / (s0 * s2 - s1**2 + 1e-6 * s0**2)
        slope = np.clip(slope, -0.8, 0.8)
        return (t0 - slope * s1) / s0, slope

    ax, bx = line(weight_x, dx, dy)  # x = ax + bx y
    ay, by = line(weight_y, dy, dx)  # y = ay + by x
    x = (ax + bx * ay) / (1 - bx * by)
    y = ay + by * x
    moved = np.stack([x, y], axis=-1)
    far = np.linalg.norm(moved, axis=1) > radius * 0.7
    moved[far] = 0
    return seeds + moved


def _along(
    values: NDArray[np.float32], start: FloatArray, stop: FloatArray, shares: FloatArray
) -> FloatArray:
    """Sample a map at shares of the way between pairs of points: ``(pairs, shares)``."""
    at = start[:, None] + shares[None, :, None] * (stop - start)[:, None]
    return ndimage.map_coordinates(
        values, [at[..., 1], at[..., 0]], order=1, mode="constant", cval=0.0
    )


def _join(
    points: FloatArray,
    soft_x: NDArray[np.float32],
    soft_y: NDArray[np.float32],
    period: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray, FloatArray]:
    """Pairs of crossings one cell apart.

    A pair along a level line must have that line between them and no upright line half way.

    Returns:
        ``(pairs, 2)`` numbers of crossings, the step (dx, dy) from the first to the second, a
        cost that is low where the line is well seen and as long as its neighbours, and by how
        many cells it is not.
    """
    none = np.empty((0, 2), np.int64)
    pairs = cKDTree(points).query_pairs(1.55 * period, output_type="ndarray")
    if len(pairs) == 0:
        return none, none, np.empty(0), np.empty(0)
    start, stop = points[pairs[:, 0]], points[pairs[:, 1]]
    vector = stop - start
    length = np.linalg.norm(vector, axis=1)
    level = np.abs(vector[:, 0]) >= np.abs(vector[:, 1])
    inner = np.linspace(0.15, 0.85, 8)
    middle = np.linspace(0.3, 0.7, 5)
    own_x = _along(soft_x, start, stop, inner)
    own_y = _along(soft_y, start, stop, inner)
    line = np.where(level, np.quantile(own_y, 0.3, axis=1), np.quantile(own_x, 0.3, axis=1))
    cross_x = _along(soft_x, start, stop, middle).max(axis=1)
    cross_y = _along(soft_y, start, stop, middle).max(axis=1)
    between = np.where(level, cross_x, cross_y)
    good = (length > 0.6 * period) & (line > 0.12) & (between < np.maximum(0.6 * line, 0.25))
    if not good.any():
        return none, none, np.empty(0), np.empty(0)
    pairs, vector, level = pairs[good], vector[good], level[good]
    step = np.zeros((len(pairs), 2), np.int64)
    step[level, 0] = np.sign(vector[level, 0]).astype(int)
    step[~level, 1] = np.sign(vector[~level, 1]).astype(int)
    cost = 1.05 - np.clip(line[good], 0, 1) + np.clip(between[good], 0, 1)
    odd = np.zeros(len(pairs))
    middles = (start[good] + stop[good]) / 2
    for direction in (level, ~level):
        if direction.sum() < 8:
            continue
        along = vector[direction] * np.sign(step[direction].sum(axis=1))[:, None]
        count = min(_JOINTS_AROUND, int(direction.sum()))
        _, near = cKDTree(middles[direction]).query(middles[direction], k=count)
        usual = np.median(along[near], axis=1)
        odd[direction] = np.linalg.norm(along - usual, axis=1) / period
    return pairs, step, cost + 4 * odd, odd


def _number(
    points: FloatArray,
    edges: NDArray[np.int64],
    steps: NDArray[np.int64],
    cost: FloatArray,
    period: float,
) -> GridCrossings:
    """The crossings of the largest connected piece with their column and row numbers.

    Numbers spread along the cheapest joints. Other large pieces join where the largest goes on
    in them.
    """
    count = len(points)
    if len(edges) == 0:
        return GridCrossings(np.empty((0, 2)), np.empty((0, 2)), period)
    graph = coo_matrix((cost, (edges[:, 0], edges[:, 1])), (count, count)).tocsr()
    _, piece = connected_components(graph, directed=False)
    tree = minimum_spanning_tree(graph)
    both = np.concatenate([edges, edges[:, ::-1]]).T
    step_of = [
        coo_matrix((np.concatenate([step, -step]), both), (count, count)).tocsr()
        for step in steps.T
    ]
    sizes = np.bincount(piece)
    pieces: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    walked = [(0, 0)] * count
    for number in np.argsort(-sizes):
        if pieces and sizes[number] < _PANEL_CROSSINGS:
            break
        members = np.flatnonzero(piece == number)
        order, parents = breadth_first_order(tree, int(members[0]), directed=False)
        nodes, before = order[1:], parents[order[1:]]
        dx, dy = (np.asarray(step[before, nodes]).ravel().tolist() for step in step_of)
        for node, parent, *step in zip(nodes.tolist(), before.tolist(), dx, dy, strict=True):
            x, y = walked[parent]
            walked[node] = (x + step[0], y + step[1])
        index = np.array([walked[node] for node in members.tolist()])
        pieces.append((members, _settled(points[members], index)))
    return _with_panels(points, pieces, period)


def _with_panels(
    points: FloatArray, pieces: list[tuple[NDArray[np.int64], NDArray[np.int64]]], period: float
) -> GridCrossings:
    """The first piece and those others in which its lines go on straight, numbered alike.

    A page that lies beside is turned or of another scale, if only a little.

    Args:
        points: crossings.
        pieces: members and their numbers, the largest piece first.
        period: spacing of the crossings.
    """
    kept, numbers = pieces[0]
    index = numbers.astype(np.float64)
    panel = np.zeros(len(kept), int)
    waiting, askew = pieces[1:], []
    while waiting and len(kept) >= _MIN_CROSSINGS:
        flat, _ = cv2.findHomography(points[kept], index, cv2.RANSAC, _PANEL_STRAY_CELLS)
        if flat is None:
            break
        tree = cKDTree(points[kept])
        gaps = [float(tree.query(points[members])[0].min()) for members, _ in waiting]
        nearest = int(np.argmin(gaps))
        members, numbers = waiting.pop(nearest)
        if gaps[nearest] > _PANEL_APART_CELLS * period:
            break
        off = cv2.perspectiveTransform(points[members][:, None], flat)[:, 0] - numbers
        shift = np.median(off, axis=0)
        if np.quantile(np.abs(off - shift), 0.9) > _PANEL_STRAY_CELLS:
            askew.append((members, numbers))
            continue
        panel = np.concatenate([panel, np.full(len(members), panel[-1] + 1)])
        kept = np.concatenate([kept, members])
        index = np.concatenate([index, numbers + shift])
        # What lies far from a small grid is seen better from the next one.
        waiting, askew = waiting + askew, []
    if panel.any():
        index = _spaced(points[kept], index, panel)
    return GridCrossings(index, points[kept], period)


def _spaced(points: FloatArray, index: FloatArray, panel: NDArray[np.int64]) -> FloatArray:
    """Numbers of several grids (``panel`` of each crossing) on one sheet that bends smoothly.

    How long and how level cells are within all of them tells how far apart they stand.
    """
    flat, _ = cv2.findHomography(points, index, cv2.LMEDS)
    if flat is None:
        return index
    laid = cv2.perspectiveTransform(points[:, None], flat)[:, 0]
    x, y = ((laid - laid.mean(axis=0)) / laid.std(axis=0)).T
    bends = [x**i * y**j for i in range(4) for j in range(4) if 0 < i + j < 4]
    of_panel = panel[:, None] == np.arange(panel.max() + 1)
    design = np.concatenate([of_panel, np.stack(bends, axis=1)], axis=1)
    near = np.ones(len(points), bool)
    for _ in range(_SPACING_TURNS):
        some = design[near]
        normal = some.T @ some + 1e-9 * np.eye(some.shape[1])
        fitted = np.linalg.solve(normal, some.T @ (laid - index)[near])
        near = np.abs(laid - index - design @ fitted).max(axis=1) < _PANEL_STRAY_CELLS
        if near.sum() < design.shape[1]:
            return index
    spaced: FloatArray = index + (fitted[: of_panel.shape[1]] - fitted[0])[panel]
    whole: FloatArray = np.round(spaced)
    # Pieces of one grid that is broken are whole cells apart.
    return whole if np.abs(spaced - whole).max() < _ON_LATTICE_CELLS else spaced


def _stray_cells(crossings: GridCrossings) -> float:
    """How far half of the crossings are off flat paper; infinite where nothing is flat."""
    flat, _ = cv2.findHomography(crossings.points, crossings.index, cv2.LMEDS)
    if flat is None:
        return np.inf
    laid = cv2.perspectiveTransform(crossings.points[:, None], flat)[:, 0]
    return float(np.median(np.linalg.norm(laid - crossings.index, axis=1)))


def _settled(points: FloatArray, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers without slips.

    A line that is no grid line may have joined crossings a whole cell apart. Paper bends, but has
    no steps: pieces within which nothing steps are laid to the largest one after the other, the
    nearest first, each moved by the whole number of cells that it is off there.
    """
    if len(points) < _MIN_CROSSINGS:
        return index
    tree = cKDTree(points)
    period = float(np.median(tree.query(points, k=2)[0][:, 1]))
    pairs = tree.query_pairs(_NEAR_CELLS * period, output_type="ndarray")
    count = len(points)
    for _ in range(_SLIP_TURNS):
        flat, _ = cv2.findHomography(points, index.astype(np.float64), cv2.LMEDS)
        if flat is None:
            break
        off = index - cv2.perspectiveTransform(points[:, None], flat)[:, 0]
        steps = np.abs(off[pairs[:, 0]] - off[pairs[:, 1]]).max(axis=1)
        whole = pairs[steps < _STEP_CELLS]
        agreed = coo_matrix((np.ones(len(whole)), (whole[:, 0], whole[:, 1])), (count, count))
        _, part = connected_components(agreed.tocsr(), directed=False)
        moved = _laid_together(points, index, part)
        if np.array_equal(moved, index):
            break
        index = moved
    return index


def _laid_together(
    points: FloatArray, index: NDArray[np.int64], part: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Numbers of pieces (``part`` of each crossing) that go on from those of the largest."""
    index = index.copy()
    sizes = np.bincount(part)
    trusted = part == np.argmax(sizes)
    if trusted.sum() < _MIN_CROSSINGS:
        return index
    waiting = (sizes[part] >= _PIECE) & ~trusted
    gap, _ = cKDTree(points[trusted]).query(points)
    while waiting.any():
        members = np.flatnonzero(part == part[waiting][np.argmin(gap[waiting])])
        waiting[members] = False
        nearest = members[np.argsort(gap[members])[:_SLIP_VOTES]]
        predicted = predict_index(points[trusted], index[trusted], points[nearest])
        off = np.median(predicted - index[nearest], axis=0)
        index[members] += np.round(off).astype(int)
        # A piece between the numbers is made of crossings that are none.
        if np.abs(off - np.round(off)).max() < _BETWEEN_CELLS:
            trusted[members] = True
            gap = np.minimum(gap, cKDTree(points[members]).query(points)[0])
    few = np.flatnonzero(sizes[part] < _PIECE)
    predicted = predict_index(points[trusted], index[trusted], points[few])
    total = np.zeros((len(sizes), 2))
    np.add.at(total, part[few], predicted - index[few])
    index[few] += np.round(total[part[few]] / sizes[part[few], None]).astype(np.int64)
    return index


def predict_index(known: FloatArray, index: NDArray[np.int64], wanted: FloatArray) -> FloatArray:
    """Column and row that an affine fit over the nearest numbered crossings gives to points."""
    _, near = cKDTree(known).query(wanted, k=min(16, len(known)))
    centre = known[near].mean(axis=1)
    offset = known[near] - centre[:, None]
    design = np.concatenate([np.ones((*offset.shape[:2], 1)), offset], axis=2)
    normal = design.swapaxes(1, 2) @ design + 1e-6 * np.eye(3)
    right = design.swapaxes(1, 2) @ index[near].astype(np.float64)
    solution = np.linalg.solve(normal, right)
    here = np.concatenate([np.ones((len(wanted), 1)), wanted - centre], axis=1)
    return np.einsum("ni,nij->nj", here, solution)


def _agreeing(crossings: GridCrossings, heat: NDArray[np.float32]) -> GridCrossings:
    """Keep one crossing a number, and only those that fit their neighbours."""
    index, points = crossings.index, crossings.points
    strength = ndimage.map_coordinates(heat, points[:, ::-1].T, order=1, mode="nearest")
    order = np.lexsort((-strength, index[:, 1], index[:, 0]))
    index, points = index[order], points[order]
    first = np.ones(len(index), bool)
    first[1:] = np.any(np.diff(index, axis=0) != 0, axis=1)
    index, points = index[first], points[first]
    for limit in (0.35, 0.2, 0.12):
        if len(index) < _MIN_CROSSINGS:
            break
        predicted = _from_neighbours(index, points)
        error = np.linalg.norm(points - predicted, axis=1)
        good = error < limit * crossings.period_px
        if good.sum() < max(_MIN_CROSSINGS, 0.3 * len(index)):
            break
        index, points = index[good], points[good]
    return GridCrossings(index - np.floor(index.min(axis=0)), points, crossings.period_px)


def _from_neighbours(index: FloatArray, points: FloatArray) -> FloatArray:
    """Predict each crossing from an affine fit over its neighbours by number."""
    tree = cKDTree(index)
    count = min(13, len(index))
    _, near = tree.query(index, k=count)
    near = near[:, 1:]
    offset = (index[near] - index[:, None]).astype(np.float64)
    weight = np.exp(-0.5 * (np.linalg.norm(offset, axis=2) / 1.5) ** 2)
    design = np.concatenate([np.ones((*offset.shape[:2], 1)), offset], axis=2)
    centred = points[near] - np.median(points[near], axis=1, keepdims=True)
    weighted = (weight[..., None] * design).swapaxes(1, 2)
    normal = weighted @ design + 1e-6 * np.eye(3)
    right = weighted @ centred
    solution = np.linalg.solve(normal, right)
    return solution[:, 0] + np.median(points[near], axis=1)


def fit_geometry(crossings: GridCrossings, maps: ProbabilityMaps) -> PageGeometry:
    """Turn numbered crossings into the map of the page.

    Page millimetres have their origin at the first crossing's column and row.

    Args:
        crossings: as found in the maps' pixels.
        maps: for their scale; the geometry is in photo pixels.

    Returns:
        The geometry on a 5 mm lattice that reaches a few cells beyond the crossings.
    """
    index = crossings.index.astype(np.float64)
    points = maps.to_picture(crossings.points)
    nodes = np.round(index).astype(np.int64) + _BORDER_CELLS
    columns, rows = (nodes.max(axis=0) + 1 + _BORDER_CELLS).tolist()
    grid_x, grid_y = np.meshgrid(np.arange(columns), np.arange(rows))
    lattice_index = np.stack([grid_x, grid_y], axis=-1).astype(np.float64) - _BORDER_CELLS
    lattice, residual = _flat(lattice_index, index, points)
    if _bend_px(nodes, residual) > _FLAT_MM * _geometry(lattice).pixels_per_mm():
        table = np.zeros((rows, columns, 2))
        known = np.zeros((rows, columns), bool)
        table[nodes[:, 1], nodes[:, 0]] = residual
        known[nodes[:, 1], nodes[:, 0]] = True
        smooth = smooth_surface(table, known)
        lattice, residual = lattice + smooth, residual - smooth[nodes[:, 1], nodes[:, 0]]
    spread = 1.4826 * float(np.median(np.linalg.norm(residual, axis=1)))
    geometry = _geometry(lattice)
    return replace(geometry, residual_mm=spread / max(geometry.pixels_per_mm(), 1e-6))


def _geometry(lattice: FloatArray) -> PageGeometry:
    return PageGeometry(lattice, MAJOR_GRID_MM, (-BORDER_MM, -BORDER_MM))


def _flat(
    lattice_index: FloatArray, index: FloatArray, points: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The lattice of flat paper, and what the crossings are off it."""
    homography, _ = cv2.findHomography(index.reshape(-1, 1, 2), points.reshape(-1, 1, 2), cv2.LMEDS)
    if homography is None:
        raise PageRejected("The ECG grid could not be measured.", "grid")
    lattice, there = (
        cv2.perspectiveTransform(at.reshape(-1, 1, 2), homography).reshape(at.shape)
        for at in (lattice_index, index)
    )
    return lattice, points - there


def _bend_px(nodes: NDArray[np.int64], residual: FloatArray) -> float:
    """How far most neighbourhoods are off flat paper; lines drawn to whole pixels are not."""
    _, block = np.unique(nodes // _BLOCK_CELLS, axis=0, return_inverse=True)
    count = np.bincount(block.ravel())
    enough = count >= _BLOCK_CELLS
    if not enough.any():
        return np.inf
    means = np.stack([np.bincount(block.ravel(), axis) for axis in residual.T], 1) / count[:, None]
    return float(np.quantile(np.linalg.norm(means[enough], axis=1), 0.9))
