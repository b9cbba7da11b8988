"""The result folder: distinct names, whole files, refusals in one sentence."""

import csv
from pathlib import Path

import pytest

from pipeline.outputs import INDEX_FILE, IndexRow, OutputError, ResultTree, index_columns


def rows(tree: ResultTree) -> list[dict[str, str]]:
    with (tree.folder / INDEX_FILE).open(newline="") as stream:
        return list(csv.DictReader(stream))


def fill(folder: Path) -> None:
    (folder / "result.json").write_text("{}")


def test_columns_are_those_of_the_contract() -> None:
    digitize = (
        "photo page folder status reason layout speed_mm_per_s gain_mm_per_mv leads_found "
        "quality seconds"
    )
    assert index_columns(diagnose=False) == tuple(digitize.split())
    assert index_columns(diagnose=True) == (*digitize.split(), "mi_probability", "mi_decision")


def test_index_is_whole_after_every_row(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "new" / "out", diagnose=True)
    assert rows(tree) == []
    tree.add_row(IndexRow("a,b.jpg", 1, "", "rejected", 'says "no", twice'))
    tree.add_row(IndexRow("c.jpg", 2, "c-p2", "read", mi_probability=0.0312, mi_decision="no_mi"))
    first, second = rows(tree)
    assert (first["photo"], first["reason"]) == ("a,b.jpg", 'says "no", twice')
    assert first["mi_probability"] == ""
    assert (second["page"], second["mi_probability"]) == ("2", "0.0312")


def test_equal_stems_get_distinct_folders(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "out")
    photos = [Path("a/ecg.jpg"), Path("b/ecg.jpg"), Path("b/ECG.png"), Path("c/ecg-2.jpg")]
    names = [tree.folder_name(photo, 1) for photo in photos]
    assert names == ["ecg", "ecg-2", "ECG-3", "ecg-2-2"]


def test_pages_follow_their_photo(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "out")
    names = [tree.folder_name(Path("a/x.pdf"), page) for page in (1, 2, 3)]
    other = [tree.folder_name(Path("b/x.pdf"), page) for page in (1, 2)]
    assert names == ["x", "x-p2", "x-p3"]
    assert other == ["x-2", "x-2-p2"]
    assert tree.folder_name(Path("c/x-p2.jpg"), 1) == "x-p2-2"


@pytest.mark.parametrize(
    ("stem", "name"), [("..", "photo"), ('a:b*"c', "a_b_c"), (" x. ", "x"), ("é 1", "é 1")]
)
def test_names_are_plain(tmp_path: Path, stem: str, name: str) -> None:
    tree = ResultTree(tmp_path / "out")
    assert tree.folder_name(Path("d") / f"{stem}.jpg", 1) == name


def test_index_name_is_taken(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "out")
    assert tree.folder_name(Path("index.csv.jpg"), 1) == "index.csv-2"


def test_earlier_results_are_replaced_and_a_strangers_folder_is_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    (out / "mine" / "thesis.doc").write_text("years of work")
    tree = ResultTree(out)
    assert tree.folder_name(Path("mine.jpg"), 1) == "mine-2"
    tree.write_folder("mine-2", fill)
    (out / "mine-2" / "old.txt").touch()
    again = ResultTree(out)
    assert again.folder_name(Path("mine.jpg"), 1) == "mine-2"
    again.write_folder("mine-2", fill)
    assert [path.name for path in (out / "mine-2").iterdir()] == ["result.json"]
    assert (out / "mine" / "thesis.doc").exists()


def test_what_fails_half_way_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "out")
    tree.write_folder("a", fill)

    def write(folder: Path) -> None:
        (folder / "record.csv").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        tree.write_folder("a", write)
    with pytest.raises(RuntimeError):
        tree.write_folder("b", write)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "index.csv"]
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["result.json"]


def test_full_disk_is_an_output_error(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"Cannot write to .*a: No space left on device\."):
        ResultTree(tmp_path / "out").write_folder("a", write)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Cannot write to .*: Not a directory\."):
        ResultTree(tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        ResultTree(tmp_path / "file")


def test_stale_results_go_when_the_photo_is_not_read_now(tmp_path: Path) -> None:
    tree = ResultTree(tmp_path / "out")
    tree.write_folder("a", fill)
    tree.remove_folder("a")
    tree.remove_folder("never-there")
    assert not (tmp_path / "out" / "a").exists()


def test_row_knows_its_states() -> None:
    with pytest.raises(ValueError, match="status"):
        IndexRow("a.jpg", 1, "", "fine")
