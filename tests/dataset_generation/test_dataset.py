"""The data set on disk: same bytes, whoever makes it; every photo remade from its truth."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_generation.command import generate
from dataset_generation.dataset import GenerationError
from dataset_generation.options import GenerateOptions
from dataset_generation.page_spec import PageSpec, sample_page
from dataset_generation.photo import PhotoSpec, sample_photo
from dataset_generation.plain_data import from_plain, to_plain
from dataset_generation.sample import encode
from dataset_generation.sources import balanced, open_source, target_of_labels
from dataset_generation.stored import DatasetError, StoredDataset
from ecg.formats.wfdb_format import write_wfdb
from ecg.leads import LEAD_INDEX
from ecg.record import Record
from ecg.simulator import SimulatorSource

OPTIONS = GenerateOptions(
    records=5,
    pages_per_record=2,
    samples_per_part=3,
    strengths=("clean", "scan", "photo", "hard_photo", "fax"),
    layouts=("3x4+1", "strip", "12x1"),
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
    summary = generate(replace(OPTIONS, out=str(folder)))
    assert (summary.written, summary.kept, summary.failures) == (10, 0, [])
    assert summary.whole
    return folder


def test_workers_change_no_byte(dataset: Path, tmp_path: Path) -> None:
    generate(replace(OPTIONS, out=str(tmp_path / "b"), workers=2))
    assert digests(tmp_path / "b") == digests(dataset)


def test_machines_that_share_the_work_change_no_byte(dataset: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "c")
    first = generate(replace(OPTIONS, out=out, shard="2/2"))
    assert not first.whole
    assert not (tmp_path / "c" / "index.csv").exists()
    second = generate(replace(OPTIONS, out=out, shard="1/2"))
    assert second.whole
    assert first.written + second.written == 10
    assert digests(tmp_path / "c") == digests(dataset)


def test_a_url_holds_the_same_bytes(dataset: Path) -> None:
    generate(replace(OPTIONS, out="memory://ptb-v-test"))
    store = StoredDataset("memory://ptb-v-test").store
    for name, digest in digests(dataset).items():
        assert hashlib.sha256(store.read(name)).hexdigest() == digest


def test_a_stopped_run_goes_on_to_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "d"
    generate(replace(OPTIONS, out=str(out)))
    (out / "parts" / "000001.jsonl").unlink()
    (out / "shards" / ".ptb-v-000001.tar.partial").write_text("half-written")
    (out / "index.csv").unlink()
    summary = generate(replace(OPTIONS, out=str(out)))
    assert (summary.written, summary.kept) == (3, 7)
    assert digests(out) == digests(dataset)


@pytest.mark.parametrize("data_format", ["shards", "folder"])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, data_format: str) -> None:
    """SIGKILL after one more new file each time: in drawing, and in writing."""
    options = [
        "--records", "6", "--samples-per-part", "2", "--pixels-per-mm", "2.5", "--quiet",
        "--format", data_format, "--workers", "2",
    ]  # fmt: skip
    start = "import sys; from pipeline.command import main; sys.exit(main(sys.argv[1:]))"
    program = [sys.executable, "-c", start, "generate", *options, "--out"]
    subprocess.run([*program, str(tmp_path / "whole")], check=True, capture_output=True)
    killed = tmp_path / "killed"
    kills = 0
    for _ in range(40):
        process = subprocess.Popen(
            [*program, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        enough = len(list(killed.rglob("*"))) + 1 + kills  # more each time: the last one ends
        while process.poll() is None and len(list(killed.rglob("*"))) < enough:
            time.sleep(0.005)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    assert process.poll() == 0
    assert kills > 0
    assert len(digests(killed)) > 5
    assert digests(killed) == digests(tmp_path / "whole")


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".recipe.json.1.partial"
    left.write_bytes(b"half")
    generate(replace(OPTIONS, out=str(tmp_path)))
    assert not left.exists()


def test_another_seed_gives_other_photos_and_is_not_mixed_in(dataset: Path) -> None:
    before = digests(dataset)
    with pytest.raises(GenerationError, match="made with other options"):
        generate(replace(OPTIONS, out=str(dataset), seed=8))
    assert digests(dataset) == before


def test_shards_are_webdataset_tars(dataset: Path) -> None:
    with tarfile.open(dataset / "shards" / "ptb-v-000000.tar") as tar:
        names = tar.getnames()
    keys = [name.partition(".")[0] for name in names]
    assert keys == sorted(keys, key=keys.index)  # files of a photo follow one another
    assert {name.partition(".")[2] for name in names} >= {"mask.png", "leads.png", "json", "hea"}


def test_a_plain_folder_holds_the_same_files(dataset: Path, tmp_path: Path) -> None:
    generate(replace(OPTIONS, out=str(tmp_path / "f"), data_format="folder"))
    for one, other in zip(StoredDataset(dataset), StoredDataset(tmp_path / "f"), strict=True):
        assert one.id == other.id
        assert one.files == other.files


def test_a_photo_is_remade_from_its_truth_to_the_byte(dataset: Path) -> None:
    for stored in StoredDataset(dataset):
        coded, suffix = encode(stored.remake(), "auto")
        assert coded == stored.files[suffix]


def test_truth_agrees_with_photo_mask_and_signal(dataset: Path) -> None:
    for stored in StoredDataset(dataset):
        truth = stored.truth
        photo = stored.remake()
        mask, leads = stored.mask(), stored.lead_masks()
        assert mask is not None
        assert leads is not None
        assert mask.shape == leads.shape == truth.photo_size[::-1]
        assert set(np.unique(mask)) <= {0, 1, 2, 3}
        assert (mask[leads > 0] == 3).all()
        signal = stored.record().signal_mv
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
                bit = 1 << LEAD_INDEX[stretch.lead]
                near = cv2.dilate((leads & bit > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
                assert near[at[:, 1], at[:, 0]].all()
        np.testing.assert_array_equal(np.isfinite(signal), windows)


def test_centre_lines_read_back_through_truth_are_the_signal(dataset: Path) -> None:
    """Within a sample and 10 uV, from the stored lines and the stored lattice alone."""
    for stored in StoredDataset(dataset):
        truth, spec = stored.truth, stored.truth.page_spec
        signal = stored.record().signal_mv
        lattice = truth.photo_from_page
        dense = lattice.photo_from_page
        for stretch in truth.stretches:
            lead = LEAD_INDEX[stretch.lead]
            first = round(stretch.start_s * 500)
            count = len(stretch.photo_points)
            x = spec.column_x_mm[stretch.column]
            seconds = np.arange(count) / 500
            shown = stretch.sign * (signal[lead, first : first + count] + spec.offset_mv[lead])
            page = np.stack(
                [
                    x + seconds * spec.speed_mm_per_s,
                    spec.row_y_mm[stretch.row] - shown * spec.gain_mm_per_mv,
                ],
                axis=-1,
            )
            away_px = dense(page) - stretch.photo_points
            scale = truth.pixels_per_mm
            rms_uv = 1000 * np.sqrt((away_px**2).mean()) / scale / spec.gain_mm_per_mv
            assert rms_uv < 10
            assert np.abs(away_px).max() / scale / spec.speed_mm_per_s < 1 / 500


def test_crossings_of_the_grid_are_where_the_map_says(dataset: Path) -> None:
    for stored in StoredDataset(dataset):
        truth = stored.truth
        points = truth.grid_points
        if not points.size:
            continue
        lines = [
            np.meshgrid(np.arange(left, right + 1e-6, 5.0), np.arange(top, bottom + 1e-6, 5.0))
            for left, top, right, bottom in truth.page_spec.grid.boxes_mm
        ]
        crossings = np.concatenate([np.stack(xy, -1).reshape(-1, 2) for xy in lines])
        there = truth.photo_from_page.photo_from_page(crossings)
        assert np.abs(there - points.reshape(-1, 2)).max() < 0.12


def test_signal_read_back_through_truth_is_the_record(dataset: Path) -> None:
    source = {r.record_id: r for r in (SimulatorSource(2**31, 7)[k] for k in range(5))}
    for stored in StoredDataset(dataset):
        truth = stored.truth
        record = source[truth.record.record_id]
        signal = stored.record().signal_mv
        finite = np.isfinite(signal)
        wanted = truth.page_spec.clipped(record.signal_mv[:, : signal.shape[1]])
        assert np.abs(signal - wanted)[finite].max() <= 0.00051
        assert truth.record.patient_id == record.patient_id


def test_index_has_a_row_a_photo(dataset: Path) -> None:
    stored = StoredDataset(dataset)
    assert len(stored) == 10
    for row in stored.rows:
        assert (dataset / row["shard"]).is_file()
        assert Path(row["image"]).suffix == (".png" if row["strength"] == "clean" else ".jpg")
    card = (dataset / "data_card.md").read_text()
    assert "10 photos of 5 records" in card
    assert "| effect | photos |" in card
    assert cv2.imread(str(dataset / "contact_sheet.jpg")) is not None


def test_a_lost_shard_is_made_again_and_a_damaged_one_is_named(
    dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(dataset, out)
    options = replace(OPTIONS, out=str(out))
    (out / "shards" / "ptb-v-000001.tar").unlink()
    assert generate(options).written == 3
    assert digests(out) == digests(dataset)
    (out / "shards" / "ptb-v-000000.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(GenerationError, match=r"ptb-v-000000.tar is damaged.*remove that file"):
        generate(options)


def test_missing_leads_are_named_and_a_page_without_any_is_refused(
    tmp_path: Path, record: Record
) -> None:
    folder = tmp_path / "wfdb"
    folder.mkdir()
    part = record.signal_mv.copy()
    part[LEAD_INDEX["V3"]] = np.nan
    write_wfdb(replace(record, signal_mv=part), folder / "part")
    only = np.full_like(part, np.nan)
    only[LEAD_INDEX["V6"]] = record.signal_mv[LEAD_INDEX["V6"]]
    write_wfdb(replace(record, signal_mv=only), folder / "only")
    options = replace(
        OPTIONS, out=str(tmp_path / "set"), data=folder, records=0, layouts=("3x4",),
        pages_per_record=1,
    )  # fmt: skip
    summary = generate(options)
    assert summary.written == 2
    assert any(note.startswith("part-0") and note.endswith("no V3") for note in summary.notes)
    rows = {row["id"]: row["missing"] for row in StoredDataset(tmp_path / "set").rows}
    assert rows["part-0"] == "V3"
    assert len(rows["only-0"].split()) == 11
    strip = generate(replace(options, out=str(tmp_path / "strips"), layouts=("strip",), seed=3))
    assert strip.written + len(strip.failures) == 2
    assert all("none of the leads" in reason for _, reason in strip.failures)
    assert "only" in dict(strip.failures)


def test_numbers_of_snomed_tell_infarction_and_nothing_else() -> None:
    assert target_of_labels(("164865005",)) == "mi"
    assert target_of_labels(("426783006",)) is None
    assert target_of_labels(("IMI", "SR")) == "mi"
    assert target_of_labels(("NORM",)) == "normal"


def test_a_damaged_header_does_not_end_a_choice_by_label(tmp_path: Path, record: Record) -> None:
    folder = tmp_path / "wfdb"
    folder.mkdir()
    write_wfdb(record, folder / "good")
    (folder / "empty.hea").write_text("")
    (folder / "huge.hea").write_text("huge 1 500 99999999999\nhuge.dat 16 1000/mV 16 0 0 0 0 I\n")
    options = replace(
        OPTIONS, out=str(tmp_path / "set"), data=folder, records=0, labels=record.labels[:1]
    )
    summary = generate(options)
    assert {name for name, _ in summary.failures} == {"empty", "huge"}
    assert summary.written == OPTIONS.pages_per_record


def test_an_unfinished_or_damaged_set_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no finished data set"):
        StoredDataset(tmp_path)
    shutil.copytree(dataset, tmp_path / "copy")
    (tmp_path / "copy" / "shards" / "ptb-v-000000.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(DatasetError, match="damaged"):
        next(iter(StoredDataset(tmp_path / "copy")))


def test_specs_survive_json() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        page = sample_page(rng)
        photo = sample_photo(rng, (page.width_mm, page.height_mm), "hard_photo")
        page_data, photo_data = json.loads(json.dumps([to_plain(page), to_plain(photo)]))
        assert from_plain(PageSpec, page_data) == page
        assert from_plain(PhotoSpec, photo_data) == photo


def test_specs_written_before_a_field_was_there_are_read_with_its_default() -> None:
    page = sample_page(np.random.default_rng(0))
    data = to_plain(page)
    del data["name_style"]
    assert from_plain(PageSpec, data) == replace(page, name_style="usual")
    del data["width_mm"]
    with pytest.raises(ValueError, match="width_mm"):
        from_plain(PageSpec, data)


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
    write_wfdb(replace(record, rate_hz=5.0), folder / "slow")
    options = replace(OPTIONS, out=str(out), data=folder, records=0, pages_per_record=1)
    summary = generate(options)
    assert summary.written == 2
    assert sorted(name for name, _ in summary.failures) == ["broken", "nothing", "slow"]
    assert all(name in reason for name, reason in summary.failures)
    assert {row["id"] for row in StoredDataset(out).rows} == {"ward_one-0", "two-0"}
    again = generate(options)
    assert (again.written, again.kept, len(again.failures)) == (0, 2, 3)


def test_balance_takes_turns_and_new_patients_first() -> None:
    targets = ["mi", "mi", "mi", "normal", "normal", "other", "other", "other"]
    patients = [1, 1, 2, 3, 4, 5, 5, 6]
    chosen = balanced(list(range(8)), targets, patients)
    assert chosen == [0, 3, 5, 2, 4, 7]


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
        ({"strengths": ("gentle",)}, "no preset 'gentle'"),
        ({"pages": "napkins"}, "no pages 'napkins': take papers, ptb-v"),
        ({"out": "nosuch://x"}, "nosuch://x cannot be used"),
        ({"balance": True}, "needs PTB-XL"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    options = replace(OPTIONS, **{"out": str(tmp_path / "out"), **change})  # type: ignore[arg-type]
    with pytest.raises(GenerationError, match=sentence):
        generate(options)
    assert not (tmp_path / "out").exists()


def test_folder_that_holds_other_files_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(GenerationError, match="holds other files"):
        generate(replace(OPTIONS, out=str(tmp_path)))
    with pytest.raises(GenerationError, match="cannot write"):
        generate(replace(OPTIONS, out=str(tmp_path / "thesis.txt" / "out")))


@pytest.mark.parametrize(
    "change",
    [
        {"strengths": ("photo=0",)},
        {"shard": "3/2"},
        {"strengths": ("photo", "photo")},
        {"strengths": ()},
        {"workers": 0},
        {"folds": (11,)},
        {"megapixels": math.nan},
    ],
)
def test_wrong_options_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"strength|workers|folds|megapixels|shard"):
        replace(OPTIONS, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("script", ["generate_ptb_v.sh", "generate_segmentation_maps.sh"])
def test_scripts_are_valid_bash(script: str) -> None:
    path = Path(__file__).parents[2] / "dataset_generation" / script
    subprocess.run(["bash", "-n", str(path)], check=True)
