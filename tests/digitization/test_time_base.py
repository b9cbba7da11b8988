"""Where columns begin: most row ends agree, pulses stand before, between or after them."""

from dataclasses import replace

import numpy as np
import pytest

from digitization.layout import LayoutFound
from digitization.page_seen import PulseSeen, RowSeen
from digitization.time_base import time_base
from digitization.traces import clean_heights
from ecg.leads import LEADS
from ecg.paper import LAYOUTS, Layout

LEFT = 20.0


def _row(left, right, level=50.0):
    x = np.arange(0, 300, 0.125)
    here = ((x >= left) & (x <= right)).astype(np.float32)
    return clean_heights(x, np.full(len(x), level), here, here)


def _found(layout, rows, column_mm):
    seen = tuple(RowSeen(30.0 + 25 * k, LEFT, LEFT + 250) for k in range(rows))
    shape = LAYOUTS[layout]
    return LayoutFound(shape, "standard", seen, 0, (), (), column_mm, LEFT, 10.0)


def test_most_row_ends_agree():
    rows = [_row(LEFT, LEFT + 249.95) for _ in range(3)] + [_row(LEFT - 9, LEFT + 251)]
    starts, width = time_base(_found("3x4", 4, 62.5), rows, (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 62.5 * np.arange(4), atol=0.1)


def test_three_columns_share_ten_seconds():
    found = replace(_found("3x4", 4, 250 / 3), layout=Layout("other", 4, 3, 0, LEADS))
    starts, width = time_base(found, [_row(LEFT, LEFT + 249.95) for _ in range(4)], (), 25.0)
    assert width == pytest.approx(250 / 3)
    np.testing.assert_allclose(starts, LEFT + 250 / 3 * np.arange(3), atol=0.1)


def test_columns_of_an_unusual_width_are_no_columns_with_gaps():
    """Names stand apart as columns and gaps would, but traces fill what would be gaps."""
    width = 37.5
    found = replace(
        _found("3x4", 3, width),
        names_apart_mm=width,
        name_edges=tuple((column, LEFT + 1 + column * width) for column in range(4)),
    )
    rows = [_row(LEFT, LEFT + 4 * width - 0.05) for _ in range(3)]
    starts, found_width = time_base(found, rows, (), 25.0)
    assert found_width == pytest.approx(width, abs=0.1)
    np.testing.assert_allclose(starts, LEFT + width * np.arange(4), atol=0.15)


def test_what_was_read_of_pulses_before_the_rows_does_not_move_them():
    pulses = tuple(PulseSeen(LEFT - 6, 40.0, LEFT - 0.5, 50.0) for _ in range(3))
    rows = [_row(LEFT - 6, LEFT + 249.95) for _ in range(3)]
    starts, width = time_base(_found("3x4", 3, 62.5), rows, pulses, 25.0)
    assert width == 62.5
    assert starts[0] == pytest.approx(LEFT, abs=0.1)


@pytest.mark.parametrize("names_read", [7, 4])
def test_names_and_pulses_read_as_part_of_most_rows_do_not_widen_the_column(names_read):
    """At 5 mm/mV the strokes of a name, the pulse and its feet look like one faint row."""
    pulses = tuple(PulseSeen(LEFT - 8, 40.0, LEFT - 1.0, 45.0) for _ in range(12))
    ends = LEFT + 249.95
    rows = [_row(LEFT - 14, ends) for _ in range(names_read)]
    rows += [_row(LEFT, ends) for _ in range(12 - names_read)]
    starts, width = time_base(_found("12x1", 12, 260.0), rows, pulses, 25.0)
    assert width == 250
    assert starts[0] == pytest.approx(LEFT, abs=0.3)


def test_pulses_between_columns_are_left_out():
    pulses = tuple(
        PulseSeen(x, 25.0 + 25 * k, x + 7, 35.0 + 25 * k) for x in (12.0, 127.0) for k in range(6)
    )
    rows = [_row(LEFT, 235.0, 30.0 + 25 * k) for k in range(6)]
    starts, width = time_base(_found("6x2", 6, 107.5), rows, pulses, 25.0)
    assert starts[0] == pytest.approx(LEFT, abs=1)
    assert starts[1] == pytest.approx(135.0, abs=1.5)
    assert 95 < width < 108


def test_false_pulses_never_turn_the_time_round():
    pulses = tuple(PulseSeen(x, 25.0, x + 7, 35.0) for x in (70.0, 70.0, 88.0, 88.0, 150.0, 150.0))
    rows = [_row(LEFT, LEFT + 120) for _ in range(3)]
    starts, width = time_base(_found("3x4", 3, 30.0), rows, pulses, 25.0)
    assert width > 0
    assert (np.diff(starts) > 0).all()


def _row_with_gaps(left, gap, level=50.0):
    x = np.arange(0, 300, 0.125)
    here = np.zeros(len(x), np.float32)
    for column in range(4):
        start = left + column * (62.5 + gap)
        here[(x >= start) & (x <= start + 62.45)] = 1
    return clean_heights(x, np.full(len(x), level), here, here)


def test_gaps_between_columns_are_no_time():
    rows = [_row_with_gaps(LEFT, 2.0) for _ in range(3)] + [_row(LEFT, LEFT + 249.95)]
    starts, width = time_base(_found("3x4+1", 4, 64.0), rows, (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 64.5 * np.arange(4), atol=0.15)


def test_ends_far_from_pulses_outweigh_what_was_read_beside_them():
    pulses = tuple(PulseSeen(LEFT - 6, 40.0, LEFT, 50.0) for _ in range(4))
    rows = [_row(LEFT + 1.0, LEFT + 249.95) for _ in range(3)] + [_row(LEFT - 9, LEFT + 270)]
    starts, _ = time_base(_found("3x4", 4, 62.5), rows, pulses, 25.0)
    assert starts[0] == pytest.approx(LEFT, abs=0.1)


def test_where_all_ends_differ_names_and_what_stands_beside_pulses_decide():
    # As a folded page shows it: each of three rows ends elsewhere.
    pulses = tuple(PulseSeen(LEFT - 6, 25.0, LEFT + 1.3, 35.0) for _ in range(4))
    ends = ((LEFT, 257.1), (LEFT + 0.1, 255.3), (LEFT - 0.8, 247.1), (LEFT - 14, 249.95))
    rows = [_row(begin, LEFT + end) for begin, end in ends]
    found = replace(
        _found("3x4+1", 4, 62.5), name_edges=tuple((k, 18.8 + 62.5 * k) for k in (0, 1))
    )
    starts, width = time_base(found, rows, pulses, 25.0)
    assert width == 62.5
    assert starts[0] == pytest.approx(LEFT, abs=0.15)


def test_a_row_that_leaves_the_picture_does_not_end_there():
    whole = [_row(LEFT, LEFT + 231) for _ in range(3)]
    rows = [replace(row, cut=(False, True)) for row in whole]
    found = replace(_found("3x4", 3, 57.75), names_apart_mm=62.1)
    starts, width = time_base(found, rows, (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 62.5 * np.arange(4), atol=0.1)


@pytest.mark.parametrize("named", [True, False])
def test_where_columns_with_gaps_leave_the_picture_the_rhythm_strip_tells_their_width(named):
    whole = [_row_with_gaps(LEFT, 11.0) for _ in range(3)]
    rows = [replace(row, cut=(False, True)) for row in whole] + [_row(LEFT, LEFT + 249.95)]
    found = _found("3x4+1", 4, 71.0)
    found = replace(found, names_apart_mm=73.4) if named else found
    starts, width = time_base(found, rows, (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 73.5 * np.arange(4), atol=0.15)


@pytest.mark.parametrize("apart", [68.0, 71.6, 73.5])
def test_columns_with_gaps_are_no_wider_than_their_names_stand_apart(apart):
    rows = [_row_with_gaps(LEFT, apart - 62.5) for _ in range(3)] + [_row(LEFT, LEFT + 249.95)]
    # What stands before three of the rows was read as theirs.
    x = rows[0].x_mm
    before = (x >= LEFT - 14) & (x < LEFT)
    heights = np.full(len(x), 50.0)
    for number in (0, 1, 3):
        here = np.where(before, 1.0, rows[number].presence).astype(np.float32)
        rows[number] = clean_heights(x, heights, here, here)
    found = replace(
        _found("3x4+1", 4, apart),
        names_apart_mm=apart + 0.2,
        name_edges=tuple((k, LEFT + 1 + (apart + 0.2) * k) for k in range(4)),
    )
    starts, width = time_base(found, rows, (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + apart * np.arange(4), atol=0.2)


def _cut_rows(beat_mm):
    """Three rows of which both ends leave the picture, with tall beats and low steps."""
    x = np.arange(0, 300, 0.125)
    here = ((x >= LEFT + 3) & (x <= LEFT + 240)).astype(np.float32)
    levels = np.array([50.0, 51.2, 48.9, 50.4])
    rows = []
    for k in range(3):
        lead = np.clip((x - LEFT) // 62.5, 0, 3).astype(int)
        phase = (x - LEFT - 14.0) % beat_mm
        beats = -15.0 * np.clip(1 - np.abs(phase - 1.0), 0, 1)
        y = np.roll(levels, k)[lead] + beats + 0.3 * np.sin(x / 3 + k)
        rows.append(replace(clean_heights(x, y, here, here), cut=(True, True)))
    return rows


def _names(after_mm):
    return tuple((column, LEFT + 62.5 * column + after_mm) for column in (1, 1, 2, 3))


@pytest.mark.parametrize("beat_mm", [20.0, 62.5 / 3])
def test_where_both_ends_are_cut_names_and_steps_tell_where_the_leads_begin(beat_mm):
    found = replace(_found("3x4", 3, 59.0), names_apart_mm=62.4, name_edges=_names(2.0))
    starts, width = time_base(found, _cut_rows(beat_mm), (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 62.5 * np.arange(4), atol=0.2)


def test_without_names_a_cut_page_has_the_least_usual_width_that_holds_it():
    starts, width = time_base(_found("3x4", 3, 59.0), _cut_rows(20.0), (), 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 62.5 * np.arange(4), atol=0.2)


def test_without_steps_the_names_alone_tell():
    x = np.arange(0, 300, 0.125)
    here = ((x >= LEFT + 3) & (x <= LEFT + 240)).astype(np.float32)
    flat = replace(clean_heights(x, np.full(len(x), 50.0), here, here), cut=(True, True))
    found = replace(_found("3x4", 3, 59.0), names_apart_mm=62.4, name_edges=_names(1.0))
    starts, _ = time_base(found, [flat] * 3, (), 25.0)
    np.testing.assert_allclose(starts, LEFT + 62.5 * np.arange(4), atol=1.0)


@pytest.mark.parametrize("false_pulses", [0, 2])
@pytest.mark.parametrize("gap", [4.0, 7.5, 12.0])
def test_gaps_between_columns_do_not_stretch_them(gap, false_pulses):
    starts_mm = LEFT + (62.5 + gap) * np.arange(4)
    x = np.arange(0, 330, 0.125)
    inside = ((x[:, None] >= starts_mm) & (x[:, None] < starts_mm + 62.45)).any(axis=1)
    here = np.asarray(inside, np.float32)
    rows = [clean_heights(x, np.full(len(x), 50.0), here, here) for _ in range(3)]
    ends = (LEFT + 1.6, LEFT + 250 + 3 * gap + 1.0)
    pulses = tuple(PulseSeen(x - 2.5, 40.0, x, 50.0) for x in ends[:false_pulses])
    starts, width = time_base(_found("3x4", 3, 62.5 + 0.75 * gap), rows, pulses, 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, starts_mm, atol=0.15)


@pytest.mark.parametrize("left", [20.02, 19.97, 20.3])
def test_traces_that_begin_by_a_bold_line_begin_on_it(left):
    row = _row(left, left + 249.95)
    row = replace(row, x_mm=row.x_mm + left - row.extent_mm[0])
    starts, _ = time_base(_found("3x4", 4, 62.5), [row] * 4, (), 25.0)
    if left == 20.3:
        assert starts[0] == pytest.approx(left, abs=0.06)
    else:
        assert starts[0] == 20.0


@pytest.mark.parametrize("pen_mm", [-0.15, 0.15])
def test_what_a_pen_does_to_begins_and_ends_cancels(pen_mm):
    left = LEFT + 0.37
    # More rows end than begin in the picture.
    rows = [_row(left - pen_mm, left + 249.95 + pen_mm) for _ in range(4)]
    rows = [replace(row, cut=(number > 1, False)) for number, row in enumerate(rows)]
    starts, _ = time_base(_found("3x4", 4, 62.5), rows, (), 25.0)
    assert starts[0] == pytest.approx(left, abs=0.06)


@pytest.mark.parametrize("left", [21.0, 23.0, 25.0])
def test_ends_alone_tell_on_which_line_of_the_grid_traces_begin(left):
    rows = [_row(left - 9, left + 249.95 - 0.12) for _ in range(4)]
    rows = [replace(row, cut=(True, False)) for row in rows]
    starts, _ = time_base(_found("3x4", 4, 62.5), rows, (), 25.0)
    assert starts[0] == left


def test_steps_between_leads_tell_what_the_pen_does():
    left, pen_mm = LEFT + 0.4, 0.15
    rows = []
    for level in (50.0, 80.0, 110.0):
        row = _row(left - 9, left + 249.95 - pen_mm)
        steps = 1.5 * (np.floor((row.x_mm - left + 0.025) / 62.5) % 2)
        rows.append(replace(row, y_mm=row.y_mm - 50.0 + level + steps, cut=(True, False)))
    starts, _ = time_base(_found("3x4", 3, 62.5), rows, (), 25.0)
    assert starts[0] == pytest.approx(left, abs=0.1)
    without = [replace(row, y_mm=np.where(np.isfinite(row.y_mm), 50.0, np.nan)) for row in rows]
    assert time_base(_found("3x4", 3, 62.5), without, (), 25.0)[0][0] < left - 0.1


def test_names_a_usual_width_apart_outweigh_rows_that_seem_to_begin_elsewhere():
    begins = (LEFT - 6.3, LEFT - 20.4, LEFT, LEFT - 19.8)
    rows = [_row(begin, LEFT + 249.95) for begin in begins]
    edges = tuple((column, LEFT + 2 + column * 62.69) for column in range(4))
    found = replace(_found("3x4+1", 4, 62.69), names_apart_mm=62.69, name_edges=edges)
    starts, width = time_base(found, rows, (), 25.0)
    assert width == 62.5
    assert starts[0] == pytest.approx(LEFT, abs=0.1)


def test_without_a_grid_there_are_no_lines_to_begin_on():
    left = 20.08
    rows = [_row(left, left + 249.95)] * 4
    found = _found("3x4", 4, 62.5)
    on_paper, on_nothing = (time_base(found, rows, (), 25.0, has)[0][0] for has in (True, False))
    assert on_paper == 20.0
    assert on_nothing == pytest.approx(left, abs=0.06)
    assert on_nothing != 20.0


class _Marked:
    """Marks between leads, ``off_mm`` before where the columns seem to begin."""

    def __init__(self, left, apart, columns=(1, 2, 3), off_mm=0.0):
        self.places = [left + k * apart + off_mm for k in columns]

    def near(self, row, at_mm):
        return next((place for place in self.places if abs(place - at_mm) < 1.0), None)


def test_marks_between_the_leads_tell_the_begin_more_exactly_than_the_ends():
    rows = [_row(LEFT + 0.2, LEFT + 249.95) for _ in range(3)]
    marks = _Marked(LEFT + 0.03, 62.5)
    starts, width = time_base(_found("3x4", 3, 62.5), rows, (), 25.0, marks=marks)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + 0.03 + 62.5 * np.arange(4), atol=0.015)


def test_edges_of_pulses_between_columns_are_no_marks():
    pulses = tuple(PulseSeen(LEFT + 124.4, 20.0 + 25 * k, LEFT + 129, 30.0 + 25 * k) for k in (1,))
    rows = [_row(LEFT, LEFT + 249.95) for _ in range(6)]
    marks = _Marked(LEFT - 0.7, 125.0, (1,))
    plain = time_base(_found("6x2", 6, 125.0), rows, pulses, 25.0)
    assert time_base(_found("6x2", 6, 125.0), rows, pulses, 25.0, marks=marks) == plain


def test_marks_tell_how_far_columns_with_gaps_stand_apart():
    gap = 2.04
    rows = []
    for _ in range(3):
        row = _row(LEFT, LEFT + 4 * 62.5 + 3 * gap - 0.05)
        away = (row.x_mm - LEFT) % (62.5 + gap)
        here = np.where((away < 62.5) & (row.presence > 0), 1.0, 0.0).astype(np.float32)
        rows.append(clean_heights(row.x_mm, np.full(len(here), 50.0), here, here))
    marks = _Marked(LEFT, 62.5 + gap)
    starts, width = time_base(_found("3x4", 3, 62.5 + gap), rows, (), 25.0, marks=marks)
    assert width == 62.5
    np.testing.assert_allclose(starts, LEFT + (62.5 + gap) * np.arange(4), atol=0.02)


@pytest.mark.parametrize("gap", [8.0, 9.5])
def test_columns_with_a_pulse_each_and_gaps_begin_behind_their_pulses(gap):
    """What is read of the pulses as parts of the rows makes the gaps seem narrower."""
    foot = 1.5
    lefts = LEFT + (62.5 + gap) * np.arange(4)
    pulses = tuple(
        PulseSeen(left - foot - 5, 25.0 + 18 * row, left - foot, 30.0 + 18 * row)
        for left in lefts
        for row in range(3)
    )
    rows = []
    for level in (30.0, 48.0, 66.0):
        row = _row_with_gaps(LEFT, gap, level)
        off = row.x_mm[:, None] - lefts
        here = np.maximum(row.presence, ((off > -9) & (off < -5)).any(axis=1)).astype(np.float32)
        rows.append(clean_heights(row.x_mm, np.full(len(here), level), here, here))
    edges = tuple((column, left + 2) for column, left in enumerate(lefts))
    found = replace(_found("3x4", 3, 62.5 + gap), names_apart_mm=62.5 + gap, name_edges=edges)
    starts, width = time_base(found, rows, pulses, 25.0)
    assert width == 62.5
    np.testing.assert_allclose(starts, lefts, atol=0.1)
