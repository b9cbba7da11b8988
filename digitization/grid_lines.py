"""Following the printed lines of a grid: what a smooth map through its crossings lacks.

Crumpled paper wanders by tenths of a millimetre over a centimetre, which a surface stiff enough to
even out the errors of single crossings does not follow. Along its length a printed line shows where
the paper went many times over, so it tells how far the map is off there. How alike neighbouring
lines wander says how much of it is paper and how much is noise.

A whole line that is off may be off on the paper: programs draw lines to whole pixels, a twelfth of
a millimetre at 200 dots an inch. What they round off repeats from line to line in a way that only
their resolution decides; where it is recognised, it is taken out of the map, which had followed
some of it.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecg.page_geometry import PageGeometry

FloatArray = NDArray[np.float64]

_ACROSS_PER_MM, _ALONG_PER_MM = 10.0, 3.0
_LARGEST_PX = 32_000  # of what OpenCV samples
_HALF_BAND_MM = 0.8
_MOST_OFF_MM = 0.35  # a line that is further off is another one
_SPREAD_MM = 2.5
_BLUR_MM = 0.1
_INK = 1.8  # times as dark as the line is usually: a trace, or print
_DARKER = 0.6  # of a line's darkness: what lies across the band
_LEAST_SEEN = 0.25
_LEAST_DARK = 0.35
_FAINT = 1.5  # of 255
_STRAY = 4.0
_LEAST_STRAY_MM = 0.02
_FEWEST = 50
_FEWEST_NODES = 5
_ALIKE = 0.5  # how alike neighbouring lines wander on crumpled paper
_USUAL_DOTS_PER_INCH = (72, 96, 100, 120, 144, 150, 180, 200, 240, 300)
_PHASES = np.arange(0, 1, 1 / 128)
_LINES_ABOUT = 1.5
_MOST_ROUNDED_MM = 0.15
_LEAST_LIKE = 0.55
_SHARE_LEFT, _MOST_LEFT = (0.15, 0.7), 1.3  # of what is rounded off; the map followed the rest
_OWN_PIXELS = 0.03
_FEWEST_LINES = 40


def follow_lines(photo: NDArray[np.uint8], geometry: PageGeometry) -> PageGeometry:
    """The same map, its lattice moved to where the printed 5 mm lines run.

    A line as a whole stays where the map has it, unless lines are seen to be drawn to whole pixels:
    then they are moved to where they would be if they were not.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the page whose lattice stands on its 5 mm lines.

    Returns:
        The map; the same where no lines are seen, where they wander each on its own, or where the
        photo is too large to be sampled.
    """
    finer = min(1.0, _ACROSS_PER_MM / geometry.pixels_per_mm())
    if finer < 0.7:
        photo = cv2.resize(photo, None, fx=finer, fy=finer, interpolation=cv2.INTER_AREA)
    else:
        photo, finer = np.ascontiguousarray(photo), 1.0
    if max(photo.shape[:2]) > _LARGEST_PX:
        return geometry
    lattice = (np.asarray(geometry.photo_points, np.float64) + 0.5) * finer - 0.5
    off = [
        _lines_off(photo, lines, geometry.step_mm) for lines in (lattice, lattice.swapaxes(0, 1))
    ]
    usual = [_usual(one) for one in off]
    moves = _whole_lines(usual, geometry.step_mm, geometry.pixels_per_mm())
    upright, level = (
        _wandering(one - whole[:, None]) + moved[:, None]
        for one, whole, moved in zip(off, usual, moves, strict=True)
    )
    rows, columns = lattice.shape[:2]
    nodes = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
    there = np.asarray(geometry.origin_mm) + geometry.step_mm * nodes
    moved = there + np.stack([upright.T, level], axis=-1)
    return replace(geometry, photo_points=geometry.photo_from_page(moved))


def _lines_off(photo: NDArray[np.uint8], lattice: FloatArray, step_mm: float) -> FloatArray:
    """How far the lines that run down a lattice are from it, at each of its nodes.

    Args:
        photo: the photo.
        lattice: ``(nodes, lines, 2)`` its pixels.
        step_mm: how far nodes stand apart.

    Returns:
        ``(lines, nodes)`` mm, NaN where no line is seen clear of ink.
    """
    half = round(_HALF_BAND_MM * _ACROSS_PER_MM)
    across = np.arange(-half, half + 1) / _ACROSS_PER_MM
    dark, inside = _bands(photo, lattice, step_mm, across)
    ground = np.median(dark, axis=2)
    dark -= ground[..., None]
    near = np.abs(across) <= _MOST_OFF_MM
    peak = dark[..., near].max(axis=2)
    usual = np.array(
        [np.median(p[i]) if i.any() else 0.0 for p, i in zip(peak, inside, strict=True)]
    )
    usual = np.median(sliding_window_view(np.pad(usual, 2, mode="edge"), 5), axis=1)[:, None]
    # Ink is darker than a line; where it lies across the whole band, the line is not seen in it.
    block = round(step_mm * _ALONG_PER_MM)
    clear = inside & (peak < _INK * usual)
    clear &= np.abs(ground - _usual_ground(ground, block)) < _DARKER * usual + 2
    nodes = np.arange(lattice.shape[0]) * block
    off = (np.arange(dark.shape[1]) - nodes[:, None]) / (_SPREAD_MM * _ALONG_PER_MM)
    weight = np.exp(-0.5 * off**2).astype(np.float32)
    weight /= weight.sum(axis=1, keepdims=True)
    seen = clear @ weight.T
    profile = np.matmul(weight, np.where(clear[..., None], dark, 0)) / (seen[..., None] + 0.02)
    profile = cv2.GaussianBlur(
        profile.reshape(-1, len(across)), (0, 0), sigmaX=_BLUR_MM * _ACROSS_PER_MM, sigmaY=0.01
    ).reshape(profile.shape)
    first, last = np.flatnonzero(near)[[0, -1]]
    top = profile[..., first : last + 1].argmax(axis=2) + first
    before, there, after = (
        np.take_along_axis(profile, (top + k)[..., None], axis=2)[..., 0] for k in (-1, 0, 1)
    )
    bend = np.minimum(before - 2 * there + after, -1e-6)
    place = across[top] + np.clip(0.5 * (before - after) / bend, -0.5, 0.5) / _ACROSS_PER_MM
    good = (seen > _LEAST_SEEN) & (usual > _FAINT) & (top > first) & (top < last)
    good &= there - np.median(profile, axis=2) > _LEAST_DARK * usual
    return np.where(good, place, np.nan)


def _bands(
    photo: NDArray[np.uint8], lattice: FloatArray, step_mm: float, across: FloatArray
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Darkness of bands along the lines ``(lines, along, across)``, and what is in the photo."""
    along = np.arange((len(lattice) - 1) * round(step_mm * _ALONG_PER_MM) + 1)
    share = along / (step_mm * _ALONG_PER_MM)
    before = np.minimum(share.astype(int), len(lattice) - 2)
    share = (share - before)[:, None]
    sideways = np.gradient(lattice, axis=1) / step_mm

    def between(nodes: FloatArray) -> NDArray[np.float32]:
        at: FloatArray = nodes[before] * (1 - share) + nodes[before + 1] * share
        return at.T[..., None].astype(np.float32)

    at_x, at_y = (
        between(lattice[..., k]) + between(sideways[..., k]) * across.astype(np.float32)
        for k in (0, 1)
    )
    lightness = np.empty(at_x.shape, np.uint8)
    # Line by line, for OpenCV takes no picture of 32,767 pixels a side.
    for line, x, y in zip(lightness, at_x, at_y, strict=True):
        seen = cv2.remap(photo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        red, green, blue = cv2.split(seen)
        line[:] = cv2.min(cv2.min(red, green), blue)
    dark = 255 - lightness.astype(np.float32)
    inside = np.ones(at_x.shape[:2], bool)
    for at, size in ((at_x, photo.shape[1]), (at_y, photo.shape[0])):
        inside &= (np.minimum(at[..., 0], at[..., -1]) > 2) & (
            np.maximum(at[..., 0], at[..., -1]) < size - 3
        )
    return dark, inside


def _usual_ground(ground: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """The median of each block along the lines, as wide as the ground."""
    blocks = ground[:, : ground.shape[1] // block * block].reshape(len(ground), -1, block)
    usual = np.repeat(np.median(blocks, axis=2), block, axis=1)
    return np.pad(usual, ((0, 0), (0, ground.shape[1] - usual.shape[1])), mode="edge")


def _usual(off_mm: FloatArray) -> FloatArray:
    """``(lines,)`` how far each line is off as a whole, NaN where too little is seen of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of medians of nothing
        usual: FloatArray = np.nanmedian(off_mm, axis=1)
    usual[np.isfinite(off_mm).sum(axis=1) < _FEWEST_NODES] = np.nan
    return usual


def _whole_lines(
    usual_mm: list[FloatArray], step_mm: float, pixels_per_mm: float
) -> list[FloatArray]:
    """How far to move whole lines, for each family: what the map has followed of their rounding.

    Lines drawn between pixels are measured a little nearer to the picture's own ones than they
    are, which is no rounding: to those, only what is off by nearly all of it was rounded.

    Args:
        usual_mm: for each family, how far its lines are off the map.
        step_mm: how far they stand apart.
        pixels_per_mm: of the photo.
    """
    still = [np.zeros(len(one)) for one in usual_mm]
    if sum(int(np.isfinite(one).sum()) for one in usual_mm) < _FEWEST_LINES:
        return still
    sharp = [_sharp(len(one)) for one in usual_mm]
    # What bends a map bends it slowly; rounding jumps from line to line.
    seen = [s @ np.nan_to_num(np.clip(o, -_MOST_ROUNDED_MM, _MOST_ROUNDED_MM)) * np.isfinite(o)
            for s, o in zip(sharp, usual_mm, strict=True)]  # fmt: skip
    total = float(np.sqrt(sum((one**2).sum() for one in seen)))
    likest, found = _LEAST_LIKE, still
    for dots_per_inch in _USUAL_DOTS_PER_INCH:
        cells = step_mm * dots_per_inch / 25.4
        alike = power = 0.0
        rounded = []
        for one, values, high in zip(usual_mm, seen, sharp, strict=True):
            place = cells * np.arange(len(one)) + _PHASES[:, None]
            each = (np.round(place) - place) * step_mm / cells
            there = each @ high.T * np.isfinite(one)
            length = (there**2).sum(axis=1)
            best = int((there @ values / np.sqrt(length + 1e-12)).argmax())
            alike, power = alike + float(there[best] @ values), power + float(length[best])
            rounded.append(each[best])
        like = alike / (np.sqrt(power) * total + 1e-9)
        share = alike / (power + 1e-9)
        own = abs(cells / step_mm / pixels_per_mm - 1) < _OWN_PIXELS
        if like > likest and _SHARE_LEFT[own] < share < _MOST_LEFT:
            likest = like
            found = [np.nan_to_num(o - r) for o, r in zip(usual_mm, rounded, strict=True)]
    return found


def _sharp(lines: int) -> FloatArray:
    """``(lines, lines)`` what takes from a row of values the straight line about each."""
    away = np.subtract.outer(np.arange(lines), np.arange(lines)).astype(np.float64)
    weight = np.exp(-0.5 * (away / _LINES_ABOUT) ** 2)
    first, second = (weight * away).sum(1), (weight * away**2).sum(1)
    total = weight.sum(1)
    fitted = weight * (second[:, None] - first[:, None] * away)
    sharp: FloatArray = np.eye(lines) - fitted / (total * second - first**2)[:, None]
    return sharp


def _wandering(off_mm: FloatArray) -> FloatArray:
    """What of lines' wandering about their usual place is the paper's: ``(lines, nodes)`` mm.

    The best linear estimate from a line and its two neighbours, by how alike they wander.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of medians of nothing
        off = off_mm.copy()
        stray = np.abs(off - _median_about(off, 1, 1))
        usual = 1.4826 * float(np.nanmedian(stray))
        known = stray < max(_STRAY * usual, _LEAST_STRAY_MM)
        off[~known] = np.nan
        along, about = _median_about(off, 0, 1), _median_about(off, 1, 1)
    off = np.where(known, (off + along) / 2, about)
    off[~np.isfinite(off)] = 0.0

    def together(lines_apart: int) -> float:
        both = known[lines_apart:] & known[: len(known) - lines_apart]
        product = off[lines_apart:] * off[: len(off) - lines_apart]
        return float(product[both].mean()) if both.sum() > _FEWEST else 0.0

    power = together(0)
    if power == 0:
        return np.zeros_like(off)
    next_one, second = (float(np.clip(together(k) / power, 0, 0.95)) for k in (1, 2))
    second = max(second, 2 * next_one**2 - 1)  # else no lines could be so alike
    paper = min(1.0, next_one / _ALIKE)
    seen = [[1, next_one, second], [next_one, 1, next_one], [second, next_one, 1]]
    shares = np.linalg.solve(np.array(seen) + 1e-3 * np.eye(3), [next_one, paper, next_one])
    padded = np.pad(off, ((1, 1), (0, 0)), mode="edge")
    wandered: FloatArray = np.tensordot(shares, [padded[k : k + len(off)] for k in range(3)], 1)
    return wandered


def _median_about(values: FloatArray, lines: int, nodes: int) -> FloatArray:
    """The median of the values that are known about each one."""
    padded = np.pad(values, ((lines, lines), (nodes, nodes)), constant_values=np.nan)
    windows = sliding_window_view(padded, (2 * lines + 1, 2 * nodes + 1))
    return np.nanmedian(windows.reshape(*values.shape, -1), axis=2)
