"""What was read, given back: the same signal; mended, the mended one."""

from dataclasses import replace

import numpy as np
import pytest

from digitization.find_page import turn_geometry
from digitization.given import GivenPage, see_given, settle, turns_of
from digitization.page_seen import PageSeen
from digitization.trace_mask import draw_trace_mask, read_trace_mask
from ecg.leads import LEAD_INDEX
from ecg.page_geometry import PageGeometry
from ecg.page_parts import LeadBox, PageParts, PagePartsError, Row, parse_page_parts
from ecg.reading import PageRejected
from tests.digitization.perfect_looks import photograph, read_perfectly


@pytest.fixture(scope="module")
def page():
    """A photo of a page and what was read of it; written and parsed, as a person gives it."""
    with pytest.MonkeyPatch.context() as patch:
        photo = photograph("3x4+1", "photo", 2)
        reading = read_perfectly(photo, patch)
    return photo, reading, parse_page_parts(reading.page.model_dump_json(exclude_none=True))


def again(page, monkeypatch, parts, mask=None):
    return read_perfectly(page[0], monkeypatch, given=GivenPage(parts, mask))


def some(parts, *names):
    return PageParts(**{name: getattr(parts, name) for name in names})


def assert_same(reading, other, atol_mv):
    np.testing.assert_allclose(reading.signal_mv, other.signal_mv, atol=atol_mv, equal_nan=True)


def test_all_given_back_is_the_same_signal(page, monkeypatch):
    _, reading, parts = page
    back = again(page, monkeypatch, parts)
    finite = np.isfinite(reading.signal_mv)
    assert (finite == np.isfinite(back.signal_mv)).mean() > 0.9995
    both = finite & np.isfinite(back.signal_mv)
    difference = np.abs(back.signal_mv - reading.signal_mv)[both]
    assert np.quantile(difference, 0.99) < 0.002
    assert (back.layout, back.gain_mm_per_mv) == (reading.layout, reading.gain_mm_per_mv)
    given = {step.stage: step.source for step in back.steps}
    assert given["page geometry"] == given["layout look"] == "given"
    assert given["trace look"] == "network"
    assert {step.source for step in reading.steps} == {"network"}


def test_swapped_names_swap_the_leads(page, monkeypatch):
    _, reading, parts = page
    swapped = {"V1": "V2", "V2": "V1"}
    leads = tuple(
        one.model_copy(update={"lead": swapped.get(one.lead, one.lead)}) for one in parts.leads
    )
    # V1 and V2 stand in one column, so each takes the other's place.
    back = again(page, monkeypatch, parts.model_copy(update={"leads": leads}))
    for name, other in swapped.items():
        one, two = reading.signal_mv[LEAD_INDEX[name]], back.signal_mv[LEAD_INDEX[other]]
        both = np.isfinite(one) & np.isfinite(two)
        assert both.sum() > 1000
        assert np.abs(one - two)[both].max() < 0.02


def test_one_lead_alone(page, monkeypatch):
    _, reading, parts = page
    (v3,) = [one for one in parts.leads if one.lead == "V3"]
    given = some(parts, "points", "rows", "pulses", "speed_mm_per_s", "gain_mm_per_mv")
    back = again(page, monkeypatch, given.model_copy(update={"leads": (v3,)}))
    assert back.layout == "strip"
    assert np.isfinite(back.signal_mv).any(axis=1).nonzero()[0].tolist() == [LEAD_INDEX["V3"]]
    one, two = (r.signal_mv[LEAD_INDEX["V3"]] for r in (reading, back))
    length = len(two)
    both = np.isfinite(one[:length]) & np.isfinite(two)
    assert both.sum() > 1000
    assert np.abs(one[:length] - two)[both].max() < 0.02


def test_pulses_that_a_person_deleted_are_not_searched_for_again(page, monkeypatch):
    import digitization.read_page as reader

    def never(*_):
        raise AssertionError("pulses were searched for")

    _, _, parts = page
    monkeypatch.setattr(reader, "search_pulses", never)
    given = some(parts, "points", "rows", "names", "speed_mm_per_s")
    back = again(page, monkeypatch, given.model_copy(update={"pulses": ()}))
    assert back.evidence["calibration"]["gain"] == "usual"


def test_leads_alone_need_no_layout_look(page, monkeypatch):
    _, reading, parts = page
    # A hand draws them a little off: rows are settled where their traces are.
    leads = []
    for one in parts.leads:
        corners = np.array(one.box)
        down = corners[3] - corners[0]
        lower = corners + 9 * down / np.linalg.norm(down)
        leads.append(one.model_copy(update={"box": tuple(map(tuple, lower.tolist()))}))
    back = again(page, monkeypatch, PageParts(leads=tuple(leads)))
    assert back.layout == "3x4+1"
    assert {s.stage: s.source for s in back.steps}["layout look"] == "given"
    levels = [np.median([p[1] for p in (row.left, row.right)]) for row in back.page.rows]
    expected = [np.median([p[1] for p in (row.left, row.right)]) for row in parts.rows]
    np.testing.assert_allclose(levels, expected, atol=6)
    for a, b in zip(reading.signal_mv, back.signal_mv, strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        assert both.mean() > 0.9 * np.isfinite(a).mean()
        assert np.corrcoef(a[both], b[both])[0, 1] > 0.995


def test_given_speed_and_order_are_taken(page, monkeypatch):
    _, reading, parts = page
    fast = some(parts, "points", "rows", "names", "pulses").model_copy(
        update={"speed_mm_per_s": 50.0, "layout": "3x4+1"}
    )
    back = again(page, monkeypatch, fast)
    assert back.speed_mm_per_s == 50.0
    assert back.signal_mv.shape[1] == pytest.approx(reading.signal_mv.shape[1] / 2, abs=2)


def test_options_outweigh_the_page(page, monkeypatch):
    photo, reading, parts = page
    back = read_perfectly(photo, monkeypatch, given=GivenPage(parts), gain_mm_per_mv=20.0)
    assert back.gain_mm_per_mv == 20.0
    both = np.isfinite(back.signal_mv) & np.isfinite(reading.signal_mv)
    np.testing.assert_allclose(2 * back.signal_mv[both], reading.signal_mv[both], atol=0.02)


def test_a_box_on_no_row_is_one_sentence(page, monkeypatch):
    parts = page[2]
    lead = parts.leads[0]
    moved = lead.model_copy(update={"box": tuple((x, y / 20 + 5) for x, y in lead.box)})
    with pytest.raises(PagePartsError, match=r"leads\[0\] \(I\): its box lies on none"):
        again(page, monkeypatch, parts.model_copy(update={"leads": (moved, *parts.leads[1:])}))


def test_parts_of_another_photo_are_refused(page, monkeypatch):
    parts = page[2].model_copy(update={"photo_size": (10, 10)})
    with pytest.raises(PagePartsError, match="10 x 10 pixels"):
        again(page, monkeypatch, parts)
    with pytest.raises(PagePartsError, match="mask: it has 7 x 5 pixels"):
        again(page, monkeypatch, PageParts(), np.zeros((5, 7), np.uint8))
    with pytest.raises(PagePartsError, match="not opened"):
        again(page, monkeypatch, PageParts(mask="mask.png"))


def test_a_drawn_mask_reads_as_what_was_drawn(page, monkeypatch):
    photo, reading, parts = page
    scale = reading.geometry.pixels_per_mm()
    mask = draw_trace_mask(reading.traces, photo.spec.camera.photo_size, scale)
    back = again(page, monkeypatch, parts, mask)
    assert {step.stage: step.source for step in back.steps}["trace look"] == "given"
    for a, b in zip(reading.signal_mv, back.signal_mv, strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        assert both.mean() > 0.98 * np.isfinite(a).mean()
        # A line of one pixel is 0.25 mm wide here, 10 ms.
        assert np.corrcoef(a[both], b[both])[0, 1] > 0.97
        assert np.ptp(b[both]) == pytest.approx(np.ptp(a[both]), rel=0.1, abs=0.08)


def test_what_was_rubbed_out_is_not_read(page, monkeypatch):
    photo, reading, parts = page
    mask = draw_trace_mask(
        reading.traces, photo.spec.camera.photo_size, reading.geometry.pixels_per_mm()
    )
    (box,) = [one.box for one in parts.leads if one.lead == "V2"]
    (left, top), (right, bottom) = np.min(box, axis=0), np.max(box, axis=0)
    mask[int(top) : int(bottom), int(left + 0.25 * (right - left)) : int(right)] = 0
    back = again(page, monkeypatch, parts, mask)
    lost = np.isfinite(back.signal_mv[LEAD_INDEX["V2"]]).sum()
    assert lost < 0.4 * np.isfinite(reading.signal_mv[LEAD_INDEX["V2"]]).sum()


def test_an_empty_mask_is_rejected(page, monkeypatch):
    photo, _, parts = page
    width, height = photo.spec.camera.photo_size
    with pytest.raises(PageRejected):
        again(page, monkeypatch, parts, np.zeros((height, width), np.uint8))


def test_rows_that_cross_in_a_mask_are_followed_apart():
    x, y = np.meshgrid(np.arange(61.0), np.arange(31.0))
    geometry = PageGeometry(np.stack([x, y], axis=-1) * 5 * 8, 5.0)
    at = np.arange(10, 240, 1 / 12)
    wave = 24.0 * np.exp(-(((at - 120) / 4) ** 2))
    levels = {40.0: 40 + wave, 58.0: np.full_like(at, 58.0)}
    mask = np.zeros((1200, 2400), np.uint8)
    import cv2

    for heights in levels.values():
        points = np.rint(np.stack([at, heights], axis=-1) * 8 * 16).astype(np.int32)
        cv2.polylines(mask, [points[:, None]], False, 255, 3, cv2.LINE_AA, 4)
    rows = tuple(Row(left=(10 * 8, level * 8), right=(240 * 8, level * 8)) for level in levels)
    seen = see_given(PageParts(rows=rows), geometry)
    traces = read_trace_mask(mask, geometry, seen.rows)
    for row, heights in zip(seen.rows, levels.values(), strict=True):
        trace = traces[row]
        read = np.interp(at, trace.x_mm, trace.y_mm)
        assert np.nanmedian(np.abs(read - heights)) < 0.05
        assert (np.abs(read - heights) < 1.0).mean() > 0.95


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_boxes_tell_which_way_is_up(turns):
    x, y = np.meshgrid(np.arange(30.0), np.arange(20.0))
    geometry = PageGeometry(np.stack([x, y], axis=-1) * 20, 5.0)
    upright = turn_geometry(geometry, turns)
    box_mm = np.array([[20, 20], [60, 20], [60, 40], [20, 40]], float)
    box = upright.photo_from_page(box_mm).tolist()
    parts = PageParts(leads=(LeadBox.model_validate({"lead": "I", "box": box}),))
    assert turns_of(parts, geometry) == turns


def test_settling_stays_near_the_box():
    from digitization.page_seen import RowSeen
    from digitization.traces import clean_heights

    x = np.arange(0, 100, 0.125)
    here = np.ones(len(x), np.float32)
    row = RowSeen(50.0, 10.0, 90.0)
    near = settle(PageSeen((), (row,), ()), {row: clean_heights(x, x * 0 + 53, here, here)})
    far = settle(PageSeen((), (row,), ()), {row: clean_heights(x, x * 0 + 90, here, here)})
    assert near.rows[0] == replace(row, y_mm=53.0)
    assert far.rows[0].y_mm < 60
