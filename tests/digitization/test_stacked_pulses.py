"""Pulses of rows that stand so close that their edges make one ladder."""

import cv2
import numpy as np
import pytest

from digitization.page_seen import RowSeen
from digitization.stacked_pulses import search_stacked_pulses
from ecg.page_geometry import PageGeometry

SCALE = 8.0
LATTICE = np.stack(np.meshgrid(np.arange(0, 201, 5.0), np.arange(0, 121, 5.0)), axis=-1) * SCALE
GEOMETRY = PageGeometry(LATTICE, 5.0)
LEVELS_MM = (41.0, 58.5, 76.0, 93.5)


def _page(pulse_left_mm, height_mm, levels_mm=LEVELS_MM, trace_mm=(30.0, 170.0), bars=()):
    """Rows with pulses of one height on paper with a grid; bars are upright lines."""
    picture = np.full((960, 1600, 3), 235, np.uint8)
    for k in range(0, 201, 5):
        cv2.line(picture, (round(k * SCALE), 0), (round(k * SCALE), 960), (150,) * 3, 2)
        cv2.line(picture, (0, round(k * SCALE)), (1600, round(k * SCALE)), (150,) * 3, 2)
    for level in levels_mm:
        top = level - height_mm
        shape = [(-1.5, level), (0, level), (0, top), (3.5, top), (3.5, level), (5, level)]
        lines = [np.array(shape) + [pulse_left_mm, 0], np.array([(x, level) for x in trace_mm])]
        for line in lines:
            at = np.round(line * SCALE).astype(np.int32)
            cv2.polylines(picture, [at], False, (20, 20, 20), 3, cv2.LINE_AA)
    for x, above, below in bars:
        upper, lower = (
            (round(x * SCALE), round(above * SCALE)),
            (round(x * SCALE), round(below * SCALE)),
        )
        cv2.line(picture, upper, lower, (20, 20, 20), 3)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def _rows(levels_mm=LEVELS_MM):
    return tuple(RowSeen(level, 30.0, 170.0) for level in levels_mm)


@pytest.mark.parametrize("pulse_left_mm", [23.2, 172.3])
def test_a_ladder_before_or_behind_the_rows_shows_the_height(pulse_left_mm):
    found = search_stacked_pulses(_page(pulse_left_mm, 20.0), GEOMETRY, _rows())
    assert [size.height_mm for _, size in found] == pytest.approx([20.0] * 4, abs=0.6)
    assert [pulse.left_mm for pulse, _ in found] == pytest.approx([pulse_left_mm] * 4, abs=0.4)
    assert [pulse.bottom_mm for pulse, _ in found] == pytest.approx(list(LEVELS_MM))


def test_levels_that_lie_above_the_feet_cost_little():
    rows = tuple(RowSeen(level - 1.2, 30.0, 170.0) for level in LEVELS_MM)
    found = search_stacked_pulses(_page(23.2, 20.0), GEOMETRY, rows)
    assert [size.height_mm for _, size in found] == pytest.approx([20.0] * 4, abs=1.0)


def test_pulses_that_stand_apart_are_no_ladder():
    assert search_stacked_pulses(_page(23.2, 10.0), GEOMETRY, _rows()) == ()


def test_two_bars_that_nothing_joins_are_no_ladder():
    bars = ((23.2, 21.0, 94.0), (26.7, 21.0, 94.0))
    assert search_stacked_pulses(_page(23.2, 0.0, bars=bars), GEOMETRY, _rows()) == ()


def test_a_ladder_of_no_usual_gain_says_nothing():
    levels = tuple(25.0 + 11.0 * k for k in range(4))
    page = _page(23.2, 14.0, levels)
    assert search_stacked_pulses(page, GEOMETRY, _rows(levels)) == ()


def test_one_row_has_no_ladder():
    assert search_stacked_pulses(_page(23.2, 20.0), GEOMETRY, _rows()[:1]) == ()
