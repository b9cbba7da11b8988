"""Benchmarks count failures, and keep what was read apart from what another reader read."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ecg.leads import LEADS
from ecg.reading import PageRejected
from ecg.simulator import simulate
from pipeline.benchmark.cases import (
    PAGE_CASES,
    VARIANTS,
    make_photo,
    parse_case,
    shown_part,
)
from pipeline.benchmark.digitization import wanted_cases
from pipeline.benchmark.page_figures import overall_figures, page_figures
from pipeline.benchmark.pages import (
    judge,
    load_read_page,
    reader_digest,
    readings_folder,
    save_read_page,
    truth_of,
)
from pipeline.benchmark.speed import speed_figures
from pipeline.benchmark.stages import TimedLooks
from pipeline.options import BenchmarkOptions

PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def truth():
    record = simulate(np.random.default_rng(0))
    return truth_of(make_photo(record, parse_case("3x4+1/clean"), 0))


def _reading(signal, quality=0.9, traces=()):
    return SimpleNamespace(
        signal_mv=signal,
        layout="3x4+1",
        quality=quality,
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        traces=traces,
    )


def _read(truth, noise_mv=1e-4, quality=0.9, order=range(12)):
    printed = truth.printed_mv
    noise = np.random.default_rng(1).normal(0, noise_mv, printed.shape).astype(np.float32)
    names = {LEADS[shown]: lead for lead, shown in zip(LEADS, order, strict=True)}
    traces = [SimpleNamespace(lead=names[lead], photo_points=line) for lead, line in truth.traces]
    reading = _reading((printed + noise)[list(order)], quality, traces)
    return judge("1", truth, lambda _: reading, PICTURE)


def _rejected(truth):
    def refuse(_):
        raise PageRejected("No ECG grid was found.", "grid")

    return judge("2", truth, refuse, PICTURE)


def test_a_good_reading_and_a_rejection(truth):
    good, rejected = _read(truth), _rejected(truth)
    assert good.figures.leads_found == good.figures.leads_printed == 12
    assert np.nanmin(good.lead_snr_db) > 40
    assert good.figures.layout_right
    assert good.figures.scale_right
    assert good.figures.wrong_names == ()
    assert good.figures.time_error < 1e-4
    assert good.figures.amplitude_error < 1e-3
    assert rejected.status == "rejected"
    assert rejected.figures.reason == "No ECG grid was found."
    assert np.nanmax(np.abs(rejected.lead_snr_db)) == 0
    assert not rejected.figures.layout_right


def test_leads_under_a_wrong_name_are_told(truth):
    order = [0, 1, 2, 3, 4, 5, 6, 9, 8, 7, 10, 11]  # V2 and V4 changed places
    shown = _read(truth, order=order).figures
    assert shown.wrong_names == ("V2", "V4")
    figures = {one.metric: one.value for one in page_figures("c", [_read(truth, order=order)], "")}
    assert figures["leads_wrong_name"] == 2
    assert figures["pages_wrong_name_percent"] == 100


def test_a_lead_upside_down_is_none_of_that_name(truth):
    upside_down = truth.printed_mv.copy()
    upside_down[LEADS.index("aVR")] *= -1
    traces = [SimpleNamespace(lead=lead, photo_points=line) for lead, line in truth.traces]
    shown = judge("1", truth, lambda _: _reading(upside_down, traces=traces), PICTURE)
    assert shown.figures.wrong_names == ("aVR",)


def test_where_places_are_not_known_names_are_told_by_shape(truth):
    order = [1, 0, *range(2, 12)]
    assert _read(replace(truth, traces=()), order=order).figures.wrong_names == ("I", "II")


def test_pages_that_failed_count_in_every_mean(truth):
    figures = {
        figure.metric: figure.value
        for figure in page_figures("case", [_read(truth), _rejected(truth)], "simulated")
    }
    assert figures["leads_found_percent"] == 50
    assert figures["pages_read_percent"] == 50
    assert figures["pearson"] == pytest.approx(0.5, abs=0.01)
    # Errors of scale are those of what was read.
    assert figures["amplitude_error_percent"] < 0.1


def test_quality_is_ranked_against_the_true_error(truth):
    pages = [_read(truth, noise, 1 - noise) for noise in (0.01, 0.02, 0.05, 0.1)]
    figures = overall_figures("case", [*pages, _rejected(truth)], "simulated")
    found = {figure.metric: figure for figure in figures}
    assert found["spearman_quality_snr"].value == pytest.approx(1.0)
    assert found["spearman_quality_snr"].n == 4
    assert found["pages_read_percent"].value == 80


def test_wrong_names_are_counted_over_all_pages(truth):
    swapped = [1, 0, *range(2, 12)]
    figures = overall_figures("case", [_read(truth), _read(truth, order=swapped)], "simulated")
    found = {figure.metric: figure.value for figure in figures}
    assert found["leads_wrong_name"] == 2
    assert found["leads_wrong_name_percent"] == pytest.approx(100 * 2 / 24)


def test_what_was_read_is_kept(truth, tmp_path):
    page = _read(truth)
    path = tmp_path / "1.npz"
    save_read_page(path, page)
    again = load_read_page(path)
    np.testing.assert_allclose(again.signal_mv, page.signal_mv, atol=0.001)
    np.testing.assert_array_equal(again.lead_snr_db, page.lead_snr_db)
    assert again.figures == page.figures


def test_readings_are_kept_by_reader(tmp_path):
    assert reader_digest() == reader_digest()
    assert len(reader_digest()) == 12
    assert readings_folder(tmp_path).name == reader_digest()


def test_what_a_cropped_picture_does_not_show_is_no_truth():
    case = parse_case("3x4/clean/cropped")
    photo = make_photo(simulate(np.random.default_rng(3)), case, 0)
    part = shown_part(photo, case)
    assert part is not None
    whole, shown = truth_of(photo).printed_mv, truth_of(photo, part).printed_mv
    seen = np.isfinite(shown)
    np.testing.assert_array_equal(shown[seen], whole[seen])
    assert 0.94 < seen.sum() / np.isfinite(whole).sum() < 0.98
    assert photo.take(part).shape[:2] == (part[3], part[2])


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_prints_what_it_says(variant):
    case = parse_case(f"3x4+1/clean/{variant}")
    wanted = case.variant
    photo = make_photo(simulate(np.random.default_rng(3)), case, 0)
    spec = photo.page.spec
    assert spec.speed_mm_per_s == wanted.speed_mm_per_s
    assert spec.gain_mm_per_mv == wanted.gain_mm_per_mv
    assert wanted.order in (None, spec.order)
    assert wanted.pulse in (None, spec.pulse)
    assert not wanted.panels or len(spec.grid.boxes_mm) == len(photo.page.traces)
    lines_mm = spec.grid.major_width_mm + spec.grid.minor_width_mm
    assert not wanted.no_grid or (lines_mm == 0 and spec.pulse != "none")
    starts = {lead.start_s for lead in spec.printed_leads()}
    assert (starts == {0.0}) == wanted.same_seconds
    assert not wanted.far_names or spec.name_share or spec.name_dy_mm < -8
    scale = photo.spec.camera.pixels_per_mm * 25.4
    assert scale == pytest.approx(wanted.dpi or 200)
    if variant == "rotated":
        assert photo.spec.camera.rotation_deg != 0
        corners = photo.camera.photo_from_page(
            np.array([[0, 0], [spec.width_mm, spec.height_mm]], float)
        )
        assert (corners > 0).all()
        assert (corners < photo.spec.camera.photo_size).all()
    if variant == "wrinkled":
        assert photo.spec.camera.crumple_mm > 0


def test_cases_are_named_laid_out_and_refused():
    assert all(parse_case(name).name == name for name in PAGE_CASES)
    options = BenchmarkOptions("digitization", cases=("6x2/*", "12x1/scan/150dpi", "not_ecg"))
    strengths = ("clean", "scan", "photo", "hard_photo")
    assert wanted_cases(options) == [
        *(f"6x2/{strength}" for strength in strengths), "6x2/clean/same_seconds",
        "12x1/scan/150dpi", "not_ecg",
    ]  # fmt: skip
    for wrong, what in (
        ("4x4/scan", "layout"),
        ("3x4/sharp", "strength"),
        ("3x4/scan/blue", "variant"),
        ("3x4/scan/ecg_image_kit", "layout"),
    ):
        with pytest.raises(ValueError, match=what):
            wanted_cases(BenchmarkOptions("digitization", cases=(wrong,)))
    without = wanted_cases(BenchmarkOptions("digitization"))
    assert "real_photos" not in without
    assert "paper_images" not in without
    named = BenchmarkOptions("digitization", real_photos=Path("p"), paper_images=Path("i"))
    assert {"real_photos", "paper_images"} <= set(wanted_cases(named))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cases", "4x4/clean"], "no layout '4x4'"),
        (["--cases", "paper_images"], "--paper-images"),
        (["--cases", "3x4/clean"], "--data"),
        (["--cases", "3x4/clean", "--data", "nowhere"], "no PTB-XL in nowhere"),
    ],
)
def test_what_is_missing_is_told_in_one_sentence(arguments, sentence, tmp_path, capsys):
    from pipeline.command import main

    assert main(["benchmark", "digitization", "--out", str(tmp_path), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def test_stages_are_timed_and_missing_ones_count_as_nothing():
    photos = [
        {"decode": 0.1, "network page look": 0.5, "photo to report": 2.0},
        {"decode": 0.3, "photo to report": 1.0},
    ]
    found = {"stages": photos, "rejected": 1, "load_s": 0.7, "cores_busy": 1.5, "peak_mib": 600.0}
    figures = {figure.metric: figure for figure in speed_figures("photo", found)}
    assert figures["decode_seconds_median"].value == pytest.approx(0.2)
    assert figures["network_page_look_seconds_median"].value == pytest.approx(0.25)
    assert figures["photo_to_report_seconds_max"].value == 2.0
    assert (figures["photos_rejected"].value, figures["photos_rejected"].n) == (1, 3)
    with pytest.raises(ValueError, match="no photo was read"):
        speed_figures("photo", {**found, "stages": []})


def test_looks_are_timed_and_answer_as_before():
    looks = TimedLooks(SimpleNamespace(see_page=lambda photo, size: (photo, size)))
    assert looks.see_page("photo", 5) == ("photo", 5)
    assert list(looks.seconds) == ["network page look"]
