"""Paper whose lines are all alike: its scale by how they repeat, 1 mm apart.

Where no line is bolder than the others, as in books and on some print-outs, a picture made
smaller shows bold lines where there are none: they come and go as the lines fall on its pixels.
The spectrum of the picture as it is tells such a grid: true ones repeat every 1 or 5 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.grid import BORDER_MM, GridCrossings, fit_geometry
from digitization.rectify import rectify
from ecg.page_geometry import PageGeometry
from ecg.paper import MAJOR_GRID_MM
from ecg.probability_maps import ProbabilityMaps

FloatArray = NDArray[np.float64]
_PIXELS_PER_MM = 8.0
_SMALLEST_MM = 40.0
_BAND_MM, _BANDS = 4.0, 12
_STRETCH_MM = 64.0
_AROUND_MM = 3.0
_FINER = 8  # times finer than a stretch tells: the spectrum is laid out so
_BACKGROUND = (0.6, 2.4)  # lines per mm
_LOWEST = 0.25
_SHARPEST = 0.45  # of the photo's pixels per mm: finer lines it cannot show
_LIKE = 0.015
_STANDS_OUT = 12.0
_TRUE_GRID = 0.12  # share of the strongest repetition: 0.06 where the scale is wrong, from 0.23 on
_SQUARE = 0.06
_ABOUT, _NEARLY_TRUE = 0.15, 0.4  # of lines of 1 mm that are taken for others
_BLOCK_MM, _BLOCKS_APART_MM = 16.0, 8.0
_CLEAR_BLOCK = 0.3
_MOST_RESIDUAL_MM = 0.12
_ON_FLAT_MM = 0.3


@dataclass(frozen=True)
class _Repetition:
    """How lines repeat along one axis.

    Attributes:
        per_mm: lines per mm of the strongest repetition.
        power, true_power: of that, and of a grid of 1 or 5 mm, both over the background.
    """

    per_mm: float
    power: float
    true_power: float

    @property
    def is_fine(self) -> bool:
        """Whether lines repeat about every millimetre."""
        return self.power > _STANDS_OUT and abs(self.per_mm - 1) < _ABOUT

    @property
    def is_other(self) -> bool:
        """Whether what repeats is clear, and no grid of 1 or 5 mm."""
        is_near = self.is_fine and abs(self.per_mm - 1) > _LIKE
        share = _NEARLY_TRUE if is_near else _TRUE_GRID
        return self.power > _STANDS_OUT and self.true_power < share * self.power


def respaced(photo: NDArray[np.uint8], geometry: PageGeometry) -> PageGeometry:
    """The geometry in which lines that are all alike are 1 mm apart; the same where they were.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: the map of the page by lines taken for those of 5 mm.
    """
    left, top, right, bottom = geometry.extent_mm
    finest = min(_SHARPEST * geometry.pixels_per_mm(), _BACKGROUND[1])
    if finest < 1.0 or min(right - left, bottom - top) < _SMALLEST_MM + 2 * BORDER_MM:
        return geometry
    level, upright = (_repetition(_bands(photo, geometry, axis), finest) for axis in (0, 1))
    others = level.is_other + upright.is_other
    # A map may have gone wrong along one axis alone.
    if not (others == 2 or (others and level.is_fine and upright.is_fine)):
        return geometry
    across, down = _pixels_per_mm(geometry)
    if abs(level.per_mm / across / (upright.per_mm / down) - 1) > _SQUARE:
        return geometry
    found = _fitted(*_seen_inside(photo, geometry), (level.per_mm, upright.per_mm), geometry)
    # Blocks across which the first map steps are seen well on the second one only.
    again = found and _fitted(*_seen_inside(photo, found), (1.0, 1.0), found)
    return again if again and again.residual_mm < _MOST_RESIDUAL_MM else geometry


def _pixels_per_mm(geometry: PageGeometry) -> tuple[float, float]:
    """Photo pixels per mm along the page's two axes."""
    left, top, right, bottom = geometry.extent_mm
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    reach = np.array([(right - left) / 4, (bottom - top) / 4])
    ends = middle + np.array([(-1, 0), (1, 0), (0, -1), (0, 1)]) * reach
    at = geometry.photo_from_page(ends).astype(np.float64)
    across, down = np.linalg.norm(at[1::2] - at[::2], axis=-1) / (2 * reach)
    return float(across), float(down)


def _bands(photo: NDArray[np.uint8], geometry: PageGeometry, axis: int) -> NDArray[np.float32]:
    """``(bands, n)`` how dark some bands across the page are, along x (0) or y (1)."""
    left, top, right, bottom = geometry.extent_mm
    first = (left + BORDER_MM, top + BORDER_MM)
    beyond = (right - BORDER_MM, bottom - BORDER_MM)
    length = int((beyond[axis] - first[axis]) * _PIXELS_PER_MM)
    breadth = int(_BAND_MM * _PIXELS_PER_MM)
    starts = np.linspace(first[1 - axis], beyond[1 - axis] - _BAND_MM, _BANDS).tolist()
    if axis == 0:
        places = [((first[0], start), (length, breadth)) for start in starts]
    else:
        places = [((start, first[1]), (breadth, length)) for start in starts]
    bands = (rectify(photo, geometry, *corner, size, _PIXELS_PER_MM) for corner, size in places)
    return np.stack([_ink(band).mean(axis=axis) for band in bands])


def _seen_inside(
    photo: NDArray[np.uint8], geometry: PageGeometry
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The ink of the page as far as blocks about its lines reach, and the place of its corner."""
    left, top, right, bottom = geometry.extent_mm
    beyond = BORDER_MM - _BLOCK_MM / 2
    corner = (left + beyond, top + beyond)
    scale = _PIXELS_PER_MM
    size = (right - left - 2 * beyond, bottom - top - 2 * beyond)
    pixels = (int(size[0] * scale), int(size[1] * scale))
    return _ink(rectify(photo, geometry, *corner, pixels, scale)), corner


def _ink(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much darker the picture is than what is around; traces and print count as lines do."""
    grey = picture.min(axis=-1).astype(np.float32)
    around = 2 * round(_AROUND_MM / 2 * _PIXELS_PER_MM) + 1
    ink = cv2.blur(grey, (around, around)) - grey
    most = 1.5 * float(np.quantile(np.abs(ink), 0.9))
    return np.clip(ink, -most, most)


def _repetition(bands: NDArray[np.float32], finest: float) -> _Repetition:
    """How the lines that cross some bands repeat."""
    scale = _PIXELS_PER_MM
    length = min(int(_STRETCH_MM * scale), bands.shape[1])
    window = np.hanning(length)
    firsts = range(0, bands.shape[1] - length + 1, max(length // 2, 1))
    stretches = np.concatenate([bands[:, first : first + length] for first in firsts])
    spectrum = np.abs(np.fft.rfft(stretches * window, _FINER * length, axis=1)) ** 2
    power = spectrum.mean(axis=0)
    per_mm = np.arange(len(power)) * scale / (_FINER * length)
    background = (per_mm > _BACKGROUND[0]) & (per_mm < _BACKGROUND[1])
    power /= max(float(np.median(power[background])), 1e-9)
    sought = np.flatnonzero((per_mm > _LOWEST) & (per_mm < finest))
    best = int(sought[power[sought].argmax()])
    strongest, most = float(per_mm[best]), float(power[best])
    if abs(strongest - 1.0) < _LIKE:
        return _Repetition(strongest, most, most)
    # What is a multiple of the strongest repetition comes with it, whatever it is.
    true = [
        power[np.abs(per_mm - place) < _LIKE].max(initial=0.0)
        for place in np.arange(1, 6) / MAJOR_GRID_MM
        if _off_multiples(place, strongest) > _LIKE
    ]
    return _Repetition(strongest, most, float(np.median(true)))


def _off_multiples(place: float, base: float) -> float:
    return abs(place - max(round(place / base), 1) * base)


def _fitted(
    ink: NDArray[np.float32],
    corner_mm: tuple[float, float],
    per_mm: tuple[float, float],
    geometry: PageGeometry,
) -> PageGeometry | None:
    """The map by the phases of the lines in blocks of the picture, each axis for itself."""
    block, apart = (round(mm * _PIXELS_PER_MM) for mm in (_BLOCK_MM, _BLOCKS_APART_MM))
    height, width = ink.shape
    firsts_x, firsts_y = np.arange(0, width - block, apart), np.arange(0, height - block, apart)
    if len(firsts_x) < 2 or len(firsts_y) < 2:
        return None
    blocks = np.lib.stride_tricks.sliding_window_view(ink, (block, block))[:-1:apart, :-1:apart]
    window, pixels = np.hanning(block), np.arange(block)
    # Of every block: how deep its upright and its level lines are, and where they lie.
    seen = np.empty((2, len(firsts_y), len(firsts_x)), complex)
    for axis, first in enumerate((firsts_x[None, :], firsts_y[:, None])):
        turn = -2j * np.pi * per_mm[axis] / _PIXELS_PER_MM
        profiles = blocks.mean(axis=2 + axis) * window
        seen[axis] = profiles @ np.exp(turn * pixels) * np.exp(turn * first)
    clear = (np.abs(seen) > _CLEAR_BLOCK * np.median(np.abs(seen), axis=(1, 2))[:, None, None]).all(
        axis=0
    )
    middles = np.stack(np.meshgrid(firsts_x, firsts_y), axis=-1) / _PIXELS_PER_MM + _BLOCK_MM / 2
    counted = [
        per_mm[axis] * middles[..., axis] + _unwound(seen[axis]) / (2 * np.pi) for axis in range(2)
    ]
    millimetres = np.stack(counted, axis=-1)[clear]
    on_page = middles[clear] + np.array(corner_mm)
    points = geometry.photo_from_page(on_page).astype(np.float64)
    flat, _ = cv2.findHomography(points, millimetres, cv2.RANSAC, _ON_FLAT_MM)
    if flat is None:
        return None
    # Paper has no steps: blocks that are a whole line off were counted wrongly.
    off = millimetres - cv2.perspectiveTransform(points[:, None], flat)[:, 0]
    index = (millimetres - np.round(off)) / MAJOR_GRID_MM
    index -= np.floor(index.min(axis=0))
    of_photo = ProbabilityMaps(np.empty((0, 0, 0), np.float32), ())
    return fit_geometry(GridCrossings(index, points, 1.0), of_photo)


def _unwound(seen: NDArray[np.complexfloating]) -> FloatArray:
    """Phases that go on from block to block, none of which is a whole line off the next."""
    steps_x = (seen[:, 1:] * seen[:, :-1].conj()).sum()
    steps_y = (seen[1:] * seen[:-1].conj()).sum()
    rows, columns = np.indices(seen.shape)
    usual = np.angle(steps_x) * columns + np.angle(steps_y) * rows
    rest = np.angle(seen * np.exp(-1j * usual))
    # The rows are tied together where they are seen best, in their middle.
    row, column = len(rest) // 2, rest.shape[1] // 2
    along, down = np.unwrap(rest, axis=1), np.unwrap(rest[:, column])
    down += rest[row, column] - down[row]
    unwound: FloatArray = usual + along + (down - along[:, column])[:, None]
    return unwound
