"""The set of readings: its gate, its files, its resumption; augmentation; merging; the command."""

import csv
import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_generation.readings import Gate, PhotoItem, write_readings
from dataset_generation.readings_augmentation import augment_readings, merge_readings
from dataset_generation.readings_folder import (
    COLUMNS,
    ReadingRow,
    ReadingsError,
    load_maps,
    load_signal,
    merged_picture,
    read_readings,
)
from ecg.lead_maps import LeadMaps, draw_lead_maps
from ecg.leads import LEADS
from ecg.page_geometry import PageGeometry
from ecg.reading import PageRejected, Reading
from ecg.splits import split_of_fold
from pipeline import readings_command
from pipeline.photos import PhotoError
from pipeline.readings_command import items_of, run_readings
from pipeline.readings_options import ReadingsOptions

NO_ECG, BUG = 255, 254
GEOMETRY = PageGeometry(np.stack(np.meshgrid([0.0, 9.0], [0.0, 9.0]), axis=-1), 5.0)


def photo(number: int, quality: int = 90, leads: int = 12) -> NDArray[np.uint8]:
    """A picture of one colour, which tells the fake reader what to find."""
    return np.full((80, 400, 3), (number, quality, leads), np.uint8)


def read(pixels: NDArray[np.uint8]) -> Reading:
    number, quality, leads = (int(value) for value in pixels[0, 0])
    if number == NO_ECG:
        raise PageRejected("No ECG was found.", "page")
    if number == BUG:
        raise RuntimeError("a bug\nof two lines")
    time_s = np.arange(1250) / 500
    signal = np.full((12, 1250), np.nan, np.float32)
    for lead in range(leads):
        signal[lead] = 0.05 * (lead + 1) * np.sin(2 * np.pi * (1 + number / 10) * time_s)
    return Reading(
        signal_mv=signal,
        confidence=np.isfinite(signal).astype(np.float32),
        layout="3x4",
        speed_mm_per_s=25.0,
        gain_mm_per_mv=10.0,
        quality=quality / 100,
        traces=(),
        geometry=GEOMETRY,
        lead_maps=draw_lead_maps(signal, 500.0),
    )


def item(number: int, fold: int = 1, target: str = "mi", **picture: int) -> PhotoItem:
    load = partial(photo, number, **picture)
    return PhotoItem(
        f"p{number}", load, f"r{number}", f"patient{number}", fold, target, ("IMI", f"L{number}")
    )


def unreadable() -> NDArray[np.uint8]:
    raise OSError("broken.jpg is cut off.")


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def by_id(rows: Iterable[ReadingRow]) -> dict[str, ReadingRow]:
    return {row.id: row for row in rows}


MIXED = [
    item(1),
    item(2, fold=9, target="normal", leads=11),
    item(3, quality=31),
    item(4, leads=7),
    item(NO_ECG),
    item(BUG),
    replace(item(5), load=unreadable),
    item(6),
]


def make_set(folder: Path, items: Iterable[PhotoItem]) -> list[ReadingRow]:
    return write_readings(list(items), read, folder)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readings") / "a"
    rows = make_set(folder, MIXED)
    assert rows == read_readings(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two targets on three sides, four records each; V6 only on half of the pages."""
    folder = tmp_path_factory.mktemp("readings") / "whole"
    places = [(fold, target) for fold in (2, 9, 10) for target in ("mi", "normal")]
    items = [
        item(number, *places[number % 6], leads=12 if number % 4 < 2 else 11)
        for number in range(24)
    ]
    make_set(folder, items)
    return folder


def test_maps_and_signal_are_what_was_read(mixed: Path) -> None:
    row = by_id(read_readings(mixed))["p2"]
    reading = read(photo(2, leads=11))
    with np.load(mixed / "maps" / "p2.npz", allow_pickle=False) as file:
        assert (file["lead_maps"].shape, file["lead_maps"].dtype) == ((12, 160, 250), np.uint8)
        assert (file["present"].shape, file["present"].dtype) == ((12,), np.bool_)
    maps = load_maps(mixed, row)
    np.testing.assert_array_equal(maps.ink, reading.lead_maps.ink)
    assert maps.present.tolist() == [True] * 11 + [False]
    record = load_signal(mixed, row)
    np.testing.assert_allclose(record.signal_mv, reading.signal_mv, atol=0.00051)
    assert (record.rate_hz, record.record_id, record.patient_id) == (500, "r2", "patient2")
    assert (row.fold, row.target, row.labels) == (9, "normal", ("IMI", "L2"))
    assert (row.quality, row.leads_found, row.layout) == (0.9, 11, "3x4")


def test_merged_picture_shows_every_lead_in_its_place(mixed: Path) -> None:
    maps = load_maps(mixed, by_id(read_readings(mixed))["p1"])
    image = cv2.imread(str(mixed / "merged" / "p1.png"))
    assert image is not None
    picture = image[..., ::-1]
    assert picture.shape == (4 * 160, 250, 3)
    for lead in range(12):
        place = slice(160 * (lead % 4), 160 * (lead % 4 + 1))
        np.testing.assert_array_equal(picture[place, :, lead // 4], maps.ink[lead])
        assert maps.ink[lead].max() == 255
    np.testing.assert_array_equal(merged_picture(maps), picture)


def test_bad_photos_are_rows_with_reasons_among_good_ones(mixed: Path) -> None:
    rows = by_id(read_readings(mixed))
    assert {name: (row.status, row.reason) for name, row in rows.items()} == {
        "p1": ("kept", ""),
        "p2": ("kept", ""),
        "p3": ("rejected", "quality 0.31 is under 0.5"),
        "p4": ("rejected", "7 of 12 leads found, 10 asked for"),
        "p255": ("rejected", "No ECG was found."),
        "p254": ("error", "internal error (RuntimeError): a bug of two lines"),
        "p5": ("error", "broken.jpg is cut off."),
        "p6": ("kept", ""),
    }
    assert {path.stem for path in (mixed / "maps").iterdir()} == {"p1", "p2", "p6"}
    assert rows["p3"].quality == 0.31
    with pytest.raises(ReadingsError, match=r"p4 .rejected. has no maps: 7 of 12"):
        load_maps(mixed, rows["p4"])
    with pytest.raises(ReadingsError, match="no signal"):
        load_signal(mixed, rows["p5"])


def test_table_and_sheets(mixed: Path) -> None:
    with (mixed / "readings.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == COLUMNS
    ids = [row["id"] for row in table]
    assert ids == sorted(ids)
    assert len(ids) == len(MIXED)
    for row in table:
        assert bool(row["maps"]) == (row["status"] == "kept")
    kept, rejected = (cv2.imread(str(mixed / name)) for name in ("kept.jpg", "rejected.jpg"))
    assert kept is not None
    assert rejected is not None
    assert kept.shape[1] > 3 * 250
    thumbnail = cv2.imread(str(mixed / "thumbnails" / "p3.jpg"))
    assert thumbnail is not None
    assert thumbnail.shape == (64, 320, 3)


def test_stopped_run_goes_on_to_the_same_bytes(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    make_set(out, MIXED[::2])
    (out / "done" / "p3.json").unlink()
    (out / "maps" / "p1.npz").unlink()
    (out / "readings.csv").unlink()
    (out / "maps" / ".p6.abcd_123.npz").write_text("half-written")
    (out / ".readings.abcd_123.csv").write_text("half-written")
    (out / "signals" / ".p6.abcd_123").mkdir()
    advanced: list[int] = []
    seen: list[int] = []

    def watched(pixels: NDArray[np.uint8]) -> Reading:
        seen.append(int(pixels[0, 0, 0]))
        return read(pixels)

    write_readings(MIXED, watched, out, advance=lambda: advanced.append(1))
    assert digests(out) == digests(mixed)
    assert seen == [1, 2, 3, 4, BUG, 6]
    assert len(advanced) == len(MIXED)
    seen.clear()
    write_readings(MIXED, watched, out)
    assert seen == [BUG]
    assert digests(out) == digests(mixed)


def test_run_killed_before_it_began_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".settings.json.0123abcd.partial").write_text("{")
    make_set(tmp_path, [item(1)])
    assert not list(tmp_path.glob(".*"))


def test_error_is_tried_again_and_mended(tmp_path: Path) -> None:
    make_set(tmp_path, [replace(item(5), load=unreadable)])
    (row,) = make_set(tmp_path, [item(5)])
    assert row.status == "kept"


def test_internal_error_is_logged_with_its_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        make_set(tmp_path, [item(BUG), item(NO_ECG), replace(item(5), load=unreadable)])
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "p254" in record.getMessage()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gate": Gate(min_leads=3)}, "made with other options"),
        ({"reader": "another"}, "made with other options"),
        ({"items": [replace(item(1), record_id="r9")]}, "record_id is 'r9'"),
        ({"items": [item(1), item(1)]}, "two photos have the id 'p1'"),
        ({"items": [item(1), replace(item(6), patient_id="patient1", fold=9)]}, "more than one"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    mixed: Path, change: dict[str, object], sentence: str
) -> None:
    before = digests(mixed)
    arguments = {"items": MIXED, "read": read, "folder": mixed} | change
    with pytest.raises(ReadingsError, match=sentence):
        write_readings(**arguments)  # type: ignore[arg-type]
    assert digests(mixed) == before


def test_folders_of_others_and_unwritable_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ReadingsError, match="holds other files"):
        make_set(tmp_path, [item(1)])
    with pytest.raises(ReadingsError, match="cannot write"):
        make_set(tmp_path / "thesis.txt" / "out", [item(1)])
    with pytest.raises(ReadingsError, match=r"no readings\.csv"):
        read_readings(tmp_path)
    (tmp_path / "readings.csv").write_text("id,colour\n1,red\n")
    with pytest.raises(ReadingsError, match="columns"):
        read_readings(tmp_path)


def test_gate_counts_leads_by_their_seconds_and_refuses_absurd_voltages() -> None:
    reading = read(photo(1))
    signal = reading.signal_mv.copy()
    signal[9:, 400:] = np.nan  # 0.8 s
    short = replace(reading, signal_mv=signal)
    assert Gate().leads_found(short) == 9
    assert Gate(min_seconds=0.5).refusal(short) == ""
    assert Gate().refusal(short) == "9 of 12 leads found, 10 asked for"
    high = replace(reading, signal_mv=reading.signal_mv * 100)
    assert Gate().refusal(high) == "a voltage of 60 mV is over 20"
    assert "nan" in Gate().refusal(replace(reading, quality=float("nan")))


@pytest.mark.parametrize("wrong", [{"min_quality": 2}, {"min_leads": 13}, {"max_mv": 100}])
def test_wrong_gates_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Gate(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"id": "../x"}, {"fold": 0}, {"labels": ("old MI",)}])
def test_wrong_items_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(item(1), **wrong)  # type: ignore[arg-type]


def test_maps_may_be_drawn_otherwise(tmp_path: Path) -> None:
    blank = LeadMaps(np.zeros((12, 160, 250), np.uint8), np.zeros(12, bool))
    (row,) = write_readings([item(1)], read, tmp_path, draw=lambda reading: blank)
    assert not load_maps(tmp_path, row).ink.any()


def test_augmentation_keeps_class_side_and_lead(whole: Path, tmp_path: Path) -> None:
    made = augment_readings(whole, tmp_path, copies=5, seed=3, sides=("train", "test"))
    originals = by_id(read_readings(whole))
    assert made == read_readings(tmp_path)
    assert len(made) == 5 * 16
    replaced = []
    for row in made:
        own, *given = row.donors.split()
        base = originals[own]
        assert (row.record_id, row.patient_id) == (base.record_id, base.patient_id)
        assert (row.fold, row.target, row.signal) == (base.fold, base.target, "")
        assert row.fold in (2, 10)
        assert row.labels == ("IMI",)  # what base and donors share
        assert 1 <= len(given) <= 2
        present = load_maps(whole, base).present
        for lead, _, name in (text.partition("=") for text in given):
            donor = originals[name]
            assert donor.record_id != base.record_id
            assert donor.target == base.target
            assert split_of_fold(donor.fold or 0) == split_of_fold(base.fold or 0)
            assert load_maps(whole, donor).present[LEADS.index(lead)]
            present[LEADS.index(lead)] = True
            replaced.append(lead)
        maps = load_maps(tmp_path, row)
        np.testing.assert_array_equal(maps.present, present)
        assert row.leads_found == present.sum()
        picture = cv2.imread(str(tmp_path / row.merged))
        assert picture is not None
        np.testing.assert_array_equal(picture[..., ::-1], merged_picture(maps))
    assert set(replaced) == set(LEADS)


def test_a_replaced_lead_is_the_same_lead_of_the_donor(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataset_generation.readings_augmentation._SPREAD", 0.0)
    originals = by_id(read_readings(whole))
    for row in augment_readings(whole, tmp_path, copies=2):
        own, *given = row.donors.split()
        wanted = load_maps(whole, originals[own]).ink.copy()
        for lead, _, name in (text.partition("=") for text in given):
            wanted[LEADS.index(lead)] = load_maps(whole, originals[name]).ink[LEADS.index(lead)]
        np.testing.assert_array_equal(load_maps(tmp_path, row).ink, wanted)


def test_leads_are_stretched_about_the_middle_row_from_their_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ink = np.zeros((12, 160, 250), np.uint8)
    ink[:, 79:81] = 255  # the baseline
    ink[:, :, 100:102] = 255  # a stroke at 1.01 s
    maps = LeadMaps(ink, np.ones(12, bool))
    write_readings([item(1)], read, tmp_path / "a", draw=lambda reading: maps)
    monkeypatch.setattr("dataset_generation.readings_augmentation._SPREAD", 0.2)
    (row,) = augment_readings(tmp_path / "a", tmp_path / "b", copies=1)
    assert row.donors == "p1"
    new = load_maps(tmp_path / "b", row).ink.astype(float)
    lines = new[:, :, 10].sum(axis=1)
    np.testing.assert_allclose(new[:, :, 10] @ np.arange(160) / lines, 79.5, atol=0.02)
    strokes = new[:, 60]
    places = strokes @ (np.arange(250) + 0.5) / strokes.sum(axis=1)
    factors = places / 101
    assert ((factors > 0.45) & (factors < 1.55)).all()
    assert factors.std() > 0.05


def test_augmentation_depends_on_the_seed_alone(whole: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        augment_readings(whole, tmp_path / name, copies=1, seed=seed)
    augment_readings(whole, tmp_path / "a", copies=1, seed=1)
    same, again, other = (digests(tmp_path / name) for name in "abc")
    assert same == again
    assert same["readings.csv"] != other["readings.csv"]
    with pytest.raises(ReadingsError, match="other options"):
        augment_readings(whole, tmp_path / "a", copies=2, seed=1)


def test_nothing_to_augment_is_one_sentence(tmp_path: Path) -> None:
    plain = replace(item(1), target=None)
    make_set(tmp_path / "a", [plain, item(2, fold=10)])
    with pytest.raises(ReadingsError, match="no kept reading of the train side"):
        augment_readings(tmp_path / "a", tmp_path / "b", copies=1)
    assert not (tmp_path / "b").exists()


def test_sets_are_merged_with_all_their_files(mixed: Path, whole: Path, tmp_path: Path) -> None:
    augment_readings(mixed, tmp_path / "more", copies=1)
    merged = merge_readings([mixed, tmp_path / "more"], tmp_path / "out")
    assert {row.id for row in merged} >= {"p1", "p1-a0", "p5", "p6-a0"}
    rows = by_id(read_readings(tmp_path / "out"))
    assert rows["p6-a0"].donors.startswith("p6 ")
    for name, folder in (("p1", mixed), ("p1-a0", tmp_path / "more")):
        ink = load_maps(tmp_path / "out", rows[name]).ink
        np.testing.assert_array_equal(ink, load_maps(folder, rows[name]).ink)
    assert load_signal(tmp_path / "out", rows["p1"]).record_id == "r1"
    with pytest.raises(ReadingsError, match=r"reading p1 is in .* and in"):
        merge_readings([mixed, whole], tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_merging_refuses_a_patient_on_two_sides(tmp_path: Path) -> None:
    make_set(tmp_path / "a", [item(1, fold=1)])
    make_set(tmp_path / "b", [replace(item(2, fold=10), patient_id="patient1")])
    with pytest.raises(ReadingsError, match="patient1"):
        merge_readings([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def write_photo(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """A folder as ``ecgphoto generate`` writes it."""
    folder = tmp_path / "ptb-v"
    lines = ["id,image,mask,record_id,patient_id,fold,target,labels"]
    for number in range(3):
        write_photo(folder / "images" / f"{number}-0.png", photo(number))
        lines.append(f"{number}-0,images/{number}-0.png,,{number},{number}.0,3,mi,IMI ASMI")
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_command_reads_a_data_set_and_augments_it(
    data_set: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readings_command, "_load_reader", lambda: (read, "fake"))
    out = data_set.parent / "out"
    options = ReadingsOptions((str(data_set),), out, augment=2, quiet=True)
    assert run_readings(options) == 0
    told = capsys.readouterr().err
    assert "3 kept" in told
    assert "6 made by augmentation" in told
    rows = by_id(read_readings(out))
    assert (rows["1-0"].patient_id, rows["1-0"].fold) == ("1.0", 3)
    assert rows["1-0"].labels == ("IMI", "ASMI")
    assert len(read_readings(out / "augmented")) == 6
    assert json.loads((out / "settings.json").read_text())["reader"] == "fake"
    before = digests(out)
    assert run_readings(options) == 0
    assert digests(out) == before


def test_command_tells_what_it_did_not_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readings_command, "_load_reader", lambda: (read, "fake"))
    photos = tmp_path / "photos"
    write_photo(photos / "ward 3.png", photo(1))
    write_photo(photos / "b" / "ward 3.png", photo(NO_ECG))
    (photos / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    options = ReadingsOptions((str(photos),), tmp_path / "out", quiet=True)
    assert run_readings(options) == 3
    assert "1 error, 1 kept, 1 rejected" in capsys.readouterr().err
    rows = by_id(read_readings(tmp_path / "out"))
    kept = next(row for row in rows.values() if row.status == "kept")
    assert kept.record_id == (photos / "ward 3.png").as_posix()
    assert set(rows) == {"ward_3", "ward_3-2", "cut"}
    assert rows["cut"].reason.startswith("cut.jpg")
    assert run_readings(replace(options, min_leads=3)) == 2
    assert run_readings(replace(options, photos=(str(tmp_path / "none"),))) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(("fold", "side"), r"lacks \['fold'\]"), ((",3,", ",third,"), "line 2"), (("0-0", "é"), "id")],
)
def test_wrong_index_is_one_sentence(
    data_set: Path, change: tuple[str, str], sentence: str
) -> None:
    path = data_set / "index.csv"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(PhotoError, match=sentence):
        items_of([str(data_set)])


@pytest.mark.parametrize(
    "change", [{"min_quality": 1.5}, {"min_leads": -1}, {"augment": -1}, {"max_megapixels": 0}]
)
def test_wrong_options_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change)).replace("_", "-")):
        ReadingsOptions(("x",), **change)  # type: ignore[arg-type]
