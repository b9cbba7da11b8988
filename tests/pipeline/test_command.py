"""The console command: files written, exit codes, one sentence for each bad input."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ecg.formats.csv_format import read_csv
from ecg.formats.dicom_format import read_dicom
from ecg.formats.npz_format import read_npz
from ecg.formats.wfdb_format import read_wfdb
from ecg.reading import Reading
from pipeline.command import main
from pipeline.diagnoser import Diagnoser
from pipeline.digitizer import Digitizer, PageReader
from tests.pipeline.told import told


class StubClassifier:
    """Says what it is told."""

    def predict(self, signal_mv: NDArray[np.float32], rate_hz: float, lead_maps: object) -> Any:
        assert signal_mv.shape == (12, 5000)
        assert rate_hz == 500
        return told(0.83, "mi")

    def explain(self, signal_mv: object, rate_hz: float, lead_maps: object) -> Any:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def stubbed(monkeypatch: pytest.MonkeyPatch, stub_read: PageReader) -> None:
    digitizer = Digitizer(stub_read)
    monkeypatch.setattr(Digitizer, "load", lambda *args, **hints: digitizer)
    diagnoser = Diagnoser(digitizer, StubClassifier())
    monkeypatch.setattr(Diagnoser, "load", lambda *args, **hints: diagnoser)


def index(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_digitize_writes_the_files_of_the_contract(
    tmp_path: Path, ecg_photo: Path, reading: Reading
) -> None:
    out = tmp_path / "out"
    assert main(["digitize", str(ecg_photo), "--out", str(out)]) == 0
    folder = out / "ward 3"
    expected = ["overlay.jpg", "record.csv", "record.dat", "record.hea", "result.json"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    assert sorted(path.name for path in out.iterdir()) == ["index.csv", "ward 3"]
    (row,) = index(out)
    assert row["photo"] == str(ecg_photo)
    assert (row["status"], row["folder"], row["layout"]) == ("read", "ward 3", "3x4+1")
    assert (row["leads_found"], row["speed_mm_per_s"], row["gain_mm_per_mv"]) == ("12", "25", "10")
    for record in (read_csv(folder / "record.csv"), read_wfdb(folder / "record")):
        assert record.rate_hz == 500
        np.testing.assert_array_equal(np.isnan(record.signal_mv), np.isnan(reading.signal_mv))
        np.testing.assert_allclose(record.signal_mv, reading.signal_mv, atol=6e-4)


def test_result_json_is_in_photo_coordinates(
    tmp_path: Path, ecg_photo: Path, reading: Reading
) -> None:
    main(["digitize", str(ecg_photo), "--out", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "ward 3" / "result.json").read_text())
    assert (result["photo"]["width"], result["photo"]["height"]) == (1130, 570)
    assert len(result["photo"]["sha256"]) == 64
    assert len(result["traces"]) == 13
    for written, trace in zip(result["traces"], reading.traces, strict=True):
        np.testing.assert_allclose(written["photo_points"], trace.photo_points, atol=0.051)
    assert result["evidence"]["layout"]["runner_up"] == "3x4"
    assert result["evidence"]["pulse"] is None  # NaN is no JSON
    assert result["versions"]["numpy"] == np.__version__
    assert "diagnosis" not in result


def test_formats_are_those_asked_for(tmp_path: Path, ecg_photo: Path, reading: Reading) -> None:
    out = tmp_path / "out"
    chosen = ["--formats", "npz", "dicom", "mask"]
    assert main(["diagnose", str(ecg_photo), "--out", str(out), *chosen]) == 0
    folder = out / "ward 3"
    expected = ["mask.png", "overlay.jpg", "record.dcm", "record.npz", "report.html", "result.json"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    npz, confidence = read_npz(folder / "record.npz")
    for record, atol in ((npz, 0), (read_dicom(folder / "record.dcm"), 6e-4)):
        assert record.rate_hz == 500
        np.testing.assert_allclose(record.signal_mv, reading.signal_mv, atol=atol, equal_nan=True)
    np.testing.assert_array_equal(confidence, reading.confidence)
    mask = np.asarray(Image.open(folder / "mask.png"))
    assert mask.shape == (570, 1130)
    at = np.rint(reading.traces[0].photo_points).astype(int)
    near = np.lib.stride_tricks.sliding_window_view(mask, (3, 3)).max(axis=(2, 3))
    assert (near[at[:, 1] - 1, at[:, 0] - 1] > 100).all()
    assert (mask > 0).mean() < 0.1


def test_diagnose_adds_probability_and_report(tmp_path: Path, ecg_photo: Path) -> None:
    out = tmp_path / "out"
    assert main(["diagnose", str(ecg_photo), "--out", str(out)]) == 0
    (row,) = index(out)
    assert (row["mi_probability"], row["mi_decision"]) == ("0.83", "mi")
    assert (out / "ward 3" / "report.html").is_file()
    result = json.loads((out / "ward 3" / "result.json").read_text())
    assert result["diagnosis"]["heart_rate"]["bpm"] == pytest.approx(72, abs=1)


def test_json_is_one_document_on_stdout(
    tmp_path: Path, ecg_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").touch()
    arguments = [str(ecg_photo), str(tmp_path / "bad.jpg"), "--out", str(tmp_path / "out")]
    assert main(["diagnose", *arguments, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"read": 1, "rejected": 0, "error": 1}
    good, bad = document["photos"]
    assert (good["mi_decision"], good["mi_probability"]) == ("mi", 0.83)
    assert (bad["mi_decision"], bad["mi_probability"]) == ("not_assessed", None)


def test_one_bad_file_never_ends_the_run(tmp_path: Path, ecg_photo: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    Image.new("RGB", (300, 200), "white").save(tmp_path / "blank.png")
    out = tmp_path / "out"
    assert main(["digitize", str(tmp_path), "--out", str(out), "--quiet"]) == 3
    assert [row["status"] for row in index(out)] == ["error", "rejected", "read"]
    assert all(row["reason"] for row in index(out)[:2])
    assert sorted(path.name for path in out.iterdir()) == ["index.csv", "ward 3"]


def test_a_bug_in_reading_is_one_sentence_and_a_traceback_in_the_log(
    tmp_path: Path, ecg_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(photo_rgb: np.ndarray) -> Reading:
        raise IndexError("list index out of range")

    monkeypatch.setattr(Digitizer, "load", lambda *args, **hints: Digitizer(broken))
    out = tmp_path / "out"
    assert main(["digitize", str(ecg_photo), "--out", str(out)]) == 3
    (row,) = index(out)
    assert row["status"] == "error"
    assert row["reason"] == "Internal error (IndexError); the traceback is in errors.log."
    assert "in broken" in (out / "errors.log").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["errors.log", "index.csv"]


def test_pages_of_a_file_are_rows(tmp_path: Path, page_photo: np.ndarray) -> None:
    pages = [Image.fromarray(page_photo), Image.new("RGB", (300, 200), "white")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=[pages[1], pages[0]])
    assert main(["digitize", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out")]) == 3
    told = [(row["page"], row["status"], row["folder"]) for row in index(tmp_path / "out")]
    assert told == [("1", "read", "a"), ("2", "rejected", ""), ("3", "read", "a-p3")]


def truncated_jpeg(path: Path) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    path.write_bytes(stream.getvalue()[:8000])


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated.jpg": (truncated_jpeg, "cut off or damaged"),
    "dot.png": (lambda path: Image.new("RGB", (1, 1)).save(path), "too small to show an ECG"),
    "empty.jpg": (Path.touch, "is empty (0 bytes)"),
    "letter.jpg": (lambda path: path.write_text("Dear colleague,"), "is no picture"),
    "none.pdf": (
        lambda path: path.write_bytes(
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
            b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
        ),
        "pages",
    ),
    "large.png": (lambda path: Image.new("1", (1200, 1000)).save(path), "--max-megapixels"),
    "blank.png": (lambda path: Image.new("RGB", (300, 200), "white").save(path), "No ECG"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_one_sentence_and_exit_3(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, sentence = BAD_FILES[name]
    make(tmp_path / name)
    out = tmp_path / "out"
    code = main(["diagnose", str(tmp_path / name), "--out", str(out), "--max-megapixels", "1"])
    assert code == 3
    told = capsys.readouterr().out.strip()
    assert sentence in told
    assert told.count("\n") == 0
    assert [path.name for path in out.iterdir()] == ["index.csv"]
    (row,) = index(out)
    assert row["mi_decision"] == "not_assessed"
    assert row["mi_probability"] == row["folder"] == ""


def test_nothing_to_do_is_one_sentence_and_exit_2(
    tmp_path: Path, ecg_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    for given in (["empty"], ["missing.jpg"], ["*.bmp"]):
        paths = [str(tmp_path / name) for name in given]
        assert main(["digitize", *paths, "--out", str(out)]) == 2
        assert capsys.readouterr().err.strip().count("\n") == 0
    assert main(["digitize"]) == 2
    assert not out.exists()


def test_output_folder_that_cannot_be_written_is_exit_2(
    tmp_path: Path, ecg_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    assert main(["digitize", str(ecg_photo), "--out", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert error == f"ecgphoto: Cannot write to {out}: Not a directory."


def test_disk_that_fills_up_ends_the_run_with_exit_2(
    tmp_path: Path,
    ecg_photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.batch.write_result", full)
    out = tmp_path / "out"
    assert main(["digitize", str(ecg_photo), "--out", str(out)]) == 2
    assert "No space left on device." in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["index.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["digitise", "a.jpg"],
        ["digitize", "a.jpg", "--speed", "30"],
        ["digitize", "a.jpg", "--layout", "4x3"],
        ["digitize", "a.jpg", "--formats", "edf"],
        ["digitize", "a.jpg", "--max-megapixels", "0"],
        ["digitize", "a.jpg", "--mm-per-px", "0"],
        ["train", "everything"],
        ["benchmark"],
    ],
)
def test_usage_error_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_hints_reach_the_reader(
    tmp_path: Path, ecg_photo: Path, monkeypatch: pytest.MonkeyPatch, stub_read: PageReader
) -> None:
    seen: dict[str, object] = {}

    def load(*args: object, **hints: object) -> Digitizer:
        seen.update(hints)
        return Digitizer(stub_read)

    monkeypatch.setattr(Digitizer, "load", load)
    hints = ["--layout", "6x2+1", "--speed", "50", "--gain", "20", "--mm-per-px", "0.127"]
    main(["digitize", str(ecg_photo), "--out", str(tmp_path / "out"), *hints])
    assert seen == {
        "layout": "6x2+1",
        "speed_mm_per_s": 50.0,
        "gain_mm_per_mv": 20.0,
        "mm_per_px": 0.127,
        "precision": "auto",
    }
    main(["digitize", str(ecg_photo), "--out", str(tmp_path / "out")])
    assert set(seen.values()) == {None, "auto"}


@pytest.mark.parametrize("arguments", [["--help"], ["digitize", "--help"], ["--version"]])
def test_help_and_version_answer(arguments: list[str]) -> None:
    code = "import sys; from pipeline.command import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0
    assert "ecgphoto" in done.stdout
    assert done.stderr == ""


def test_help_is_quick() -> None:
    """Processor time, as other tests run beside this one; half a second is the bar."""
    code = "import time; from pipeline.command import main\ntry: main(['--help'])\n"
    code += "except SystemExit: print(f'{time.process_time():.3f}')"
    root = Path(__file__).parents[2]
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
        )
        seconds.append(float(done.stdout.splitlines()[-1]))
    assert min(seconds) < 0.5


def test_a_name_that_is_no_utf8_ends_no_run(tmp_path: Path, ecg_photo: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(ecg_photo.read_bytes())
    (tmp_path / "broken\udce9.jpg").write_bytes(b"nothing")
    out = tmp_path / "out"
    assert main(["diagnose", str(tmp_path / name), str(tmp_path), "--out", str(out)]) == 3
    rows = {row["photo"].rsplit("/", 1)[-1]: row["status"] for row in index(out)}
    assert rows["caf\\udce9.jpg"] == "read"
    assert rows["broken\\udce9.jpg"] == "error"
    (folder,) = {row["folder"] for row in index(out) if "caf" in row["photo"]}
    result = json.loads((out / folder / "result.json").read_text())
    assert result["photo"]["name"] == name


def test_a_name_as_long_as_the_system_takes_has_a_folder(tmp_path: Path, ecg_photo: Path) -> None:
    photo = tmp_path / ("\u5fc3" * 80 + ".jpg")
    photo.write_bytes(ecg_photo.read_bytes())
    assert main(["digitize", str(photo), "--out", str(tmp_path / "out")]) == 0
    (row,) = index(tmp_path / "out")
    assert row["status"] == "read"


def test_a_photo_named_itself_may_lie_in_the_results(tmp_path: Path, ecg_photo: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(ecg_photo.read_bytes())
    assert main(["digitize", str(photo), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["page-look", "--ptbxl", "{tmp}"], "download_datasets.sh"),
        (["signal-mi", "--ptbxl", "{tmp}"], "download_datasets.sh"),
        (["maps-mi", "--ptbxl", "{tmp}", "--readings", "{tmp}"], "ecgphoto readings"),
    ],
)
def test_mistakes_of_training_are_told_in_one_sentence(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("{tmp}", str(tmp_path)) for word in words]
    assert main(["train", *words, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("ecgphoto: ")
    assert says in error
