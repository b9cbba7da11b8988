"""What ``diagnose --complete`` writes beside the reading."""

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import checkpoints
from ecg.formats.csv_format import read_csv
from ecg.leads import LEADS, einthoven_residual_mv
from ecg.reading import Reading
from pipeline.diagnoser import Diagnoser, Diagnosis
from pipeline.digitizer import Digitizer
from pipeline.photos import Photo
from pipeline.redraw_completed import redraw_completed_svg
from pipeline.result_files import write_result
from reconstruction.complete import complete
from reconstruction.reconstructor import NetworkReconstructor, Reconstructor
from reconstruction.template import TemplateReconstructor
from tests.pipeline.told import told


class _Even:
    """Answers nothing in particular."""

    def predict(self, signal_mv, rate_hz, lead_maps):
        del signal_mv, rate_hz, lead_maps
        return told(0.5, "mi")

    def explain(self, signal_mv, rate_hz, lead_maps):
        raise NotImplementedError


@pytest.fixture
def photo(ecg_photo, page_photo):
    from pipeline.photos import load_photos

    (found,) = load_photos(ecg_photo)
    assert found.pixels.shape == page_photo.shape
    return found


def _diagnosed(reading: Reading, reconstructor: Reconstructor | None) -> Diagnosis:
    return Diagnoser(Digitizer(lambda _: reading), _Even(), reconstructor).assess(reading)


def test_completed_files_hold_twelve_whole_leads(
    photo: Photo, reading: Reading, tmp_path: Path
) -> None:
    diagnosis = _diagnosed(reading, TemplateReconstructor())
    write_result(tmp_path, photo, reading, diagnosis, ("csv", "wfdb", "npz", "dicom"))
    for name in ("completed.csv", "completed.hea", "completed.dat", "completed.npz"):
        assert (tmp_path / name).is_file()
    assert (tmp_path / "completed.dcm").is_file()
    whole = read_csv(tmp_path / "completed.csv").signal_mv
    assert np.isfinite(whole).all()
    printed = np.isfinite(reading.signal_mv[6:])
    np.testing.assert_allclose(whole[6:][printed], reading.signal_mv[6:][printed], atol=1e-3)
    deviation = read_csv(tmp_path / "completed_deviation.csv").signal_mv
    assert (deviation[6:][printed] == 0).all()
    assert (deviation[6:][~printed] > 0).all()
    document = json.loads((tmp_path / "result.json").read_text())
    shares = {lead["lead"]: lead["filled_share"] for lead in document["completed"]["leads"]}
    assert shares["II"] == 0
    assert shares["V1"] == pytest.approx(0.75, abs=0.01)
    assert document["completed"]["model"] == "template"
    report = (tmp_path / "report.html").read_text()
    assert "Completed ECG" in report
    assert "not measured but filled by a network" in report


def test_without_the_option_nothing_is_completed(
    photo: Photo, reading: Reading, tmp_path: Path
) -> None:
    write_result(tmp_path, photo, reading, _diagnosed(reading, None))
    assert not list(tmp_path.glob("completed*"))
    assert "Completed ECG" not in (tmp_path / "report.html").read_text()
    assert "completed" not in json.loads((tmp_path / "result.json").read_text())


def test_a_page_that_cannot_be_completed_says_why(
    photo: Photo, reading: Reading, tmp_path: Path
) -> None:
    short = reading.signal_mv.copy()
    short[:, 900:] = np.nan  # 1.8 s, as PTB-V prints
    diagnosis = _diagnosed(replace(reading, signal_mv=short), TemplateReconstructor())
    assert diagnosis.completed is None
    write_result(tmp_path, photo, reading, diagnosis)
    document = json.loads((tmp_path / "result.json").read_text())
    assert "too little to complete" in document["completed"]["reason"]
    assert "was not completed" in (tmp_path / "report.html").read_text()


def test_the_drawing_parts_measured_from_filled(reading):
    done = complete(reading.signal_mv, reading.rate_hz, TemplateReconstructor())
    drawing = redraw_completed_svg(done)
    for lead in LEADS:
        assert f">{lead}</text>" in drawing
    filled, measured = (
        re.findall(rf'stroke="{colour}" d="([^"]*)"', drawing)[0] for colour in ("#2f6fd6", "#111")
    )
    # V1 to V6 and, in the half where only II is printed, five limb leads have filled stretches
    stretches = sum(
        len(np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int)])) == 1))
        for row in done.filled
    )
    assert filled.count("M") == stretches
    assert measured.count("M") >= 12
    (band,) = re.findall(r'<path d="([^"]*)" fill="#2f6fd6"', drawing)
    assert band.count("z") == stretches


def test_the_shipped_network_completes_a_page(make):
    """A regular heart: what is filled is like what the page does not show."""
    reading = make("3x4+1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shipped = NetworkReconstructor.open(checkpoints.path("completion"), "cpu")
        done = complete(reading.signal_mv, reading.rate_hz, shipped, reading.confidence)
    assert done.model == "completion"
    assert np.isfinite(done.signal_mv).all()
    assert 1000 * np.abs(einthoven_residual_mv(done.signal_mv)).max() <= 1
    truth = make("12x1").signal_mv
    for lead in range(6, 12):
        unseen = done.filled[lead].copy()
        unseen[:250] = unseen[-250:] = False
        assert np.corrcoef(done.signal_mv[lead, unseen], truth[lead, unseen])[0, 1] > 0.8
