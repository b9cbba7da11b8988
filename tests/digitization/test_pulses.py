"""Pulses are measured on the picture, whatever was seen of them and whatever the grid."""

import cv2
import numpy as np
import pytest

from digitization.page_seen import PulseSeen, RowSeen
from digitization.pulses import measure_pulses, search_pulses
from ecg.page_geometry import PageGeometry

SCALE = 8.0
LATTICE = np.stack(np.meshgrid(np.arange(0, 101, 5.0), np.arange(0, 81, 5.0)), axis=-1) * SCALE
GEOMETRY = PageGeometry(LATTICE, 5.0)


def _page(left_mm, width_mm, height_mm, foot_mm=61.6, grid=90):
    """A pulse and the line of a row on paper with a grid."""
    picture = np.full((640, 800, 3), 235, np.uint8)
    for k in range(0, 101, 5):
        cv2.line(picture, (round(k * SCALE), 0), (round(k * SCALE), 640), (grid,) * 3, 2)
        cv2.line(picture, (0, round(k * SCALE)), (800, round(k * SCALE)), (grid,) * 3, 2)
    shape = [
        (0, 0), (2, 0), (2, -height_mm), (2 + width_mm, -height_mm), (2 + width_mm, 0), (50, 0)
    ]  # fmt: skip
    points = (np.array(shape) + [left_mm, foot_mm]) * SCALE
    cv2.polylines(picture, [np.round(points).astype(np.int32)], False, (20, 20, 20), 3, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


@pytest.mark.parametrize("grid", [200, 40])
@pytest.mark.parametrize(
    ("width_mm", "height_mm"), [(5.0, 10.0), (10.0, 10.0), (5.0, 20.0), (3.0, 5.0)]
)
def test_edges_and_top_are_measured(width_mm, height_mm, grid):
    picture = _page(22.4, width_mm, height_mm, grid=grid)
    seen = PulseSeen(23.5, 61.2 - height_mm, 25.5 + width_mm, 62.2)
    (found,) = measure_pulses(picture, GEOMETRY, [seen])
    assert found is not None
    assert found.width_mm == pytest.approx(width_mm, abs=0.4)
    assert found.height_mm == pytest.approx(height_mm, abs=0.4)


def test_a_pulse_half_seen_is_measured_whole():
    picture = _page(22.4, 6.0, 20.0)
    (found,) = measure_pulses(picture, GEOMETRY, [PulseSeen(24.8, 41.0, 27.5, 52.0)])
    assert found is not None
    assert found.height_mm == pytest.approx(20.0, abs=0.4)
    assert found.width_mm == pytest.approx(6.0, abs=0.3)


def test_grid_alone_is_no_pulse():
    picture = _page(22.4, 5.0, 10.0, grid=40)
    assert measure_pulses(picture, GEOMETRY, [PulseSeen(72.0, 20.0, 77.0, 30.0)]) == (None,)


def test_pulses_that_were_not_seen_are_found_above_each_other():
    picture = np.minimum(_page(22.4, 5.0, 20.0, foot_mm=31.6), _page(22.4, 5.0, 20.0, foot_mm=61.6))
    rows = (RowSeen(31.6, 30.0, 72.0), RowSeen(61.6, 32.0, 72.0))
    found = search_pulses(picture, GEOMETRY, rows)
    assert [round(pulse.bottom_mm) for pulse, _ in found] == [32, 62]
    assert [size.height_mm for _, size in found] == pytest.approx([20.0, 20.0], abs=0.5)


def test_rows_without_pulses_have_none():
    assert search_pulses(_page(22.4, 5.0, 0.0), GEOMETRY, (RowSeen(61.6, 30.0, 72.0),)) == ()
