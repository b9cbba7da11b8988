"""A flat page without a grid is read by its pulses, or by the size of its paper."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dataset_generation.page import Page
from dataset_generation.page_spec import PageSpec
from dataset_generation.photo import Photo, sample_photo
from digitization.flat import flat_geometry
from digitization.no_grid import TEN_SECONDS, _higher_half
from digitization.page_seen import PulseSeen
from digitization.pulses import PulseMeasured
from digitization.read_page import read_page
from ecg.leads import LEAD_INDEX
from ecg.reading import PageRejected, Reading
from ecg.simulator import simulate
from pipeline.benchmark.cases import Variant, usual_page

_MM_PER_INCH = 25.4


def blank_page(layout: str, pulse: str, seed: int) -> Page:
    """A page of a simulated record without a grid."""
    rng = np.random.default_rng(seed)
    record = simulate(rng)
    spec = usual_page(rng, layout, Variant(pulse=pulse))
    blank = replace(spec.grid, major_width_mm=0.0, minor_width_mm=0.0, frame=False, panels_mm=())
    return Page(replace(spec, grid=blank), record)


def picture_of(page: Page, dpi: float) -> np.ndarray:
    size_mm = (page.spec.width_mm, page.spec.height_mm)
    rng = np.random.default_rng(0)
    return Photo(page, sample_photo(rng, size_mm, "clean", dpi / _MM_PER_INCH)).take()


def read(picture: np.ndarray) -> Reading:
    from segmentation.looks import Looks

    return read_page(picture, Looks.load())


def assert_read(reading: Reading, page: Page) -> None:
    """The whole strip is there, in time and of its height."""
    row = LEAD_INDEX[page.spec.rhythm_leads[0]]
    truth = page.record.signal_mv[row]
    seen = np.isfinite(reading.signal_mv[row])
    seen &= np.arange(len(seen)) < len(truth)
    assert seen.mean() > 0.9
    there = np.flatnonzero(seen)
    assert np.corrcoef(truth[there], reading.signal_mv[row, there])[0, 1] > 0.95
    slope = np.polyfit(truth[there], reading.signal_mv[row, there], 1)[0]
    assert slope == pytest.approx(1, abs=0.06)


def test_a_tilted_flat_page_is_turned_about_the_middle_of_its_picture():
    straight = flat_geometry((2000, 1000), 0.1)
    tilted = flat_geometry((2000, 1000), 0.1, 5.0)
    middle = np.array([[100.0, 50.0]])
    np.testing.assert_allclose(
        straight.photo_from_page(middle), tilted.photo_from_page(middle), atol=1e-6
    )
    (right,) = tilted.photo_from_page(middle + (40.0, 0.0)) - tilted.photo_from_page(middle)
    turn = np.deg2rad(5.0)
    np.testing.assert_allclose(right, [400 * np.cos(turn), 400 * np.sin(turn)], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("tilt", [0.0, 1.5])
def test_a_page_without_a_grid_is_read_by_its_pulses(tilt):
    page = blank_page("3x4+1", "start", 10)
    picture = picture_of(page, 150)
    if tilt:
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -tilt, 1.0)
        picture = np.asarray(
            cv2.warpAffine(picture, turn, (width, height), borderValue=page.spec.paper_rgb),
            np.uint8,
        )
    reading = read(picture)
    scale = reading.evidence["scale"]
    assert scale["source"] == "calibration pulse"
    assert scale["dots_per_inch"] == 150
    assert scale["tilt_degrees"] == pytest.approx(tilt, abs=0.25)
    assert_read(reading, page)


@pytest.mark.slow
def test_a_page_without_a_grid_of_any_scale_is_read_by_the_length_of_its_rows():
    page = blank_page("3x4+1", "start", 10)
    picture = picture_of(page, 173)
    reading = read(picture)
    scale = reading.evidence["scale"]
    assert scale["dots_per_inch"] is None
    assert scale["mm_per_px"] == pytest.approx(page.spec.width_mm / picture.shape[1], rel=0.003)
    assert_read(reading, page)


@pytest.mark.slow
def test_a_page_without_grid_and_pulse_asks_for_its_scale_unless_its_paper_tells():
    page = blank_page("3x4+1", "none", 2)
    page = Page(replace(page.spec, texts=()), page.record)
    picture = picture_of(page, 173)
    with pytest.raises(PageRejected, match=r"no grid, no calibration pulse.*--mm-per-px"):
        read(picture)
    wide = 11 * 150  # inches of a letter
    assert picture_of(page, 150).shape[1] == wide
    reading = read(picture_of(page, 150))
    assert reading.evidence["scale"]["source"] == "size of the paper"
    assert reading.evidence["scale"]["dots_per_inch"] == 150
    assert_read(reading, page)


def _seed_where(
    fits: Callable[[PageSpec], bool], layout: str = "3x4+1", pulse: str = "none"
) -> int:
    return next(seed for seed in range(1000) if fits(blank_page(layout, pulse, seed).spec))


@pytest.mark.slow
def test_a_page_that_says_25_mm_per_s_shows_ten_seconds_but_that_leaves_a_doubt():
    def says_all(spec):
        text = " ".join(text.text.lower() for text in spec.texts)
        return "25 mm/s" in text and "10 mm/mv" in text and np.diff(spec.column_x_mm)[0] == 62.5

    page = blank_page("3x4+1", "none", _seed_where(says_all))
    picture = picture_of(page, 173)
    reading = read(picture)
    scale = reading.evidence["scale"]
    assert scale["source"] == TEN_SECONDS
    assert scale["mm_per_px"] == pytest.approx(page.spec.width_mm / picture.shape[1], rel=0.004)
    assert reading.quality <= 0.7
    assert_read(reading, page)


@pytest.mark.slow
def test_rows_with_gaps_between_their_columns_are_longer_than_ten_seconds():
    def has_gaps(spec):
        return 63.3 < np.diff(spec.column_x_mm)[0] < 65.0

    page = blank_page("3x4+1", "start", _seed_where(has_gaps, pulse="start"))
    picture = picture_of(page, 173)
    scale = read(picture).evidence["scale"]
    assert scale["mm_per_px"] == pytest.approx(page.spec.width_mm / picture.shape[1], rel=0.004)


def test_pulses_of_the_limb_leads_count_where_those_of_the_chest_leads_are_half_as_high():
    def pulses(*heights_mm):
        return [
            (PulseSeen(10.0, 30.0 + 14 * k - mm, 15.0, 30.0 + 14 * k), PulseMeasured(5.0, mm))
            for k, mm in enumerate(heights_mm)
        ]

    twelve = pulses(*[9.8] * 6, *[4.9] * 6)
    assert _higher_half(twelve[::-1]) == twelve[:6]
    assert _higher_half(pulses(*[9.8] * 12)) == []
    assert _higher_half(twelve[:6]) == []
    assert _higher_half([]) == []
