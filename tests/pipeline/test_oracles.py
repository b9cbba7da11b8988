"""Oracles of the error budget: with every stage perfect, next to nothing is lost."""

from typing import Any, cast

import numpy as np

from digitization.given import GivenPage
from digitization.read_page import ReadOptions, read_page
from ecg.leads import LEADS
from ecg.simulator import simulate
from pipeline.benchmark.cases import make_photo, parse_case
from pipeline.benchmark.oracles import PerfectTraceLook, millimetre_picture, true_parts
from pipeline.benchmark.pages import score, truth_of


def _photo(case="3x4/clean/100dpi"):
    return make_photo(simulate(np.random.default_rng(1)), parse_case(case), 0)


def test_all_stages_perfect_leave_next_to_no_error():
    photo = _photo()
    parts = true_parts(photo).model_copy(update={"corners": None})
    picture = cast("Any", millimetre_picture(photo))
    options = ReadOptions(min_quality=0.0, given=GivenPage(parts))
    reading = read_page(picture, cast("Any", PerfectTraceLook(photo)), options)
    page = score("1", truth_of(photo), reading)
    assert page.figures.layout_right
    assert page.figures.leads_found == 12
    assert page.figures.wrong_names == ()
    assert page.snr_db > 28


def test_the_picture_tells_the_millimetres_of_its_pixels():
    photo = _photo("3x4/scan/100dpi")
    picture = millimetre_picture(photo)
    at = np.array([[40.0, 30.0], [100.0, 60.0]])
    for place, (x, y) in zip(at, photo.camera.photo_from_page(at).round().astype(int), strict=True):
        np.testing.assert_allclose(picture[y, x, :2], place, atol=0.2)
        assert picture[y, x, 2] == 1


def test_true_parts_name_every_lead_where_it_is_printed():
    photo = _photo()
    parts = true_parts(photo)
    assert parts.leads is not None
    assert {lead.lead for lead in parts.leads} == set(LEADS)
    assert parts.layout == "3x4"
    assert parts.rows is not None
    assert len(parts.rows) == 3
    trace = photo.page.traces[0]
    box = np.array(next(lead.box for lead in parts.leads if lead.lead == trace.lead))
    ends = photo.camera.photo_from_page(trace.points_mm[[0, -1]])
    np.testing.assert_allclose(box[:2, 0], ends[:, 0], atol=1.0)
