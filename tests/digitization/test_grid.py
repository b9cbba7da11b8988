"""The grid becomes a map that is good to a small part of a millimetre, folds or not."""

from dataclasses import replace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from digitization import find_page
from digitization.find_page import find_geometry
from digitization.grid import _period, _settled, find_crossings, fit_geometry
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected
from tests.digitization.perfect_looks import PerfectLooks, photograph, placed_picture


def _error_mm(photo, geometry):
    """Distance of the lattice from the nearest true grid positions, inside the page."""
    true = photo.camera.page_from_photo(geometry.photo_points)
    spec = photo.page.spec
    inside = (true[..., 0] > 3) & (true[..., 0] < spec.width_mm - 3)
    inside &= (true[..., 1] > 3) & (true[..., 1] < spec.height_mm - 3)
    offset = (true[inside] - spec.grid.box_mm[:2]) / 5.0
    return 5.0 * np.linalg.norm(offset - np.round(offset), axis=1)


@pytest.mark.parametrize("strength", ["clean", "photo", "hard_photo"])
def test_lattice_lies_on_the_grid(strength):
    photo = photograph("3x4+1", strength, 3)
    width, height = photo.spec.camera.photo_size
    maps = PerfectLooks(photo).see_page(np.zeros((height, width, 3), np.uint8), 0)
    geometry = fit_geometry(find_crossings(maps["grid_x"], maps["grid_y"]), maps)
    error = _error_mm(photo, geometry)
    assert np.median(error) < 0.08
    assert np.quantile(error, 0.9) < 0.25


def test_wrong_crossings_do_not_move_the_lattice():
    photo = photograph("3x4+1", "photo", 5)
    width, height = photo.spec.camera.photo_size
    maps = PerfectLooks(photo).see_page(np.zeros((height, width, 3), np.uint8), 0)
    crossings = find_crossings(maps["grid_x"], maps["grid_y"])
    rng = np.random.default_rng(0)
    moved = crossings.points.copy()
    wrong = rng.random(len(moved)) < 0.1
    moved[wrong] += rng.normal(0, 0.2 * crossings.period_px, (wrong.sum(), 2))
    geometry = fit_geometry(replace(crossings, points=moved), maps)
    assert np.quantile(_error_mm(photo, geometry), 0.9) < 0.1


def test_a_page_small_in_the_photo_is_looked_at_closer(monkeypatch):
    """The second look sees the page alone, and tells where it lies in the photo."""
    photo = photograph("3x4+1", "photo", 6, pixels_per_mm=3.0)
    width, height = photo.spec.camera.photo_size
    looks = PerfectLooks(photo)
    asked: list[tuple[tuple[int, ...], int]] = []

    def see_page(picture, longest_px):
        asked.append((picture.shape, longest_px))
        return PerfectLooks.see_page(looks, picture, longest_px)

    monkeypatch.setattr(looks, "see_page", see_page)
    geometry = find_geometry(placed_picture(width, height), cast("Any", looks))
    (whole, first), (part, second) = asked
    assert whole[:2] == (height, width)
    assert part[0] * part[1] < whole[0] * whole[1]
    per_mm = geometry.pixels_per_mm()
    assert first / max(whole) * per_mm < 4.2 or first / max(whole) * per_mm > 6
    assert second / max(part) * per_mm == pytest.approx(5.0, rel=0.02)
    assert np.quantile(_error_mm(photo, geometry), 0.9) < 0.2


@pytest.mark.parametrize("slip", [(0, 1), (-1, 0), (1, -1)])
def test_pieces_a_whole_cell_off_are_numbered_anew(slip):
    column, row = (axis.ravel() for axis in np.meshgrid(np.arange(40), np.arange(25)))
    inside = (column > 8) & (column < 24) & (row > 7) & (row < 15)
    # Few crossings were seen about the piece, and it bends as paper does.
    edge = (column > 6) & (column < 26) & (row > 5) & (row < 17) & ~inside
    bent = 0.3 * np.sin(row / 6)
    points = np.stack([20 * column + 2 * row, 20 * (row + bent) - column], axis=-1).astype(float)
    true = np.stack([column, row], axis=-1)
    seen = ~edge
    slipped = true + inside[:, None] * np.array(slip)
    np.testing.assert_array_equal(_settled(points[seen], slipped[seen]), true[seen])


def test_false_crossings_between_two_pieces_do_not_hide_the_step():
    """On dotted paper crossings a fifth of a cell apart lead from one numbering to the next."""
    columns, rows = np.meshgrid(np.arange(30), np.arange(20))
    true = np.stack([columns.ravel(), rows.ravel()], axis=-1).astype(np.int64)
    points = (20.0 * true + 100.0).astype(np.float64)
    slipped = true.copy()
    slipped[true[:, 0] >= 16, 1] += 1
    # Five of no line in the column between, each a fifth of a cell further.
    apart = true[:, 0] == 15
    ladder = np.stack([np.full(5, 400.0), 300.0 - 4.0 * np.arange(1, 6)], axis=-1)
    points = np.concatenate([points[~apart], ladder])
    numbers = np.concatenate([slipped[~apart], np.tile([15, 10], (5, 1))])
    found = _settled(points, numbers)[:-5]
    off = found - true[~apart]
    assert (off == off[0]).all()


def test_three_crossings_are_too_few_to_measure():
    lines_x, lines_y = np.zeros((2, 240, 400), np.float32)
    lines_x[100:140, 100::20][:, :3] = 1
    lines_y[120, 90:150] = 1
    # Enough other crossings that hang together with none.
    for k in range(15):
        lines_x[20 + 12 * k : 24 + 12 * k, 200 + (k % 5) * 37] = 1
        lines_y[22 + 12 * k, 198 + (k % 5) * 37 : 203 + (k % 5) * 37] = 1
    with pytest.raises(PageRejected, match="grid"):
        find_crossings(lines_x, lines_y)


def test_missing_parts_of_the_grid_are_bridged():
    photo = photograph("3x4+1", "photo", 4)
    width, height = photo.spec.camera.photo_size
    seen = PerfectLooks(photo).see_page(np.zeros((height, width, 3), np.uint8), 0)
    values = seen.values.copy()
    values[1:3, height // 3 : height // 2, width // 3 : width // 2] = 0
    maps = ProbabilityMaps(values, seen.classes)
    geometry = fit_geometry(find_crossings(maps["grid_x"], maps["grid_y"]), maps)
    assert np.quantile(_error_mm(photo, geometry), 0.9) < 0.3


def _upright_and_level(strengths, cell=8, size=(400, 560)):
    """Lines of both families, every one as sure as the next of the strengths in turn."""
    lines = np.zeros((2, *size), np.float32)
    for family in range(2):
        across = lines[family] if family else lines[family].T
        for number, at in enumerate(range(cell, len(across) - cell, cell)):
            sure = strengths[number % len(strengths)]
            across[at - 1 : at + 2] = sure * np.array([0.5, 1, 0.5])[:, None]
    return lines


@pytest.mark.parametrize(("strengths", "cells"), [((1.0, 0.6), 2), ((1.0, 0.9), 1)])
def test_lines_of_which_every_second_stands_out_are_counted_by_twos(strengths, cells):
    soft_x, soft_y = (cv2.GaussianBlur(line, (0, 0), 1.0) for line in _upright_and_level(strengths))
    assert _period(soft_x, soft_y) == pytest.approx(8 * cells, rel=0.02)


def test_lines_that_no_even_grid_fits_are_refused(monkeypatch):
    photo = photograph("3x4+1", "clean", 4)
    looks = cast("Any", PerfectLooks(photo))
    picture = placed_picture(*photo.spec.camera.photo_size)

    def uneven(*crossings):
        return replace(fit_geometry(*crossings), residual_mm=0.5)

    assert find_geometry(picture, looks).residual_mm < 0.1
    monkeypatch.setattr(find_page, "fit_geometry", uneven)
    with pytest.raises(PageRejected, match="5 mm apart"):
        find_geometry(picture, looks)


def test_an_empty_picture_is_refused_with_a_reason():
    nothing = np.zeros((200, 300), np.float32)
    with pytest.raises(PageRejected, match="No ECG grid"):
        find_crossings(nothing, nothing)


def test_scattered_specks_are_no_grid():
    rng = np.random.default_rng(0)
    specks = np.zeros((300, 300), np.float32)
    specks[rng.integers(0, 300, 60), rng.integers(0, 300, 60)] = 1.0
    with pytest.raises(PageRejected):
        find_crossings(specks, specks)


def _panels(shift_px, photo_px=(700, 420), cell=20.0):
    """Lines of four grids that stand apart, each counted from its own corner."""
    maps = np.zeros((2, photo_px[1], photo_px[0]), np.float32)
    for left, top in ((20, 20), (360 + shift_px[0], 20), (20, 220), (360 + shift_px[0], 220)):
        top = top + (shift_px[1] if top > 100 else 0)
        for line in range(16):
            x = round(left + line * cell)
            maps[0, top : top + 161, x - 1 : x + 2] = (0.5, 1, 0.5)
        for line in range(9):
            y = round(top + line * cell)
            maps[1, y - 1 : y + 2, left : left + 301] = np.array([0.5, 1, 0.5])[:, None]
    return maps


@pytest.mark.parametrize("shift", [(0, 0), (7, 5)])
def test_grids_behind_each_trace_are_one_page(shift):
    """Where they are shifted against each other, millimetres go on straight all the same."""
    lines = _panels(shift)
    crossings = find_crossings(lines[0], lines[1])
    assert len(crossings.points) > 0.97 * 4 * 16 * 9
    maps = ProbabilityMaps(lines, ("grid_x", "grid_y"))
    lattice = fit_geometry(crossings, maps).photo_points
    np.testing.assert_allclose(np.diff(lattice[..., 0], axis=1), 20.0, atol=0.2)
    np.testing.assert_allclose(np.diff(lattice[..., 1], axis=0), 20.0, atol=0.2)
    assert bool(np.any(crossings.index % 1)) == any(shift)


def test_grids_that_stand_little_more_than_a_cell_apart_are_not_counted_through():
    lines = _panels((-16, 0), photo_px=(740, 420))
    # Little grids beside them are too small to be told from lines that were drawn badly.
    for top in (20, 120, 220, 320):
        for x in (668, 688, 708):
            lines[0, top : top + 61, x - 1 : x + 2] = (0.5, 1, 0.5)
        for y in range(top, top + 61, 20):
            through = lines[1, y - 1 : y + 2, 20:709]
            through[:] = np.maximum(through, 0.3)
            through[:, 648:] = np.array([0.5, 1, 0.5])[:, None]
    crossings = find_crossings(lines[0], lines[1])
    assert 4 * 16 * 9 * 0.97 < len(crossings.points) < 4 * (16 * 9 + 3 * 4)
    maps = ProbabilityMaps(lines, ("grid_x", "grid_y"))
    lattice = fit_geometry(crossings, maps).photo_points
    np.testing.assert_allclose(np.diff(lattice[..., 0], axis=1), 20.0, atol=0.2)


def test_a_grid_above_two_that_seem_to_be_joined_does_not_leave_them_out():
    lines = np.zeros((2, 420, 740), np.float32)
    for left, top, columns in ((20, 220, 33), (20, 20, 16), (346, 20, 16)):
        for line in range(columns):
            x = left + line * 20
            lines[0, top : top + 161, x - 1 : x + 2] = (0.5, 1, 0.5)
        for line in range(9):
            y = top + line * 20
            right = 346 if top == 20 else left  # as if the lines above went on
            lines[1, y - 1 : y + 2, left : max(left + (columns - 1) * 20, right) + 1] = 1
    crossings = find_crossings(lines[0], lines[1])
    assert len(crossings.points) > 0.97 * 9 * (33 + 2 * 16)


def test_a_page_beside_that_lies_askew_is_another_page():
    lines = _panels((0, 0))
    askew = cv2.getRotationMatrix2D((360, 100), 2.0, 1.0)
    for plane in lines:
        part = np.zeros_like(plane)
        part[:, 350:] = plane[:, 350:]
        plane[:, 350:] = 0
        plane[:] = np.maximum(plane, cv2.warpAffine(part, askew, plane.shape[::-1]))
    crossings = find_crossings(lines[0], lines[1])
    assert np.ptp(crossings.points[:, 0]) < 340
