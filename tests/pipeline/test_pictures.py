"""Overlay, redrawn ECG and report."""

import dataclasses
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.reading import Reading
from pipeline.diagnoser import Diagnoser, Diagnosis
from pipeline.digitizer import Digitizer
from pipeline.lead_quality import assess_leads
from pipeline.overlay import LEAD_COLOURS, draw_overlay
from pipeline.photos import Photo
from pipeline.redraw import redraw_svg
from pipeline.report import write_report
from tests.pipeline.told import told

MakeReading = Callable[..., Reading]
SVG = "{http://www.w3.org/2000/svg}"


def test_overlay_draws_each_lead_on_its_trace(
    page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    before = page_photo.copy()
    overlay = draw_overlay(page_photo, reading)
    assert overlay.shape == page_photo.shape
    np.testing.assert_array_equal(page_photo, before)
    for trace in reading.traces:
        x, y = np.rint(trace.photo_points[len(trace.photo_points) // 2]).astype(int)
        there = overlay[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
        assert np.abs(there - LEAD_COLOURS[trace.lead]).sum(axis=1).min() < 60, trace.lead


def test_overlay_of_a_large_photo_is_bounded(reading: Reading) -> None:
    large = np.full((3000, 4800, 3), 255, np.uint8)
    assert draw_overlay(large, reading).shape == (1500, 2400, 3)


def test_overlay_survives_gaps_and_points_far_outside(
    page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    points = reading.traces[0].photo_points.copy()
    points[100:200] = np.nan
    points[300] = [1e9, -1e9]
    trace = dataclasses.replace(reading.traces[0], photo_points=points)
    lost = dataclasses.replace(reading.traces[1], photo_points=np.full_like(points, np.nan))
    draw_overlay(page_photo, dataclasses.replace(reading, traces=(trace, lost)))


def paths(svg: str) -> list[NDArray[np.float64]]:
    """Points of every trace in mm; pulses and grid are written with other commands."""
    root = ElementTree.fromstring(svg)
    found = [path.get("d", "") for path in root.iter(f"{SVG}path")]
    return [
        np.array(d.replace("M", " ").split(), float).reshape(-1, 2)
        for d in found
        if not re.search("[HVhv]", d)
    ]


@pytest.mark.parametrize(
    ("layout", "traces"), [("3x4", 12), ("3x4+1", 13), ("3x4+3", 15), ("6x2", 12), ("12x1", 12)]
)
def test_every_stretch_is_redrawn_true_to_size(make: MakeReading, layout: str, traces: int) -> None:
    reading = make(layout)
    svg = redraw_svg(reading.signal_mv, 500)
    drawn = paths(svg)
    assert len(drawn) == traces
    assert [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")][:12] == list(
        LEADS
    )
    for points, lead in zip(drawn, LEADS, strict=False):
        there = reading.signal_mv[LEADS.index(lead)]
        there = there[np.isfinite(there)][: len(points)]
        assert np.ptp(points[:, 0]) == pytest.approx((len(points) - 1) / 500 * 25, abs=0.02)
        assert np.ptp(points[:, 1]) == pytest.approx(np.ptp(there) * 10, abs=0.02)


def test_rhythm_strip_shows_the_whole_ten_seconds(make: MakeReading) -> None:
    drawn = paths(redraw_svg(make("3x4+1").signal_mv, 500))
    assert len(drawn[-1]) == 5000


def test_traces_stay_on_the_paper(make: MakeReading) -> None:
    reading = make("3x4+1")
    svg = redraw_svg(reading.signal_mv * 3, 500)
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    every = np.concatenate(paths(svg))
    assert every[:, 0].max() < width
    assert every.min() > 0
    assert every[:, 1].max() < height


def test_nothing_read_is_an_empty_sheet() -> None:
    svg = redraw_svg(np.full((12, 5000), np.nan), 500)
    assert paths(svg) == []


def test_redrawing_is_quick(reading: Reading) -> None:
    began = time.process_time()
    redraw_svg(reading.signal_mv, 500)
    assert time.process_time() - began < 0.4


class _Classifier:
    def __init__(self, decision: str, probability: float) -> None:
        self.decision, self.probability = decision, probability

    def predict(self, signal_mv: object, rate_hz: float, lead_maps: object) -> Any:
        return told(self.probability, self.decision, maps_probability=0.4)

    def explain(self, signal_mv: object, rate_hz: float, lead_maps: object) -> Any:
        raise NotImplementedError


def diagnosis_of(reading: Reading, decision: str, probability: float = 0.5) -> Diagnosis:
    diagnoser = Diagnoser(Digitizer(lambda photo: reading), _Classifier(decision, probability))
    return diagnoser.assess(reading)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.sources += [v or "" for k, v in attributes if k in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def report_of(
    tmp_path: Path, photo_rgb: NDArray[np.uint8], diagnosis: Diagnosis, name: str = "a.jpg"
) -> _Page:
    path = tmp_path / "report.html"
    assert diagnosis.reading is not None
    write_report(
        path,
        Photo(photo_rgb, Path(name)),
        diagnosis,
        assess_leads(diagnosis.reading),
        draw_overlay(photo_rgb, diagnosis.reading),
        {"ecgphoto": "0"},
    )
    return _Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("mi", "Signs of myocardial infarction"),
        ("no_mi", "No signs of myocardial infarction"),
        ("cannot_tell", "Cannot tell"),
    ],
)
def test_report_says_what_was_found(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading, decision: str, words: str
) -> None:
    page = report_of(tmp_path, page_photo, diagnosis_of(reading, decision, 0.62))
    for part in (words, "62 %", "operating point 31 %", "72 /min", "25 mm/s, 10 mm/mV"):
        assert part in page.text, part
    assert page.text.count("Not a medical device") == 1
    for lead in LEADS:
        assert f" {lead} " in page.text


def test_report_needs_no_other_file(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    page = report_of(tmp_path, page_photo, diagnosis_of(reading, "mi"))
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)


def test_report_escapes_names(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    page = report_of(
        tmp_path, page_photo, diagnosis_of(reading, "mi"), "<script>alert(1)<_script>.jpg"
    )
    assert "<script>" not in (tmp_path / "report.html").read_text()
    assert "<script>alert(1)" in page.text


@pytest.mark.parametrize(("probability", "words"), [(0.001, "< 1 %"), (0.9999, "> 99 %")])
def test_report_is_never_certain(
    tmp_path: Path,
    page_photo: NDArray[np.uint8],
    reading: Reading,
    probability: float,
    words: str,
) -> None:
    page = report_of(tmp_path, page_photo, diagnosis_of(reading, "mi", probability))
    assert words in page.text


def test_too_few_leads_are_not_assessed(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    signal, confidence = reading.signal_mv.copy(), reading.confidence.copy()
    signal[5:] = np.nan
    confidence[5:] = 0
    few = dataclasses.replace(reading, signal_mv=signal, confidence=confidence)
    diagnosis = diagnosis_of(few, "mi")
    assert (diagnosis.mi_decision, diagnosis.mi_probability) == ("not_assessed", None)
    page = report_of(tmp_path, page_photo, diagnosis)
    assert "V1 to V6 missing" in page.text
    assert "Not read: aVF, V1, V2, V3, V4, V5, V6." in page.text
    assert "Estimated probability" not in page.text


@pytest.mark.parametrize(
    ("named", "warned"), [(["I", "II", "aVR"], True), (["I", "V2"], False), (None, False)]
)
def test_report_says_where_chest_leads_were_named_by_their_places(
    tmp_path: Path,
    page_photo: NDArray[np.uint8],
    reading: Reading,
    named: list[str] | None,
    warned: bool,
) -> None:
    evidence = {"layout": {} if named is None else {"names_matched": named}}
    told_so = dataclasses.replace(reading, evidence=evidence)
    page = report_of(tmp_path, page_photo, diagnosis_of(told_so, "mi"))
    assert ("V1 to V6 are named by their usual places" in page.text) is warned


def test_report_says_where_the_scale_of_a_page_without_a_grid_is_from(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading
) -> None:
    words = "The page shows no grid: its scale was told by the calibration pulse."
    assert words not in report_of(tmp_path, page_photo, diagnosis_of(reading, "mi")).text
    evidence = {**reading.evidence, "scale": {"source": "calibration pulse"}}
    told_so = dataclasses.replace(reading, evidence=evidence)
    assert words in report_of(tmp_path, page_photo, diagnosis_of(told_so, "mi")).text


@pytest.mark.parametrize("named", [0, 1])
def test_report_says_where_a_strip_is_only_taken_for_its_lead(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading, named: int
) -> None:
    evidence = {"layout": {"strips_named": named}}
    strip = dataclasses.replace(reading, layout="strip", evidence=evidence)
    page = report_of(tmp_path, page_photo, diagnosis_of(strip, "mi"))
    assert ("taken for lead II" in page.text) == (named == 0)


@pytest.mark.parametrize(("source", "warned"), [("given", True), ("printed text", False)])
def test_report_says_where_pulses_speak_against_what_was_given(
    tmp_path: Path, page_photo: NDArray[np.uint8], reading: Reading, source: str, warned: bool
) -> None:
    told = {
        "speed": source,
        "gain": source,
        "pulse_speed_mm_per_s": 2 * reading.speed_mm_per_s,
        "pulse_gain_mm_per_mv": 1.01 * reading.gain_mm_per_mv,
    }
    given = dataclasses.replace(reading, evidence={"calibration": told})
    page = report_of(tmp_path, page_photo, diagnosis_of(given, "mi"))
    assert ("pulses show 50 mm/s, but 25 mm/s was given" in page.text) is warned
    assert "mm/mV was given" not in page.text


def test_lead_quality_counts_gaps_and_doubt(reading: Reading) -> None:
    signal, confidence = reading.signal_mv.copy(), reading.confidence.copy()
    signal[0, 200:1000] = np.nan
    confidence[2] *= 0.3
    signal[3] = np.nan
    leads = assess_leads(dataclasses.replace(reading, signal_mv=signal, confidence=confidence))
    verdicts = {lead.lead: lead.verdict for lead in leads}
    assert verdicts["II"] == "good"
    assert (verdicts["I"], verdicts["III"], verdicts["aVR"]) == ("poor", "poor", "missing")
    assert leads[1].seconds == pytest.approx(10)
    assert leads[6].start_s == pytest.approx(5)
