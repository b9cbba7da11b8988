"""With perfect looks, the reader itself loses almost nothing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dataset_generation.page import Page
from dataset_generation.photo import Photo
from digitization.given import GivenPage
from ecg.leads import LEAD_INDEX, LEADS
from ecg.metrics.page import score_page
from ecg.paper import LAYOUTS, Layout
from ecg.reading import PageRejected
from pipeline.benchmark.pages import truth_of
from tests.digitization.perfect_looks import PerfectLooks, photograph, read_perfectly


@pytest.mark.parametrize(
    ("layout", "strength", "seed"),
    [
        ("3x4+1", "clean", 1),
        ("3x4", "photo", 2),
        ("3x4+3", "photo", 3),
        ("6x2", "hard_photo", 4),
        ("6x2+1", "photo", 5),
        ("12x1", "photo", 6),
    ],
)
def test_every_layout_is_read_with_its_leads_in_place(layout, strength, seed, monkeypatch):
    photo = photograph(layout, strength, seed)
    reading = read_perfectly(photo, monkeypatch)
    assert reading.layout == layout
    truth = truth_of(photo).printed_mv
    score = score_page(truth, reading.signal_mv, 500.0)
    assert score.leads_found_percent == 100
    # A small lead on folded paper loses most.
    least = 0.85 if strength == "hard_photo" else 0.9
    assert min(lead.pearson for lead in score.leads) > least
    assert score.challenge_snr_db > 15


def test_leads_in_an_order_of_their_own_are_read_by_their_names(monkeypatch):
    chest_first = Layout("6x2", 6, 2, leads=(*LEADS[6:], *LEADS[:6]))
    with monkeypatch.context() as printer:
        printer.setitem(LAYOUTS, "6x2", chest_first)
        photo = photograph("6x2", "photo", 5)
        truth = truth_of(photo).printed_mv
        assert photo.page.traces[0].lead == "V1"
        assert photo.page.texts
    reading = read_perfectly(photo, monkeypatch)
    assert reading.layout == "other"
    assert np.isfinite(reading.signal_mv[LEAD_INDEX["V1"], 100])
    assert np.isnan(reading.signal_mv[LEAD_INDEX["I"], 100])
    score = score_page(truth, reading.signal_mv, 500.0)
    assert score.leads_found_percent == 100
    assert score.challenge_snr_db > 15
    # What was found can be given back, mended or not.
    again = read_perfectly(photo, monkeypatch, given=GivenPage(reading.page))
    assert again.layout == "other"
    assert score_page(truth, again.signal_mv, 500.0).challenge_snr_db > 15


@pytest.mark.parametrize(("layout", "seconds"), [("3x4", 2.5), ("3x4+1", 10), ("6x2", 5)])
def test_columns_that_show_the_same_seconds_are_put_at_the_same_time(layout, seconds, monkeypatch):
    photo = photograph(layout, "photo", 11, same_seconds=True)
    reading = read_perfectly(photo, monkeypatch)
    assert reading.layout == layout
    assert reading.evidence["layout"]["columns_show"] == "the same seconds"
    assert reading.signal_mv.shape[1] == pytest.approx(500 * seconds, abs=5)
    truth = truth_of(photo).printed_mv
    score = score_page(truth[:, : reading.signal_mv.shape[1]], reading.signal_mv, 500.0)
    assert score.leads_found_percent == 100
    assert score.challenge_snr_db > 15
    assert {trace.start_s for trace in reading.traces} == {0.0}
    again = read_perfectly(photo, monkeypatch, given=GivenPage(reading.page))
    assert again.signal_mv.shape == reading.signal_mv.shape


def test_unprinted_seconds_stay_unmeasured(monkeypatch):
    photo = photograph("3x4", "clean", 7)
    reading = read_perfectly(photo, monkeypatch)
    v1 = np.flatnonzero(np.isfinite(reading.signal_mv[LEAD_INDEX["V1"]])) / 500
    assert v1.min() > 4.9
    assert v1.max() < 7.6
    assert (reading.confidence[~np.isfinite(reading.signal_mv)] == 0).all()


def test_specks_are_no_lead(monkeypatch):
    photo = photograph("3x4", "clean", 7)
    page = photo.page
    v5 = next(trace for trace in page.traces if trace.lead == "V5")
    keep = np.arange(len(v5.points_mm)) < 0.1 * len(v5.points_mm)
    specks = replace(v5, points_mm=np.where(keep[:, None], v5.points_mm, np.nan))
    seen = PerfectLooks.read_row

    def read_row(self, picture, geometry, row, looks):
        trace = seen(self, picture, geometry, row, looks)
        middle = np.nanmedian(specks.points_mm, axis=0)
        if abs(row.y_mm - middle[1]) > 8:
            return trace
        lost = trace.x_mm > np.nanmax(specks.points_mm[:, 0])
        return replace(trace, y_mm=np.where(lost, np.nan, trace.y_mm))

    monkeypatch.setattr(PerfectLooks, "read_row", read_row)
    reading = read_perfectly(photo, monkeypatch)
    assert np.isnan(reading.signal_mv[LEAD_INDEX["V5"]]).all()
    assert "V5" not in {trace.lead for trace in reading.traces}
    assert np.isfinite(reading.signal_mv[LEAD_INDEX["V2"]]).any()


def test_an_upside_down_page_is_turned(monkeypatch):
    photo = photograph("3x4+1", "photo", 8)
    camera = replace(photo.spec.camera, rotation_deg=photo.spec.camera.rotation_deg + 180)
    turned = type(photo)(photo.page, replace(photo.spec, camera=camera))
    reading = read_perfectly(turned, monkeypatch)
    assert reading.evidence["quarter_turns"] == 2
    score = score_page(truth_of(photo).printed_mv, reading.signal_mv, 500.0)
    assert score.leads_found_percent == 100


def test_a_given_gain_overrules_the_pulse(monkeypatch):
    photo = photograph("3x4+1", "clean", 1)
    usual = read_perfectly(photo, monkeypatch)
    double = read_perfectly(photo, monkeypatch, gain_mm_per_mv=20.0)
    finite = np.isfinite(usual.signal_mv) & np.isfinite(double.signal_mv)
    np.testing.assert_allclose(double.signal_mv[finite] * 2, usual.signal_mv[finite], atol=1e-4)


def test_tiny_pictures_are_refused(monkeypatch):
    from digitization.read_page import read_page

    with pytest.raises(PageRejected, match="pixels"):
        read_page(np.zeros((1, 1, 3), np.uint8), None)  # type: ignore[arg-type]


def without_names(photo: Photo) -> Photo:
    spec = replace(photo.page.spec, name_dx_mm=-500.0)
    return Photo(Page(spec, photo.page.record), photo.spec)


def test_a_page_without_names_is_read_where_all_that_it_says_twice_agrees(monkeypatch):
    photo = photograph("3x4+1", "photo", 10)
    reading = read_perfectly(without_names(photo), monkeypatch)
    assert reading.evidence["layout"]["names_matched"] == []
    score = score_page(truth_of(photo).printed_mv, reading.signal_mv, 500.0)
    assert score.leads_found_percent == 100
    assert min(lead.pearson for lead in score.leads) > 0.9


@pytest.mark.parametrize(("layout", "seed"), [("3x4", 2), ("3x4+1", 9)])  # 9: in Cabrera's order
def test_a_page_without_names_that_says_less_is_refused(layout, seed, monkeypatch):
    with pytest.raises(PageRejected, match="lead names"):
        read_perfectly(without_names(photograph(layout, "photo", seed)), monkeypatch)


def _composed(found: Any, support: float, checks: tuple[float, float, float]) -> Any:
    """A page as it is put together, all of it read, with what its leads say of each other."""
    from digitization.quality import Agreement

    return SimpleNamespace(
        agreement=Agreement(1.0, 1.0, *checks),
        found=found,
        flat_rows=0,
        support=support,
        quality=0.8,
    )


@pytest.mark.parametrize(
    ("names", "goldberger", "refused"), [(2.0, 0.2, True), (2.0, 0.9, False), (8.0, 0.2, False)]
)
def test_few_names_and_augmented_leads_that_do_not_fit_are_refused(names, goldberger, refused):
    from digitization.read_page import ReadOptions, _refuse

    found = SimpleNamespace(score=names, layout=LAYOUTS["3x4+1"], is_strips=False)
    page = _composed(found, 5.0, (1.0, goldberger, 1.0))
    if not refused:
        _refuse(page, ReadOptions())
        return
    with pytest.raises(PageRejected, match="augmented leads do not agree"):
        _refuse(page, ReadOptions())
    _refuse(page, ReadOptions(layout="3x4+1"))


@pytest.mark.parametrize(
    ("rows", "support", "refused"), [(1, 0.85, False), (3, 2.5, False), (3, 2.2, True)]
)
def test_of_rhythm_strips_alone_each_needs_its_name(rows, support, refused):
    from digitization.read_page import ReadOptions, _refuse

    layout = Layout("other" if rows > 1 else "strip", rows, 1)
    found = SimpleNamespace(score=support, layout=layout, is_strips=True)
    page = _composed(found, support, (float("nan"),) * 3)
    if not refused:
        _refuse(page, ReadOptions())
        return
    with pytest.raises(PageRejected, match="lead names"):
        _refuse(page, ReadOptions())


def test_of_two_layouts_alike_the_one_whose_leads_were_read_is_better():
    from digitization.composition import Composition

    def merit(read: list[str]) -> float:
        printed = LAYOUTS["6x2+1"].printed_leads("cabrera", ("II",), 10.0)
        page: Any = SimpleNamespace(support=15.0, printed=printed, starts=dict.fromkeys(read, 0.0))
        return float(cast("property", Composition.merit).fget(page))  # type: ignore[misc]

    assert merit(list(LEADS)) == 15.0
    assert merit([lead for lead in LEADS if lead != "aVL"]) < 15.0 - 0.5
