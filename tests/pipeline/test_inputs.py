"""Files, folders and patterns that a command line names."""

from pathlib import Path

import pytest

from pipeline.inputs import collect_photos
from pipeline.photos import PhotoError


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "sub/c.pdf", "sub/deep/d.heic", "notes.txt", ".hidden.jpg"):
        path = tmp_path / "ward" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "ward"


def names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def test_folder_is_searched_to_the_bottom(ward: Path) -> None:
    assert names(collect_photos([ward])) == ["a.PNG", "b.jpg", "c.pdf", "d.heic"]


def test_pattern_is_expanded(ward: Path) -> None:
    assert names(collect_photos([f"{ward}/*.jpg"])) == ["b.jpg"]
    assert names(collect_photos([f"{ward}/**/*.*"])) == ["a.PNG", "b.jpg", "c.pdf", "d.heic"]


def test_named_file_is_taken_whatever_its_name(ward: Path) -> None:
    assert names(collect_photos([ward / "notes.txt"])) == ["notes.txt"]


def test_file_with_a_pattern_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "ecg [1].jpg").touch()
    assert names(collect_photos([tmp_path / "ecg [1].jpg"])) == ["ecg [1].jpg"]


def test_each_file_once_in_the_order_named(ward: Path) -> None:
    given: list[str | Path] = [ward / "b.jpg", ward, f"{ward}/../ward/b.jpg"]
    assert names(collect_photos(given)) == ["b.jpg", "a.PNG", "c.pdf", "d.heic"]


def test_results_of_an_earlier_run_are_no_photos(ward: Path) -> None:
    (ward / "out" / "b").mkdir(parents=True)
    (ward / "out" / "b" / "overlay.jpg").touch()
    assert "overlay.jpg" not in names(collect_photos([ward], exclude=ward / "out"))
    assert "overlay.jpg" in names(collect_photos([ward]))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "No photo was given."),
        (["{ward}/missing.jpg"], "does not exist."),
        (["{ward}/*.bmp"], "No file fits the pattern"),
        (["{empty}"], "holds no photo"),
    ],
)
def test_nothing_to_read_is_one_sentence(ward: Path, given: list[str], sentence: str) -> None:
    empty = ward.parent / "empty"
    empty.mkdir()
    (empty / "readme.txt").touch()
    with pytest.raises(PhotoError, match=r"\.$") as caught:
        collect_photos([text.format(ward=ward, empty=empty) for text in given])
    assert sentence in str(caught.value)
