"""Pages: they fit, and the ink lies where the truth says."""

from dataclasses import replace

import numpy as np
import pytest

from dataset_generation.lead_name_styles import LEAD_NAME_STYLES
from dataset_generation.page import Page
from dataset_generation.page_spec import GridStyle, PageSpec, load_page_preset, sample_page
from dataset_generation.ptb_v_page import ptb_v_page
from ecg.leads import LEADS, einthoven_residual_mv
from ecg.paper import LAYOUTS
from ecg.record import Record
from ecg.simulator import simulate


def plain(spec: PageSpec) -> PageSpec:
    """The page with nothing on it but thin black traces."""
    return replace(
        spec,
        grid=GridStyle(spec.grid.box_mm, major_width_mm=0.0, minor_width_mm=0.0),
        paper_rgb=(255, 255, 255),
        trace_rgb=(0, 0, 0),
        trace_width_mm=0.25,
        pulse="none",
        separator="none",
        texts=(),
        name_dy_mm=-1000.0,
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_columns_and_words_fit_the_page(layout: str) -> None:
    for seed in range(40):
        spec = sample_page(np.random.default_rng(seed), layout)
        shape = LAYOUTS[layout]
        assert len(spec.row_y_mm) == shape.total_rows
        assert len(spec.column_x_mm) == shape.columns
        assert min(spec.row_y_mm) > 0
        assert max(spec.row_y_mm) < spec.height_mm
        assert list(spec.row_y_mm) == sorted(spec.row_y_mm)
        seconds = spec.duration_s / shape.columns
        assert min(spec.column_x_mm) >= 0
        assert max(spec.column_x_mm) + seconds * spec.speed_mm_per_s <= spec.width_mm
        left, top, right, bottom = spec.grid.box_mm
        assert 0 <= left < right <= spec.width_mm
        assert 0 <= top < bottom <= spec.height_mm
        empty = Record(np.full((12, 5000), np.nan, np.float32), 500.0, "empty")
        for word in Page(spec, empty).texts:
            if word.lead is None:
                assert word.box_mm[2] <= spec.width_mm + 1e-9


def test_every_lead_of_the_layout_is_named_and_the_limb_leads_keep_their_identities(
    record: Record,
) -> None:
    for seed in range(6):
        spec = replace(
            sample_page(np.random.default_rng(seed), "12x1"),
            pulse="none",
            rhythm_names=True,
            clip_mv=0.0,
        )
        page = Page(spec, record)
        assert {word.lead for word in page.texts if word.lead} == set(LEADS)
        drawn = np.full((12, record.n_samples), np.nan)
        for row, lead in enumerate(LEADS):
            (trace,) = (t for t in page.traces if t.lead == lead)
            zero = spec.row_y_mm[trace.row]
            shown = (zero - trace.points_mm[:, 1]) / spec.gain_mm_per_mv
            drawn[row, : len(shown)] = trace.sign * shown - spec.offset_mv[row]
        residual = einthoven_residual_mv(drawn)
        assert np.nanmax(np.abs(residual)) < 1e-5


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("usual", "I II III aVR aVL aVF V1"),
        ("capitals", "I II III AVR AVL AVF V1"),
        ("small_r", "I II III aVr aVl aVf V1"),
        ("d_roman", "DI DII DIII aVR aVL aVF V1"),
        ("d_arabic", "D1 D2 D3 aVR aVL aVF V1"),
        ("lead", "I II III aVR aVL aVF V1"),
    ],
)
def test_leads_are_named_as_makers_and_countries_write_them(
    style: str, written: str, record: Record
) -> None:
    sampled = sample_page(np.random.default_rng(3), "3x4")
    spec = replace(sampled, name_style=style, order="standard")
    names = {word.lead: word for word in Page(spec, record).texts if word.lead}
    assert [names[lead].text for lead in LEADS[:7]] == written.split()
    others = [word for word in Page(spec, record).texts if not word.lead]
    before = [word for word in others if word.text == "Lead"]
    assert len(before) == (12 if style == "lead" else 0)
    for word, name in zip(before, names.values(), strict=False):
        assert word.box_mm[2] < name.box_mm[0]
        assert word.box_mm[3] == pytest.approx(name.box_mm[3], abs=0.5 * spec.name_height_mm)


def test_a_preset_draws_the_styles_of_its_shares() -> None:
    styles = {sample_page(np.random.default_rng(seed), "3x4").name_style for seed in range(150)}
    assert styles == set(LEAD_NAME_STYLES)


def test_names_stand_over_the_middle_of_their_traces(record: Record) -> None:
    sampled = sample_page(np.random.default_rng(3), "3x4+1")
    spec = replace(sampled, name_share=0.5, name_dx_mm=0.0, clip_mv=0.0, rhythm_names=True)
    page = Page(spec, record)
    for trace, word in zip(page.traces, (w for w in page.texts if w.lead), strict=True):
        assert word.lead == trace.lead
        middle = (trace.points_mm[0, 0] + trace.points_mm[-1, 0]) / 2
        assert (word.box_mm[0] + word.box_mm[2]) / 2 == pytest.approx(middle, abs=0.1)


def test_every_trace_has_a_grid_of_its_own_and_none_lies_between(record: Record) -> None:
    preset = replace(load_page_preset("papers"), apart=1.0, panels=1.0, pulses={"none": 1.0})
    spec = sample_page(np.random.default_rng(4), "3x4+1", preset)
    assert len(spec.grid.boxes_mm) == 13
    grid = replace(spec.grid, major_width_mm=0.3, minor_width_mm=0.1, frame=False, dotted=False)
    bare = replace(plain(spec), grid=replace(grid, major_dots_mm=0.0), duration_s=0.0)
    empty = Record(np.full((12, 5000), np.nan, np.float32), 500.0, "empty")
    drawn = Page(bare, empty).draw(10.0).min(axis=2)
    first, second = spec.grid.boxes_mm[0], spec.grid.boxes_mm[3]
    assert second[0] - first[2] > 1.0
    row = round((first[1] + 5.0) * 10)
    between = slice(round((first[2] + 0.3) * 10), round((second[0] - 0.3) * 10))
    assert (drawn[row, between] == 255).all()
    assert (drawn[row, round(second[0] * 10) : round((second[0] + 20) * 10)] < 255).all()


@pytest.mark.parametrize("raster", [0.0, 8.0])
def test_rendered_trace_lies_where_the_truth_says(raster: float) -> None:
    scale = 20.0
    record = simulate(np.random.default_rng(0), noise=0.0, heart_rate_bpm=60)
    spec = replace(plain(sample_page(np.random.default_rng(1), "12x1")), raster_per_mm=raster)
    page = Page(spec, record)
    for trace in page.traces[:2] + page.traces[-1:]:
        points = trace.points_mm
        middle, reach = np.median(points[:, 1]), 7.0
        only = Page(spec, only_lead(record, trace.lead))
        left, top = points[0, 0], middle - reach
        image = only.draw(scale, (left, top, points[-1, 0], middle + reach))
        ink = 255.0 - image[..., 0]
        rows = top + np.arange(image.shape[0]) / scale
        seen = (ink * rows[:, None]).sum(0) / np.maximum(ink.sum(0), 1e-9)
        x = left + np.arange(image.shape[1]) / scale
        truth = np.interp(x, points[:, 0], points[:, 1])
        slope = np.abs(np.gradient(truth, x))
        inside = (np.abs(truth - middle) < reach - 1) & (ink.sum(0) > 0)
        inside[:20] = inside[-20:] = False
        flat = inside & (np.convolve(slope, np.ones(21) / 21, "same") < 0.15)
        error_uv = (seen - truth)[flat] / spec.gain_mm_per_mv * 1000
        assert flat.sum() > 300
        assert np.sqrt(np.mean(error_uv**2)) < (5 if raster else 1)
        assert abs(error_uv.mean()) < 3
        steep = inside & (slope > 4)
        if steep.sum() > 20:
            # On a steep flank a shift in time shows as height over slope.
            late_mm = (seen - truth)[steep] / np.gradient(truth, x)[steep]
            late_samples = late_mm / spec.speed_mm_per_s * record.rate_hz
            assert abs(np.median(late_samples)) < 1


def only_lead(record: Record, lead: str) -> Record:
    from ecg.leads import LEAD_INDEX

    signal = np.full_like(record.signal_mv, np.nan)
    signal[LEAD_INDEX[lead]] = record.signal_mv[LEAD_INDEX[lead]]
    return replace(record, signal_mv=signal)


def test_text_boxes_contain_ink_and_the_page_without_words_none(record: Record) -> None:
    scale = 8.0
    blank = Record(np.full((12, 5000), np.nan, np.float32), 500.0, "blank")
    checked = 0
    for seed in range(4):
        sampled = sample_page(np.random.default_rng(seed), "3x4+1")
        spec = replace(
            plain(sampled), texts=sampled.texts, name_dy_mm=sampled.name_dy_mm, raster_per_mm=0.0
        )
        page = Page(spec, blank)
        image = page.draw(scale)
        outside = 255 - image[..., 0]
        for word in page.texts:
            left, top, right, bottom = (round(v * scale) for v in word.box_mm)
            if left < 0 or right >= image.shape[1]:
                continue
            box = np.s_[max(0, top - 2) : bottom + 3, max(0, left - 2) : right + 3]
            assert (image[box][..., 0] < 128).any(), word
            outside[box] = 0
            checked += 1
        assert not outside.any()
    assert checked > 40


def test_a_record_with_missing_leads_is_drawn(record: Record) -> None:
    for seed in range(12):
        spec = replace(sample_page(np.random.default_rng(seed), "3x4+1"), pulse="end")
        page = Page(spec, only_lead(record, "II"))
        assert page.draw(2.0).shape[2] == 3
        assert len(page.pulses) >= 1


def test_ptb_v_preset_shows_the_first_1800_ms_of_every_lead_after_a_pulse(record: Record) -> None:
    page = Page(ptb_v_page(), record)
    assert len(page.traces) == len(page.pulses) == 12
    for trace in page.traces:
        np.testing.assert_array_equal(trace.signal_mv, record.lead(trace.lead)[:900])
    assert page.pulses[0][0, 0] == pytest.approx(0.0, abs=1e-9)
    assert page.spec.column_x_mm[0] == 9.0
