"""The data set on disk: same bytes, whoever makes it; every photo remade from its truth."""

import csv
import hashlib
import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_generation.command import generate
from dataset_generation.dataset import GenerationError
from dataset_generation.masks import read_mask
from dataset_generation.options import GenerateOptions
from dataset_generation.page_spec import PageSpec, sample_page
from dataset_generation.photo import PhotoSpec, sample_photo
from dataset_generation.plain_data import from_plain, to_plain
from dataset_generation.sources import open_source
from dataset_generation.truth import read_photo_spec, read_truth, remake_photo
from ecg.formats.wfdb_format import read_wfdb, write_wfdb
from ecg.leads import LEAD_INDEX
from ecg.record import Record
from ecg.simulator import SimulatorSource

OPTIONS = GenerateOptions(
    records=2,
    pages_per_record=2,
    strengths=("clean", "scan", "photo", "hard_photo"),
    layouts=("3x4+1", "strip", "ptb-v"),
    pixels_per_mm=2.5,
    seed=7,
    quiet=True,
)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ptb-v") / "a"
    summary = generate(replace(OPTIONS, out=folder))
    assert (summary.written, summary.kept, summary.failures) == (4, 0, [])
    return folder


def test_workers_change_no_byte(dataset: Path, tmp_path: Path) -> None:
    generate(replace(OPTIONS, out=tmp_path / "b", workers=2))
    assert digests(tmp_path / "b") == digests(dataset)


def test_a_stopped_run_goes_on_to_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    generate(replace(OPTIONS, out=out, records=1))
    some = next((out / "truth").iterdir())
    some.unlink()
    (out / "images" / f".{some.stem}.abcd1234.jpg").write_text("half-written")
    (out / "signals" / f".{some.stem}.abcd1234").mkdir()
    summary = generate(replace(OPTIONS, out=out))
    assert (summary.written, summary.kept) == (3, 1)
    assert digests(out) == digests(dataset)


def test_another_seed_gives_other_photos_and_is_not_mixed_in(dataset: Path) -> None:
    before = digests(dataset)
    with pytest.raises(GenerationError, match="made with other options"):
        generate(replace(OPTIONS, out=dataset, seed=8))
    assert digests(dataset) == before


def test_a_photo_is_remade_from_its_truth_to_the_pixel(dataset: Path) -> None:
    for path in sorted((dataset / "truth").iterdir()):
        truth = read_truth(path)
        image = cv2.imread(str(dataset / truth.image))
        assert image is not None
        np.testing.assert_array_equal(remake_photo(path).take(), image[..., ::-1])
        assert read_photo_spec(path) == (truth.page_spec, truth.photo_spec)


def test_truth_agrees_with_photo_mask_and_signal(dataset: Path) -> None:
    for path in sorted((dataset / "truth").iterdir()):
        truth = read_truth(path)
        photo = remake_photo(path)
        assert truth.mask is not None
        mask = read_mask(dataset / truth.mask)
        assert mask.shape == truth.photo_size[::-1]
        assert set(np.unique(mask)) <= {0, 1, 2, 3}
        signal = read_wfdb(dataset / truth.signal).signal_mv
        windows = np.zeros(signal.shape, bool)
        for stretch, trace in zip(truth.stretches, photo.page.traces, strict=True):
            exact = photo.camera.photo_from_page(trace.points_mm)
            np.testing.assert_allclose(stretch.photo_points, exact, atol=0.0051)
            assert 0 < stretch.visible <= 1
            first = round(stretch.start_s * 500)
            last = first + round(stretch.duration_s * 500)
            windows[LEAD_INDEX[stretch.lead], first:last] = True
            if stretch.visible == 1:
                at = np.round(stretch.photo_points).astype(int)
                assert (mask[at[:, 1], at[:, 0]] == 3).mean() > 0.9
        np.testing.assert_array_equal(np.isfinite(signal), windows)


def test_signal_read_back_through_truth_is_the_record(dataset: Path) -> None:
    source = {r.record_id: r for r in (SimulatorSource(2**31, 7)[k] for k in range(2))}
    for path in sorted((dataset / "truth").iterdir()):
        truth = read_truth(path)
        record = source[truth.record.record_id]
        signal = read_wfdb(dataset / truth.signal).signal_mv
        finite = np.isfinite(signal)
        away = np.abs(signal - record.signal_mv[:, : signal.shape[1]])[finite]
        assert away.max() <= 0.00051
        assert truth.record.target in ("mi", "normal")
        assert truth.record.patient_id == record.patient_id


def test_index_has_a_row_a_photo(dataset: Path) -> None:
    with (dataset / "index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    for row in rows:
        for name in ("image", "mask", "truth"):
            assert (dataset / row[name]).is_file()
        assert Path(row["image"]).suffix == (".png" if row["strength"] == "clean" else ".jpg")
    card = (dataset / "data_card.md").read_text()
    assert "4 photos of 2 records" in card
    assert cv2.imread(str(dataset / "contact_sheet.jpg")) is not None


def test_specs_survive_json() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        page = sample_page(rng)
        photo = sample_photo(rng, (page.width_mm, page.height_mm), "hard_photo")
        text = json.dumps([to_plain(page), to_plain(photo)])
        page_data, photo_data = json.loads(text)
        assert from_plain(PageSpec, page_data) == page
        assert from_plain(PhotoSpec, photo_data) == photo


@pytest.mark.parametrize("change", [{"width_mm": "wide"}, {"colour": 1}, {"order": None}])
def test_wrong_plain_data_is_refused_by_name(change: dict[str, object]) -> None:
    data = to_plain(sample_page(np.random.default_rng(0))) | change
    with pytest.raises(ValueError, match=next(iter(change))):
        from_plain(PageSpec, data)


def test_folder_of_wfdb_records_is_a_source_and_a_bad_one_is_named(
    tmp_path: Path, record: Record
) -> None:
    folder, out = tmp_path / "wfdb", tmp_path / "out"
    (folder / "ward").mkdir(parents=True)
    write_wfdb(record.resampled(250.0), folder / "ward" / "one")
    write_wfdb(record.window(0, 4), folder / "two")
    (folder / "broken.hea").write_text("broken 12 500 5000\n")
    missing = Record(np.full((12, 5000), np.nan, np.float32), 500.0, "nothing")
    write_wfdb(missing, folder / "nothing")
    options = replace(OPTIONS, out=out, data=folder, records=0, pages_per_record=1)
    summary = generate(options)
    assert summary.written == 2
    assert sorted(name for name, _ in summary.failures) == ["broken", "nothing"]
    assert all(name in reason for name, reason in summary.failures)
    assert (out / "truth" / "ward_one-0.json").is_file()


def test_choice_of_records_by_label_fold_and_number() -> None:
    few = open_source(None, labels=("mi",), records=4, seed=1)
    for entry in few.entries:
        record = few.read(entry)
        assert few.target(record) == "mi"
        assert record.fold is not None
        assert record.fold <= 8
    (one,) = open_source(None, folds=(10,), records=1).entries
    assert one.number == 9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"data": Path("no/such/folder")}, "no folder"),
        ({"labels": ("flu",)}, "no record is labelled 'flu'"),
        ({"records": 0}, "say how many"),
        ({"exclude": Path("no/such/file")}, "cannot read no/such/file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    options = replace(OPTIONS, out=tmp_path / "out", **change)  # type: ignore[arg-type]
    with pytest.raises(GenerationError, match=sentence):
        generate(options)
    assert not (tmp_path / "out").exists()


def test_folder_that_holds_other_files_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(GenerationError, match="holds other files"):
        generate(replace(OPTIONS, out=tmp_path))
    with pytest.raises(GenerationError, match="cannot write"):
        generate(replace(OPTIONS, out=tmp_path / "thesis.txt" / "out"))


@pytest.mark.parametrize(
    "change",
    [
        {"strengths": ("gentle",)},
        {"strengths": ("photo=0",)},
        {"strengths": ("photo", "photo")},
        {"strengths": ()},
        {"workers": 0},
        {"folds": (11,)},
        {"megapixels": math.nan},
    ],
)
def test_wrong_options_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"strength|workers|folds|megapixels"):
        replace(OPTIONS, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("script", ["generate_ptb_v.sh", "generate_segmentation_maps.sh"])
def test_scripts_are_valid_bash(script: str) -> None:
    path = Path(__file__).parents[2] / "dataset_generation" / script
    subprocess.run(["bash", "-n", str(path)], check=True)
