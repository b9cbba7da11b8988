"""Following the printed lines of a grid."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitization.grid_lines import follow_lines
from ecg.page_geometry import PageGeometry

_PX_PER_MM = 8
_WIDE, _HIGH = 150, 100
_STEP = 5.0

Wander = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def _flat() -> PageGeometry:
    x, y = np.meshgrid(np.arange(0, _WIDE + 1, _STEP), np.arange(0, _HIGH + 1, _STEP))
    return PageGeometry(np.stack([x, y], axis=-1) * _PX_PER_MM, _STEP)


def _photo(wander: Wander, ink: int = 150) -> NDArray[np.uint8]:
    """A page of 5 mm lines, the upright ones off by ``wander(x, y)`` mm."""
    photo = np.full((_HIGH * _PX_PER_MM + 1, _WIDE * _PX_PER_MM + 1, 3), 240, np.uint8)
    along = np.arange(0, _HIGH + 0.01, 0.5)
    for x in np.arange(0, _WIDE + 1, _STEP):
        places = np.stack([x + wander(np.full_like(along, x), along), along], axis=-1)
        points = np.rint(places * _PX_PER_MM * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(photo, [points], False, (240, ink, ink), 2, cv2.LINE_AA, 4)
    for y in np.arange(0, _HIGH + 1, _STEP):
        cv2.line(photo, (0, int(y * _PX_PER_MM)), (photo.shape[1], int(y * _PX_PER_MM)),
                 (240, ink, ink), 2)  # fmt: skip
    return photo


def _crumpled(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    wave = np.sin(2 * np.pi * x / 60) * np.sin(2 * np.pi * y / 50)
    return np.asarray(0.2 * wave)


def _off_mm(geometry: PageGeometry, wander: Wander) -> NDArray[np.float64]:
    """How far upright lines are off the map within the page."""
    x, y = np.meshgrid(np.arange(10, _WIDE - 9, _STEP), np.arange(10, _HIGH - 9, _STEP))
    points = geometry.photo_from_page(np.stack([x, y], axis=-1)) / _PX_PER_MM
    return np.asarray(points[..., 0] - x - wander(x, y))


def test_a_map_follows_what_crumples_its_lines() -> None:
    photo = _photo(_crumpled)
    before, after = (
        float(np.sqrt((_off_mm(geometry, _crumpled) ** 2).mean()))
        for geometry in (_flat(), follow_lines(photo, _flat()))
    )
    assert before > 0.08
    assert after < 0.4 * before


def test_a_trace_across_a_line_does_not_move_it() -> None:
    photo = _photo(_crumpled)
    without = follow_lines(photo, _flat())
    # A tall complex a little beside the line at 50 mm.
    top = (round(50.25 * _PX_PER_MM), 30 * _PX_PER_MM)
    cv2.line(photo, top, (top[0], 42 * _PX_PER_MM), (20, 20, 20), 3)
    moved = np.abs(follow_lines(photo, _flat()).photo_points - without.photo_points)
    assert moved.max() / _PX_PER_MM < 0.08


def test_flat_lines_leave_a_map_as_it_is() -> None:
    flat = _flat()
    moved = follow_lines(_photo(lambda x, y: np.zeros_like(x)), flat).photo_points
    assert np.abs(moved - flat.photo_points).max() / _PX_PER_MM < 0.01


def test_lines_drawn_to_whole_pixels_stay_where_the_map_has_them() -> None:
    flat = _flat()
    drawn = np.random.default_rng(3).uniform(-0.06, 0.06, 100)
    moved = follow_lines(
        _photo(lambda x, y: drawn[np.rint(x / _STEP).astype(int)]), flat
    ).photo_points
    assert np.abs(moved - flat.photo_points).max() / _PX_PER_MM < 0.02


def test_lines_that_wander_each_on_its_own_tell_nothing() -> None:
    flat = _flat()
    phase = np.random.default_rng(4).uniform(0, 2 * np.pi, 100)

    def alone(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        turn = phase[np.rint(x / _STEP).astype(int)]
        return np.asarray(0.15 * np.sin(2 * np.pi * y / 31 + turn))

    moved = follow_lines(_photo(alone), flat).photo_points - flat.photo_points
    assert np.sqrt((moved**2).mean()) / _PX_PER_MM < 0.03


def test_a_picture_without_lines_leaves_a_map_as_it_is() -> None:
    flat = _flat()
    blank = np.full((_HIGH * _PX_PER_MM, _WIDE * _PX_PER_MM, 3), 230, np.uint8)
    assert np.allclose(follow_lines(blank, flat).photo_points, flat.photo_points, atol=1e-6)
    noise = np.random.default_rng(5).integers(0, 255, blank.shape, np.uint8)
    moved = follow_lines(noise, flat).photo_points - flat.photo_points
    assert np.sqrt((moved**2).mean()) / _PX_PER_MM < 0.05


def test_what_a_map_followed_of_lines_drawn_to_whole_pixels_is_taken_out() -> None:
    cells = _STEP * 200 / 25.4
    phase = {0: 0.31, 1: 0.77}

    def rounded(number: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        place = cells * number + phase[axis]
        return np.asarray((np.round(place) - place) * _STEP / cells)

    px, across, down = 10, 260, 200

    def lines(side: int, axis: int) -> NDArray[np.float64]:
        """``(side px,)`` darkness across the lines of one family."""
        number = np.arange(side // 5 + 1.0)
        at = (number * _STEP + rounded(number, axis)) * px
        away = np.arange(side * px)[:, None] - at
        return np.asarray(np.exp(-0.5 * (away / 1.3) ** 2).sum(axis=1))

    dark = np.maximum(lines(across, 0)[None], lines(down, 1)[:, None])
    photo = np.repeat((240 - 110 * dark).astype(np.uint8)[..., None], 3, axis=2)
    x, y = np.meshgrid(np.arange(across // 5 + 1.0), np.arange(down // 5 + 1.0))
    true = np.stack([x, y], axis=-1) * _STEP * px
    followed = np.stack([rounded(x, 0), rounded(y, 1)], axis=-1) * px

    def off_mm(geometry: PageGeometry) -> float:
        return float(np.std((geometry.photo_points - true)[2:-2, 2:-2] / px))

    before = PageGeometry(true + 0.6 * followed, _STEP)
    after = follow_lines(photo, before)
    assert off_mm(before) > 0.015
    assert off_mm(after) < 0.5 * off_mm(before)


def test_pages_as_long_as_any_and_photos_seen_backwards_are_followed() -> None:
    x, y = np.meshgrid(np.arange(0, 651, _STEP), np.arange(0, 61, _STEP))
    long = PageGeometry(np.stack([x, y], axis=-1) * 3, _STEP)
    blank = np.full((181, 1951, 3), 230, np.uint8)
    assert np.allclose(follow_lines(blank, long).photo_points, long.photo_points, atol=1e-6)
    backwards = _photo(_crumpled)[..., ::-1]
    forwards = np.ascontiguousarray(backwards)
    moved = follow_lines(backwards, _flat()).photo_points
    assert np.array_equal(moved, follow_lines(forwards, _flat()).photo_points)


@pytest.mark.parametrize("dots_per_inch", [96, 100, 150])
def test_lines_between_the_pixels_of_a_coarse_picture_stay_where_the_map_has_them(
    dots_per_inch: int,
) -> None:
    """They are measured a little nearer to whole pixels than they are."""
    scale = dots_per_inch / 25.4
    wide_mm, high_mm = 260.0, 170.0
    x_px, y_px = (np.arange(round(mm * scale)) for mm in (wide_mm, high_mm))

    def covered(at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of each pixel that lines of 0.3 mm cover."""
        away = np.abs((at + 0.5 * _STEP * scale) % (_STEP * scale) - 0.5 * _STEP * scale)
        return np.asarray(np.clip(0.5 + 0.15 * scale - away, 0, min(1.0, 0.3 * scale)))

    ink = np.maximum(covered(x_px)[None], covered(y_px)[:, None])
    photo = np.repeat((240 - 90 * ink)[..., None], 3, axis=2).astype(np.uint8)
    x, y = np.meshgrid(np.arange(0, wide_mm, _STEP), np.arange(0, high_mm, _STEP))
    flat = PageGeometry(np.stack([x, y], axis=-1) * scale, _STEP)
    moved = (follow_lines(photo, flat).photo_points - flat.photo_points) / scale
    assert np.sqrt((moved**2).mean()) < 0.01
