"""Digital recordings go through ``diagnose`` beside photos."""

import csv
import json

import numpy as np
import pytest

from ecg.formats.csv_format import write_csv
from ecg.formats.dicom_format import read_dicom, write_dicom
from ecg.formats.npz_format import write_npz
from ecg.formats.wfdb_format import write_wfdb
from ecg.record import Record
from ecg.simulator import simulate
from pipeline.command import main
from pipeline.digital import RecordFileError, load_record


@pytest.fixture(scope="module")
def record():
    return simulate(np.random.default_rng(1))


@pytest.fixture(scope="module")
def files(record, tmp_path_factory):
    """The same recording in every format, by kind."""
    folder = tmp_path_factory.mktemp("records")
    write_csv(record, folder / "a.csv")
    write_wfdb(record, folder / "b")
    write_npz(record, folder / "c.npz", np.ones(record.signal_mv.shape))
    write_dicom(record, folder / "d.dcm", "simulated", "a test", "0")
    return {
        "CSV": folder / "a.csv",
        "WFDB": folder / "b.hea",
        "NPZ": folder / "c.npz",
        "DICOM": folder / "d.dcm",
    }


@pytest.mark.parametrize("kind", ["CSV", "WFDB", "NPZ", "DICOM"])
def test_every_format_gives_the_same_recording(files, record, kind):
    found = load_record(files[kind])
    assert found.kind == kind
    assert found.record.rate_hz == record.rate_hz
    np.testing.assert_allclose(found.record.signal_mv, record.signal_mv, atol=2e-3)


def test_recordings_and_bad_ones_in_one_run(files, tmp_path, capsys):
    bad = tmp_path / "bad.csv"
    bad.write_text("no,such\n1,2\n")
    out = tmp_path / "out"
    names = [str(path) for path in files.values()]
    code = main(["diagnose", *names, str(bad), "--out", str(out), "--complete", "--json"])
    assert code == 3
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"read": 4, "rejected": 0, "error": 1}
    probabilities = {row["mi_probability"] for row in document["photos"][:4]}
    assert max(probabilities) - min(probabilities) < 0.02
    assert "no column time_s" in document["photos"][4]["reason"]
    with (out / "index.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows] == ["read"] * 4 + ["error"]
    assert rows[0]["layout"] == ""
    report = (out / "a" / "report.html").read_text()
    assert "A digital recording" in report
    assert "Photo with what was read" not in report
    result = json.loads((out / "a" / "result.json").read_text())
    assert result["recording"]["kind"] == "CSV"
    assert result["diagnosis"]["mi"]["maps_probability"] is None
    # nothing was missing, so nothing is filled
    assert all(lead["filled_share"] == 0 for lead in result["completed"]["leads"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: Record(r.signal_mv * 1000, r.rate_hz, "x"), "in microvolts"),
        (lambda r: Record(r.signal_mv / 1000, r.rate_hz, "x"), "in volts"),
        (lambda r: Record(r.signal_mv, 10.0, "x"), "10 samples a second"),
        (lambda r: Record(r.signal_mv[:, :400], r.rate_hz, "x"), "lasts 0.8 s"),
        (lambda r: Record(r.signal_mv * np.float32(np.nan), r.rate_hz, "x"), "no measured sample"),
    ],
)
def test_absurd_recordings_are_refused_in_one_sentence(record, change, says, tmp_path):
    path = tmp_path / "odd.csv"
    write_csv(change(record), path)
    with pytest.raises(RecordFileError, match=says):
        load_record(path)


def test_offsets_and_slow_rates_lose_no_diagnosis(record, tmp_path):
    shifted = record.signal_mv.copy()
    shifted[3] += 40.0
    slow = Record(shifted, record.rate_hz, "x").resampled(100.0)
    write_csv(slow, tmp_path / "slow.csv")
    out = tmp_path / "out"
    formats = ["--formats", "wfdb", "dicom", "csv"]
    words = ["diagnose", str(tmp_path / "slow.csv"), "--complete", "--out", str(out), *formats]
    assert main(words) == 0
    completed = read_dicom(out / "slow" / "completed.dcm")
    assert completed.rate_hz == 500
    assert np.abs(completed.signal_mv[3]).max() < 5


def test_a_cut_row_is_named(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text("time_s,I,II\n\n0.000,0.1,0.2\n0.002,0.1\n0.004,0.1,0.2\n")
    with pytest.raises(RecordFileError, match="line 4: 2 cells, not 3"):
        load_record(path)


@pytest.mark.parametrize("name", ["cut.npz", "cut.dcm", "cut.hea", "cut.csv"])
def test_damaged_files_are_refused_in_one_sentence(name, tmp_path):
    path = tmp_path / name
    for content in (b"", b"\x00\xff" * 300, b"PK\x03\x04 cut"):
        path.write_bytes(content)
        with pytest.raises(RecordFileError) as caught:
            load_record(path)
        assert name.split(".")[0] in str(caught.value)
        assert "\n" not in str(caught.value)


def test_digitize_takes_photos_only(files, tmp_path, capsys):
    assert main(["digitize", str(files["CSV"]), "--out", str(tmp_path / "out")]) == 3
    assert "a.csv is a digital recording; ecgphoto diagnose takes it" in capsys.readouterr().out


@pytest.mark.parametrize("late", [False, True])
def test_few_leads_are_not_assessed(late, tmp_path, capsys):
    """Nor are leads that begin after what is assessed."""
    twice = simulate(np.random.default_rng(1), duration_s=20.0)
    few = twice.signal_mv.copy()
    few[3 + 3 * late :, : 5000 if late else None] = np.nan
    write_csv(Record(few, twice.rate_hz, "few"), tmp_path / "few.csv")
    out = tmp_path / "out"
    assert main(["diagnose", str(tmp_path / "few.csv"), "--out", str(out)]) == 0
    result = json.loads((out / "few" / "result.json").read_text())
    assert result["diagnosis"]["mi_decision"] == "not_assessed"
    assert "V1 to V6 missing" in result["diagnosis"]["mi_reason"]
    assert "not assessed: V1 to V6 missing" in capsys.readouterr().out
    with (out / "index.csv").open() as stream:
        assert "V1 to V6 missing" in next(csv.DictReader(stream))["reason"]


@pytest.mark.parametrize("wrong", ["nothing", "swapped", "noise", "one lead twelve times"])
def test_recordings_whose_limb_leads_contradict_each_other_are_doubted(wrong, record, tmp_path):
    signal = record.signal_mv
    if wrong == "swapped":
        signal = np.roll(signal, 6, axis=0)
    elif wrong == "noise":
        signal = np.random.default_rng(0).normal(0, 0.3, signal.shape).astype(np.float32)
    elif wrong == "one lead twelve times":
        signal = np.repeat(signal[1:2], 12, axis=0)
    write_csv(Record(signal, record.rate_hz, "odd"), tmp_path / "odd.csv")
    out = tmp_path / "out"
    assert main(["diagnose", str(tmp_path / "odd.csv"), "--out", str(out), "--no-explain"]) == 0
    doubt = json.loads((out / "odd" / "result.json").read_text())["diagnosis"]["doubt"]
    assert ("limb leads contradict" in doubt) == (wrong != "nothing")
    report = (out / "odd" / "report.html").read_text()
    assert ("limb leads contradict" in report) == (wrong != "nothing")


def test_what_was_completed_is_no_evidence(record, tmp_path):
    half = record.signal_mv.copy()
    half[6:, 2500:] = np.nan
    write_csv(Record(half, record.rate_hz, "half"), tmp_path / "half.csv")
    out = tmp_path / "out"
    words = ["--complete", "--no-explain", "--out", str(out)]
    assert main(["diagnose", str(tmp_path / "half.csv"), *words]) == 0
    completed = out / "half" / "completed.hea"
    assert "half.csv; completed: estimated where not measured" in completed.read_text()
    assert main(["diagnose", str(completed), "--no-explain", "--out", str(tmp_path / "two")]) == 0
    result = json.loads((tmp_path / "two" / "completed" / "result.json").read_text())
    assert "A network completed this recording" in result["diagnosis"]["doubt"]


def test_a_header_without_its_data_names_the_data(record, tmp_path):
    write_wfdb(record, tmp_path / "lost")
    (tmp_path / "lost.dat").unlink()
    with pytest.raises(RecordFileError, match=r"lost\.dat cannot be read: No such file"):
        load_record(tmp_path / "lost.hea")


def test_the_report_says_what_the_probability_rests_on(files, tmp_path):
    out = tmp_path / "out"
    assert main(["diagnose", str(files["WFDB"]), "--out", str(out)]) == 0
    report = (out / "b" / "report.html").read_text()
    assert "What the probability rests on" in report
    result = json.loads((out / "b" / "result.json").read_text())
    assert len(result["diagnosis"]["explanation"]["leads"]) == 12
    assert main(["diagnose", str(files["WFDB"]), "--out", str(out), "--no-explain"]) == 0
    assert "rests on" not in (out / "b" / "report.html").read_text()


def test_walls_are_told_where_infarction_is_not_ruled_out(files, tmp_path):
    """Findings never contradict the probability of infarction."""
    out = tmp_path / "out"
    with_infarct = simulate(np.random.default_rng(7), infarct="inferior")
    write_csv(with_infarct, tmp_path / "infarct.csv")
    files_given = [str(files["CSV"]), str(tmp_path / "infarct.csv")]
    assert main(["diagnose", *files_given, "--out", str(out), "--no-explain"]) == 0
    for name in ("a", "infarct"):
        found = json.loads((out / name / "result.json").read_text())["diagnosis"]
        mi, findings = found["mi"], found["mi"]["findings"]
        assert sum(findings["classes"].values()) == pytest.approx(1)
        assert findings["classes"]["mi"] == mi["probability"]
        assert max(*findings["walls"].values(), findings["acute_injury"]) <= mi["probability"]
        report = (out / name / "report.html").read_text()
        assert "conduction disturbance" in report
        assert ("Infarction by wall" in report) == (found["mi_decision"] != "no_mi")
        assert f"{100 * mi['prevalence']:.0f} % show infarction" in report
