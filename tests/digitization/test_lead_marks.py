"""Marks between leads: found to a hundredth of a millimetre, and nothing else taken for one."""

import cv2
import numpy as np
import pytest

from digitization.flat import flat_geometry
from digitization.lead_marks import LeadMarks, find_mark
from digitization.traces import clean_heights

PIXELS_PER_MM = 8.0
AT_MM, LEVEL_MM = 31.27, 26.4
_SHIFT = 6


class _Paper:
    """60 x 50 mm of a page, drawn with lines that may begin between pixels."""

    def __init__(self) -> None:
        size = round(50 * PIXELS_PER_MM), round(60 * PIXELS_PER_MM)
        self.picture = np.full((*size, 3), 255, np.uint8)

    def line(self, *points_mm, width_mm=0.4, rgb=(20, 20, 20)):
        at = np.array(points_mm) * PIXELS_PER_MM - 0.5
        at = np.round(at * 2**_SHIFT).astype(np.int32)
        width = max(1, round(width_mm * PIXELS_PER_MM))
        cv2.polylines(self.picture, [at], False, rgb, width, cv2.LINE_AA, _SHIFT)

    def grid(self, rgb=(240, 150, 160), pitch_mm=5.0):
        for x in np.arange(0, 60, pitch_mm):
            self.line((x, 0), (x, 50), width_mm=0.25, rgb=rgb)
        for y in np.arange(0, 50, pitch_mm):
            self.line((0, y), (60, y), width_mm=0.25, rgb=rgb)

    def trace(self, step_mm=1.0):
        """Two leads, the second below the first, and their centre line."""
        x = np.arange(0, 60, 1 / 12)
        y = np.where(x < AT_MM, LEVEL_MM, LEVEL_MM + step_mm) + 0.2 * np.sin(x)
        self.line(*np.stack([x, y], axis=-1), width_mm=0.3)
        here = np.ones(len(x), np.float32)
        return clean_heights(x, y, here, here)

    def mark(self, *stretches_mm):
        for top, bottom in stretches_mm:
            self.line((AT_MM, LEVEL_MM + top), (AT_MM, LEVEL_MM + bottom), width_mm=0.5)

    @property
    def geometry(self):
        return flat_geometry((self.picture.shape[1], self.picture.shape[0]), 1 / PIXELS_PER_MM)

    def find(self, row, off_mm=0.4):
        return find_mark(self.picture, self.geometry, row, AT_MM + off_mm)


@pytest.mark.parametrize(
    "stretches",
    [[(-4, 4)], [(-1.8, 1.8)], [(-7.5, -5), (5, 7.5)], [(-0.5, 3.5)]],
    ids=["bar", "tick", "double", "on one side"],
)
@pytest.mark.parametrize("off_mm", [-0.8, 0.4])
def test_marks_are_measured_to_two_hundredths_of_a_millimetre(stretches, off_mm):
    paper = _Paper()
    paper.grid()
    row = paper.trace()
    paper.mark(*stretches)
    found = paper.find(row, off_mm)
    assert found is not None
    assert found == pytest.approx(AT_MM, abs=0.02)


def test_a_step_alone_is_no_mark():
    paper = _Paper()
    row = paper.trace(step_mm=4.0)
    assert paper.find(row) is None


@pytest.mark.parametrize("rgb", [(200, 130, 140), (60, 60, 60), (20, 20, 20)])
def test_a_line_of_the_grid_is_no_mark(rgb):
    paper = _Paper()
    paper.grid(rgb=rgb)
    row = paper.trace()
    assert paper.find(row, 30.0 - AT_MM) is None


def test_marks_are_told_from_a_grid_as_dark_by_their_length():
    paper = _Paper()
    paper.grid(rgb=(20, 20, 20))
    row = paper.trace()
    paper.mark((-3.5, 3.5))
    assert paper.find(row) == pytest.approx(AT_MM, abs=0.02)


def test_the_dots_of_a_grid_are_no_mark():
    paper = _Paper()
    row = paper.trace()
    for y in np.arange(0.5, 50):
        paper.line((AT_MM, y - 0.02), (AT_MM, y + 0.02), width_mm=0.35)
    assert paper.find(row) is None


def test_letters_of_a_name_above_the_trace_are_no_mark():
    paper = _Paper()
    row = paper.trace()
    paper.line((AT_MM, LEVEL_MM - 6.5), (AT_MM, LEVEL_MM - 3.0))
    assert paper.find(row) is None


def test_a_mark_hidden_in_a_steep_wave_is_not_made_up():
    paper = _Paper()
    x = np.arange(0, 60, 1 / 12)
    y = LEVEL_MM - 12 * np.exp(-0.5 * ((x - AT_MM) / 0.25) ** 2)
    paper.line(*np.stack([x, y], axis=-1), width_mm=0.3)
    here = np.ones(len(x), np.float32)
    assert paper.find(clean_heights(x, y, here, here)) is None


def test_a_trace_that_is_far_off_where_the_mark_stands_does_no_harm():
    paper = _Paper()
    x = np.arange(0, 60, 1 / 12)
    y = np.where(np.abs(x - AT_MM) < 0.5, LEVEL_MM - 30, LEVEL_MM)
    paper.mark((-4, 4))
    here = np.ones(len(x), np.float32)
    found = paper.find(clean_heights(x, y, here, here))
    assert found is None or found == pytest.approx(AT_MM, abs=0.05)


def test_where_the_row_shows_no_trace_there_is_no_mark():
    paper = _Paper()
    row = paper.trace()
    paper.mark((-4, 4))
    nothing = np.zeros(len(row.x_mm), np.float32)
    assert paper.find(clean_heights(row.x_mm, row.y_mm, nothing, nothing)) is None


def test_each_place_is_measured_once():
    paper = _Paper()
    row = paper.trace()
    paper.mark((-4, 4))
    marks = LeadMarks(paper.picture.copy(), paper.geometry)
    found = marks.near(row, AT_MM + 0.3)
    marks.photo[:] = 255
    assert marks.near(row, AT_MM + 0.3) == found == pytest.approx(AT_MM, abs=0.02)
