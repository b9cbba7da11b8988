"""Real pictures: every one answered, those in archives too; the gallery shows generated pages."""

import csv
import tarfile
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from ecg.leads import LEADS
from ecg.reading import PageRejected
from ecg.simulator import simulate
from pipeline.benchmark.cases import make_photo, parse_case
from pipeline.benchmark.failures import write_gallery
from pipeline.benchmark.pages import judge, truth_of
from pipeline.benchmark.paper_images import paper_image_figures
from pipeline.benchmark.real_photos import manifest_rows, printed_windows

RECORD = simulate(np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path):
    """A scan, two pages in an archive, a broken file, and a picture with its true signal."""
    rows = [("scan.png", "", "scan", "3x4"), ("broken.png", "", "scan", "3x4")]
    packed = [f"pages/page{number}.png" for number in (1, 2)]
    rows += [(name, "pages.tar.xz", "report_raster", "6x2") for name in packed]
    rows += [("truth/a.png", "", "scan", "3x4+1"), ("truth/a.csv", "", "signal", "3x4+1")]
    (tmp_path / "truth").mkdir()
    for shade, name in enumerate(("scan.png", "truth/a.png", "page1.png", "page2.png"), 1):
        cv2.imwrite(str(tmp_path / name), np.full((80, 90, 3), 50 * shade, np.uint8))
    with tarfile.open(tmp_path / "pages.tar.xz", "w:xz") as archive:
        for name in packed:
            archive.add(tmp_path / name.split("/")[1], name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    signal = printed_windows(RECORD.signal_mv[:, :5000].astype(np.float32), "3x4+1")[:, ::2]
    header = ",".join(LEADS)
    np.savetxt(tmp_path / "truth" / "a.csv", signal.T, "%.5f", ",", header=header, comments="")
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("file", "archive", "kind", "layout"), *rows])
    return tmp_path


def _read(pixels):
    """Refuses the first page of the archive, reads the record from everything else."""
    if pixels.mean() == 150:
        raise PageRejected("No ECG grid was found.", "grid")
    return SimpleNamespace(
        signal_mv=RECORD.signal_mv[:, :5000].astype(np.float32),
        layout="3x4",
        quality=0.9,
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        geometry=SimpleNamespace(pixels_per_mm=lambda: 5.0),
        evidence={"agreement": {"einthoven": 0.97}},
    )


def test_every_picture_is_answered_and_known_truth_scored(folder, tmp_path):
    out = tmp_path / "results"
    figures = paper_image_figures(folder, _read, tmp_path / "kept", out)
    values = {(one.case, one.metric): one.value for one in figures}
    assert values["paper_images/all", "pictures_read_percent"] == 60
    assert values["paper_images/report_raster", "pictures_read_percent"] == 50
    assert values["paper_images/4-6px_per_mm", "limb_leads_agree_percent"] == 100
    assert values["paper_images/a", "challenge_snr_db_mean"] > 25
    with (out / "paper_images.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows["pages/page1.png"]["reason"] == "No ECG grid was found."
    assert rows["broken.png"]["status"] == "error"
    assert rows["scan.png"]["status"] == "read"
    assert list(out.iterdir()) == [out / "paper_images.csv"]
    some = paper_image_figures(folder, _read, tmp_path / "kept", out, count=1)
    counts = {one.case: one.n for one in some}
    assert counts["paper_images/report_raster"] == 1


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"manifest\.csv"):
        list(manifest_rows(tmp_path))


def test_the_gallery_shows_the_worst_first(tmp_path):
    case = parse_case("3x4+1/clean/100dpi")
    truth = truth_of(make_photo(RECORD, case, 0))

    def refuse(_):
        raise PageRejected("No ECG grid was found.", "grid")

    def read(_):
        return SimpleNamespace(
            signal_mv=truth.printed_mv + np.float32(0.01) * np.sin(np.arange(5000, dtype="f4")),
            layout="3x4+1",
            quality=0.9,
            speed_mm_per_s=25.0,
            gain_mm_per_mv=10.0,
            traces=(),
        )

    picture = np.zeros((8, 8, 3), np.uint8)
    pages = [
        judge(name, truth, how, picture, case.name) for name, how in (("1", read), ("2", refuse))
    ]
    records = cast("Any", SimpleNamespace(record=lambda *_: RECORD))
    page = write_gallery(tmp_path, pages, records, refuse, 0, 1)
    text = page.read_text()
    assert "## 1. 3x4+1/clean/100dpi, record 2: 0.0 dB" in text
    assert "No ECG grid was found." in text
    assert "record 1:" not in text
    assert sorted(path.name for path in page.parent.iterdir()) == ["01.jpg", "README.md"]
