"""Rows, names and layouts from what the layout look shows."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from digitization import find_page
from digitization.find_page import _without_frame
from digitization.layout import candidate_layouts
from digitization.page_seen import (
    NameSeen,
    PageSeen,
    PulseSeen,
    RowSeen,
    look_over,
    with_named_rows,
)
from digitization.pulses import whole_pulses
from ecg.leads import LEADS
from ecg.paper import LAYOUTS, Layout
from ecg.probability_maps import ProbabilityMaps
from ecg.reading import PageRejected
from segmentation.layout_look import CLASSES

SCALE = 2.0  # pixels per mm of the look's maps


def _maps(levels_mm, height_mm=200, width_mm=280):
    values = np.zeros((len(CLASSES), height_mm * 2, width_mm * 2), np.float32)
    for level in levels_mm:
        centre = round(level * SCALE)
        values[CLASSES.index("baseline"), centre - 2 : centre + 3, 40:540] = 0.9
    return ProbabilityMaps(values, CLASSES)


def _page(layout, order="standard", offset=(4.0, -6.0), left=20.0):
    shape = LAYOUTS[layout]
    rows = tuple(RowSeen(40 + 20.0 * k, left, left + 250) for k in range(shape.total_rows))
    width = 250 / shape.columns
    names = tuple(
        NameSeen(
            cell.lead, left + cell.column * width + offset[0], rows[cell.row].y_mm + offset[1], 0.9
        )
        for cell in shape.printed_leads(order)
    )
    return PageSeen(names, rows, ())


def test_rows_are_where_the_baselines_are():
    rows = look_over(_maps([30, 60, 90]), 0, 0, SCALE).rows
    assert [row.y_mm for row in rows] == pytest.approx([30, 60, 90], abs=0.5)
    assert all(row.left_mm == pytest.approx(20, abs=1) for row in rows)
    assert all(row.right_mm == pytest.approx(270, abs=1) for row in rows)


def test_a_steep_complex_at_the_end_does_not_join_rows():
    levels = [20 + 14 * k for k in range(12)]
    maps = _maps(levels)
    maps.values[CLASSES.index("baseline"), 40:350, 530:540] = 0.9
    rows = look_over(maps, 0, 0, SCALE).rows
    assert [row.y_mm for row in rows] == pytest.approx(levels, abs=0.7)


def test_marks_far_beside_a_row_are_not_of_it():
    maps = _maps([30, 60, 90])
    maps.values[CLASSES.index("baseline"), 58:63, 100:540] = 0
    maps.values[CLASSES.index("baseline"), 58:63, 0:30] = 0.9
    maps.values[CLASSES.index("baseline"), 58:63, 110:300] = 0.9
    maps.values[CLASSES.index("baseline"), 58:63, 320:540] = 0.9
    maps.values[CLASSES.index("baseline"), 58:63, 40:100] = 0
    lefts = [row.left_mm for row in look_over(maps, 0, 0, SCALE).rows]
    assert lefts == pytest.approx([55, 20, 20], abs=1)


def test_pulses_seen_in_parts_are_put_together():
    """At 20 mm/mV the waves of the row above cross a pulse, and what is left are two low ones."""
    rows = (RowSeen(55.0, 12.0, 262.0), RowSeen(88.0, 12.0, 262.0))
    parts = (
        PulseSeen(3.6, 35.1, 9.6, 45.1),
        PulseSeen(4.1, 47.6, 9.9, 55.1),
        PulseSeen(3.6, 68.1, 10.1, 89.1),
    )
    whole = whole_pulses(parts, rows)
    assert whole == (PulseSeen(3.6, 35.1, 9.9, 55.1), parts[2])
    assert whole_pulses(whole, rows) == whole


@pytest.mark.parametrize(
    "other",
    [
        PulseSeen(20.0, 47.6, 26.0, 55.1),  # beside
        PulseSeen(3.6, 54.0, 9.6, 62.0),  # too far below
        PulseSeen(3.6, 47.6, 9.6, 60.0),  # too high together
    ],
)
def test_other_pulses_stay_apart(other):
    rows = (RowSeen(55.0, 12.0, 262.0),)
    upper = PulseSeen(3.6, 35.1, 9.6, 45.1)
    assert set(whole_pulses((upper, other), rows)) == {upper, other}


def test_pulses_of_two_rows_at_10_mm_per_mv_stay_apart():
    rows = (RowSeen(45.0, 12.0, 262.0), RowSeen(57.0, 12.0, 262.0))
    pulses = (PulseSeen(3.6, 35.1, 9.6, 45.1), PulseSeen(3.6, 47.2, 9.6, 57.0))
    assert whole_pulses(pulses, rows) == pulses


def test_names_stand_before_long_pulses():
    """At 50 mm/s a pulse of 0.2 s and its feet take up 15 mm between a name and its row."""
    best = candidate_layouts(_page("12x1", offset=(-17.0, 0.0)))[0]
    assert (best.layout.name, best.order) == ("12x1", "standard")
    assert best.score > 9
    inner = candidate_layouts(_page("6x2", offset=(-17.0, 0.0)), "6x2", "standard")[0]
    assert inner.score < 6


@pytest.mark.parametrize(("layout", "order"), [("6x2", "cabrera"), ("6x2+1", "standard")])
def test_the_first_names_may_stand_before_pulses_and_the_others_above_their_traces(layout, order):
    page = _page(layout, order)
    first = [name for name in page.names if name.x_mm < 30]
    moved = [replace(name, x_mm=name.x_mm - 16, y_mm=name.y_mm + 5) for name in first]
    others = tuple(name for name in page.names if name not in first)
    best = candidate_layouts(replace(page, names=(*moved, *others)))[0]
    assert (best.layout.name, best.order) == (layout, order)
    assert best.names_apart_mm is None  # what stands apart tells no width
    assert {column for column, _ in best.name_edges} == {1}


@pytest.mark.parametrize("first", [0, 6])
def test_one_page_of_two_is_half_of_twelve_rows(first):
    page = _page("12x1", offset=(-10.0, 0.0))
    half = PageSeen(page.names[first : first + 6], page.rows[first : first + 6], ())
    best = candidate_layouts(half)[0]
    assert (best.layout.name, best.row_offset) == ("12x1", first)
    assert best.score > 4.5
    without_one = replace(half, names=half.names[1:])
    assert candidate_layouts(without_one)[0].score < 4
    in_the_middle = tuple(replace(name, x_mm=name.x_mm + 135) for name in half.names)
    assert candidate_layouts(replace(half, names=in_the_middle))[0].score < 4


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "strip"])
@pytest.mark.parametrize("order", ["standard", "cabrera"])
def test_all_names_tell_layout_and_order(layout, order):
    best = candidate_layouts(_page(layout, order))[0]
    assert (best.layout.name, best.order) == (layout, order)
    assert best.column_mm == pytest.approx(250 / LAYOUTS[layout].columns)


def test_edges_of_charts_that_seem_to_be_rows_are_left_out():
    """A chart of its own for each lead ends below its trace."""
    seen = _page("3x4")
    edges = tuple(RowSeen(row.y_mm + 11, 12.0, 278.0) for row in seen.rows)
    foot = RowSeen(130.0, 5.0, 290.0)
    rows = tuple(sorted((*seen.rows, *edges, foot), key=lambda row: row.y_mm))
    best, *others = candidate_layouts(replace(seen, rows=rows))
    near = [one for one in (best, *others) if one.score > best.score - 1]
    assert any((one.layout.name, one.rows) == ("3x4", seen.rows) for one in near)


def test_names_far_below_their_rows_are_theirs():
    seen = _page("3x4", offset=(3.0, 0.0))
    rows = tuple(replace(row, y_mm=40 + 42.0 * k) for k, row in enumerate(seen.rows))
    names = tuple(
        replace(name, y_mm=40 + 42.0 * round((name.y_mm - 40) / 20) + 16.0) for name in seen.names
    )
    best = candidate_layouts(PageSeen(names, rows, ()))[0]
    assert best.layout.name == "3x4"
    assert best.evidence["name_offset_mm"] == pytest.approx([3.0, 16.0])
    assert best.evidence["names_matched"] == sorted(LEADS)


def test_one_false_name_changes_nothing():
    seen = _page("3x4+1")
    wrong = (NameSeen("V6", 60.0, 150.0, 0.9), *seen.names)
    assert candidate_layouts(PageSeen(wrong, seen.rows, ()))[0].layout.name == "3x4+1"


def test_rows_of_which_only_a_part_was_seen_do_not_hide_the_names():
    seen = _page("3x4+1")
    rows = tuple(
        RowSeen(row.y_mm, begin, row.right_mm)
        for row, begin in zip(seen.rows, (99.0, 130.0, 116.0, 21.0), strict=True)
    )
    best = candidate_layouts(replace(seen, rows=rows))[0]
    assert (best.layout.name, best.order) == ("3x4+1", "standard")
    assert best.evidence["names_matched"] == sorted(LEADS)
    assert best.column_mm == pytest.approx(62.5, abs=0.5)


def test_names_without_rows_are_no_page():
    names = tuple(NameSeen(lead, 10.0, 10.0, 1.0) for lead in LEADS)
    with pytest.raises(PageRejected, match="traces"):
        candidate_layouts(PageSeen(names, (), ()))


@pytest.mark.parametrize(
    ("layout", "faint"),
    [("12x1", (1,)), ("12x1", (5, 10)), ("6x2", (1, 2)), ("3x4", (1,)), ("3x4", (2,))],
)
@pytest.mark.parametrize("above_mm", [6.0, -5.0])
def test_faint_rows_are_found_by_their_names(layout, faint, above_mm):
    page = _page(layout, offset=(4.0, -above_mm))
    kept = tuple(row for number, row in enumerate(page.rows) if number not in faint)
    rows = with_named_rows(PageSeen(page.names, kept, ())).rows
    assert [row.y_mm for row in rows] == [row.y_mm for row in page.rows]


def test_false_names_make_no_rows():
    page = _page("3x4+1")
    marks = tuple(NameSeen("I", 24.0 + 62.5 * k, 46.0, 0.9) for k in range(4))
    false = (*marks, NameSeen("V2", 150.0, 160.0, 0.9), NameSeen("V1", 60.0, 5.0, 0.9))
    seen = PageSeen((*page.names, *false), page.rows, ())
    assert with_named_rows(seen) == seen


def test_one_false_name_between_two_rows_makes_none():
    page = _page("3x4+1")
    false = NameSeen("aVF", 149.0, 64.5, 0.9)
    for seen in (page, replace(page, names=page.names[:12])):
        seen = replace(seen, names=(*seen.names, false))
        assert with_named_rows(seen) == seen


def test_names_of_a_part_do_not_stand_for_rows_with_another_between():
    page = _page("12x1")
    gone = PageSeen((), tuple(row for k, row in enumerate(page.rows) if k not in (5, 10)), ())
    whole = PageSeen((), page.rows[:10], ())
    assert candidate_layouts(gone)[0].score < candidate_layouts(whole)[0].score


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "3x4+3", "6x2", "6x2+1", "12x1"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_names_high_above_and_over_the_middle_or_end_of_their_traces(layout, share):
    page = _page(layout)
    shape = LAYOUTS[layout]
    names = tuple(
        NameSeen(
            cell.lead,
            20 + (cell.column + share) * 250 / (1 if cell.is_rhythm else shape.columns) - 2 * share,
            page.rows[cell.row].y_mm - 18.0,
            0.9,
        )
        for cell in shape.printed_leads("standard")
    )
    best = candidate_layouts(PageSeen(names, page.rows, ()))[0]
    assert (best.layout.name, best.order) == (layout, "standard")
    assert best.evidence["names_matched"] == sorted(LEADS)
    assert all(best.rhythm_read)
    assert bool(best.name_edges) == (share == 0)


def test_columns_that_stand_far_apart_keep_their_names():
    names = tuple(
        NameSeen(cell.lead, 24 + cell.column * 74.5, 34 + 20.0 * cell.row, 0.9)
        for cell in LAYOUTS["3x4"].printed_leads("standard")
    )
    rows = tuple(RowSeen(40 + 20.0 * k, 20, 20 + 3 * 74.5 + 62.5) for k in range(3))
    best = candidate_layouts(PageSeen(names, rows, ()))[0]
    assert best.layout.name == "3x4"
    assert best.column_mm == pytest.approx(74.5)
    assert best.evidence["names_matched"] == sorted(LEADS)


@pytest.mark.parametrize("gap", [4.0, 9.0, 12.0])
def test_rows_with_gaps_may_go_on_beyond_their_rhythm_strip(gap):
    apart = 62.5 + gap
    names = [
        NameSeen(cell.lead, 24 + cell.column * apart, 34 + 40.0 * cell.row, 0.9)
        for cell in LAYOUTS["3x4+1"].printed_leads("standard", ("aVF",))
    ]
    # The first row was not seen to its end.
    rights = (228.0, 270 + 3 * gap, 270 + 3 * gap, 272.0)
    rows = tuple(RowSeen(40 + 40.0 * k, 20, right) for k, right in enumerate(rights))
    best = candidate_layouts(PageSeen(tuple(names), rows, ()))[0]
    assert (best.layout.name, best.rhythm_leads) == ("3x4+1", ("aVF",))
    assert best.evidence["names_matched"] == sorted(LEADS)


_CHEST_FIRST = (*LEADS[6:], *LEADS[:6])
_BY_ROWS = tuple(LEADS[3 * row + column] for column in range(3) for row in range(4))


def _other_page(leads, rows, strip):
    """Twelve leads in an order and shape of their own, a rhythm strip below them or none."""
    shape = Layout("other", rows, 12 // rows, int(strip), leads)
    levels = tuple(RowSeen(40 + 20.0 * k, 20, 270) for k in range(shape.total_rows))
    names = tuple(
        NameSeen(
            cell.lead, 24 + cell.column * 250 / shape.columns, levels[cell.row].y_mm - 6.0, 0.9
        )
        for cell in shape.printed_leads()
    )
    return PageSeen(names, levels, ())


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("false_row", [False, True])
@pytest.mark.parametrize(
    ("leads", "rows"), [(_CHEST_FIRST, 6), (_BY_ROWS, 4), (LEADS[::-1], 3), (LEADS, 4)]
)
def test_leads_that_all_have_names_may_stand_in_any_order(leads, rows, strip, false_row):
    page = _other_page(leads, rows, strip)
    if false_row:
        page = replace(page, rows=(RowSeen(22.0, 20, 270), *page.rows))
    best = candidate_layouts(page)[0]
    assert (best.layout.name, best.layout.leads, best.layout.rows) == ("other", leads, rows)
    assert [cell.lead for cell in best.printed_leads(10.0)][:12] == list(leads)
    assert best.rhythm_leads == ("II",) * strip
    assert best.rows[0].y_mm == 40


def test_an_order_of_its_own_needs_every_name():
    page = _other_page(_BY_ROWS, 4, strip=False)
    for gone in range(12):
        fewer = replace(page, names=page.names[:gone] + page.names[gone + 1 :])
        assert candidate_layouts(fewer)[0].layout.name != "other"
    assert all(one.layout.name != "other" for one in candidate_layouts(page, layout="3x4"))


@pytest.mark.parametrize(
    ("right_mm", "y_mm", "kept"), [(282.0, 200.4, 3), (271.0, 200.4, 4), (282.0, 190.0, 4)]
)
def test_the_frame_of_the_grid_is_no_row(right_mm, y_mm, kept):
    rows = tuple(RowSeen(40 + 50.0 * k, 20, 270) for k in range(3))
    assert len(_without_frame((*rows, RowSeen(y_mm, 5, right_mm)), (0.0, 200.0))) == kept
    assert _without_frame(rows[:1], (0.0, 40.0)) == rows[:1]


def test_names_read_surely_are_not_given_up_for_others(monkeypatch):
    page = _other_page(_BY_ROWS, 4, strip=False)
    page = replace(page, names=page.names[:10])
    few = tuple(name for name in page.names if name.lead in ("I", "aVR", "V1", "V4"))
    monkeypatch.setattr(find_page, "search_names", lambda *_: few)
    photo: Any = None
    geometry: Any = None
    looks: Any = SimpleNamespace(see_names=None)
    doubtful = replace(page, names=tuple(replace(name, score=0.45) for name in page.names))
    for seen, names in ((page, 10), (doubtful, 4)):
        _, found = find_page._search_names(photo, geometry, -10.0, seen, looks)
        assert len(found.names) == names


def test_names_may_stand_as_high_as_their_own_traces_need():
    page = _page("3x4+1", "cabrera")
    rows = tuple(RowSeen(40 + 43.0 * k, 20.0, 270.0) for k in range(4))
    heights = dict(
        zip(("V1", "V2", "V3", "V4", "V5", "V6"), (-5, -9, -13, -17, -18, -16), strict=True)
    )
    names = tuple(
        replace(
            name,
            y_mm=name.y_mm + 23.0 * ((name.y_mm + 6 - 40) // 20) + 6 + heights.get(name.lead, -5),
        )
        for name in page.names
    )
    best = candidate_layouts(replace(page, rows=rows, names=names))[0]
    assert (best.layout.name, best.order) == ("3x4+1", "cabrera")
    assert best.evidence["names_matched"] == sorted(LEADS)
    # Those that stand elsewhere than most do not tell where columns begin.
    assert 0 < len(best.name_edges) < len(LEADS)


def _strips(*leads, scores=None):
    rows = tuple(RowSeen(30 + 22.0 * k, 25.0, 275.0) for k in range(len(leads)))
    scores = scores or [0.9] * len(leads)
    names = tuple(
        NameSeen(lead, 22.0, row.y_mm - 15, score)
        for lead, row, score in zip(leads, rows, scores, strict=True)
    )
    return PageSeen(names, rows, ())


@pytest.mark.parametrize("leads", [("I", "II", "III"), ("II", "V1", "V5"), ("V2", "II")])
def test_a_few_rhythm_strips_are_told_by_their_names(leads):
    best = candidate_layouts(_strips(*leads))[0]
    assert best.is_strips
    assert [lead.lead for lead in best.printed_leads(10.0)] == list(leads)
    assert {lead.duration_s for lead in best.printed_leads(10.0)} == {10.0}
    assert best.score == pytest.approx(0.9 * len(leads))


@pytest.mark.parametrize(
    "page",
    [
        _strips("II", "II", "V1"),
        _strips("II", "V1", "V5", scores=[0.9, 0.3, 0.9]),
        replace(_strips("I", "II", "III"), names=_page("3x4").names),
    ],
    ids=["one name twice", "a name in doubt", "names of other columns"],
)
def test_rows_without_a_name_each_at_their_start_are_no_strips(page):
    assert not any(one.is_strips and one.layout.rows > 1 for one in candidate_layouts(page)[:1])
