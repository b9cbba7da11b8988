"""A data set in the formats of others: outlines on the ink, crops upright, files byte for byte."""

import csv
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_generation.command import generate
from dataset_generation.export import export_dataset, open_dataset
from dataset_generation.export_crops import crop_from_photo
from dataset_generation.export_objects import CATEGORIES, area_of, joined
from dataset_generation.export_options import ExportFormat, ExportOptions
from dataset_generation.export_photos import ExportError
from dataset_generation.options import GenerateOptions
from dataset_generation.stored import StoredDataset
from ecg.leads import LEAD_INDEX, LEADS
from pipeline.export_command import run_export

FORMATS: tuple[ExportFormat, ...] = ("coco", "yolo", "crops", "folder")


def made(folder: Path, **changes: Any) -> Path:
    given: dict[str, Any] = {
        "records": 3,
        "folds": (1, 9, 10),
        "strengths": ("clean", "photo", "hard_photo"),
        "layouts": ("3x4+1", "6x2"),
        "pixels_per_mm": 4.0,
        "samples_per_part": 2,
        "seed": 3,
        "quiet": True,
    } | changes
    summary = generate(GenerateOptions(out=str(folder), **given))
    assert (summary.written, summary.failures) == (3, [])
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("export") / "shards")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("export") / "folder", data_format="folder")


@pytest.fixture(scope="module")
def coco(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(shards, "coco", tmp_path_factory.mktemp("export") / "coco")


def exported(dataset: Path, to: ExportFormat, out: Path, **given: Any) -> Path:
    assert run_export(ExportOptions(str(dataset), to, str(out), quiet=True, **given)) == 0
    return out


def rewrite_index(dataset: Path, rows: list[dict[str, str]]) -> None:
    with (dataset / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def documents(coco: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(coco.glob("annotations*.json")):
        yield json.loads(path.read_text())


def drawn(outlines: list[list[float]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels whose centres lie within COCO's polygons."""
    mask = np.zeros((4 * size[1], 4 * size[0]), np.uint8)
    lines = [np.round(4 * np.array(line).reshape(-1, 2)).astype(np.int32) for line in outlines]
    cv2.fillPoly(mask, lines, 1)
    return np.asarray(mask[2::4, 2::4])


def test_coco_outlines_are_the_ink_of_the_leads(coco: Path, shards: Path) -> None:
    samples = {sample.id: sample for sample in StoredDataset(shards)}
    for document in documents(coco):
        for image in document["images"]:
            sample = samples[Path(image["file_name"]).stem]
            masks = sample.lead_masks()
            assert masks is not None
            size = (image["width"], image["height"])
            picture = cv2.imread(str(coco / "images" / image["file_name"]))
            assert picture is not None
            assert picture.shape[1::-1] == size
            of_leads: dict[int, NDArray[np.uint8]] = {}
            for item in document["annotations"]:
                if item["image_id"] == image["id"] and item["category_id"] <= 12:
                    ink = drawn(item["segmentation"], size)
                    index = item["category_id"] - 1
                    truth = (masks >> index & 1).astype(np.uint8)
                    near = cv2.dilate(truth, np.ones((5, 5), np.uint8))
                    assert near[ink > 0].mean() > 0.99
                    of_leads[index] = of_leads.get(index, np.zeros_like(ink)) | ink
            assert sorted(of_leads) == list(range(12))
            for index, ink in of_leads.items():
                truth = (masks >> index & 1).astype(np.uint8)
                assert truth.sum() > 50
                near = cv2.dilate(ink, np.ones((3, 3), np.uint8))
                assert near[truth > 0].mean() > 0.99


def test_coco_is_consistent(coco: Path, shards: Path) -> None:
    rows = StoredDataset(shards).rows
    names = {path.name for path in coco.glob("*.json")}
    sides = ("train", "validation", "test")
    assert names == {"export.json", *(f"annotations_{side}.json" for side in sides)}
    ids: list[int] = []
    for side, document in zip(sorted(sides), documents(coco), strict=True):
        categories = {item["id"]: item["name"] for item in document["categories"]}
        assert categories == dict(enumerate(CATEGORIES, 1))
        assert [categories[k] for k in range(1, 13)] == list(LEADS)
        images = {item["id"]: item for item in document["images"]}
        for number, image in images.items():
            row = rows[number - 1]
            assert Path(image["file_name"]).stem == row["id"]
            assert {"1": "train", "9": "validation", "10": "test"}[row["fold"]] == side
            mine = [item for item in document["annotations"] if item["image_id"] == number]
            kinds = Counter(categories[item["category_id"]] for item in mine)
            assert sum(kinds[lead] for lead in LEADS) == int(row["stretches"])
            assert kinds["paper"] == 1
            rhythm = [item for item in mine if item["attributes"].get("rhythm")]
            assert len(rhythm) == (row["layout"] == "3x4+1")
        for item in document["annotations"]:
            ids.append(item["id"])
            width, height = (images[item["image_id"]][key] for key in ("width", "height"))
            x, y, w, h = item["bbox"]
            assert min(x, y) >= 0
            assert min(w, h) > 0
            assert x + w <= width
            assert y + h <= height
            assert item["iscrowd"] == 0
            lines = [np.array(line).reshape(-1, 2) for line in item["segmentation"]]
            every = np.concatenate(lines)
            np.testing.assert_allclose([*every.min(0), *np.ptp(every, axis=0)], item["bbox"])
            assert sum(area_of(line) for line in lines) == pytest.approx(item["area"], abs=0.01)
    assert len(ids) == len(set(ids))


def test_names_pulses_and_paper_are_outlined(coco: Path, shards: Path) -> None:
    samples = {sample.id: sample for sample in StoredDataset(shards)}
    for document in documents(coco):
        for image in document["images"]:
            sample = samples[Path(image["file_name"]).stem]
            size = (image["width"], image["height"])
            paper = np.zeros(size[::-1], np.uint8)
            edge = np.round(16 * sample.truth.page_corners).astype(np.int32)
            cv2.fillPoly(paper, [edge], 1, cv2.LINE_8, 4)
            mask = sample.mask()
            assert mask is not None
            words = 0
            for item in document["annotations"]:
                if item["image_id"] != image["id"]:
                    continue
                ink = drawn(item["segmentation"], size)
                kind = CATEGORIES[item["category_id"] - 1]
                if kind == "paper":
                    assert (ink & paper).sum() > 0.9 * (ink | paper).sum()
                elif kind == "pulse":
                    assert (mask[ink > 0] == 3).mean() > 0.9
                elif kind == "lead_name":
                    assert item["attributes"]["lead"] in LEADS
                    words += 1
            assert words == sum(word.lead is not None for word in sample.truth.words)


def test_a_set_without_masks_or_folds_gives_the_same_objects(shards: Path, tmp_path: Path) -> None:
    plain = made(tmp_path / "plain", masks=False)
    rewrite_index(plain, [row | {"fold": ""} for row in StoredDataset(plain).rows])
    (document,) = documents(exported(plain, "coco", tmp_path / "coco"))
    with_masks = [
        item
        for other in documents(exported(shards, "coco", tmp_path / "other"))
        for item in other["annotations"]
    ]
    assert document["annotations"] == sorted(with_masks, key=lambda item: item["id"])


def test_yolo_lines_are_shares_and_as_many_as_cocos(
    coco: Path, shards: Path, tmp_path: Path
) -> None:
    out = exported(shards, "yolo", tmp_path / "yolo")
    found: Counter[int] = Counter()
    sizes: dict[str, Any] = {}
    for document in documents(coco):
        sizes |= {Path(image["file_name"]).stem: image for image in document["images"]}
    for path in sorted((out / "labels").iterdir()):
        image = sizes[path.stem]
        for line in path.read_text().splitlines():
            kind, *shares = line.split()
            points = np.array(shares, np.float64).reshape(-1, 2)
            assert len(points) >= 3
            assert points.min() >= 0
            assert points.max() <= 1
            found[int(kind) + 1] += 1
            if CATEGORIES[int(kind)] == "paper":
                size = (image["width"], image["height"])
                (paper,) = [
                    item
                    for document in documents(coco)
                    for item in document["annotations"]
                    if item["image_id"] == image["id"] and item["category_id"] == int(kind) + 1
                ]
                assert area_of(points * size) == pytest.approx(paper["area"], rel=0.01)
    wanted = Counter(
        item["category_id"] for document in documents(coco) for item in document["annotations"]
    )
    assert found == wanted
    text = (out / "data.yaml").read_text()
    assert text.startswith(
        "train: train.txt\nval: validation.txt\ntest: test.txt\nnames:\n  0: I\n"
    )
    listed = [(out / f"{side}.txt").read_text().split() for side in ("train", "validation", "test")]
    assert sorted(len(part) for part in listed) == [1, 1, 1]
    assert all((out / name).is_file() for part in listed for name in part)


def test_joined_outlines_keep_their_area() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float64)
    hole = np.array([[4, 4], [4, 6], [6, 6], [6, 4]], np.float64)
    assert area_of(joined((square, hole))) == 96
    assert area_of(joined((square, square + 20))) == 200


@pytest.mark.parametrize("pages", ["papers", "ptb-v"])
def test_crops_are_upright_and_their_masks_hold_the_trace(pages: str, tmp_path: Path) -> None:
    dataset = made(tmp_path / "set", pages=pages, layouts=())
    out = exported(dataset, "crops", tmp_path / "crops")
    samples = {sample.id: sample for sample in StoredDataset(dataset)}
    with (out / "crops.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(sample.truth.stretches) for sample in samples.values())
    assert len({row["crop"] for row in rows}) == len(rows)
    for row in rows:
        truth = samples[row["id"]].truth
        assert row["crop"].startswith(f"crops/{row['id']}_LEAD={row['lead']}")
        crop = cv2.imread(str(out / row["crop"]))
        mask = cv2.imread(str(out / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert crop is not None
        assert mask is not None
        assert mask.shape == crop.shape[:2] == (int(row["height"]), int(row["width"]))
        assert set(np.unique(mask)) <= {0, 85, 170, 255}
        (stretch,) = [
            s
            for s in truth.stretches
            if (s.lead, s.row, s.column) == (row["lead"], int(row["row"]), int(row["column"]))
        ]
        quad = np.array([float(row[f"{axis}{k}"]) for k in range(4) for axis in "xy"])
        upright, size = crop_from_photo(quad.reshape(4, 2))
        assert size == mask.shape[::-1]
        line = cv2.perspectiveTransform(stretch.photo_points[:, None], upright)[:, 0]
        at = np.round(line).astype(int)
        within = ((at >= 0) & (at < size)).all(axis=-1)
        trace = cv2.dilate(np.uint8(mask == 255), np.ones((3, 3), np.uint8))
        assert within.mean() > 0.7
        assert trace[at[within, 1], at[within, 0]].mean() > 0.95
        assert line[-1, 0] > line[0, 0] + 0.6 * size[0]  # time runs to the right
        if pages == "ptb-v":
            flat = truth.strength == "clean"
            start = size[0] / 6 - 0.5  # 9 of 54 mm are the pulse's
            assert line[0, 0] == pytest.approx(start, abs=0.1 if flat else 0.06 * size[0])
            assert (row["duration_s"], row["rhythm"]) == ("1.8", "0")


def test_jitter_moves_corners_by_its_share_of_the_photo(shards: Path, tmp_path: Path) -> None:
    def corners(name: str, **given: Any) -> NDArray[np.float64]:
        out = exported(shards, "crops", tmp_path / name, **given)
        with (out / "crops.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        sizes = {s.id: s.truth.photo_size for s in StoredDataset(shards)}
        quads = [[[float(row[f"x{k}"]), float(row[f"y{k}"])] for k in range(4)] for row in rows]
        return np.array(quads) / [[sizes[row["id"]]] for row in rows]

    exact, moved = corners("exact"), corners("moved", jitter=0.01)
    assert (moved - exact).std() == pytest.approx(0.01, rel=0.15)
    np.testing.assert_array_equal(corners("again", jitter=0.01), moved)
    assert np.abs(corners("other", jitter=0.01, seed=1) - moved).max() > 0.005


def test_shards_and_folder_become_each_other_byte_for_byte(
    shards: Path, folder: Path, tmp_path: Path
) -> None:
    assert digests(exported(shards, "folder", tmp_path / "f")) == digests(folder)
    assert digests(exported(folder, "shards", tmp_path / "s")) == digests(shards)


@pytest.mark.parametrize("to", FORMATS)
def test_a_stopped_export_goes_on_to_the_same_bytes(
    to: ExportFormat, shards: Path, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(photos: int) -> None:
        if photos:
            raise Stop

    whole = exported(shards, to, tmp_path / "whole")
    out = tmp_path / "stopped"
    dataset = open_dataset(shards)
    with pytest.raises(Stop):
        export_dataset(dataset, to, out, advance=stop)
    assert not [name for name in ("index.csv", "crops.csv", "data.yaml") if (out / name).exists()]
    partial = next(path for path in out.iterdir() if path.is_dir()) / ".half.jpg.partial"
    partial.write_text("half-written")
    summary = export_dataset(dataset, to, out)
    assert summary.written + summary.kept == 3
    assert summary.kept == (to != "folder")  # whose part of two photos has no record yet
    assert digests(out) == digests(whole)
    again = export_dataset(dataset, to, out)
    assert (again.written, again.kept) == (0, 3)
    assert digests(out) == digests(whole)


@pytest.mark.parametrize("to", ["coco", "yolo", "crops"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("images", b"no picture"), ("truth", b"{"), ("masks", None), ("leads", b""), ("signals", b"")],
)
def test_a_damaged_photo_is_reported_and_the_others_exported(
    to: ExportFormat,
    name: str,
    content: bytes | None,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dataset = tmp_path / "damaged"
    shutil.copytree(folder, dataset)
    row = StoredDataset(dataset).rows[1]
    (file, *_) = sorted((dataset / name).glob(f"{row['id']}.*"))
    kept = file.read_bytes()
    file.write_bytes(content or b"") if content is not None else file.unlink()
    options = ExportOptions(str(dataset), to, str(tmp_path / "out"), quiet=True)
    assert run_export(options) == 3
    told = capsys.readouterr().err
    assert f"left out: {row['id']}: " in told
    assert "2 photos written, 1 damaged and left out" in told
    file.write_bytes(kept)
    assert run_export(options) == 0
    assert "1 photos written, 2 kept" in capsys.readouterr().err
    assert digests(tmp_path / "out") == digests(exported(folder, to, tmp_path / "whole"))


def test_a_lost_or_damaged_shard_does_not_stop_the_others(shards: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "damaged"
    shutil.copytree(shards, dataset)
    first, last = sorted((dataset / "shards").iterdir())
    first.write_bytes(b"no tar")
    for to in ("folder", "coco"):
        summary = export_dataset(open_dataset(dataset), to, tmp_path / to)
        assert (summary.written, len(summary.damaged)) == (1, 2)
    assert [sample.id for sample in StoredDataset(tmp_path / "folder")] == [
        row["id"] for row in StoredDataset(shards).rows[2:]
    ]
    shutil.copytree(shards, dataset, dirs_exist_ok=True)
    summary = export_dataset(open_dataset(dataset), "folder", tmp_path / "folder")
    assert (summary.written, summary.kept) == (2, 1)
    last.unlink()
    summary = export_dataset(open_dataset(dataset), "coco", tmp_path / "other")
    assert (summary.written, len(summary.damaged)) == (2, 1)
    assert last.name in summary.damaged[0].reason


def test_other_files_and_wrong_wishes_are_refused(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    wishes: tuple[tuple[Path | str, ExportFormat, Path | str, str], ...] = (
        (shards, "coco", other, "holds other files"),
        (shards, "shards", tmp_path / "s", "is shards already"),
        (shards, "yolo", shards, "holds other files"),
        (shards, "folder", shards, "holds another export or data set"),
        (tmp_path / "nothing", "coco", tmp_path / "c", "no finished data set"),
        ("nowhere://set", "coco", tmp_path / "c", "nowhere"),
        (shards, "coco", "nowhere://set", "cannot write to nowhere://set"),
        (shards, "coco", other / "thesis.txt" / "deep", "cannot write the export"),
    )
    for dataset, to, out, told in wishes:
        assert run_export(ExportOptions(str(dataset), to, str(out), quiet=True)) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
    exported(shards, "crops", tmp_path / "crops")
    with pytest.raises(ExportError, match="give the same options"):
        export_dataset(open_dataset(shards), "crops", tmp_path / "crops", jitter=0.01)


def test_a_patient_on_two_sides_is_refused(shards: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "leak"
    shutil.copytree(shards, dataset)
    rows = StoredDataset(shards).rows
    rewrite_index(dataset, [row | {"patient_id": rows[0]["patient_id"]} for row in rows])
    with pytest.raises(ExportError, match="cannot be split"):
        export_dataset(open_dataset(dataset), "yolo", tmp_path / "yolo")
    assert not (tmp_path / "yolo").exists()


@pytest.mark.parametrize(
    "given", [{"jitter": 0.2}, {"jitter": -1.0}, {"jitter": 0.01, "to": "coco"}, {"seed": -1}]
)
def test_wrong_options_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--"):
        ExportOptions(**({"dataset": "a", "to": "crops", "out": "b"} | given))


def test_every_lead_has_its_category() -> None:
    assert all(CATEGORIES[index] == lead for lead, index in LEAD_INDEX.items())
